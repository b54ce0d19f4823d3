"""get_entry tells how long the load of a value took."""

from __future__ import annotations

from typing import Any

import pytest

from fastcache import Loaded
from fastcache.testing import MovableClock


def taking(clock: MovableClock, seconds: float, value: Any = "value") -> Any:
    def load(key: object) -> Any:
        clock.advance(seconds)
        return value

    return load


def load_time(cache: Any, key: object = "k") -> float | None:
    entry = cache.get_entry(key)
    assert entry is not None
    return entry.load_time


@pytest.mark.parametrize("seconds", [1.2e-6, 3.3e-6, 0.001, 0.0199, 0.5, 1, 7, 60, 1234, 2700])
@pytest.mark.parametrize("value", ["usual", Loaded("tagged", tags="t")], ids=str)
def test_it_is_known_to_an_eighth(make: Any, clock: MovableClock, seconds: float, value: Any) -> None:
    cache = make(max_load_time=None)
    cache.get_or_load("k", taking(clock, seconds, value))
    assert load_time(cache) == pytest.approx(seconds, rel=1 / 8)


def test_longer_and_shorter_ones_are_told_as_the_nearest_that_can_be(make: Any, clock: MovableClock) -> None:
    cache = make(max_load_time=None)
    cache.get_or_load("short", taking(clock, 0))
    cache.get_or_load("long", taking(clock, 1e6))
    assert load_time(cache, "short") == pytest.approx(1e-6, rel=0.13)
    assert load_time(cache, "long") == pytest.approx(3490, rel=0.01)


def test_what_was_written_was_not_loaded(make: Any, clock: MovableClock) -> None:
    cache = make(2, ttl=60)
    cache["k"] = 1
    assert load_time(cache) is None
    cache.get_or_load("loaded", taking(clock, 1))
    cache["loaded"] = 2
    cache.set("k", 3, tags="t")
    assert (load_time(cache), load_time(cache, "loaded")) == (None, None)
    # The slot of a loaded value goes to a key that is written.
    cache.get_or_load("k2", taking(clock, 1))
    for number in range(10):
        cache[number] = number
    assert {load_time(cache, key) for key in cache} == {None}


def test_it_stays_with_the_value(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=60, stale_while_revalidate=600)
    cache.get_or_load("k", taking(clock, 1))
    first = load_time(cache)
    cache.touch("k")
    assert load_time(cache) == first
    cache.expire("k")
    assert load_time(cache) == first
    cache.get_or_load("k", taking(clock, 30), force=True)
    assert load_time(cache) == pytest.approx(30, rel=1 / 8)
    # A failure says nothing about the value that stays.
    cache.expire("k")
    with pytest.raises(ZeroDivisionError):
        cache.get_or_load("k", lambda key: clock.advance(5) or 1 / 0, force=True)
    assert load_time(cache) == pytest.approx(30, rel=1 / 8)
