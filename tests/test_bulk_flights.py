"""Loads of many keys beside others': shared both ways, never waiting in a circle, each ended."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from fastcache import BulkLoadError, Cache, LoadCycleError, LoadRejected, LoadTimeout, NotFound
from fastcache.testing import MovableClock
from tests.harness.bulk import HeldBulk, places
from tests.harness.gates import Call, Gate, HeldLoader, all_at_once, await_no_flights, await_until, await_waiters


class LostError(Exception):
    pass


def unexpected(keys: object) -> Any:
    raise AssertionError(f"{keys!r} were loaded")


def test_keys_in_flight_elsewhere_are_not_loaded_but_waited_for(cache: Cache[int, Any]) -> None:
    single, bulk = HeldLoader("single"), HeldBulk()
    cache[2] = "here"
    first = Call(cache.get_or_load, 3, single)
    single.gate.reached()
    call = Call(cache.get_many_or_load, [1, 2, 3], bulk)
    bulk.gate.reached()
    assert (bulk.calls, [flight.waiters for flight in cache.flights()]) == ([[1]], [0, 0])
    bulk.gate.open()
    await_waiters(cache, 1, 3)
    # Its own load has ended before it waits.
    assert cache.get(1) == "1"
    single.gate.open()
    assert call.result() == {1: "1", 2: "here", 3: "single"}
    assert (first.result(), cache.stats().coalesced) == ("single", 1)


def test_single_calls_join_a_batch(cache: Cache[int, Any]) -> None:
    bulk = HeldBulk()
    call = Call(cache.get_many_or_load, [1, 2, 3], bulk)
    bulk.gate.reached()
    singles = [Call(cache.get_or_load, key, unexpected) for key in (1, 2, 3)]
    await_waiters(cache, 3)
    bulk.gate.open()
    assert [single.result() for single in singles] == ["1", "2", "3"]
    assert (call.result(), bulk.calls) == ({1: "1", 2: "2", 3: "3"}, [[1, 2, 3]])


def test_who_joined_a_key_that_is_left_out_gets_not_found(cache: Cache[int, Any]) -> None:
    gate = Gate()

    def load(keys: list[int]) -> dict[int, Any]:
        gate.stop()
        return {2: "two"}

    call = Call(cache.get_many_or_load, [1, 2], load)
    gate.reached()
    single = Call(cache.get_or_load, 1, unexpected)
    lenient = Call(cache.get_or_load, 1, unexpected, default="none")
    bulk = Call(cache.get_many_or_load, [1, 2], unexpected)
    await_waiters(cache, 3, 1)
    gate.open()
    error = single.error()
    assert (type(error), error and error.args) == (NotFound, (1,))
    assert (call.result(), lenient.result(), bulk.result()) == ({2: "two"}, "none", {2: "two"})


def test_who_joined_gets_a_copy_of_the_error(cache: Cache[int, Any]) -> None:
    bulk = HeldBulk(error=LostError("lost"))
    call = Call(cache.get_many_or_load, [1, 2], bulk, errors="return")
    bulk.gate.reached()
    single = Call(cache.get_or_load, 1, unexpected)
    other = Call(cache.get_many_or_load, [2, 3], lambda keys: dict.fromkeys(keys, "other"))
    await_waiters(cache, 2)
    bulk.gate.open()
    assert call.result() == {1: bulk.error, 2: bulk.error}
    error, failure = single.error(), other.error()
    assert (type(error), error is bulk.error, error and error.__cause__) == (LostError, False, bulk.error)
    assert isinstance(failure, BulkLoadError)
    assert (failure.partial, failure.errors[2].__cause__) == ({3: "other"}, bulk.error)


def test_an_interrupted_batch_is_taken_over_by_those_who_waited(cache: Cache[int, Any]) -> None:
    bulk = HeldBulk(error=KeyboardInterrupt())
    call = Call(cache.get_many_or_load, [1, 2, 3], bulk)
    bulk.gate.reached()
    calls: list[list[int]] = []

    def load(keys: list[int]) -> dict[int, Any]:
        calls.append(keys)
        return dict.fromkeys(keys, "taken over")

    single = Call(cache.get_or_load, 1, lambda key: "taken over")
    other = Call(cache.get_many_or_load, [2, 3], load)
    await_waiters(cache, 2)
    bulk.gate.open()
    assert isinstance(call.error(), KeyboardInterrupt)
    assert (single.result(), other.result(), calls) == (
        "taken over",
        {2: "taken over", 3: "taken over"},
        [[2, 3]],
    )


def test_a_thousand_callers_of_the_same_keys_share_one_load(cache: Cache[int, Any]) -> None:
    bulk = HeldBulk()
    keys = list(range(10))
    calls = all_at_once(1000, cache.get_many_or_load, keys, bulk)
    await_waiters(cache, 999)
    bulk.gate.open()
    assert all(call.result() == {key: str(key) for key in keys} for call in calls)
    assert (bulk.calls, cache.stats().loads) == ([keys], 10)


def test_keys_written_or_removed_while_they_load_are_handed_out_and_not_kept(cache: Cache[int, Any]) -> None:
    bulk = HeldBulk()
    call = Call(cache.get_many_or_load, [1, 2, 3], bulk)
    bulk.gate.reached()
    cache.set_many({1: "written"})
    cache.delete_many([2])
    bulk.gate.open()
    assert call.result() == {1: "1", 2: "2", 3: "3"}
    assert (dict(cache.items()), cache.stats().discarded) == ({1: "written", 3: "3"}, 2)


def test_two_loads_of_many_that_ask_for_each_others_keys_do_not_hang(cache: Cache[str, Any]) -> None:
    """Each asks for the last key of the other, which is not the one that its thread waits in."""
    line = threading.Barrier(2, timeout=60)

    def load(other: str) -> Callable[[list[str]], dict[str, Any]]:
        def run(keys: list[str]) -> dict[str, Any]:
            line.wait()
            return {**dict.fromkeys(keys, "value"), **cache.get_many_or_load([other], unexpected)}

        return run

    calls = [
        Call(cache.get_many_or_load, ["a1", "a2", "a3"], load("b1"), errors="return"),
        Call(cache.get_many_or_load, ["b1", "b2", "b3"], load("a1"), errors="return"),
    ]
    # One is refused, and fails with that; the other waited for it, and gets a copy.
    results = [call.result() for call in calls]
    refused = [error for result in results for error in result.values() if isinstance(error, LoadCycleError)]
    assert len({id(error) for error in refused}) == 1
    assert set(refused[0].keys) == {"a1", "b1"}
    assert {type(value) for result in results for value in result.values()} == {LoadCycleError, BulkLoadError}


# ---- time limits ----


def test_a_caller_who_will_not_wait_has_what_is_there(cache: Cache[int, Any]) -> None:
    bulk = HeldBulk()
    cache[2] = "here"
    with pytest.raises(BulkLoadError) as caught:
        cache.get_many_or_load([1, 2, 3], bulk, wait_timeout=0.01)
    assert caught.value.partial == {2: "here"}
    assert {key: type(error) for key, error in caught.value.errors.items()} == {1: LoadTimeout, 3: LoadTimeout}
    found = cache.get_many_or_load([1, 2], unexpected, wait_timeout=0, errors="return")
    assert (type(found[1]), found[2]) == (LoadTimeout, "here")
    bulk.gate.open()
    await_no_flights(cache)
    assert (cache.get_many([1, 2, 3]), bulk.calls) == ({1: "1", 2: "here", 3: "3"}, [[1, 3]])


def test_who_sets_a_limit_gets_the_load_of_another_thread(cache: Cache[int, Any]) -> None:
    threads: list[int] = []

    def load(keys: list[int]) -> dict[int, int]:
        threads.append(threading.get_ident())
        return {key: key for key in keys if key != 3}

    assert cache.get_many_or_load([1, 2, 3, 4], load, wait_timeout=60, max_batch=2) == {1: 1, 2: 2, 4: 4}
    assert threads[0] == threads[1] != threading.get_ident()


def test_an_interrupt_in_that_thread_is_the_callers(cache: Cache[int, Any]) -> None:
    def load(keys: list[int]) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.get_many_or_load([1, 2], load, wait_timeout=60)
    assert cache.flights() == []


def test_soft_timeout_is_one_wait_for_all_keys(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_if_error=60)
    keys = list(range(50))
    cache.set_many(dict.fromkeys(keys, "old"))
    clock.advance(10)
    bulk = HeldBulk()
    call = Call(cache.get_many_or_load, keys, bulk, soft_timeout=0.4)
    # One wait for each would take 20 s.
    assert call.result(10) == dict.fromkeys(keys, "old")
    bulk.gate.open()
    await_no_flights(cache)
    assert cache.get_many(keys) == {key: str(key) for key in keys}


def test_without_another_thread_the_caller_loads(cache: Cache[int, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def start(run: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("fastcache._background.start", start)
    assert cache.get_many_or_load([1, 2], lambda keys: {1: threading.get_ident()}, wait_timeout=60) == {
        1: threading.get_ident()
    }


# ---- behind served values ----


def test_due_and_stale_keys_are_served_and_reloaded_in_one_call(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, refresh_ahead=5, stale_while_revalidate=10)
    cache.set_many({1: "old", 2: "old", 3: "fresh"})
    cache.set(4, "old", ttl=12)
    clock.advance(11)
    cache[3] = "fresh"
    bulk = HeldBulk()
    assert cache.get_many_or_load([1, 2, 3, 4], bulk) == {1: "old", 2: "old", 3: "fresh", 4: "old"}
    bulk.gate.reached()
    # While they load, nothing more is begun.
    assert cache.get_many_or_load([2, 1], unexpected) == {2: "old", 1: "old"}
    clock.advance(5)
    assert cache.get_many_or_load([4], unexpected) == {4: "old"}
    bulk.gate.open()
    await_no_flights(cache)
    assert (bulk.calls, cache.get_many([1, 2, 4])) == ([[1, 2, 4]], {1: "1", 2: "2", 4: "4"})
    stats = cache.stats()
    assert (stats.refreshes_started, stats.refreshes_ok, stats.misses) == (3, 3, 0)


def test_reloading_behind_does_not_delay_what_is_missing(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_while_revalidate=10)
    cache.set_many({1: "old", 2: "old"})
    clock.advance(10)
    bulk = HeldBulk()

    def load(keys: list[int]) -> dict[int, Any]:
        return bulk(keys) if 1 in keys else dict.fromkeys(keys, "loaded")

    assert cache.get_many_or_load([1, 3, 2], load) == {1: "old", 3: "loaded", 2: "old"}
    bulk.gate.open()
    await_no_flights(cache)
    assert (bulk.calls, cache.get_many([1, 2])) == ([[1, 2]], {1: "1", 2: "2"})


def test_a_refresh_that_no_worker_has_begun_goes_with_the_batch_of_who_needs_it(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_while_revalidate=10, refresh_workers=1)
    cache.set_many({1: "old", 2: "old", 3: "old"})
    clock.advance(10)
    busy = HeldLoader("new")
    assert cache.get_or_load(1, busy) == "old"
    busy.gate.reached()
    assert cache.get_or_load(2, unexpected) == "old"
    assert cache.get_many_or_load([3], unexpected) == {3: "old"}
    clock.advance(10)
    calls: list[list[int]] = []

    def load(keys: list[int]) -> dict[int, str]:
        calls.append(keys)
        return dict.fromkeys(keys, "needed")

    assert cache.get_many_or_load([4, 3, 2], load) == {4: "needed", 3: "needed", 2: "needed"}
    assert calls == [[4, 3, 2]]
    busy.gate.open()
    await_no_flights(cache)


def test_failed_refreshes_keep_the_values_and_leave_them_alone(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_while_revalidate=100)
    cache.set_many({1: "old", 2: "old"})
    clock.advance(10)
    bulk = HeldBulk(error=LostError())
    bulk.gate.open()
    assert cache.get_many_or_load([1, 2], bulk) == {1: "old", 2: "old"}
    await_no_flights(cache)
    assert cache.get_many_or_load([1, 2], unexpected) == {1: "old", 2: "old"}
    assert (cache.get_entry(1).state, cache.stats().refreshes_failed) == ("stale_error", 2)


# ---- the bulkhead ----


def test_a_batch_takes_one_place_and_gives_it_back(make: Any) -> None:
    cache = make(ttl=60, max_concurrent_loads=1)
    ends: dict[str, Callable[[list[int]], Any]] = {
        "value": lambda keys: dict.fromkeys(keys, places(cache)),
        "nested": lambda keys: {key: cache.get_or_load(key + 100, lambda _: places(cache)) for key in keys},
        "error": lambda keys: 1 / 0,
    }
    keys = iter(range(100))
    for load in ends.values():
        found = cache.get_many_or_load([next(keys) for _ in range(4)], load, max_batch=2, errors="return")
        assert {value if isinstance(value, int) else type(value) for value in found.values()} <= {0, ZeroDivisionError}
        assert places(cache) == 1

    def interrupt(keys: object) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.get_many_or_load([201, 202], interrupt)
    with pytest.raises(KeyboardInterrupt):
        cache.get_many_or_load([201, 202], interrupt, wait_timeout=60)
    assert places(cache) == 1


def test_a_full_bulkhead_is_waited_for_and_old_values_are_not(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_if_error=60, max_concurrent_loads=1)
    cache[1] = "old"
    clock.advance(10)
    busy = HeldLoader("busy")
    holder = Call(cache.get_or_load, "busy", busy)
    busy.gate.reached()
    assert cache.get_many_or_load([1], unexpected) == {1: "old"}
    found = cache.get_many_or_load([1, 2], unexpected, wait_timeout=0, errors="return")
    assert (found[1], type(found[2])) == ("old", LoadRejected)
    assert cache.stats().rejected == 1
    call = Call(cache.get_many_or_load, [1, 2, 3], lambda keys: dict.fromkeys(keys, "new"))
    await_until(lambda: len(cache._bulkhead._line) == 1, "one in line")
    # Those who ask for its keys wait with it.
    single = Call(cache.get_or_load, 3, unexpected)
    await_waiters(cache, 1, 3)
    busy.gate.open()
    assert (holder.result(), call.result(), single.result()) == ("busy", {1: "old", 2: "new", 3: "new"}, "new")
    assert places(cache) == 1


def test_a_load_that_has_a_place_takes_over_the_keys_of_a_batch_that_waits_for_one(make: Any) -> None:
    cache = make(ttl=60, max_concurrent_loads=1)
    gate = Gate()

    def load(key: int) -> Any:
        gate.stop()
        return cache.get_or_load(2, lambda key: "taken over")

    holder = Call(cache.get_or_load, 1, load)
    gate.reached()
    call = Call(cache.get_many_or_load, [2, 3], lambda keys: dict.fromkeys(keys, "own"))
    await_until(lambda: len(cache._bulkhead._line) == 1, "one in line")
    gate.open()
    assert (holder.result(), call.result()) == ("taken over", {2: "taken over", 3: "own"})
    assert places(cache) == 1


def test_a_batch_claims_a_load_that_has_its_place_and_no_thread_yet(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = make(ttl=60, max_concurrent_loads=2)
    runs: list[Callable[[], object]] = []
    # The caller's own load is to run in a thread of its own, which the system is slow to give it.
    monkeypatch.setattr("fastcache._background.start", runs.append)
    slow = Call(cache.get_or_load, 1, lambda key: "slow", wait_timeout=60)
    await_until(lambda: runs, "a thread to be started")
    many = Call(cache.get_many_or_load, [1, 2], lambda keys: dict.fromkeys(keys, "batch"))
    assert (many.result(10), slow.result(10), places(cache)) == ({1: "batch", 2: "batch"}, "batch", 2)
    runs[0]()


# ---- tasks ----


def test_a_task_and_a_batch_share_a_load(cache: Cache[int, Any]) -> None:
    bulk = HeldBulk()
    call = Call(cache.get_many_or_load, [1, 2], bulk)
    bulk.gate.reached()

    async def ask() -> Any:
        task = asyncio.ensure_future(cache.aget_or_load(1, unexpected))
        await asyncio.sleep(0)
        bulk.gate.open()
        return await task

    assert (asyncio.run(ask()), call.result()) == ("1", {1: "1", 2: "2"})


def test_a_load_on_the_event_loop_of_this_thread_is_not_waited_for(cache: Cache[int, Any]) -> None:
    async def ask() -> Any:
        begun, release = asyncio.Event(), asyncio.Event()

        async def load(key: int) -> str:
            begun.set()
            await release.wait()
            return "by a task"

        task = asyncio.ensure_future(cache.aget_or_load(1, load))
        await begun.wait()
        with pytest.raises(RuntimeError, match="runs on the event loop of this very thread"):
            cache.get_many_or_load([1, 2], lambda keys: dict.fromkeys(keys, "by a batch"))
        release.set()
        return await task

    assert asyncio.run(ask()) == "by a task"
    assert cache.get_many([1, 2]) == {1: "by a task", 2: "by a batch"}
