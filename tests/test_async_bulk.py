"""Many keys in one call of a task: shared with other tasks and with threads, both ways, and given up by the last.

What the loader is asked and what comes of it is in test_bulk.py, which tasks play as well.
"""

from __future__ import annotations

import asyncio
import gc
import random
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from fastcache import BulkLoadError, Cache, LoadCycleError, LoadRejected, LoadTimeout, NotFound, RecursiveLoadError
from fastcache.testing import MovableClock
from tests.harness.gates import Call, HeldLoader, await_no_flights, await_waiters, waiting
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
from tests.test_bulk_flights import HeldBulk, places


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


@on_loops
async def test_who_is_cancelled_leaves_alone(cache: Cache[int, Any]) -> None:
    bulk = AsyncHeldBulk()
    leader, other, single = await started(
        cache.aget_many_or_load([1, 2], bulk),
        cache.aget_many_or_load([2, 1], unexpected),
        cache.aget_or_load(2, unexpected),
    )
    leader.cancel()
    other.cancel()
    await settle()
    assert (bulk.cancelled, waiting(cache)) == (0, 1)
    bulk.gate.open()
    # It was wanted for one of its keys; all are kept.
    assert (await single, cache.get_many([1, 2])) == ("2", {1: "1", 2: "2"})


@pytest.mark.parametrize("last", ["leader", "joined", "single"])
@on_loops
async def test_the_load_is_cancelled_with_the_last_who_waited_and_the_next_begins_anew(
    cache: Cache[int, Any], last: str
) -> None:
    bulk = AsyncHeldBulk()
    names = ["leader", "joined", "single"]
    tasks = dict(
        zip(
            names,
            await started(
                cache.aget_many_or_load([1, 2, 3], bulk),
                cache.aget_many_or_load([2, 1], unexpected),
                cache.aget_or_load(3, unexpected),
            ),
            strict=True,
        )
    )
    for name in sorted(names, key=lambda name: name == last):
        assert bulk.cancelled == 0
        tasks[name].cancel()
        await settle()
    assert (bulk.cancelled, cache.flights()) == (1, [])
    assert await cache.aget_many_or_load([1, 2, 3], squares) == {1: 1, 2: 4, 3: 9}


@on_loops
async def test_a_batch_that_is_being_cancelled_is_joined_by_nobody(cache: Cache[int, Any]) -> None:
    cleaning, gate = asyncio.Event(), asyncio.Event()

    async def load(keys: list[int]) -> dict[int, Any]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cleaning.set()
            await gate.wait()
        return dict.fromkeys(keys, "too late")

    [first] = await started(cache.aget_many_or_load([1, 2], load))
    first.cancel()
    await cleaning.wait()
    assert await cache.aget_many_or_load([1, 2], squares) == {1: 1, 2: 4}
    gate.set()
    await settle()
    assert (await outcome(first), cache.get_many([1, 2])) == (asyncio.CancelledError, {1: 1, 2: 4})


@on_loops
async def test_a_thread_that_waits_for_one_key_keeps_a_batch_of_cancelled_tasks_alive(cache: Cache[int, Any]) -> None:
    bulk = AsyncHeldBulk()
    [task] = await started(cache.aget_many_or_load([1, 2], bulk))
    thread = Call(cache.get_or_load, 2, unexpected)
    await until(lambda: waiting(cache, 2) == 2)
    task.cancel()
    await settle()
    bulk.gate.open()
    await until(thread.ended)
    assert (thread.result(), bulk.cancelled, cache.get(1)) == ("2", 0, "1")


@on_loops
async def test_a_task_cancelled_amid_its_wait_for_others_leaves_their_loads_alone(cache: Cache[int, Any]) -> None:
    single, bulk = AsyncHeldLoader("single"), HeldBulk()
    one, other = await started(cache.aget_or_load(1, single), cache.aget_or_load(1, unexpected))
    thread = Call(cache.get_many_or_load, [2, 3], bulk)
    await until(lambda: bulk.gate.arrived)
    [task] = await started(cache.aget_many_or_load([1, 2, 3, 4], squares))
    task.cancel()
    await settle()
    assert waiting(cache) == 2
    one.cancel()
    bulk.gate.open()
    single.gate.open()
    assert (await other, await outcome(task)) == ("single", asyncio.CancelledError)
    await until(thread.ended)
    assert (thread.result(), cache.get(4)) == ({2: "2", 3: "3"}, 16)


@on_loops
async def test_loads_that_a_cancelled_task_was_the_last_to_want_are_cancelled_too(cache: Cache[int, Any]) -> None:
    bulk = AsyncHeldBulk()
    [first] = await started(cache.aget_many_or_load([1, 2], bulk))
    [second] = await started(cache.aget_many_or_load([2, 1, 3], squares))
    first.cancel()
    await settle()
    assert (bulk.cancelled, second.done()) == (0, False)
    second.cancel()
    await settle()
    assert (bulk.cancelled, cache.flights()) == (1, [])


@on_loops
async def test_a_call_that_is_never_awaited_does_nothing(cache: Cache[int, Any]) -> None:
    cache.aget_many_or_load([1, 2], unexpected).close()
    assert (cache.flights(), cache.stats().misses) == ([], 0)


def test_without_an_event_loop_a_miss_is_refused_and_nothing_stays(cache: Cache[int, Any]) -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        cache.aget_many_or_load([1, 2], squares).send(None)
    assert cache.flights() == []
    assert cache.get_many_or_load([1, 2], lambda keys: dict.fromkeys(keys, "anew")) == {1: "anew", 2: "anew"}


@on_loops
async def test_a_loop_that_makes_no_task_leaves_nothing(cache: Cache[int, Any]) -> None:
    loop = asyncio.get_running_loop()
    call = cache.aget_many_or_load([1, 2], unexpected)
    task = start(call)

    def refuse(loop: object, coroutine: Any, **options: Any) -> Any:
        coroutine.close()
        raise MemoryError

    loop.set_task_factory(refuse)
    assert type(await outcome(task)) is MemoryError
    loop.set_task_factory(None)
    assert await cache.aget_many_or_load([1, 2], squares) == {1: 1, 2: 4}


# ---- time limits ----


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


@on_loops
async def test_a_loader_that_asks_for_a_key_of_its_own_is_told_at_once(cache: Cache[int, Any]) -> None:
    async def ask_for_one(keys: list[int]) -> Any:
        return await cache.aget_or_load(2, unexpected)

    async def ask_for_several(keys: list[int]) -> Any:
        return await cache.aget_many_or_load([8, 3], unexpected)

    async def ask_in_a_thread(keys: list[int]) -> Any:
        return await asyncio.to_thread(cache.get_or_load, 1, lambda key: "never")

    for load in (ask_for_one, ask_for_several, ask_in_a_thread):
        found = await cache.aget_many_or_load([1, 2, 3], load, errors="return")
        assert {type(error) for error in found.values()} == {RecursiveLoadError}
    assert cache.flights() == []


@on_loops
async def test_batches_that_ask_for_each_others_keys_do_not_hang(cache: Cache[str, Any]) -> None:
    """Each asks for the first key of the other."""
    line = asyncio.Barrier(2)

    def load(other: str) -> Callable[[list[str]], Any]:
        async def run(keys: list[str]) -> dict[str, Any]:
            await line.wait()
            return {**dict.fromkeys(keys, "value"), **await cache.aget_many_or_load([other], unexpected)}

        return run

    results = await asyncio.gather(
        cache.aget_many_or_load(["a1", "a2", "a3"], load("b1"), errors="return"),
        cache.aget_many_or_load(["b1", "b2", "b3"], load("a1"), errors="return"),
    )
    refused = [error for result in results for error in result.values() if isinstance(error, LoadCycleError)]
    # Each that is refused fails with it; who waited for that gets a copy.
    assert {type(value) for result in results for value in result.values()} <= {LoadCycleError, BulkLoadError}
    assert set(refused[0].keys) == {"a1", "b1"}


@on_loops
async def test_a_batch_in_a_circle_with_a_thread_does_not_hang(cache: Cache[str, Any]) -> None:
    begun = threading.Event()
    gate = TaskGate()

    async def load(keys: list[str]) -> Any:
        await gate.stop()
        return dict.fromkeys(keys, await cache.aget_or_load("t", unexpected))

    def load_in_thread(key: str) -> Any:
        begun.set()
        return cache.get_many_or_load(["b", "a"], unexpected)

    [task] = await started(cache.aget_many_or_load(["a", "b"], load, errors="return"))
    thread = Call(cache.get_or_load, "t", load_in_thread)
    await until(lambda: begun.is_set() and waiting(cache, "b") == 2)
    gate.open()
    found = await task
    await until(thread.ended)
    assert {type(error) for error in found.values()} == {LoadCycleError}
    assert type(thread.error()) is BulkLoadError


@on_loops
async def test_a_load_may_load_other_keys(cache: Cache[Any, Any]) -> None:
    async def load(keys: list[tuple[str, int]]) -> dict[Any, int]:
        below = await cache.aget_many_or_load([(name, n - 1) for name, n in keys if n], load)
        return {(name, n): n + below.get((name, n - 1), 0) for name, n in keys}

    assert await cache.aget_many_or_load([("a", 5), ("b", 9)], load) == {("a", 5): 15, ("b", 9): 45}
    assert len(cache) == 16


@on_loops
async def test_a_sync_call_for_a_batch_of_its_own_loop_raises_at_once(cache: Cache[int, Any]) -> None:
    bulk = AsyncHeldBulk()
    [task] = await started(cache.aget_many_or_load([1, 2], bulk))
    with pytest.raises(RuntimeError, match="runs on the event loop of this very thread"):
        cache.get_or_load(2, lambda key: "never")
    with pytest.raises(RuntimeError, match="runs on the event loop of this very thread"):
        cache.get_many_or_load([3, 1], lambda keys: dict.fromkeys(keys, "sync"))
    bulk.gate.open()
    assert await task == {1: "1", 2: "2"}


@on_loops
async def test_an_async_loader_is_refused_by_sync_calls(cache: Cache[int, Any]) -> None:
    found = cache.get_many_or_load([1, 2], squares, errors="return")
    assert {str(error) for error in found.values()} == {
        "the loader is async: its values are to be had by aget_many_or_load, not get_many_or_load"
    }


# ---- loops that end ----


def test_a_loop_closed_under_a_batch_lets_others_take_over(cache: Cache[int, Any], loop_factory: LoopFactory) -> None:
    loop = loop_factory()
    bulk = AsyncHeldBulk()
    [task] = loop.run_until_complete(started(cache.aget_many_or_load([1, 2], bulk)))
    thread = Call(cache.get_many_or_load, [2, 1], lambda keys: dict.fromkeys(keys, "taken over"))
    await_waiters(cache, 3)
    loop.close()
    assert thread.result() == {2: "taken over", 1: "taken over"}
    # As the collector would; asyncio tells of tasks that go so.
    task.get_coro().close()  # type: ignore[union-attr]
    task._log_destroy_pending = False  # type: ignore[attr-defined]


# ---- behind served values ----


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
