"""Many keys in one call of a task: shared with other tasks and with threads, both ways.

What the loader is asked and what comes of it is in test_bulk.py, which tasks play as well.
"""

from __future__ import annotations

import asyncio
import gc
import random
import weakref
from typing import Any

import pytest

from fastcache import BulkLoadError, Cache, NotFound
from tests.harness.bulk import AsyncHeldBulk, HeldBulk, LostError, squares, unexpected
from tests.harness.gates import Call, HeldLoader, waiting
from tests.harness.tasks import (
    AsyncHeldLoader,
    LoopFactory,
    TaskGate,
    Thread,
    on_loops,
    outcome,
    play,
    settle,
    start,
    started,
    until,
)


@on_loops
async def test_what_is_all_there_costs_no_turn_of_the_loop(cache: Cache[int, Any]) -> None:
    cache.set_many({1: "one", 2: None})
    with pytest.raises(StopIteration) as caught:
        cache.aget_many_or_load([2, 1], unexpected).send(None)
    assert list(caught.value.value.items()) == [(2, None), (1, "one")]
    assert await cache.aget_many_or_load([], unexpected) == {}
    assert (cache.stats().hits, cache.stats().misses) == (2, 0)


@on_loops
async def test_keys_in_flight_elsewhere_are_not_loaded_but_waited_for(cache: Cache[int, Any]) -> None:
    single, bulk = AsyncHeldLoader("single"), AsyncHeldBulk()
    cache[2] = "here"
    first = start(cache.aget_or_load(3, single))
    await settle()
    [call] = await started(cache.aget_many_or_load([1, 2, 3], bulk))
    assert (bulk.calls, sorted(flight.waiters for flight in cache.flights())) == ([[1]], [1, 2])
    bulk.gate.open()
    await settle()
    assert (cache.get(1), call.done()) == ("1", False)
    single.gate.open()
    assert await call == {1: "1", 2: "here", 3: "single"}
    assert (await first, cache.stats().coalesced) == ("single", 1)


@on_loops
async def test_tasks_and_threads_that_want_some_of_the_keys_join_the_load_of_a_task(cache: Cache[int, Any]) -> None:
    bulk = AsyncHeldBulk()
    tasks = await started(
        cache.aget_many_or_load([1, 2, 3], bulk),
        cache.aget_or_load(1, unexpected),
        cache.aget_many_or_load([3, 2], unexpected),
    )
    single = Call(cache.get_or_load, 2, unexpected)
    many = Call(cache.get_many_or_load, [3, 1], unexpected)
    await until(lambda: waiting(cache) == 3 + 1 + 2 + 1 + 1)
    bulk.gate.open()
    assert await asyncio.gather(*tasks) == [{1: "1", 2: "2", 3: "3"}, "1", {3: "3", 2: "2"}]
    await until(lambda: single.ended() and many.ended())
    assert (single.result(), many.result(), bulk.calls) == ("2", {3: "3", 1: "1"}, [[1, 2, 3]])


@on_loops
async def test_a_task_joins_the_loads_of_threads(cache: Cache[int, Any]) -> None:
    bulk, single = HeldBulk(), HeldLoader("single")
    many = Call(cache.get_many_or_load, [1, 2], bulk)
    one = Call(cache.get_or_load, 3, single)
    await until(lambda: bulk.gate.arrived and single.gate.arrived)
    [task] = await started(cache.aget_many_or_load([4, 3, 2, 1], squares))
    assert (cache.get(4), task.done()) == (16, False)
    single.gate.open()
    bulk.gate.open()
    assert await task == {4: 16, 3: "single", 2: "2", 1: "1"}
    assert (many.result(), one.result()) == ({1: "1", 2: "2"}, "single")


@on_loops
async def test_tasks_of_two_loops_share_a_load(cache: Cache[int, Any]) -> None:
    bulk = AsyncHeldBulk()
    [here] = await started(cache.aget_many_or_load([1, 2], bulk))

    async def ask() -> Any:
        return await cache.aget_many_or_load([2, 3, 1], squares)

    there = Thread(ask)
    await until(lambda: waiting(cache) == 4 and cache.get(3) == 9)
    bulk.gate.open()
    assert (await here, await there.result()) == ({1: "1", 2: "2"}, {2: "2", 3: 9, 1: "1"})


@on_loops
async def test_a_thousand_callers_of_the_same_keys_share_one_load(cache: Cache[int, Any]) -> None:
    bulk = AsyncHeldBulk()
    keys = list(range(10))
    tasks = await started(*[cache.aget_many_or_load(keys, bulk) for _ in range(1000)])
    bulk.gate.open()
    assert all(found == {key: str(key) for key in keys} for found in await asyncio.gather(*tasks))
    assert (bulk.calls, cache.stats().loads) == ([keys], 10)


@pytest.mark.parametrize("kinds", ["tasks", "a task and a thread"])
@on_loops
async def test_two_calls_with_crossed_keys_do_not_hang_and_load_each_key_once(
    cache: Cache[str, Any], kinds: str
) -> None:
    first, second = AsyncHeldBulk(), AsyncHeldBulk()
    a1, c = AsyncHeldLoader("a1"), AsyncHeldLoader("c")
    # Each has a key of its own, and then wants one that the other is loading.
    holders = await started(cache.aget_or_load("a", a1), cache.aget_or_load("c", c))
    one = start(cache.aget_many_or_load(["a", "b", "c"], first))
    await settle()
    other: Any
    if kinds == "tasks":
        other = start(cache.aget_many_or_load(["c", "b", "a", "d"], second))
    else:
        other = Call(cache.get_many_or_load, ["c", "b", "a", "d"], lambda keys: {key: key for key in keys})
    await until(lambda: kinds != "tasks" or second.calls)
    second.gate.open()
    first.gate.open()
    c.gate.open()
    a1.gate.open()
    await asyncio.gather(*holders)
    assert await one == {"a": "a1", "b": "b", "c": "c"}
    if kinds == "tasks":
        assert (await other, second.calls) == ({"c": "c", "b": "b", "a": "a1", "d": "d"}, [["d"]])
    else:
        await until(other.ended)
        assert other.result() == {"c": "c", "b": "b", "a": "a1", "d": "d"}
    assert (first.calls, cache.stats().loads) == ([["b"]], 4)


@on_loops
async def test_a_load_leaves_nothing_that_only_the_collector_could_free(cache: Cache[Any, Any]) -> None:
    class Value:
        pass

    async def load(keys: list[str]) -> dict[str, Value]:
        await asyncio.sleep(0)
        if keys == ["c"]:
            raise LostError(value := Value(), seen.append(weakref.ref(value)))
        return {key: Value() for key in keys}

    seen: list[weakref.ref[Value]] = []
    gc.disable()
    try:
        tasks = await started(*[cache.aget_many_or_load("ab", load) for _ in range(3)])
        seen += [weakref.ref(value) for value in (await tasks[0]).values()]
        with pytest.raises(BulkLoadError):
            await cache.aget_many_or_load("c", load)
        del tasks
        await settle()
        cache.clear()
        assert [value() for value in seen] == [None] * 3
    finally:
        gc.enable()


@pytest.mark.parametrize("options", [{}, {"max_concurrent_loads": 2}], ids=["", "bulkhead"])
def test_many_tasks_and_threads_load_each_key_once(make: Any, options: Any, loop_factory: LoopFactory) -> None:
    """Of two loops, some of which are cancelled amid that; all want some of the keys, in an order of their own."""
    cache: Cache[int, int] = make(ttl=60, **options)
    loaded: list[int] = []

    async def load(keys: list[int]) -> dict[int, int]:
        for _ in range(3):
            await asyncio.sleep(0)
        loaded.extend(keys)
        return {key: -key for key in keys}

    def load_here(keys: list[int]) -> dict[int, int]:
        loaded.extend(keys)
        return {key: -key for key in keys}

    def wanted(seed: int) -> list[int]:
        return random.Random(seed).sample(range(200), 20)

    async def ask_and_cancel(first: int) -> None:
        tasks = [start(cache.aget_many_or_load(wanted(seed), load, max_batch=7)) for seed in range(first, first + 60)]
        for task in tasks[::4]:
            await asyncio.sleep(0)
            task.cancel()
        for seed, task in enumerate(tasks, first):
            answer = await outcome(task)
            assert answer in ({key: -key for key in wanted(seed)}, asyncio.CancelledError)

    def ask(first: int) -> None:
        for seed in range(first, first + 15):
            assert cache.get_many_or_load(wanted(seed), load_here) == {key: -key for key in wanted(seed)}

    calls = [Call(play, lambda first=first: ask_and_cancel(first), loop_factory) for first in (0, 1000)]
    calls += [Call(ask, first) for first in (2000, 3000)]
    for call in calls:
        call.result()
    assert cache.flights() == []
    assert sorted(loaded) == sorted(cache)


# ---- failures ----


@on_loops
async def test_who_joined_gets_a_copy_of_the_error_and_the_leader_itself(cache: Cache[int, Any]) -> None:
    bulk = AsyncHeldBulk(error=LostError("lost"))
    leader, single, other = await started(
        cache.aget_many_or_load([1, 2], bulk, errors="return"),
        cache.aget_or_load(1, unexpected),
        cache.aget_many_or_load([2, 3], squares),
    )
    bulk.gate.open()
    assert await leader == {1: bulk.error, 2: bulk.error}
    error, failure = await outcome(single), await outcome(other)
    assert (type(error), error is bulk.error, error.__cause__) == (LostError, False, bulk.error)
    assert type(failure) is BulkLoadError
    assert (failure.partial, failure.errors[2].__cause__) == ({3: 9}, bulk.error)


@on_loops
async def test_who_joined_a_key_that_is_left_out_gets_not_found(cache: Cache[int, Any]) -> None:
    gate = TaskGate()

    async def load(keys: list[int]) -> dict[int, Any]:
        await gate.stop()
        return {2: "two", 7: "added"}

    leader, single, lenient = await started(
        cache.aget_many_or_load([1, 2], load),
        cache.aget_or_load(1, unexpected),
        cache.aget_or_load(1, unexpected, default="none"),
    )
    gate.open()
    assert (await leader, await lenient, cache.get(7)) == ({2: "two"}, "none", "added")
    error = await outcome(single)
    assert (type(error), error.args) == (NotFound, (1,))


@on_loops
async def test_a_batch_that_is_cancelled_from_within_is_taken_over_by_those_who_waited(cache: Cache[int, Any]) -> None:
    bulk = AsyncHeldBulk(error=asyncio.CancelledError())
    calls: list[list[int]] = []

    async def load(keys: list[int]) -> dict[int, Any]:
        calls.append(keys)
        return dict.fromkeys(keys, "taken over")

    async def load_one(key: int) -> str:
        return "taken over"

    leader, single, other = await started(
        cache.aget_many_or_load([1, 2, 3], bulk), cache.aget_or_load(1, load_one), cache.aget_many_or_load([2, 3], load)
    )
    bulk.gate.open()
    assert await outcome(leader) is asyncio.CancelledError
    assert (await single, await other, calls) == ("taken over", dict.fromkeys([2, 3], "taken over"), [[2, 3]])


@on_loops
async def test_an_interrupt_reaches_its_leader_and_leaves_nothing_behind(cache: Cache[int, Any]) -> None:
    class Interrupt(BaseException):
        pass

    async def load(keys: list[int]) -> Any:
        if 3 in keys:
            raise Interrupt
        return dict.fromkeys(keys, "loaded")

    with pytest.raises(Interrupt):
        await cache.aget_many_or_load(range(8), load, max_batch=2)
    assert (cache.flights(), sorted(cache)) == ([], [0, 1])


# ---- cancelling ----
