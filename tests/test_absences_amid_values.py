"""Remembered absences in a cache that is full: they give way to values without a trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fastcache import Cache, NotFound
from tests.harness.child import check_child


def not_there(key: object) -> None:
    raise NotFound(key)


def forget_in_vain(cache: Cache[Any, Any], key: object) -> None:
    with pytest.raises(NotFound):
        cache.get_or_load(key, not_there)


@pytest.mark.parametrize("write", [Cache.__setitem__, Cache.set, Cache.setdefault])
@pytest.mark.parametrize("options", [{}, {"max_weight": 4, "weigher": lambda key, value: 1}], ids=["", "weighed"])
def test_a_write_over_an_expired_absence_in_a_full_cache_is_kept(
    make: Callable[..., Cache[Any, Any]], clock: Any, write: Callable[..., Any], options: dict[str, Any]
) -> None:
    cache = make(4, ttl=1000, negative_ttl=10, negative_maxsize=4, **options)
    forget_in_vain(cache, "absent")
    cache.update((number, number) for number in range(4))
    clock.advance(20)
    write(cache, "absent", "there")
    assert cache.get("absent") == "there"
    assert len(cache) == 4
    cache._check()


def test_an_eviction_that_meets_many_expired_absences_has_room_for_all_that_leaves() -> None:
    check_child(
        """
from fastcache import Cache, NotFound
from fastcache.testing import MovableClock
from tests.harness.gates import HeldLoader

def raising(error):
    def load(key):
        raise error
    return load

def attempt(key, error, **options):
    try:
        cache.get_or_load(key, raising(error), **options)
    except type(error):
        pass

clock = MovableClock()
cache = Cache(1, ttl=1000, refresh_ahead=500, negative_ttl=10, negative_maxsize=200, clock=clock)
# A value with all that one can have beside it: tags, a failure, a load behind it.
cache.set("full", "old", tags="tag")
attempt("full", ValueError(), force=True)
clock.advance(480)
for key in range(100):
    attempt(key, NotFound())
clock.advance(120)
held = HeldLoader("new")
cache.get_or_load("full", held)
held.gate.reached()
cache["next"] = "value"
cache._check()
held.gate.open()
print(cache["next"])
""",
        out="value",
    )


@pytest.mark.parametrize("none_ttl", [0, 5])
def test_none_has_its_own_ttl_in_a_cache_where_else_nothing_expires(
    make: Callable[..., Cache[Any, Any]], clock: Any, none_ttl: float
) -> None:
    cache = make(none_ttl=none_ttl, uncacheable_ttl=5)
    calls: list[object] = []
    for _ in range(2):
        assert cache.get_or_load("k", calls.append) is None
    assert len(calls) == (1 if none_ttl else 2)
    cache._check()
    clock.advance(5)
    assert cache.get_or_load("k", lambda key: "there") == "there"
    assert cache["k"] == "there"
