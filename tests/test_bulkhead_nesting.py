"""Loads within loads, where their number is limited: none waits for a place that its own caller has."""

from __future__ import annotations

from typing import Any

import pytest

from fastcache import Cache, LoadRejected
from fastcache.testing import MovableClock
from tests.harness.effort import EFFORT
from tests.harness.gates import LIMIT, Call, Gate, await_no_flights, await_waiters, in_time
from tests.harness.loaders import Counting, unexpected
from tests.harness.places import Busy, in_line, places_come_back  # noqa: F401 - a fixture

pytestmark = pytest.mark.usefixtures("places_come_back")


@in_time
@pytest.mark.parametrize("limit", [{}, {"wait_timeout": 60}, {"soft_timeout": 60}])
def test_a_load_that_asks_for_other_keys_has_its_place_already(limit: Any) -> None:
    cache: Cache[Any, Any] = Cache(max_concurrent_loads=1)

    def load(n: int) -> int:
        return 1 if n == 0 else n * cache.get_or_load(n - 1, load, **limit)

    assert cache.get_or_load(5, load, **limit) == 120
    assert len(cache) == 6


@in_time
def test_a_load_with_a_place_takes_over_what_waits_for_one() -> None:
    cache: Cache[Any, Any] = Cache(max_concurrent_loads=1)
    gate = Gate()

    def outer(key: str) -> Any:
        gate.stop()
        return cache.get_or_load("inner", lambda key: "the outer one's")

    leader = Call(cache.get_or_load, "outer", outer)
    gate.reached()
    inner = Call(cache.get_or_load, "inner", unexpected)
    in_line(cache, 1)
    follower = Call(cache.get_or_load, "inner", unexpected)
    await_waiters(cache, 1, "inner")
    gate.open()
    assert [leader.result(), inner.result(), follower.result()] == ["the outer one's"] * 3


@in_time
def test_it_never_waits_for_one_that_is_about_to_wait_for_its_place() -> None:
    """The same without a choice of moments: many times, with threads as they come."""
    cache: Cache[Any, Any] = Cache(max_concurrent_loads=1)

    def outer(key: Any) -> Any:
        return cache.get_or_load(("inner", key), str)

    for number in range(300 * EFFORT):
        calls = [
            Call(cache.get_or_load, number, outer),
            Call(cache.get_or_load, ("inner", number), str),
            Call(cache.get_or_load, ("inner", number), str),
        ]
        assert {call.result() for call in calls} == {str(("inner", number))}


@in_time
def test_a_refresh_within_a_load_does_not_wait_for_it() -> None:
    clock = MovableClock()
    cache: Cache[Any, Any] = Cache(ttl=10, stale_while_revalidate=100, max_concurrent_loads=1, clock=clock)
    cache["inner"] = "old"
    clock.advance(11)
    assert cache.get_or_load("outer", lambda key: cache.get_or_load("inner", str)) == "old"
    await_no_flights(cache)


@in_time
@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("place", ["its own", "its caller's"])
def test_a_load_may_wait_for_a_refresh_that_it_asked_for(many: bool, place: str) -> None:
    cache: Cache[Any, Any] = Cache(max_concurrent_loads=1)

    def load(key: str) -> Any:
        if many:
            return cache.refresh_many(["inner"], lambda keys: dict.fromkeys(keys, "inner's")).result()["inner"]
        return cache.refresh("inner", lambda key: "inner's").result()

    def outer(key: str) -> Any:
        return load(key) if place == "its own" else cache.get_or_load("middle", load, wait_timeout=LIMIT)

    assert cache.get_or_load("outer", outer) == cache["inner"] == "inner's"


@in_time
def test_an_interrupt_of_a_refresh_within_a_load_is_the_loads() -> None:
    cache: Cache[Any, Any] = Cache(max_concurrent_loads=1)
    with pytest.raises(KeyboardInterrupt):
        cache.get_or_load("outer", lambda key: cache.refresh("inner", Counting(KeyboardInterrupt())))
    assert len(cache) == 0


@in_time
def test_caches_have_places_of_their_own() -> None:
    one: Cache[Any, Any] = Cache(max_concurrent_loads=1)
    other: Cache[Any, Any] = Cache(max_concurrent_loads=1)
    busy = Busy(other)
    assert one.get_or_load("k", lambda key: "loaded") == "loaded"
    with pytest.raises(LoadRejected):
        one.get_or_load("j", lambda key: other.get_or_load(key, unexpected, wait_timeout=0))
    busy.open()


@in_time
@pytest.mark.parametrize("place", ["free", "taken"])
def test_what_goes_on_after_its_caller_gave_up_needs_no_place_of_its_own(place: str) -> None:
    cache: Cache[Any, Any] = Cache(max_concurrent_loads=1)
    gate = Gate()

    def inner(key: str) -> Any:
        gate.stop()
        return cache.get_or_load("innermost", lambda key: "loaded")

    with pytest.raises(TimeoutError):
        cache.get_or_load("outer", lambda key: cache.get_or_load("inner", inner, wait_timeout=0))
    gate.reached()
    busy = Busy(cache) if place == "taken" else None
    gate.open()
    assert cache.get_or_load("inner", unexpected) == "loaded"
    if busy is not None:
        busy.open()
