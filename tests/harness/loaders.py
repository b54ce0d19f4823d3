"""Loaders that say what was asked of them: one that nobody may call, one that counts, one that fails."""

from __future__ import annotations

from typing import Any


def unexpected(key: object, ctx: object = None) -> Any:
    """For a call that is to be served without a load of its own."""
    raise AssertionError(f"{key!r} was loaded")


class Counting:
    """A loader whose results are taken from ``results``, one after the other, the last one for ever.

    An exception among them is raised.  ``calls`` are the keys it was called with, in order.
    """

    def __init__(self, *results: Any) -> None:
        self.results = results
        self.calls: list[Any] = []

    def __call__(self, key: object) -> Any:
        self.calls.append(key)
        result = self.results[min(len(self.calls), len(self.results)) - 1]
        if isinstance(result, BaseException):
            raise result
        return result
