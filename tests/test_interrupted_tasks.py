"""Interrupts as tasks begin to load: what one was about to load is left to the next who asks."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
from collections.abc import Callable, Coroutine, Iterator
from types import ModuleType
from typing import Any

import pytest

from fastcache import Cache, _aio, _home, _task_loads
from fastcache.testing import MovableClock
from tests.harness.interrupts import Interrupt, everywhere

MODULES = pytest.mark.parametrize("module", [_aio, _home, _task_loads], ids=lambda module: module.__name__)
pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.usefixtures("collected"),
]
Ask = Callable[[Cache[Any, Any], Any], Coroutine[Any, Any, object]]


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What was cut off goes within the test that cut it off; only interrupts of finalizers may be told of."""
    told = sys.unraisablehook

    def tell(unraisable: Any) -> None:
        if unraisable.exc_type is not Interrupt:
            told(unraisable)

    monkeypatch.setattr(sys, "unraisablehook", tell)
    yield
    gc.collect()


async def load(key: object) -> str:
    return "interrupted"


async def load_again(key: object) -> str:
    return "again"


async def asked_again(cache: Cache[Any, Any]) -> object:
    return await cache.aget_or_load("k", load_again)


async def load_many(keys: list[Any]) -> dict[Any, str]:
    return dict.fromkeys(keys, "interrupted")


async def ask_one(cache: Cache[Any, Any], key: object) -> object:
    return await cache.aget_or_load(key, load)


async def ask_many(cache: Cache[Any, Any], key: object) -> object:
    return await cache.aget_many_or_load([key, "other"], load_many)


@contextlib.contextmanager
def interruptible(
    cache: Cache[Any, Any], ask: Ask
) -> Iterator[tuple[asyncio.AbstractEventLoop, Callable[[], None], Callable[[], None]]]:
    """A loop; what asks in it; and what returns when all that was begun in it is over."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)

    async def settled() -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    def settle() -> None:
        loop.run_until_complete(settled())

    def call() -> None:
        # Whoever waits for a load that is interrupted before it begins is told that it was cancelled.
        with contextlib.suppress(Interrupt, asyncio.CancelledError):
            loop.run_until_complete(ask(cache, "k"))

    try:
        yield loop, call, settle
    finally:
        settle()
        loop.close()


@MODULES
@pytest.mark.parametrize("ask", [ask_one, ask_many])
def test_a_load_that_was_to_begin_leaves_no_flight(module: ModuleType, ask: Ask) -> None:
    def scene(act: Callable[[Callable[[], object]], None]) -> None:
        cache: Cache[Any, Any] = Cache(ttl=60)
        with interruptible(cache, ask) as (loop, call, settle):
            act(call)
            settle()
            assert cache.flights() == []
            assert loop.run_until_complete(asked_again(cache)) in ("interrupted", "again")
        cache._check()

    assert everywhere(module, scene) >= 3


@MODULES
def test_a_refresh_that_was_to_begin_leaves_neither_a_flight_nor_its_place_taken(module: ModuleType) -> None:
    def scene(act: Callable[[Callable[[], object]], None]) -> None:
        clock = MovableClock()
        cache: Cache[Any, Any] = Cache(ttl=10, stale_while_revalidate=1000, refresh_workers=1, clock=clock)
        cache["k"] = "old"
        clock.advance(11)
        with interruptible(cache, ask_one) as (loop, call, settle):
            act(call)
            settle()
            assert cache.flights() == []
            # If it failed, it is left alone for a moment.
            clock.advance(100)
            assert loop.run_until_complete(asked_again(cache)) in ("old", "interrupted")
            settle()
            assert cache.get("k") == "again"
        cache._check()

    assert everywhere(module, scene) >= 3
