"""A load as most are, of a key without an entry and with no options, minds whatever comes between."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import fastcache
from fastcache.testing import MovableClock
from tests.harness.gates import Call, HeldLoader, await_waiters


class Held:
    """A value that tells when it is let go."""


def filled(maxsize: int, **options: Any) -> fastcache.Cache[Any, Any]:
    cache: fastcache.Cache[Any, Any] = fastcache.Cache(maxsize, 60, seed=1, **options)
    for key in range(maxsize):
        assert cache.get_or_load(key, str) == str(key)
    return cache


def test_a_load_into_a_full_cache_takes_the_place_of_one_value() -> None:
    cache = filled(100)
    for key in range(100, 1_000):
        assert cache.get_or_load(key, str) == str(key)
        assert len(cache) == 100
    stats = cache.stats()
    assert (stats.misses, stats.loads, stats.evictions) == (1_000, 1_000, 900)
    cache._check()


def test_values_that_are_driven_out_are_let_go() -> None:
    cache: fastcache.Cache[int, Held] = fastcache.Cache(10, 60)
    alive = [weakref.ref(cache.get_or_load(key, lambda key: Held())) for key in range(50)]
    gc.collect()
    assert sum(ref() is not None for ref in alive) == 10
    cache._check()


def writes(cache: fastcache.Cache[Any, Any]) -> None:
    cache["k"] = "written"


def removes(cache: fastcache.Cache[Any, Any]) -> None:
    cache.delete("k")


def clears(cache: fastcache.Cache[Any, Any]) -> None:
    cache.clear()


def drives_out(cache: fastcache.Cache[Any, Any]) -> None:
    for key in range(1_000, 1_200):
        cache[key] = key


@pytest.mark.parametrize(("meanwhile", "kept"), [(writes, "written"), (removes, None), (clears, None)])
def test_what_comes_between_wins_over_the_value_that_is_loaded(
    meanwhile: Callable[[fastcache.Cache[Any, Any]], None], kept: str | None
) -> None:
    cache = filled(100)

    def load(key: str) -> str:
        meanwhile(cache)
        return "loaded"

    assert cache.get_or_load("k", load) == "loaded"
    assert cache.get("k") == kept
    assert cache.flights() == []
    cache._check()


def test_a_load_during_which_everything_else_was_driven_out_is_kept() -> None:
    cache = filled(100)

    def load(key: str) -> str:
        drives_out(cache)
        return "loaded"

    assert cache.get_or_load("k", load) == "loaded"
    assert (cache.get("k"), len(cache)) == ("loaded", 100)
    cache._check()


def test_values_that_have_expired_leave_before_others_make_room() -> None:
    clock = MovableClock()
    cache: fastcache.Cache[str, str] = fastcache.Cache(3, 60, jitter=0, clock=clock)
    cache.set("brief", "value", ttl=1)
    cache.get_or_load("a", str)
    cache.get_or_load("b", str)
    clock.advance(2)
    cache.get_or_load("c", str)
    assert sorted(cache) == ["a", "b", "c"]
    cache._check()


def test_a_load_in_a_load_and_so_on_keeps_all_of_them() -> None:
    cache: fastcache.Cache[int, int] = fastcache.Cache(1_000, 60)

    def deep(key: int) -> int:
        return 0 if key == 0 else cache.get_or_load(key - 1, deep) + 1

    for top in (40, 80):
        assert cache.get_or_load(top, deep) == top
    assert [cache.get(key) for key in range(81)] == list(range(81))
    assert cache.flights() == []
    cache._check()


def test_a_loader_that_fails_leaves_nothing_and_may_be_tried_again() -> None:
    cache: fastcache.Cache[str, str] = fastcache.Cache(100, 60)
    answers = iter([ValueError("not today"), "value"])

    def load(key: str) -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(ValueError, match="not today"):
        cache.get_or_load("k", load)
    assert (cache.flights(), len(cache)) == ([], 0)
    assert cache.get_or_load("k", load) == "value"
    cache._check()


def test_a_flight_that_others_waited_for_does_not_serve_the_next_load() -> None:
    cache: fastcache.Cache[str, str] = fastcache.Cache(100, 60)
    for key in "abcdefgh":
        loader: HeldLoader[str] = HeldLoader(key * 2)
        leader = Call(cache.get_or_load, key, loader)
        loader.gate.reached()
        follower = Call(cache.get_or_load, key, str.upper)
        await_waiters(cache, 1, key)
        # With the flight of the first still under way.
        assert cache.get_or_load(key * 3, str.upper) == key.upper() * 3
        loader.gate.open()
        assert [leader.result(), follower.result()] == [key * 2] * 2
        assert cache.get_or_load(key * 4, str.upper) == key.upper() * 4
    assert cache.flights() == []
    cache._check()
