"""A key that fails is left alone for a while, longer each time; the schedule can be seen, and ends with the value."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from fastcache import Cache
from fastcache.testing import MovableClock
from tests.harness.gates import Call, HeldLoader, await_no_flights, await_waiters
from tests.harness.loaders import Counting, unexpected

DOWN = ConnectionError("down")


def attempts(cache: Cache[Any, Any], clock: MovableClock, loader: Counting, until: float, step: float) -> list[float]:
    """When ``k`` was loaded, in seconds from now, while it was asked for every ``step`` seconds."""
    start, tried = clock.now, []
    while clock.now - start < until:
        before = len(loader.calls)
        cache.get_or_load("k", loader)
        await_no_flights(cache)
        if len(loader.calls) > before:
            tried.append(clock.now - start)
        clock.advance(step)
    return tried


@pytest.mark.parametrize("window", ["stale_while_revalidate", "stale_if_error"])
def test_a_refresh_that_fails_ten_times_is_tried_ever_more_rarely_until_the_window_ends(
    make: Any, clock: MovableClock, window: str
) -> None:
    cache = make(ttl=3600, **{window: 400})
    cache["k"] = "old"
    clock.advance(3600)
    failing = Counting(DOWN)
    tried = attempts(cache, clock, failing, 400, 0.25)
    pauses = [later - earlier for earlier, later in pairwise(tried)]
    assert tried[0] == 0
    for pause, longest in zip(pauses, [1, 2, 4, 8, 16, 32, *[60] * 20], strict=False):
        assert longest / 2 <= pause <= longest + 0.25
    assert 10 <= len(tried) <= 18
    # The window is over.
    with pytest.raises(ConnectionError):
        cache.get_or_load("k", failing)


def test_a_failing_early_refresh_is_tried_again_within_the_fresh_time(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=3600, refresh_ahead=100)
    cache["k"] = "old"
    clock.advance(3500)
    tried = attempts(cache, clock, Counting(DOWN), 99, 0.25)
    for pause, longest in zip([b - a for a, b in pairwise(tried)], [1, 2, 4, 8, 16], strict=False):
        assert longest / 2 <= pause <= longest + 0.25
    assert len(tried) >= 6
    assert cache.get_entry("k").state == "due"
    assert (cache.stats().misses, cache.stats().refreshes_failed) == (0, len(tried))


def test_the_schedule_is_to_be_seen(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=100, stale_if_error=1000)
    cache["k"] = "old"
    clock.advance(100)
    for failures in range(1, 5):
        assert cache.get_or_load("k", Counting(DOWN), with_status=True) == ("old", "stale_error")
        entry = cache.get_entry("k")
        assert (entry.state, entry.failures, entry.loading) == ("stale_error", failures, False)
        assert (type(entry.last_error), str(entry.last_error)) == (ConnectionError, "down")
        assert 2 ** (failures - 1) / 2 <= entry.retry_in <= 2 ** (failures - 1)
        clock.advance(entry.retry_in / 2)
        assert cache.get_entry("k").retry_in == pytest.approx(entry.retry_in / 2)
        assert cache.get_or_load("k", unexpected, with_status=True) == ("old", "stale_error")
        clock.advance(entry.retry_in)
        assert cache.get_entry("k").retry_in == 0
    assert cache.get_or_load("k", lambda key: "new", with_status=True) == ("new", "miss")
    entry = cache.get_entry("k")
    assert (entry.failures, entry.last_error, entry.retry_in) == (0, None, 0.0)


def test_one_load_at_a_time_tries(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_if_error=1000)
    cache["k"] = "old"
    clock.advance(10)
    assert cache.get_or_load("k", Counting(DOWN)) == "old"
    clock.advance(1)
    probe: HeldLoader[Any] = HeldLoader(DOWN)
    calls = [Call(cache.get_or_load, "k", probe) for _ in range(20)]
    await_waiters(cache, 19)
    probe.gate.open()
    assert ([call.result() for call in calls], probe.calls) == (["old"] * 20, ["k"])
    assert cache.get_entry("k").failures == 2


def test_a_pause_holds_for_those_who_load_a_forced_value_too(make: Any, clock: MovableClock) -> None:
    """Within it everybody else is served at once, though somebody is loading."""
    cache = make(ttl=10, stale_if_error=1000)
    cache["k"] = "old"
    clock.advance(10)
    assert cache.get_or_load("k", Counting(DOWN)) == "old"
    loader = HeldLoader("new")
    forced = Call(cache.get_or_load, "k", loader, force=True)
    loader.gate.reached()
    assert cache.get_or_load("k", unexpected, with_status=True) == ("old", "stale_error")
    loader.gate.open()
    assert (forced.result(), cache["k"]) == ("new", "new")


@pytest.mark.parametrize("window", ["stale_while_revalidate", "stale_if_error"])
@pytest.mark.parametrize(
    ("options", "hidden"),
    [
        ({}, True),
        ({"stale_on": OSError}, True),
        ({"stale_on": (KeyError, ConnectionError)}, True),
        ({"stale_on": KeyError}, False),
        ({"stale_on": ()}, False),
        ({"fatal": OSError}, False),
        ({"fatal": KeyError}, True),
        ({"stale_on": OSError, "fatal": ConnectionError}, False),
    ],
)
def test_which_errors_an_old_value_stands_in_for(
    make: Any, clock: MovableClock, window: str, options: Any, hidden: bool
) -> None:
    cache = make(ttl=10, **options, **{window: 1000})
    cache["k"] = "old"
    clock.advance(11)
    if hidden or window == "stale_while_revalidate":
        # Behind a served value nobody is told.
        assert cache.get_or_load("k", Counting(DOWN)) == "old"
        await_no_flights(cache)
    else:
        with pytest.raises(ConnectionError):
            cache.get_or_load("k", Counting(DOWN))
    entry = cache.get_entry("k")
    assert (entry.value, entry.failures, entry.state) == ("old", 1, "stale_error")
    assert cache.get_or_load("k", unexpected) == "old"


def test_followers_of_a_fatal_error_get_it_as_well(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_if_error=1000, fatal=ConnectionError)
    cache["k"] = "old"
    clock.advance(11)
    loader: HeldLoader[Any] = HeldLoader(DOWN)
    leader = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    follower = Call(cache.get_or_load, "k", unexpected)
    await_waiters(cache, 1)
    loader.gate.open()
    assert (leader.error(), type(follower.error())) == (DOWN, ConnectionError)


def test_ten_thousand_keys_written_together_expire_apart_and_refresh_few_at_a_time(
    make: Any, clock: MovableClock
) -> None:
    cache = make(ttl=60, jitter=6, refresh_ahead=10, refresh_workers=2, refresh_queue=8, seed=4)
    count = 10_000
    for key in range(count):
        cache.get_or_load(key, str)
    ends = sorted(cache.get_entry(key).ttl_left for key in range(count))
    assert 11.9 < ends[-1] - ends[0] <= 12
    # None has expired.
    clock.advance(53.9)
    loader = HeldLoader("new")
    for key in range(count):
        cache.get_or_load(key, loader)
    loader.gate.reached(2)
    assert (loader.gate.arrived, len(cache.flights()) <= 10) == (2, True)
    assert cache.stats().refreshes_dropped > 7000
    loader.gate.open()
    await_no_flights(cache)
