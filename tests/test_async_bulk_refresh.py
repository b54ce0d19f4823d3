"""Reloads of many keys behind values that tasks were served."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fastcache.testing import MovableClock
from tests.harness.bulk import AsyncHeldBulk, LostError, places, squares, unexpected
from tests.harness.gates import await_no_flights
from tests.harness.tasks import (
    AsyncHeldLoader,
    LoopFactory,
    on_loops,
    play,
    settle,
    started,
    until,
)


@on_loops
async def test_due_and_stale_keys_are_served_and_reloaded_in_one_call(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, refresh_ahead=5, stale_while_revalidate=10, refresh_batch_delay=0)
    cache.set_many({1: "old", 2: "old", 3: "fresh"})
    cache.set(4, "old", ttl=12)
    clock.advance(11)
    cache[3] = "fresh"
    bulk = AsyncHeldBulk()
    assert await cache.aget_many_or_load([1, 2, 3, 4], bulk) == {1: "old", 2: "old", 3: "fresh", 4: "old"}
    await until(lambda: bulk.calls)
    # While they load, nothing more is begun.
    assert await cache.aget_many_or_load([2, 1], unexpected) == {2: "old", 1: "old"}
    bulk.gate.open()
    await settle()
    assert (bulk.calls, cache.get_many([1, 2, 4])) == ([[1, 2, 4]], {1: "1", 2: "2", 4: "4"})
    stats = cache.stats()
    assert (stats.refreshes_started, stats.refreshes_ok, stats.misses) == (3, 3, 0)


@on_loops
async def test_reloads_of_one_loader_are_gathered_and_a_full_gathering_does_not_wait(
    make: Any, clock: MovableClock
) -> None:
    cache = make(ttl=10, stale_while_revalidate=60, refresh_batch_delay=3600)
    cache.set_many(dict.fromkeys(range(6), "old"))
    clock.advance(10)
    bulk, other = AsyncHeldBulk(), AsyncHeldBulk()
    bulk.gate.open()
    other.gate.open()
    for keys in ([0, 1], [2]):
        await cache.aget_many_or_load(keys, bulk, max_batch=4)
    await cache.aget_many_or_load([5], other, max_batch=4)
    await settle()
    assert bulk.calls == other.calls == []
    await cache.aget_many_or_load([3], bulk, max_batch=4)
    await until(lambda: bulk.calls)
    await settle()
    assert (bulk.calls, other.calls) == ([[0, 1, 2, 3]], [])
    assert cache.get_many(range(6)) == {key: str(key) for key in range(4)}
    await cache.aclose()
    assert cache.flights() == []


@on_loops
async def test_what_is_missing_is_not_delayed(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_while_revalidate=60, refresh_batch_delay=3600)
    cache[1] = "old"
    clock.advance(10)
    assert await cache.aget_many_or_load([1, 2], squares) == {1: "old", 2: 4}
    # Who cannot do with the old value takes its reload over.
    assert await cache.aget_many_or_load([1], squares, force=True) == {1: 1}
    await cache.aclose()


@pytest.mark.parametrize("how", ["close", "aclose", "in a thread"])
@on_loops
async def test_a_closed_cache_serves_old_values_and_reloads_none(make: Any, clock: MovableClock, how: str) -> None:
    cache = make(ttl=10, stale_while_revalidate=60, refresh_batch_delay=3600)
    cache.set_many({1: "old", 2: "old"})
    clock.advance(10)
    assert await cache.aget_many_or_load([1], unexpected) == {1: "old"}
    if how == "aclose":
        await cache.aclose()
    elif how == "close":
        cache.close()
    else:
        await asyncio.to_thread(cache.close)
    assert cache.flights() == []
    assert await cache.aget_many_or_load([2, 1], unexpected) == {2: "old", 1: "old"}
    assert cache.flights() == []


def test_a_loop_closed_under_a_gathering_leaves_no_flight(
    make: Any, clock: MovableClock, loop_factory: LoopFactory
) -> None:
    cache = make(ttl=10, stale_while_revalidate=600, refresh_batch_delay=3600)
    cache.set_many({1: "old", 2: "old"})
    clock.advance(10)

    async def read() -> Any:
        return await cache.aget_many_or_load([1, 2], unexpected)

    loop = loop_factory()
    assert loop.run_until_complete(read()) == {1: "old", 2: "old"}
    assert len(cache.flights()) == 2
    loop.close()
    await_no_flights(cache)
    # A refresh that came to nothing is not tried again at once.
    clock.advance(1)

    async def read_again() -> Any:
        found = await cache.aget_many_or_load([1, 2], squares, max_batch=2)
        await until(lambda: not cache.flights())
        return found

    assert play(read_again, loop_factory) == {1: "old", 2: "old"}
    assert cache.get_many([1, 2]) == {1: 1, 2: 4}


@on_loops
async def test_a_failing_reload_keeps_the_values_and_leaves_them_alone(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_while_revalidate=100, refresh_batch_delay=0)
    cache.set_many({1: "old", 2: "old"})
    clock.advance(10)
    bulk = AsyncHeldBulk(error=LostError())
    bulk.gate.open()
    assert await cache.aget_many_or_load([1, 2], bulk) == {1: "old", 2: "old"}
    await until(lambda: not cache.flights())
    assert await cache.aget_many_or_load([1, 2], unexpected) == {1: "old", 2: "old"}
    assert (cache.get_entry(1).state, cache.stats().refreshes_failed) == ("stale_error", 2)


@on_loops
async def test_a_reload_without_a_place_is_dropped(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_while_revalidate=60, refresh_batch_delay=0, max_concurrent_loads=1)
    cache.set_many({1: "old", 2: "old"})
    clock.advance(10)
    busy = AsyncHeldLoader("busy")
    [holder] = await started(cache.aget_or_load("busy", busy))
    assert await cache.aget_many_or_load([1, 2], unexpected) == {1: "old", 2: "old"}
    await until(lambda: len(cache.flights()) == 1)
    busy.gate.open()
    assert (await holder, places(cache)) == ("busy", 1)
