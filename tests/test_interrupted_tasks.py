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

from fastcache import Cache, _aio, _batches, _bulkhead, _home, _patience, _task_batches, _task_loads
from fastcache.testing import MovableClock
from tests.harness.gates import LIMIT
from tests.harness.interrupts import Interrupt, everywhere
from tests.harness.places import interrupted_return


def modules(*those: ModuleType) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("module", those, ids=lambda module: module.__name__)


MODULES = modules(_aio, _home, _task_loads)
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
    async with asyncio.timeout(LIMIT):
        return await cache.aget_or_load("k", load_again)


async def load_many(keys: list[Any]) -> dict[Any, str]:
    return dict.fromkeys(keys, "interrupted")


async def load_many_again(keys: list[Any]) -> dict[Any, str]:
    return dict.fromkeys(keys, "again")


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
        polls = 0
        while any(refreshes._batches._open.all for refreshes in cache._refreshes) and polls < 1000:
            polls += 1
            await asyncio.sleep(0.0005)

    def settle() -> None:
        loop.run_until_complete(settled())

    async def asked() -> None:
        async with asyncio.timeout(LIMIT):
            await ask(cache, "k")

    def call() -> None:
        # Whoever waits for a load that is interrupted before it begins is told that it was cancelled.
        with contextlib.suppress(Interrupt, asyncio.CancelledError):
            loop.run_until_complete(asked())

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


async def ask_twice(cache: Cache[Any, Any], key: object) -> object:
    """The second joins what the first began to gather, which is full then."""
    await cache.aget_many_or_load([key], load_many, max_batch=2)
    return await cache.aget_many_or_load(["other"], load_many, max_batch=2)


@modules(_batches, _task_batches, _task_loads, _home)
@pytest.mark.parametrize("delay", [0, 0.005], ids=["at once", "when full"])
def test_what_was_to_be_gathered_leaves_neither_a_flight_nor_a_gathering(module: ModuleType, delay: float) -> None:
    def scene(act: Callable[[Callable[[], object]], None]) -> None:
        clock = MovableClock()
        cache: Cache[Any, Any] = Cache(
            ttl=10, stale_while_revalidate=1000, refresh_workers=1, refresh_batch_delay=delay, clock=clock
        )
        cache["k"] = cache["other"] = "old"
        clock.advance(11)
        with interruptible(cache, ask_twice) as (loop, call, settle):
            # What comes later is interrupted, too.
            act(lambda: (call(), settle()))
            settle()
            assert cache.flights() == []
            clock.advance(100)
            loop.run_until_complete(cache.aget_many_or_load(["k", "other"], load_many_again, max_batch=2))
            settle()
            assert cache.get_many(["k", "other"]) == {"k": "again", "other": "again"}
        cache._check()

    assert everywhere(module, scene) >= 3


async def ask_in_line(cache: Cache[Any, Any], key: Any) -> object:
    """Of those who are not the first each stands in line."""
    asking = [ask_one(cache, key), ask_one(cache, "l"), ask_many(cache, "m"), ask_in_vain(cache)]
    return await asyncio.gather(*asking, return_exceptions=True)


async def ask_in_vain(cache: Cache[Any, Any]) -> object:
    return await cache.aget_or_load("n", load, wait_timeout=0)


@modules(_aio, _bulkhead, _home, _patience, _task_loads)
def test_who_stood_in_line_leaves_no_place_taken(module: ModuleType) -> None:
    def scene(act: Callable[[Callable[[], object]], None]) -> None:
        cache: Cache[Any, Any] = Cache(ttl=60, max_concurrent_loads=1)
        with interruptible(cache, ask_in_line) as (loop, call, settle):
            act(call)
            settle()
            assert cache.flights() == []
            bulkhead = cache._bulkhead
            assert bulkhead is not None
            assert (bulkhead.free, bulkhead.waiting) == (1, 0)
            assert loop.run_until_complete(asked_again(cache)) in ("interrupted", "again")
        cache._check()

    assert everywhere(module, scene) >= 3


async def fail(key: object) -> str:
    raise ValueError(key)


async def ask_to_fail(cache: Cache[Any, Any], key: object) -> object:
    return await cache.aget_or_load(key, fail)


@pytest.mark.parametrize(
    ("ask", "kept"),
    [(ask_one, {"k": "interrupted"}), (ask_many, {"k": "interrupted", "other": "interrupted"}), (ask_to_fail, {})],
)
@pytest.mark.parametrize("error", [Interrupt, OSError])
def test_what_interrupts_a_load_that_has_just_ended_is_raised_by_its_caller(
    monkeypatch: pytest.MonkeyPatch, ask: Ask, kept: dict[str, str], error: type[BaseException]
) -> None:
    cache: Cache[Any, Any] = Cache(max_concurrent_loads=1)
    assert cache._bulkhead is not None
    interrupted_return(monkeypatch, error)
    with pytest.raises(error):
        asyncio.run(ask(cache, "k"))  # type: ignore[arg-type]
    assert (dict(cache), cache.flights(), cache._bulkhead.free) == (kept, [], 1)
    assert cache.stats().load_errors == (not kept)
    cache._check()


async def load_forever(key: object) -> None:
    await asyncio.get_running_loop().create_future()


@modules(_aio, _batches, _bulkhead, _home, _task_batches, _task_loads)
def test_a_loop_that_is_closed_gives_up_all_that_was_in_it(module: ModuleType) -> None:
    def scene(act: Callable[[Callable[[], object]], None]) -> None:
        clock = MovableClock()
        cache: Cache[Any, Any] = Cache(
            ttl=10, stale_while_revalidate=1000, refresh_batch_delay=100_000, max_concurrent_loads=1, clock=clock
        )
        cache["old"] = "old"
        clock.advance(11)
        loops = [asyncio.new_event_loop()]
        loops[0].set_exception_handler(lambda *_: None)

        async def begin() -> None:
            # One loads, two stand in line, and one is gathered.
            for ask in (cache.aget_or_load("k", load_forever), cache.aget_or_load("l", load_forever)):
                asking.append(asyncio.ensure_future(ask))
            asking.append(asyncio.ensure_future(cache.aget_many_or_load(["m", "n"], load_forever)))
            await cache.aget_many_or_load(["old"], load_forever)
            for _ in range(5):
                await asyncio.sleep(0)

        asking: list[asyncio.Future[Any]] = []
        loops[0].run_until_complete(begin())
        bulkhead = cache._bulkhead
        assert bulkhead is not None
        assert (len(cache.flights()), bulkhead.waiting) == (5, 2)
        act(lambda: (asking.clear(), loops.pop().close(), gc.collect()))
        loops.clear()
        gc.collect()
        assert cache.flights() == []
        assert (bulkhead.free, bulkhead.waiting) == (1, 0)
        cache._check()

    # Of some nothing is called then.
    assert everywhere(module, scene) >= (module in (_aio, _batches, _task_batches, _task_loads))
