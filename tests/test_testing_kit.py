"""Held loads, and all caches of the process in the hands of a test."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest

from fastcache import Cache, cached
from fastcache._registry import live_caches, register
from fastcache.testing import HeldLoader, assert_no_flights, clear_all, open_flights
from tests.harness.child import check_child
from tests.harness.gates import Call, all_at_once, await_until, await_waiters


@pytest.fixture
def listed(cache: Cache[Any, Any]) -> Cache[Any, Any]:
    register(cache)
    return cache


def test_a_held_loader_stops_until_it_is_released(cache: Cache[Any, Any]) -> None:
    loader: HeldLoader[str] = HeldLoader()
    calls = [Call(cache.get_or_load, "k", loader) for _ in range(2)]
    loader.reached()
    await_waiters(cache, 1)
    assert (loader.calls, cache.get("k")) == (["k"], None)
    loader.release("value")
    assert [call.result() for call in calls] == ["value", "value"]
    assert (loader.calls, cache["k"]) == (["k"], "value")


def test_a_held_loader_raises_what_it_is_released_with(cache: Cache[Any, Any]) -> None:
    loader: HeldLoader[str] = HeldLoader()
    call = Call(cache.get_or_load, "k", loader)
    loader.reached()
    loader.release(ValueError("bad"))
    assert isinstance(call.error(), ValueError)
    with pytest.raises(ValueError, match="bad"):
        cache.get_or_load("k", loader)
    loader.release("good")
    assert (cache.get_or_load("k", loader), loader.calls) == ("good", ["k"] * 3)


def test_one_release_lets_all_go_and_each_is_counted(cache: Cache[Any, Any]) -> None:
    loader: HeldLoader[int] = HeldLoader()
    calls = [Call(cache.get_or_load, key, loader) for key in range(10)]
    loader.reached(10)
    assert sorted(loader.calls) == list(range(10))  # type: ignore[type-var]
    loader.release(7)
    assert [call.result() for call in calls] == [7] * 10


def test_a_release_amid_calls_misses_none() -> None:
    for _ in range(100):
        loader: HeldLoader[int] = HeldLoader(timeout=20)
        calls = all_at_once(3, loader, "k")
        loader.release(1)
        assert [call.result() for call in calls] == [1] * 3


def test_a_held_loader_stands_in_for_a_cached_function() -> None:
    loader: HeldLoader[int] = HeldLoader()
    loader.release(3)
    load = cached(lambda key, *more, **named: loader(key, *more, **named))
    assert (load("k", 2, three=3), loader.calls) == (3, ["k"])


def test_a_load_that_nobody_releases_and_one_that_does_not_come_fail_in_time() -> None:
    loader: HeldLoader[int] = HeldLoader(timeout=0.01)
    with pytest.raises(TimeoutError, match=r"'k' was not released in 0\.01 s"):
        loader("k")
    with pytest.raises(AssertionError, match=r"1 of 2 loads have begun in 0\.01 s"):
        loader.reached(2, timeout=0.01)


def test_clear_all_empties_every_cache(listed: Cache[Any, Any], make: Any) -> None:
    other = make(name="other")
    register(other)
    listed["k"] = other["k"] = 1
    assert [cache for cache in live_caches() if cache is listed or cache is other] == [listed, other]
    clear_all()
    assert (len(listed), len(other)) == (0, 0)


def test_open_flights_are_told_with_their_caches(listed: Cache[Any, Any]) -> None:
    assert_no_flights()
    loader: HeldLoader[int] = HeldLoader()
    call = Call(listed.get_or_load, "k", loader)
    loader.reached()
    [(cache, flight)] = open_flights()
    assert (cache is listed, flight.key, flight.owner) == (True, "k", call.thread.ident)
    with pytest.raises(AssertionError, match=re.escape("still loading: 'k' of <Cache")):
        assert_no_flights(timeout=0.01)
    loader.release(1)
    assert_no_flights(timeout=60)
    assert (open_flights(), call.result()) == ([], 1)


def test_a_key_that_cannot_be_shown_is_told_by_its_type(listed: Cache[Any, Any]) -> None:
    class Shy:
        def __repr__(self) -> str:
            raise ValueError

    loader: HeldLoader[int] = HeldLoader()
    call = Call(listed.get_or_load, Shy(), loader)
    loader.reached()
    with pytest.raises(AssertionError, match="a key of type Shy"):
        assert_no_flights()
    loader.release(1)
    call.result()


def test_a_dead_cache_is_not_listed(listed: Cache[Any, Any]) -> None:
    before = len(live_caches())
    register(Cache())
    await_until(lambda: len(live_caches()) == before, "the end of the other")


def test_threads_may_come_and_go_while_all_are_cleared(listed: Cache[Any, Any]) -> None:
    def make_and_drop() -> None:
        for _ in range(100):
            other: Cache[int, int] = Cache()
            register(other)
            other[1] = 1

    def clear() -> None:
        for _ in range(100):
            listed[threading.get_ident()] = 1
            clear_all()

    for call in [*all_at_once(2, make_and_drop), *all_at_once(2, clear)]:
        call.result()
    clear_all()
    assert len(listed) == 0


def test_the_kit_starts_no_thread_and_needs_no_pytest() -> None:
    check_child(
        """
        import sys, threading
        import fastcache.testing
        print(threading.active_count(), "pytest" in sys.modules)
        """,
        out="1 False",
    )
