"""So many loads at a time, those of tasks and of threads together."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fastcache import LoadRejected
from fastcache.testing import MovableClock
from tests.harness.gates import Call, HeldLoader
from tests.harness.tasks import AsyncHeldLoader, LoopFactory, on_loops, outcome, settle, start, started, until


async def unexpected(key: object) -> Any:
    raise AssertionError(f"{key!r} was loaded")


async def quick(key: object) -> str:
    return "loaded"


@on_loops
async def test_no_more_loads_than_places_and_who_comes_first_is_first(make: Any) -> None:
    cache = make(ttl=60, max_concurrent_loads=2)
    loaders = [AsyncHeldLoader(number) for number in range(5)]
    tasks = await started(*[cache.aget_or_load(number, loader) for number, loader in enumerate(loaders)])
    for number in range(5):
        assert [bool(loader.calls) for loader in loaders] == [other < number + 2 for other in range(5)]
        loaders[number].gate.open()
        await settle()
    assert await asyncio.gather(*tasks) == list(range(5))
    assert cache._bulkhead.free == 2


@on_loops
async def test_a_failed_or_cancelled_load_gives_its_place_back(make: Any) -> None:
    cache = make(ttl=60, max_concurrent_loads=1)
    failing: AsyncHeldLoader[Any] = AsyncHeldLoader(ValueError("bad"))
    failing.gate.open()
    assert isinstance(await outcome(start(cache.aget_or_load("k", failing))), ValueError)
    task = (await started(cache.aget_or_load("k", AsyncHeldLoader("never"))))[0]
    task.cancel()
    await settle()
    assert cache._bulkhead.free == 1
    assert await cache.aget_or_load("k", quick) == "loaded"


@on_loops
async def test_tasks_and_threads_stand_in_one_line(make: Any) -> None:
    cache = make(ttl=60, max_concurrent_loads=1)
    held, second, third = HeldLoader("by a thread"), AsyncHeldLoader("by a task"), HeldLoader("by another thread")
    thread = Call(cache.get_or_load, 1, held)
    await until(lambda: held.gate.arrived)
    task = (await started(cache.aget_or_load(2, second)))[0]
    other = Call(cache.get_or_load, 3, third)
    await until(lambda: cache._bulkhead.waiting == 2)
    assert second.calls == []
    held.gate.open()
    await until(lambda: second.calls)
    assert third.calls == []
    second.gate.open()
    await until(lambda: third.calls)
    third.gate.open()
    assert (thread.result(), await task) == ("by a thread", "by a task")
    await until(other.ended)
    assert (other.result(), cache._bulkhead.free) == ("by another thread", 1)


@on_loops
async def test_who_waits_no_longer_for_a_place_is_rejected_and_its_key_free(make: Any) -> None:
    cache = make(ttl=60, max_concurrent_loads=1)
    loader = AsyncHeldLoader("first")
    first = (await started(cache.aget_or_load("first", loader)))[0]
    patient = start(cache.aget_or_load("second", quick))
    for wait in (0, 0.01):
        with pytest.raises(LoadRejected, match="third"):
            await cache.aget_or_load("third", unexpected, wait_timeout=wait)
    assert cache.stats().rejected == 2
    assert [flight.key for flight in cache.flights()] == ["first", "second"] or len(cache.flights()) == 2
    loader.gate.open()
    assert await asyncio.gather(first, patient) == ["first", "loaded"]
    assert await cache.aget_or_load("third", quick) == "loaded"


@on_loops
async def test_who_is_cancelled_in_line_leaves_it(make: Any) -> None:
    cache = make(ttl=60, max_concurrent_loads=1)
    loader = AsyncHeldLoader("first")
    tasks = await started(
        cache.aget_or_load("first", loader), cache.aget_or_load("k", unexpected), cache.aget_or_load("k", quick)
    )
    assert cache._bulkhead.waiting == 1
    tasks[1].cancel()
    await settle()
    # Who followed it stands in line now.
    assert cache._bulkhead.waiting == 1
    loader.gate.open()
    assert [await outcome(task) for task in tasks] == ["first", asyncio.CancelledError, "loaded"]
    assert (cache._bulkhead.free, cache._bulkhead.waiting) == (1, 0)


@on_loops
async def test_who_is_cancelled_as_it_gets_a_place_gives_it_back(make: Any) -> None:
    cache = make(ttl=60, max_concurrent_loads=1)
    loader = AsyncHeldLoader("first")
    tasks = await started(cache.aget_or_load("first", loader), cache.aget_or_load("k", unexpected))
    assert cache._bulkhead.try_enter() is False
    # As a load that ends does, with this task between the two.
    cache._bulkhead.leave()
    assert cache._bulkhead.waiting == 0
    tasks[1].cancel()
    assert await outcome(tasks[1]) is asyncio.CancelledError
    assert cache._bulkhead.free == 1
    cache._bulkhead.try_enter()
    loader.gate.open()
    assert await tasks[0] == "first"
    assert (cache._bulkhead.free, cache._bulkhead.waiting, len(cache.flights())) == (1, 0, 0)


@on_loops
async def test_an_old_value_is_better_than_a_place_in_line(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_if_error=600, max_concurrent_loads=1)
    cache["k"] = "old"
    clock.advance(10)
    loader = AsyncHeldLoader("first")
    first = (await started(cache.aget_or_load("first", loader)))[0]
    assert await cache.aget_or_load("k", unexpected) == "old"
    assert [flight.key for flight in cache.flights()] == ["first"]
    loader.gate.open()
    assert await first == "first"


@on_loops
async def test_a_refresh_without_a_place_is_dropped(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_while_revalidate=600, max_concurrent_loads=1)
    cache["k"] = "old"
    clock.advance(10)
    loader = AsyncHeldLoader("first")
    first = (await started(cache.aget_or_load("first", loader)))[0]
    assert await cache.aget_or_load("k", unexpected) == "old"
    await settle()
    assert (len(cache.flights()), cache.stats().refreshes_dropped) == (1, 1)
    loader.gate.open()
    await first
    clock.advance(0.05)
    assert await cache.aget_or_load("k", quick) == "old"
    await settle()
    assert (cache["k"], cache._bulkhead.free) == ("loaded", 1)


@on_loops
async def test_a_load_that_asks_for_another_key_has_its_place_already(make: Any) -> None:
    cache = make(ttl=60, max_concurrent_loads=1)

    async def load(n: int) -> int:
        return 1 if n == 0 else n * await cache.aget_or_load(n - 1, load)

    assert await cache.aget_or_load(4, load) == 24
    assert cache._bulkhead.free == 1


@on_loops
async def test_a_load_with_a_place_takes_over_one_that_waits_for_it(make: Any) -> None:
    cache = make(ttl=60, max_concurrent_loads=1)
    in_line = asyncio.Event()

    async def load(key: object) -> Any:
        await in_line.wait()
        return "outer and " + await cache.aget_or_load("k", quick)

    outer = (await started(cache.aget_or_load("outer", load)))[0]
    waiting = (await started(cache.aget_or_load("k", unexpected)))[0]
    assert cache._bulkhead.waiting == 1
    in_line.set()
    assert (await outer, await waiting) == ("outer and loaded", "loaded")
    await settle()
    assert (cache._bulkhead.free, cache._bulkhead.waiting) == (1, 0)


@pytest.mark.parametrize("admitted", [False, True])
def test_a_loop_closed_under_who_stands_in_line_keeps_no_place(
    make: Any, loop_factory: LoopFactory, admitted: bool
) -> None:
    cache = make(ttl=60, max_concurrent_loads=1)
    assert cache._bulkhead.try_enter()
    loop = loop_factory()
    loop.set_exception_handler(lambda *_: None)
    task = loop.run_until_complete(started(cache.aget_or_load("k", unexpected)))
    assert cache._bulkhead.waiting == 1
    if admitted:
        cache._bulkhead.leave()
        assert cache._bulkhead.waiting == 0
    loop.close()
    assert cache.flights() == []
    if not admitted:
        cache._bulkhead.leave()
    assert (cache._bulkhead.free, cache._bulkhead.waiting) == (1, 0)
    assert cache.get_or_load("k", lambda key: "loaded") == "loaded"
    del task
