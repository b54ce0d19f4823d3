"""get(key, allow_stale=True): an old value for who asks for it, while its windows last, and nothing is done for it."""

from __future__ import annotations

from typing import Any

import pytest

from fastcache import Cache, NotFound
from fastcache.testing import MovableClock


def unexpected(key: object) -> Any:
    raise AssertionError(f"{key!r} was loaded")


def test_an_old_value_is_given_only_to_who_allows_it_and_only_in_its_windows(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_while_revalidate=20, stale_if_error=60)
    cache["k"] = "value"
    assert cache.get("k", allow_stale=True) == "value"
    clock.advance(11)
    for _ in range(2):
        assert (cache.get("k"), cache.get("k", "default")) == (None, "default")
        assert (cache.get("k", allow_stale=False), cache.get("k", "default", allow_stale=False)) == (None, "default")
        assert (cache.get("k", allow_stale=True), cache.get("k", "default", allow_stale=True)) == ("value", "value")
        assert cache.namespace("n").get("k", "default", allow_stale=True) == "default"
        clock.advance(40)
    clock.advance(20)
    assert cache.get("k", "default", allow_stale=True) == "default"


@pytest.mark.parametrize("windows", [{}, {"stale_if_error": 60}], ids=["none", "error"])
def test_without_a_window_there_is_nothing_to_allow(make: Any, clock: MovableClock, windows: dict[str, Any]) -> None:
    cache = make(ttl=10, **windows)
    cache["k"] = "value"
    clock.advance(11)
    assert cache.get("k", allow_stale=True) == ("value" if windows else None)


def test_it_loads_nothing_and_counts_as_a_stale_hit(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_while_revalidate=20)
    cache.get_or_load("k", str)
    clock.advance(11)
    assert cache.get("k", allow_stale=True) == "k"
    assert cache.get("absent", allow_stale=True) is None
    stats = cache.stats()
    assert (stats.stale_hits, stats.hits, stats.misses, stats.refreshes_started) == (1, 0, 2, 0)
    assert cache.flights() == []


def test_what_was_invalidated_softly_is_old_and_what_was_removed_is_gone(make: Any) -> None:
    cache = make(ttl=10, stale_while_revalidate=20)
    cache.set("soft", 1, tags="t")
    cache.set("expired", 2)
    cache.set("hard", 3, tags="u")
    cache.expire_tag("t")
    cache.expire("expired")
    cache.invalidate_tag("u")
    assert [cache.get(k, allow_stale=True) for k in ("soft", "expired", "hard")] == [1, 2, None]


def test_an_absence_has_no_old_value(make: Any, clock: MovableClock) -> None:
    def absent(key: object) -> Any:
        raise NotFound

    cache = make(ttl=10, stale_while_revalidate=20, negative_ttl=5)
    with pytest.raises(NotFound):
        cache.get_or_load("k", absent)
    assert cache.get("k", "default", allow_stale=True) == "default"


def test_an_old_value_is_copied_where_values_are(clock: MovableClock) -> None:
    cache: Cache[str, list[int]] = Cache(ttl=10, stale_while_revalidate=20, copy="shallow", clock=clock)
    cache["k"] = [1]
    clock.advance(11)
    old = cache.get("k", allow_stale=True)
    assert old == [1]
    old.append(2)
    assert cache.get("k", allow_stale=True) == [1]


def test_wrong_arguments_are_named(make: Any) -> None:
    cache = make()
    with pytest.raises(TypeError, match="allow_stale must be a bool, not 1"):
        cache.get("k", allow_stale=1)
    with pytest.raises(TypeError, match="not allow_stake"):
        cache.get("k", allow_stake=True)
    with pytest.raises(TypeError, match="1 or 2 arguments, got 0"):
        cache.get(allow_stale=True)
    with pytest.raises(TypeError, match="unhashable"):
        cache.get([], allow_stale=True)
