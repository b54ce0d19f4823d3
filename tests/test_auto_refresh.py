"""refresh_ahead="auto": how long before its expiry a value is reloaded follows from how long loading it took."""

from __future__ import annotations

import math
from typing import Any

import pytest

import fastcache
from fastcache import Cache, Loaded
from fastcache.testing import MovableClock
from tests.harness.gates import await_no_flights
from tests.harness.loaders import unexpected


class Taking:
    """A loader that takes so many seconds of the clock."""

    def __init__(self, clock: MovableClock, seconds: float, result: Any = "value") -> None:
        self.clock = clock
        self.seconds = seconds
        self.result = result

    def __call__(self, key: object) -> Any:
        self.clock.advance(self.seconds)
        return self.result


def auto(clock: MovableClock, ttl: float, **options: Any) -> Cache[Any, Any]:
    # One stripe, so that the draws follow from the seed alone, whatever this process hashes keys to.
    return Cache(30_000, ttl, policy="lru", refresh_ahead="auto", clock=clock, **options)


def test_the_point_is_drawn_by_the_papers_formula(clock: MovableClock) -> None:
    """A load that took d starts the next one d * (1 + x) before the expiry, x exponential with mean 1.

    So the share of values that are due a time a before their expiry is P(d * (1 + x) >= a) = exp(1 - a / d) for a >= d,
    and all of them are from d before it on.
    """
    ttl, took = 1_000_000.0, 10.0
    for distance in (80, 50, 30, 20, 15, 11):
        fresh: Cache[Any, Any] = auto(clock, ttl, seed=11)
        for number in range(2000):
            fresh.get_or_load(number, Taking(clock, took))
        # Each was written 10 s after the one before it.
        due = 0
        clock.advance(ttl - distance - 2000 * took)
        for number in range(2000):
            clock.advance(took)
            entry = fresh.get_entry(number)
            assert entry is not None
            assert entry.ttl_left == pytest.approx(distance, abs=0.01)
            due += entry.state == "due"
        expected = math.exp(1 - distance / took)
        # Five standard deviations.
        assert abs(due / 2000 - expected) < 5 * math.sqrt(expected * (1 - expected) / 2000) + 1e-9, distance


def test_a_load_time_before_its_expiry_every_value_is_due(clock: MovableClock) -> None:
    cache = auto(clock, 1000, seed=1)
    for number in range(300):
        cache.get_or_load(number, Taking(clock, 2))
        clock.advance(1000 - 2)
        entry = cache.get_entry(number)
        assert entry is not None
        assert entry.state == "due"
        clock.advance(2)


def test_no_value_is_due_before_half_of_its_life(clock: MovableClock) -> None:
    cache = auto(clock, 100, seed=1)
    for number in range(300):
        # However long it took.
        cache.get_or_load(number, Taking(clock, 10 ** (number % 5)))
        clock.advance(50 - 1e-4)
        entry = cache.get_entry(number)
        assert entry is not None
        assert entry.state == "fresh"
        clock.advance(2e-4)
        entry = cache.get_entry(number)
        assert entry is not None
        if number % 5 >= 2:
            assert entry.state == "due"
        clock.advance(50)


def test_a_life_shortened_by_jitter_or_the_loader_is_halved_as_it_is(clock: MovableClock) -> None:
    cache = auto(clock, 100, seed=1, jitter=(-90, 0))
    for number in range(100):
        cache.get_or_load(number, Taking(clock, 1000, Loaded("value", ttl=20) if number % 2 else "value"))
        entry = cache.get_entry(number)
        assert entry is not None
        life = entry.ttl_left
        assert life is not None
        clock.advance(life / 2 - 1e-4)
        assert (cache.get_entry(number) or entry).state == "fresh"
        clock.advance(2e-4)
        assert cache.get_entry(number) is not None
        assert cache.get_entry(number).state == "due"  # type: ignore[union-attr]
        clock.advance(life)


@pytest.mark.parametrize("write", ["set", "[]", "setdefault", "update"])
def test_what_was_not_loaded_has_no_such_point(clock: MovableClock, write: str) -> None:
    cache = auto(clock, 100)
    writes: dict[str, Any] = {
        "set": lambda: cache.set("k", 1),
        "[]": lambda: cache.__setitem__("k", 1),
        "setdefault": lambda: cache.setdefault("k", 1),
        "update": lambda: cache.update(k=1),
    }
    writes[write]()
    clock.advance(100 - 1e-4)
    assert cache.get_or_load("k", unexpected, with_status=True) == (1, "hit")


def test_what_took_no_time_has_none_either(clock: MovableClock) -> None:
    cache = auto(clock, 100)
    cache.get_or_load("k", str)
    clock.advance(100 - 1e-4)
    assert cache.get_or_load("k", unexpected, with_status=True) == ("k", "hit")


def test_a_key_in_use_is_never_missed_and_the_new_load_time_counts(clock: MovableClock) -> None:
    cache = auto(clock, 100, seed=2)
    loader = Taking(clock, 1)
    cache.get_or_load("k", loader)
    refreshed = []
    for _ in range(2000):
        clock.advance(1)
        before = cache.get_entry("k")
        assert before is not None
        if cache.get_or_load("k", loader, with_status=True)[1] == "early":
            refreshed.append(before.ttl_left)
            loader.seconds = 5
        await_no_flights(cache)
    assert cache.stats().misses == 1
    # The first after a load of 1 s, the others after loads of 5 s.
    assert refreshed[0] is not None
    assert refreshed[0] < 15
    later = [left for left in refreshed[1:] if left is not None]
    assert 5 < sum(later) / len(later) < 15
    assert len(later) > 15


def test_one_seed_gives_the_same_points_again(clock: MovableClock) -> None:
    def due(seed: int) -> list[str]:
        cache = auto(clock, 1000, seed=seed)
        for number in range(50):
            cache.get_or_load(number, Taking(clock, 1))
        clock.advance(1000 - 50 - 2)
        states = []
        for number in range(50):
            # Each is looked at 2 s before its expiry.
            clock.advance(1)
            entry = cache.get_entry(number)
            states.append(entry.state if entry else "gone")
        return states

    assert due(1) == due(1)
    assert len({tuple(due(seed)) for seed in (1, 2, 3)}) == 3


def test_a_decorated_function_refreshes_so_too(clock: MovableClock) -> None:
    @fastcache.cached(ttl=100, refresh_ahead="auto", clock=clock)
    def slow(number: int) -> float:
        clock.advance(60)
        return clock.now

    first = slow(1)
    clock.advance(51)
    assert slow(1) == first
    await_no_flights(slow.cache)
    assert slow(1) > first


@pytest.mark.parametrize("value", ["Auto", "automatic", "", b"auto", None])
def test_auto_is_the_only_word(value: Any) -> None:
    with pytest.raises(TypeError, match="refresh_ahead"):
        Cache(ttl=60, refresh_ahead=value)


@pytest.mark.parametrize("ttl", [None, 0])
def test_auto_needs_a_ttl(ttl: Any) -> None:
    with pytest.raises(ValueError, match="refresh_ahead='auto'"):
        Cache(ttl=ttl, refresh_ahead="auto")


def test_touching_a_value_draws_its_point_anew(clock: MovableClock) -> None:
    cache = auto(clock, 1000, seed=1)
    due = set()
    for number in range(300):
        cache.get_or_load(number, Taking(clock, 2))
        clock.advance(500)
        assert cache.touch(number)
        # At the latest a load time before the expiry, which is known to an eighth.
        clock.advance(1000 - 2 * 9 / 8)
        entry = cache.get_entry(number)
        assert entry is not None
        due.add(entry.state)
        clock.advance(2 * 9 / 8 - 2 * 7 / 8)
        entry = cache.get_entry(number)
        assert entry is not None
        assert (entry.state, entry.load_time) == ("due", pytest.approx(2, rel=1 / 8))
    # Some only then.
    assert due == {"due", "fresh"}


def test_touching_a_value_that_was_written_gives_it_no_point(clock: MovableClock) -> None:
    cache = auto(clock, 1000, seed=1)
    cache["k"] = "value"
    cache.touch("k")
    clock.advance(999.999)
    entry = cache.get_entry("k")
    assert entry is not None
    assert entry.state == "fresh"
