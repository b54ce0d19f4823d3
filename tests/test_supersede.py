"""A load that takes too long: the next caller starts another one, and there are never more than two."""

from __future__ import annotations

from typing import Any

import pytest

from fastcache import Cache, LoadTimeout, RecursiveLoadError
from fastcache.testing import ManualExecutor, MovableClock
from tests.harness.gates import Call, Gate, HeldLoader, await_no_flights, await_until, await_waiters, waiting
from tests.harness.loaders import Counting, unexpected
from tests.test_invalidation import REMOVALS, WRITES, Act, each


def owners(cache: Cache[Any, Any]) -> list[int]:
    return [flight.owner for flight in cache.flights()]


class Two:
    """A load of ``k`` that hangs, with ``followers`` behind it, and the one that took its place after 60 s."""

    def __init__(self, cache: Cache[Any, Any], clock: MovableClock, result: Any = "second", followers: int = 0) -> None:
        self.cache = cache
        self.first, self.second = HeldLoader("first", "first"), HeldLoader(result, "second")
        self.hanging = Call(cache.get_or_load, "k", self.first)
        self.first.gate.reached()
        self.followers = [Call(cache.get_or_load, "k", unexpected) for _ in range(followers)]
        await_waiters(cache, followers)
        clock.advance(60)
        self.call = Call(cache.get_or_load, "k", self.second)
        self.second.gate.reached()

    def await_moved(self) -> None:
        """Until the followers wait for the second."""
        owner, count = self.call.thread.ident, len(self.followers)
        await_until(lambda: (owner, count) in [(f.owner, f.waiters) for f in self.cache.flights()], "the move")

    def end(self, *loaders: HeldLoader[Any]) -> None:
        for loader in loaders:
            loader.gate.open()
            call = self.hanging if loader is self.first else self.call
            call.join()


def test_before_its_time_a_load_is_waited_for(cache: Cache[Any, Any], clock: MovableClock) -> None:
    loader = HeldLoader("loaded")
    leader = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    clock.advance(60 - 1e-9)
    follower = Call(cache.get_or_load, "k", unexpected)
    await_waiters(cache, 1)
    loader.gate.open()
    assert [leader.result(), follower.result(), cache.stats().superseded] == ["loaded", "loaded", 0]


def test_a_load_that_hangs_is_superseded_and_its_followers_move(cache: Cache[Any, Any], clock: MovableClock) -> None:
    two = Two(cache, clock, followers=5)
    two.await_moved()
    assert len(set(owners(cache))) == 2
    two.end(two.second)
    assert [call.result() for call in two.followers] == ["second"] * 5
    assert not two.hanging.ended()
    assert (cache["k"], cache.flights()) == ("second", [])
    two.end(two.first)
    # Whoever ran it gets what it loaded; it is too late to be stored.
    assert (two.hanging.result(), cache["k"], two.first.calls, two.second.calls) == ("first", "second", ["k"], ["k"])
    stats = cache.stats()
    assert (stats.superseded, stats.discarded, stats.misses, stats.coalesced) == (1, 1, 7, 5)


@pytest.mark.parametrize("later", [0, 60, 3600])
def test_no_third_load_is_started(cache: Cache[Any, Any], clock: MovableClock, later: float) -> None:
    two = Two(cache, clock)
    clock.advance(later)
    third = Call(cache.get_or_load, "k", unexpected)
    await_waiters(cache, 1)
    with pytest.raises(LoadTimeout):
        cache.get_or_load("k", unexpected, wait_timeout=0)
    assert len(cache.flights()) == 2
    two.end(two.second, two.first)
    assert (third.result(), cache.stats().superseded) == ("second", 1)


def test_once_the_second_has_ended_the_next_two_may_come(cache: Cache[Any, Any], clock: MovableClock) -> None:
    two = Two(cache, clock)
    two.end(two.second)
    cache.delete("k")
    again = Two(cache, clock)
    assert len(cache.flights()) == 2
    again.end(again.second, again.first)
    two.end(two.first)
    assert (cache["k"], cache.stats().superseded, cache.stats().discarded) == ("second", 2, 2)


def test_what_the_first_brings_is_kept_until_the_second_comes(cache: Cache[Any, Any], clock: MovableClock) -> None:
    two = Two(cache, clock, followers=1)
    two.await_moved()
    two.end(two.first)
    assert two.hanging.result() == cache["k"] == cache.get_or_load("k", unexpected) == "first"
    # Who waits for the second gets what that brings.
    assert (len(cache.flights()), waiting(cache)) == (1, 1)
    two.end(two.second)
    assert (two.call.result(), two.followers[0].result(), cache["k"]) == ("second", "second", "second")
    assert (cache.stats().loads, cache.stats().discarded) == (2, 0)


def test_if_the_first_brings_nothing_to_keep_the_second_is_unharmed(
    cache: Cache[Any, Any], clock: MovableClock
) -> None:
    for result in (ConnectionError("down"), KeyboardInterrupt()):
        two = Two(cache, clock)
        two.first.result = result  # type: ignore[assignment]
        two.end(two.first)
        assert two.hanging.error() is result
        assert len(cache.flights()) == 1
        two.end(two.second)
        assert (two.call.result(), cache.pop("k")) == ("second", "second")


@pytest.mark.parametrize("error", [ConnectionError("down"), KeyboardInterrupt()], ids=repr)
def test_if_the_second_fails_the_key_is_the_firsts_again(
    cache: Cache[Any, Any], clock: MovableClock, error: BaseException
) -> None:
    two = Two(cache, clock, result=error)
    two.end(two.second)
    assert (two.call.error(), owners(cache)) == (error, [two.hanging.thread.ident])
    two.end(two.first)
    assert (two.hanging.result(), cache["k"], cache.flights(), cache.stats().discarded) == ("first", "first", [], 0)


def test_who_moved_to_the_second_gets_its_error(cache: Cache[Any, Any], clock: MovableClock) -> None:
    two = Two(cache, clock, result=ConnectionError("down"), followers=3)
    two.await_moved()
    two.end(two.second)
    assert {type(call.error()) for call in two.followers} == {ConnectionError}
    two.end(two.first)
    assert (cache["k"], two.first.calls, two.second.calls) == ("first", ["k"], ["k"])


def test_after_the_second_has_failed_another_may_be_started(cache: Cache[Any, Any], clock: MovableClock) -> None:
    two = Two(cache, clock, result=ConnectionError("down"))
    two.end(two.second)
    third = HeldLoader("third")
    call = Call(cache.get_or_load, "k", third)
    third.gate.reached()
    assert len(cache.flights()) == 2
    third.gate.open()
    assert (call.result(), cache["k"]) == ("third", "third")
    two.end(two.first)
    assert (cache["k"], cache.stats().superseded) == ("third", 2)


@each({**REMOVALS, **WRITES})
@pytest.mark.parametrize("order", ["first", "second"])
def test_what_befalls_the_key_meanwhile_befalls_both(
    cache: Cache[Any, Any], clock: MovableClock, act: Act, order: str
) -> None:
    two = Two(cache, clock)
    act(cache)
    left = cache.get("k")
    assert (cache.flights(), left in (None, "written")) == ([], True)
    two.end(*((two.first, two.second) if order == "first" else (two.second, two.first)))
    assert (two.hanging.result(), two.call.result(), cache.get("k")) == ("first", "second", left)
    assert cache.stats().discarded == 2


def test_a_refresh_that_hangs_is_superseded_too(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_while_revalidate=1000, refresh_workers=3)
    cache["k"] = "old"
    clock.advance(10)
    first, second = HeldLoader("first"), HeldLoader("second")
    assert cache.get_or_load("k", first) == "old"
    first.gate.reached()
    clock.advance(59)
    assert cache.get_or_load("k", unexpected) == "old"
    clock.advance(1)
    assert [cache.get_or_load("k", second) for _ in range(3)] == ["old"] * 3
    second.gate.reached()
    clock.advance(600)
    assert cache.get_or_load("k", unexpected) == "old"
    second.gate.open()
    await_until(lambda: cache.get("k") == "second", "the second refresh")
    first.gate.open()
    await_until(lambda: cache.stats().discarded == 1, "the first one")
    assert (cache["k"], first.calls, second.calls, cache.stats().superseded) == ("second", ["k"], ["k"], 1)


def test_a_refresh_that_waited_for_a_thread_too_long_is_not_made_twice(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_while_revalidate=1000, refresh_workers=1)
    cache.update(busy="old", k="old")
    clock.advance(10)
    busy, reload = HeldLoader("new"), Counting("new")
    assert cache.get_or_load("busy", busy) == "old"
    busy.gate.reached()
    assert cache.get_or_load("k", reload) == "old"
    clock.advance(60)
    assert cache.get_or_load("k", reload) == "old"
    assert [flight.key for flight in cache.flights()].count("k") == 1
    busy.gate.open()
    await_no_flights(cache)
    assert (cache["k"], reload.calls, cache.stats().discarded) == ("new", ["k"], 0)
    # No load of it has hung.
    stats = cache.stats()
    assert (stats.superseded, stats.refreshes_started, stats.refreshes_dropped, stats.refreshes_ok) == (0, 3, 1, 2)


def test_a_refresh_that_nobody_has_begun_is_taken_over_without_a_word(
    make: Any, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    cache = make(ttl=10, stale_while_revalidate=1000, executor=ManualExecutor())
    cache["k"] = "old"
    clock.advance(10)
    assert cache.get_or_load("k", unexpected) == "old"
    clock.advance(60)
    assert cache.get_or_load("k", lambda key: "new", max_stale=0) == "new"
    assert (cache["k"], cache.stats().superseded, cache.stats().refreshes_dropped) == ("new", 0, 1)
    assert caplog.records == []


@pytest.mark.parametrize("window", ["stale_while_revalidate", "stale_if_error"])
def test_beside_one_that_hangs_failures_are_paused_as_ever(make: Any, clock: MovableClock, window: str) -> None:
    cache = make(ttl=10, refresh_workers=3, **{window: 10_000})
    cache["k"] = "old"
    clock.advance(10)
    hanging = HeldLoader("late")
    first = Call(cache.get_or_load, "k", hanging)
    hanging.gate.reached()
    clock.advance(60)
    failing = Counting(ConnectionError("down"))
    for failures in range(1, 4):
        for _ in range(10):
            assert cache.get_or_load("k", failing) == "old"
            await_until(lambda: len(cache.flights()) == 1, "the failure")
        entry = cache.get_entry("k")
        assert (len(failing.calls), entry.failures, entry.state) == (failures, failures, "stale_error")
        clock.advance(entry.retry_in)
    hanging.gate.open()
    assert first.result() == ("old" if window == "stale_while_revalidate" else "late")
    await_until(lambda: cache.get("k") == "late", "the first load")


def test_with_a_max_load_time_of_none_a_load_is_waited_for_for_ever(make: Any, clock: MovableClock) -> None:
    cache = make(max_load_time=None)
    loader = HeldLoader("loaded")
    leader = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    clock.advance(1_000_000)
    follower = Call(cache.get_or_load, "k", unexpected)
    await_waiters(cache, 1)
    loader.gate.open()
    assert [leader.result(), follower.result()] == ["loaded", "loaded"]


def test_max_load_time_is_a_caches_own(make: Any, clock: MovableClock) -> None:
    cache = make(max_load_time=5)
    loader = HeldLoader("first")
    leader = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    clock.advance(5)
    assert cache.get_or_load("k", lambda key: "second", with_status=True) == ("second", "miss")
    loader.gate.open()
    assert (leader.result(), cache["k"]) == ("first", "second")


def test_a_load_in_another_thread_is_superseded_and_its_caller_moves(
    cache: Cache[Any, Any], clock: MovableClock
) -> None:
    loader = HeldLoader("first")
    caller = Call(cache.get_or_load, "k", loader, wait_timeout=60)
    loader.gate.reached()
    await_waiters(cache, 1)
    clock.advance(60)
    assert cache.get_or_load("k", lambda key: "second") == "second"
    assert caller.result() == "second"
    loader.gate.open()
    await_until(lambda: cache.stats().discarded == 1, "the first load")


def test_a_load_that_asks_for_its_own_key_is_refused_however_long_it_took(
    cache: Cache[Any, Any], clock: MovableClock
) -> None:
    def load(key: str) -> str:
        clock.advance(61)
        with pytest.raises(RecursiveLoadError):
            cache.get_or_load(key, unexpected)
        return "loaded"

    assert (cache.get_or_load("k", load), cache["k"], cache.flights()) == ("loaded", "loaded", [])


def test_the_schedule_of_a_key_that_always_hangs_is_one_load_per_period(
    cache: Cache[Any, Any], clock: MovableClock
) -> None:
    """As soon as one of the two has failed, there may be another: at most two at a time."""
    gates = [Gate(str(number)) for number in range(6)]
    running: list[int] = []
    most = 0

    def load(key: str) -> str:
        nonlocal most
        number = len(begun)
        begun.append(number)
        running.append(number)
        most = max(most, len(running))
        gates[number].stop()
        running.remove(number)
        raise ConnectionError(number)

    begun: list[int] = []
    calls = []
    for number, gate in enumerate(gates):
        calls.append(Call(cache.get_or_load, "k", load))
        gate.reached()
        if number:
            # The one before was the older of two, or the newer: each in turn.
            gates[number - 1].open()
            calls[number - 1].join()
        clock.advance(60)
    gates[-1].open()
    assert {type(call.error()) for call in calls} == {ConnectionError}
    await_no_flights(cache)
    assert (len(begun), most) == (6, 2)


def test_whom_a_forced_load_leaves_alone(cache: Cache[Any, Any]) -> None:
    first, forced = HeldLoader("first"), HeldLoader("forced")
    leader = Call(cache.get_or_load, "k", first)
    first.gate.reached()
    follower = Call(cache.get_or_load, "k", unexpected)
    await_waiters(cache, 1)
    forcing = Call(cache.get_or_load, "k", forced, force=True)
    forced.gate.reached()
    first.gate.open()
    assert [leader.result(), follower.result()] == ["first", "first"]
    forced.gate.open()
    assert (forcing.result(), cache["k"], cache.stats().superseded) == ("forced", "forced", 0)


def test_who_stands_in_line_for_a_place_has_not_begun(make: Any, clock: MovableClock) -> None:
    """However long; then the time of the load runs from its beginning."""
    cache = make(ttl=600, max_concurrent_loads=1, max_load_time=10)
    busy, loader = HeldLoader("busy"), HeldLoader("value")
    first = Call(cache.get_or_load, "busy", busy)
    busy.gate.reached()
    calls = [Call(cache.get_or_load, "k", loader)]
    await_until(lambda: len(cache.flights()) == 2, "the one in line")
    # The busy load is superseded by nobody, for nobody asks for it.
    clock.advance(100)
    calls.append(Call(cache.get_or_load, "k", loader))
    await_waiters(cache, 1, "k")
    busy.gate.open()
    loader.gate.reached()
    clock.advance(8)
    calls.append(Call(cache.get_or_load, "k", loader))
    await_waiters(cache, 2, "k")
    loader.gate.open()
    assert [call.result() for call in [first, *calls]] == ["busy", "value", "value", "value"]
    stats = cache.stats()
    assert (loader.calls, stats.superseded, stats.loads) == (["k"], 0, 2)
    assert cache.get_entry("k").load_time == pytest.approx(8, rel=1 / 8)


def test_once_it_has_begun_it_may_be_superseded(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=600, max_concurrent_loads=2, max_load_time=10)
    hanging, loader = HeldLoader("late"), HeldLoader("value")
    first = Call(cache.get_or_load, "k", hanging)
    hanging.gate.reached()
    clock.advance(11)
    second = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    loader.gate.open()
    hanging.gate.open()
    assert (second.result(), first.result(), cache.stats().superseded) == ("value", "late", 1)


def test_the_time_in_the_queue_of_refreshes_is_no_time_of_the_load(clock: MovableClock) -> None:
    executor = ManualExecutor()
    cache: Cache[str, str] = Cache(ttl=10, stale_while_revalidate=600, executor=executor, clock=clock)
    cache["k"] = "old"
    clock.advance(11)

    def load(key: str) -> str:
        clock.advance(1)
        return "new"

    assert cache.get_or_load("k", load) == "old"
    clock.advance(40)
    executor.run_all()
    entry = cache.get_entry("k")
    assert entry is not None
    assert (entry.value, entry.load_time) == ("new", pytest.approx(1, rel=1 / 8))
