"""Loads of many keys in tasks take one place of the bulkhead."""

from __future__ import annotations

from typing import Any

from fastcache import LoadRejected
from fastcache.testing import MovableClock
from tests.harness.bulk import AsyncHeldBulk, LostError, places, squares, unexpected
from tests.harness.gates import Call, waiting
from tests.harness.tasks import (
    AsyncHeldLoader,
    TaskGate,
    on_loops,
    settle,
    started,
    until,
)


@on_loops
async def test_a_batch_takes_one_place_and_gives_it_back(make: Any) -> None:
    cache = make(ttl=60, max_concurrent_loads=1)

    async def nested(keys: list[int]) -> dict[int, Any]:
        async def load(key: int) -> int:
            return places(cache)

        return {key: await cache.aget_or_load(key + 100, load) for key in keys}

    async def fail(keys: list[int]) -> Any:
        raise LostError

    found = await cache.aget_many_or_load(range(4), nested, max_batch=2)
    assert (set(found.values()), places(cache)) == ({0}, 1)
    assert set(map(type, (await cache.aget_many_or_load([11, 12], fail, errors="return")).values())) == {LostError}
    bulk = AsyncHeldBulk()
    [task] = await started(cache.aget_many_or_load([21, 22], bulk))
    assert places(cache) == 0
    task.cancel()
    await settle()
    assert (places(cache), bulk.cancelled) == (1, 1)


@on_loops
async def test_a_full_bulkhead_is_waited_for_and_old_values_are_not(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_if_error=60, max_concurrent_loads=1)
    cache[1] = "old"
    clock.advance(10)
    busy = AsyncHeldLoader("busy")
    [holder] = await started(cache.aget_or_load("busy", busy))
    assert await cache.aget_many_or_load([1], unexpected) == {1: "old"}
    found = await cache.aget_many_or_load([1, 2], unexpected, wait_timeout=0, errors="return")
    assert (found[1], type(found[2]), cache.stats().rejected) == ("old", LoadRejected, 1)
    call, single = await started(cache.aget_many_or_load([1, 2, 3], squares), cache.aget_or_load(3, unexpected))
    thread = Call(cache.get_or_load, 2, unexpected)
    await until(lambda: waiting(cache, 2) == 1)
    busy.gate.open()
    assert (await holder, await call, await single) == ("busy", {1: "old", 2: 4, 3: 9}, 9)
    await until(thread.ended)
    assert (thread.result(), places(cache)) == (4, 1)


@on_loops
async def test_who_is_cancelled_in_line_leaves_it_and_its_keys_free(make: Any) -> None:
    cache = make(ttl=60, max_concurrent_loads=1)
    busy = AsyncHeldLoader("busy")
    holder, call = await started(cache.aget_or_load("busy", busy), cache.aget_many_or_load([1, 2], unexpected))
    call.cancel()
    await settle()
    assert ([flight.key for flight in cache.flights()], len(cache._bulkhead._line)) == (["busy"], 0)
    busy.gate.open()
    assert (await holder, await cache.aget_many_or_load([1, 2], squares)) == ("busy", {1: 1, 2: 4})


@on_loops
async def test_a_load_that_has_a_place_takes_over_the_keys_of_a_batch_that_waits_for_one(make: Any) -> None:
    cache = make(ttl=60, max_concurrent_loads=1)
    gate = TaskGate()

    async def load(key: int) -> Any:
        await gate.stop()
        return await cache.aget_many_or_load([2, 3], squares)

    holder, call, all_taken = await started(
        cache.aget_or_load(1, load), cache.aget_many_or_load([2, 4], squares), cache.aget_many_or_load([3], unexpected)
    )
    gate.open()
    assert (await holder, await call, await all_taken) == ({2: 4, 3: 9}, {2: 4, 4: 16}, {3: 9})
    assert places(cache) == 1


# ---- loads that could only wait for themselves ----
