"""Loaders of several keys that stop at a gate, and what tests ask of those who use them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from fastcache import Cache
from tests.harness.gates import Gate
from tests.harness.tasks import TaskGate


class HeldBulk:
    """A loader of several keys that stops at a gate, then gives each key ``result(key)`` or raises ``error``."""

    def __init__(self, result: Callable[[Any], Any] = str, error: BaseException | None = None) -> None:
        self.gate = Gate("bulk")
        self.result = result
        self.error = error
        self.calls: list[list[Any]] = []

    def __call__(self, keys: list[Any]) -> dict[Any, Any]:
        self.calls.append(list(keys))
        self.gate.stop()
        if self.error is not None:
            raise self.error
        return {key: self.result(key) for key in keys}


class AsyncHeldBulk:
    """An async loader of several keys that stops at a gate, then gives each key ``result(key)`` or raises ``error``."""

    def __init__(self, result: Callable[[Any], Any] = str, error: BaseException | None = None) -> None:
        self.gate = TaskGate("bulk")
        self.result = result
        self.error = error
        self.calls: list[list[Any]] = []
        self.cancelled = 0

    async def __call__(self, keys: list[Any]) -> dict[Any, Any]:
        self.calls.append(list(keys))
        try:
            await self.gate.stop()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        return {key: self.result(key) for key in keys}


class LostError(Exception):
    pass


async def unexpected(keys: object) -> Any:
    raise AssertionError(f"{keys!r} were loaded")


async def squares(keys: list[int]) -> dict[int, int]:
    return {key: key * key for key in keys}


def places(cache: Cache[Any, Any]) -> int:
    return len(cache._bulkhead.places)  # type: ignore[union-attr]
