"""Loaders that say what was asked of them: one that nobody may call, one that counts, one that many call at once."""

from __future__ import annotations

import threading
import time
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


class Crowd:
    """A loader that notes how many of it run at a time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.now = self.most = self.calls = 0

    def __call__(self, key: Any) -> str:
        with self.lock:
            self.now += 1
            self.calls += 1
            self.most = max(self.most, self.now)
        # Long enough for others to come in.
        time.sleep(1e-6)
        with self.lock:
            self.now -= 1
        return f"new {key}"
