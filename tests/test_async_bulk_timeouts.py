"""Tasks that will not wait for ever for many keys, loads of many that hang, and loads in portions."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fastcache import BulkLoadError, Cache, LoadTimeout
from fastcache.testing import MovableClock
from tests.harness.bulk import AsyncHeldBulk, LostError, squares, unexpected
from tests.harness.gates import Call, waiting
from tests.harness.tasks import (
    on_loops,
    outcome,
    settle,
    start,
    started,
    until,
)


@on_loops
async def test_a_caller_who_will_not_wait_has_what_is_there_and_the_load_goes_on(cache: Cache[int, Any]) -> None:
    bulk = AsyncHeldBulk()
    cache[2] = "here"
    error = await outcome(start(cache.aget_many_or_load([1, 2, 3], bulk, wait_timeout=0.01)))
    assert type(error) is BulkLoadError
    assert (error.partial, {key: type(each) for key, each in error.errors.items()}) == (
        {2: "here"},
        {1: LoadTimeout, 3: LoadTimeout},
    )
    found = await cache.aget_many_or_load([1, 2, 3], unexpected, wait_timeout=0, errors="return")
    assert (type(found[1]), found[2], type(found[3])) == (LoadTimeout, "here", LoadTimeout)
    assert (bulk.calls, bulk.cancelled, waiting(cache)) == ([[1, 3]], 0, 0)
    bulk.gate.open()
    await settle()
    assert cache.get_many([1, 2, 3]) == {1: "1", 2: "here", 3: "3"}


@on_loops
async def test_with_no_time_at_all_a_load_that_does_not_wait_is_still_had(cache: Cache[int, Any]) -> None:
    assert await cache.aget_many_or_load(range(5), squares, wait_timeout=0) == {n: n * n for n in range(5)}


@on_loops
async def test_soft_timeout_is_one_wait_for_all_keys(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_if_error=60)
    keys = list(range(50))
    cache.set_many(dict.fromkeys(keys, "old"))
    clock.advance(10)
    bulk = AsyncHeldBulk()
    # One wait for each would take 20 s.
    async with asyncio.timeout(10):
        assert await cache.aget_many_or_load(keys, bulk, soft_timeout=0.4) == dict.fromkeys(keys, "old")
    bulk.gate.open()
    await settle()
    assert cache.get_many(keys) == {key: str(key) for key in keys}


@on_loops
async def test_an_old_value_that_was_looked_at_in_a_wait_is_no_answer_to_it(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_if_error=60, fatal=LostError)
    cache[1] = "old"
    clock.advance(10)
    bulk = AsyncHeldBulk(error=LostError("fatal"))
    [task] = await started(cache.aget_many_or_load([1], bulk, soft_timeout=60))
    bulk.gate.open()
    error = await outcome(task)
    assert (type(error), error.partial) == (BulkLoadError, {})


@on_loops
async def test_a_timeout_of_asyncio_cancels_the_load_of_the_last_who_waited(cache: Cache[int, Any]) -> None:
    bulk = AsyncHeldBulk()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await cache.aget_many_or_load([1, 2], bulk)
    await settle()
    assert (bulk.cancelled, cache.flights()) == (1, [])


# ---- what changes meanwhile ----


@on_loops
async def test_keys_written_or_removed_while_they_load_are_handed_out_and_not_kept(cache: Cache[int, Any]) -> None:
    bulk = AsyncHeldBulk()
    [task] = await started(cache.aget_many_or_load([1, 2, 3], bulk))
    cache.set_many({1: "written"})
    cache.delete_many([2])
    [later] = await started(cache.aget_many_or_load([2], squares))
    bulk.gate.open()
    assert (await task, await later) == ({1: "1", 2: "2", 3: "3"}, {2: 4})
    assert (dict(cache.items()), cache.stats().discarded) == ({1: "written", 2: 4, 3: "3"}, 2)


@on_loops
async def test_a_batch_that_hangs_is_superseded_once_and_its_waiters_move(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=600, max_load_time=60)
    hanging, second = AsyncHeldBulk(lambda key: "late"), AsyncHeldBulk(lambda key: "second")
    first = await started(cache.aget_many_or_load([1, 2], hanging), cache.aget_or_load(1, unexpected))
    clock.advance(60)
    later = await started(cache.aget_many_or_load([2, 1], second))
    second.gate.open()
    assert await asyncio.gather(*first, *later) == [
        {1: "second", 2: "second"},
        "second",
        {2: "second", 1: "second"},
    ]
    hanging.gate.open()
    await settle()
    assert (cache.get_many([1, 2]), cache.stats().superseded) == ({1: "second", 2: "second"}, 2)


# ---- portions ----


@on_loops
async def test_max_batch_cuts_the_keys_into_calls_one_after_the_other(cache: Cache[int, Any]) -> None:
    calls: list[list[int]] = []

    async def load(keys: list[int]) -> dict[int, int]:
        calls.append(list(keys))
        await asyncio.sleep(0)
        return await squares(keys)

    assert await cache.aget_many_or_load(range(8), load, max_batch=3) == {n: n * n for n in range(8)}
    assert calls == [[0, 1, 2], [3, 4, 5], [6, 7]]


@on_loops
async def test_who_needs_a_key_of_a_later_portion_takes_it_over(cache: Cache[int, Any]) -> None:
    bulk = AsyncHeldBulk()

    async def quick(key: int) -> str:
        return "taken over"

    [task] = await started(cache.aget_many_or_load([1, 2, 3], bulk, max_batch=1))
    assert await cache.aget_or_load(2, quick) == "taken over"
    thread = Call(cache.get_or_load, 3, lambda key: "by a thread")
    await until(thread.ended)
    bulk.gate.open()
    assert await task == {1: "1", 2: "taken over", 3: "by a thread"}
    assert (bulk.calls, thread.result()) == ([[1]], "by a thread")


# ---- the bulkhead ----
