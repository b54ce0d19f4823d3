"""Loads behind served values: one for each key, few at a time, never in anybody's way."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fastcache import Cache
from fastcache.testing import ManualExecutor, MovableClock
from tests.harness.gates import Call, HeldLoader, await_no_flights, await_until, await_waiters
from tests.harness.loaders import unexpected


def workers(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == f"fastcache-refresh-{name}"]


def due(cache: Cache[Any, Any], clock: MovableClock, *keys: object) -> None:
    """Writes old values and lets them come due, in a cache with ttl=10 and refresh_ahead=5."""
    cache.update(dict.fromkeys(keys, "old"))
    clock.advance(6)


def test_a_key_in_use_is_never_missed(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, refresh_ahead=5)
    for second in range(200):
        value = cache.get_or_load("k", lambda key: clock.now)
        assert clock.now - value <= 6, f"in second {second}"
        await_no_flights(cache)
        clock.advance(1)
    stats = cache.stats()
    assert (stats.misses, stats.stale_hits, stats.hits) == (1, 0, 199)
    assert stats.refreshes_started == stats.refreshes_ok
    assert 30 <= stats.refreshes_ok <= 40


def test_before_it_is_due_nothing_is_refreshed(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, refresh_ahead=5)
    cache["k"] = "old"
    clock.advance(5 - 1e-9)
    assert (cache.get_or_load("k", unexpected), cache.get_entry("k").state) == ("old", "fresh")
    clock.advance(1e-9)
    assert cache.get_entry("k").state == "due"
    assert (cache.get("k"), cache.stats().refreshes_started) == ("old", 0)


def test_many_readers_start_one_refresh_and_none_waits(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, refresh_ahead=5)
    due(cache, clock, "k")
    loader = HeldLoader("new")
    calls = [Call(cache.get_or_load, "k", loader) for _ in range(100)]
    assert [call.result() for call in calls] == ["old"] * 100
    loader.gate.reached()
    assert cache.get_entry("k").loading
    loader.gate.open()
    await_no_flights(cache)
    assert (loader.calls, cache["k"], cache.stats().refreshes_started) == (["k"], "new", 1)


def test_at_most_refresh_workers_load_at_a_time(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, refresh_ahead=5, refresh_workers=3, name="three")
    due(cache, clock, *range(10))
    loader = HeldLoader("new")
    assert [cache.get_or_load(key, loader) for key in range(10)] == ["old"] * 10
    loader.gate.reached(3)
    assert (loader.gate.arrived, len(workers("three")), len(cache.flights())) == (3, 3, 10)
    loader.gate.open()
    await_no_flights(cache)
    assert (list(cache.values()), len(workers("three"))) == (["new"] * 10, 3)


def test_a_full_queue_drops_and_tries_again_later(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, refresh_ahead=5, refresh_workers=1, refresh_queue=1)
    due(cache, clock, "running", "queued", "dropped")
    loader = HeldLoader("new")
    assert cache.get_or_load("running", loader) == "old"
    loader.gate.reached()
    assert [cache.get_or_load(key, loader) for key in ("queued", "dropped") for _ in range(2)] == ["old"] * 4
    entry = cache.get_entry("dropped")
    assert (
        cache.stats().refreshes_dropped, entry.last_error, entry.failures, entry.loading,
    ) == (1, None, 0, False)  # fmt: skip
    loader.gate.open()
    await_no_flights(cache)
    clock.advance(entry.retry_in)
    assert cache.get_or_load("dropped", loader) == "old"
    await_no_flights(cache)
    assert [cache[key] for key in ("running", "queued", "dropped")] == ["new"] * 3
    stats = cache.stats()
    assert (stats.refreshes_started, stats.refreshes_ok, stats.refreshes_dropped) == (4, 3, 1)


class Failing:
    """A loader that fails, and takes ``takes`` seconds of the clock for it."""

    def __init__(self, clock: MovableClock, takes: float = 0) -> None:
        self.clock = clock
        self.takes = takes
        self.calls = 0

    def __call__(self, key: object) -> Any:
        self.calls += 1
        self.clock.advance(self.takes)
        raise ConnectionError(self.calls)


def fail_once(cache: Cache[Any, Any], loader: Failing) -> float:
    """Lets the refresh of ``k`` fail; the pause after it."""
    before = loader.calls
    assert cache.get_or_load("k", loader) == "old"
    await_no_flights(cache)
    entry = cache.get_entry("k")
    assert entry is not None
    assert before + 1 == loader.calls
    assert ("old", loader.calls, False) == (entry.value, entry.failures, entry.loading)
    assert isinstance(entry.last_error, ConnectionError)
    return entry.retry_in


def test_a_failing_key_is_tried_at_growing_intervals(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=3600, stale_while_revalidate=3600)
    cache["k"] = "old"
    clock.advance(3600)
    loader = Failing(clock)
    for longest in (1, 2, 4, 8, 16, 32, 60, 60, 60, 60):
        pause = fail_once(cache, loader)
        assert longest / 2 <= pause <= longest
        clock.advance(pause - 2e-9)
        assert cache.get_or_load("k", unexpected) == "old"
        clock.advance(2e-9)
    assert (cache.stats().refreshes_failed, cache.stats().load_errors) == (10, 10)


def test_the_pauses_are_spread_over_their_upper_half() -> None:
    pauses = []
    for seed in range(200):
        clock = MovableClock()
        # One stripe, so that the draws follow from the seed alone, not from where this process hashes "k" to.
        cache: Cache[Any, Any] = Cache(1, ttl=3600, stale_if_error=3600, clock=clock, seed=seed)
        cache["k"] = "old"
        clock.advance(3600)
        pauses.append(fail_once(cache, Failing(clock)))
    assert 0.5 <= min(pauses) < 0.52
    assert 0.98 < max(pauses) <= 1
    assert 0.72 < sum(pauses) / len(pauses) < 0.78


@pytest.mark.parametrize(("ttl", "takes", "longest"), [(3600, 5, 5), (3600, 0.1, 1), (3, 0, 1), (0.4, 0, 0.4)])
def test_the_first_pause_follows_the_load_time_and_the_ttl(
    make: Any, clock: MovableClock, ttl: float, takes: float, longest: float
) -> None:
    cache = make(ttl=ttl, stale_while_revalidate=3600)
    cache["k"] = "old"
    clock.advance(ttl)
    assert longest / 2 <= fail_once(cache, Failing(clock, takes)) <= longest


def test_a_ttl_caps_the_pauses(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=3, stale_while_revalidate=3600)
    cache["k"] = "old"
    clock.advance(3)
    loader = Failing(clock)
    for longest in (1, 2, 3, 3, 3):
        pause = fail_once(cache, loader)
        assert longest / 2 <= pause <= longest
        clock.advance(pause)


def test_a_failed_early_refresh_is_tried_again_before_the_expiry(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, refresh_ahead=8)
    cache["k"] = "old"
    clock.advance(3)
    clock.advance(fail_once(cache, Failing(clock)))
    assert cache.get_or_load("k", lambda key: "new") == "old"
    await_no_flights(cache)
    entry = cache.get_entry("k")
    assert (
        entry.value, entry.state, entry.last_error, entry.failures, entry.retry_in,
    ) == ("new", "fresh", None, 0, 0.0)  # fmt: skip
    assert cache.stats().misses == 0


@pytest.mark.parametrize("how", ["set", "load"])
def test_a_success_ends_the_growth_of_the_pauses(make: Any, clock: MovableClock, how: str) -> None:
    cache = make(ttl=100, stale_while_revalidate=1000)
    for _ in range(2):
        cache["k"] = "old"
        clock.advance(100)
        loader = Failing(clock)
        for longest in (1, 2, 4):
            pause = fail_once(cache, loader)
            assert longest / 2 <= pause <= longest
            clock.advance(pause)
        if how == "load":
            assert cache.get_or_load("k", lambda key: "new") == "old"
            await_no_flights(cache)


def test_who_needs_a_queued_refresh_runs_it_itself(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, refresh_ahead=5, refresh_workers=1)
    due(cache, clock, "busy", "k")
    busy = HeldLoader("new")
    assert [cache.get_or_load("busy", busy), cache.get_or_load("k", unexpected)] == ["old", "old"]
    busy.gate.reached()
    assert {flight.key: flight.owner != 0 for flight in cache.flights()} == {"busy": True, "k": False}
    clock.advance(5)
    mine = HeldLoader("mine")
    claimer = Call(cache.get_or_load, "k", mine)
    mine.gate.reached()
    follower = Call(cache.get_or_load, "k", unexpected)
    await_waiters(cache, 1, "k")
    mine.gate.open()
    assert [claimer.result(), follower.result(), cache["k"]] == ["mine"] * 3
    busy.gate.open()
    await_no_flights(cache)
    assert (cache.stats().refreshes_started, cache.stats().refreshes_ok, cache.stats().refreshes_dropped) == (2, 2, 0)


def test_a_refresh_that_needs_a_queued_one_does_not_wait_for_a_worker(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, refresh_ahead=5, refresh_workers=1)
    due(cache, clock, "outer", "inner")
    queued, late = HeldLoader[Any](None), HeldLoader[Any](None)

    def outer(key: str) -> list[Any]:
        queued.gate.stop()
        clock.advance(5)
        return [key, cache.get_or_load("inner", lambda key: key)]

    late.gate.open()
    assert [cache.get_or_load("outer", outer), cache.get_or_load("inner", late)] == ["old", "old"]
    queued.gate.open()
    await_no_flights(cache)
    assert (cache["outer"], cache["inner"], late.calls) == (["outer", "inner"], "inner", [])


def test_closing_drops_what_is_queued_and_waits_for_what_runs(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, refresh_ahead=5, refresh_workers=1, name="closed")
    due(cache, clock, "running", "queued", "late")
    loader = HeldLoader("new")
    assert [cache.get_or_load(key, loader) for key in ("running", "queued")] == ["old", "old"]
    loader.gate.reached()
    closing = Call(cache.close)
    await_until(lambda: cache.stats().refreshes_dropped == 1, "the end of what is queued")
    assert not closing.ended()
    loader.gate.open()
    closing.join()
    assert (loader.calls, workers("closed")) == (["running"], [])
    assert [cache["running"], cache["queued"]] == ["new", "old"]
    assert cache.get_or_load("late", unexpected) == "old"
    assert cache.stats().refreshes_dropped == 2
    clock.advance(5)
    assert cache.get_or_load("late", lambda key: "loaded") == "loaded"


def test_a_context_manager_closes(make: Any, clock: MovableClock) -> None:
    with make(ttl=10, refresh_ahead=5, name="context") as cache:
        due(cache, clock, "k")
        assert cache.get_or_load("k", lambda key: "new") == "old"
        await_no_flights(cache)
        assert len(workers("context")) == 1
    assert workers("context") == []


def test_a_closed_cache_refreshes_nothing_behind_in_an_executor_either(clock: MovableClock) -> None:
    executor = ManualExecutor()
    cache: Cache[str, str] = Cache(ttl=10, clock=clock, stale_while_revalidate=60, executor=executor)
    cache["k"] = "old"
    clock.advance(11)
    cache.close()
    assert cache.get_or_load("k", lambda key: "new") == "old"
    assert (executor.pending, cache.flights()) == (0, [])


def test_a_refresh_that_an_executor_cancels_may_be_tried_again(make: Any, clock: MovableClock) -> None:
    gate = threading.Event()
    executor = ThreadPoolExecutor(1)
    executor.submit(gate.wait)
    cache = make(ttl=10, stale_while_revalidate=60, executor=executor, max_load_time=None)
    cache["k"] = "old"
    clock.advance(11)
    assert cache.get_or_load("k", unexpected) == "old"
    executor.shutdown(wait=False, cancel_futures=True)
    gate.set()
    assert (cache.flights(), cache.stats().refreshes_dropped) == ([], 1)
