"""Tags: one step invalidates all entries that bear one, those that are being loaded included."""

from __future__ import annotations

from typing import Any

import pytest

from fastcache import Cache, Loaded
from fastcache.testing import MovableClock
from tests.harness.gates import Call, HeldLoader, await_no_flights, await_until, await_waiters
from tests.harness.loaders import Counting, unexpected

DOWN = ConnectionError("down")


def tagged(value: Any, *tags: str, **wishes: Any) -> Any:
    """A loader of a value that bears these tags."""
    return lambda key: Loaded(value, tags=tags, **wishes)


@pytest.fixture(params=["set", "load", "refresh", "load elsewhere"])
def write(request: pytest.FixtureRequest) -> Any:
    """Writes a value with tags in one of the ways there are."""

    def write(cache: Cache[Any, Any], key: Any, value: Any, *tags: str) -> None:
        if request.param == "set":
            cache.set(key, value, tags=tags)
        elif request.param == "load":
            cache.get_or_load(key, tagged(value, *tags), force=True)
        elif request.param == "load elsewhere":
            cache.get_or_load(key, tagged(value, *tags), force=True, wait_timeout=60)
        else:
            cache.get_or_load(key, lambda key: Loaded("old", stale_while_revalidate=10), force=True)
            cache.expire(key)
            cache.get_or_load(key, tagged(value, *tags))
            await_no_flights(cache)

    return write


# ---- invalidate_tag ----


def test_all_that_bear_a_tag_leave_together_and_nothing_else(make: Any, write: Any) -> None:
    cache = make(ttl=60)
    for number in range(100):
        write(cache, number, number, "all", "even" if number % 2 == 0 else "odd", f"number {number}")
    cache["plain"] = "plain"
    cache.invalidate_tag("even")
    assert sorted(cache, key=str) == sorted([*range(1, 100, 2), "plain"], key=str)
    cache.invalidate_tag("number 7")
    assert (7 in cache, 9 in cache) == (False, True)
    cache.invalidate_tag("all")
    assert list(cache) == ["plain"]


@pytest.mark.parametrize("ttl", [None, 60])
def test_every_way_to_look_agrees_that_it_is_gone(make: Any, ttl: float | None) -> None:
    removed: list[Any] = []
    cache = make(ttl=ttl, on_removal=lambda *event: removed.append(event))
    for key in "abcdefg":
        cache.set(key, f"value {key}", tags="t")
    cache["plain"] = 1
    cache.invalidate_tag("t")
    assert (cache.get("a"), "b" in cache, cache.get_entry("c")) == (None, False, None)
    with pytest.raises(KeyError):
        cache["d"]
    assert (list(cache), list(cache.items()), len(cache)) == (["plain"], [("plain", 1)], 1)
    assert cache.pop("e", "default") == "default"
    assert not cache.delete("e")
    assert not cache.expire("f")
    assert cache.setdefault("f", "new") == "new"
    assert cache.get_or_load("g", lambda key: "loaded", with_status=True) == ("loaded", "miss")
    cache.sweep()
    assert (cache.stats().entries, cache.stats().weight) == (3, 0)
    assert sorted(removed) == [(key, f"value {key}", "explicit") for key in "abcdefg"]


def test_what_is_written_afterwards_lives(make: Any, write: Any) -> None:
    cache = make(ttl=60)
    for _ in range(3):
        write(cache, "k", "value", "t")
        assert cache["k"] == "value"
        cache.invalidate_tag("t")
        assert "k" not in cache
    write(cache, "k", "value", "t")
    assert cache.get_or_load("k", unexpected) == "value"


def test_a_value_written_over_bears_only_its_own_tags(make: Any, write: Any) -> None:
    cache = make(ttl=60)
    write(cache, "k", 1, "a", "b")
    write(cache, "k", 2, "b", "c")
    cache.invalidate_tag("a")
    assert (cache["k"], cache.get_entry("k").tags) == (2, ("b", "c"))
    cache["k"] = 3
    cache.invalidate_tag("b")
    cache.invalidate_tag("c")
    assert (cache["k"], cache.get_entry("k").tags) == (3, ())


def test_a_tag_that_nobody_bears_may_be_invalidated(make: Any) -> None:
    cache = make(ttl=60)
    cache.set("k", 1, tags="t")
    cache.invalidate_tag("unknown")
    cache.expire_tag("unknown")
    assert cache["k"] == 1


@pytest.mark.parametrize("count", [1, 2, 50])
def test_an_entry_may_bear_many_tags_and_each_reaches_it(make: Any, count: int) -> None:
    names = [f"t{number}" for number in range(count)]
    cache = make(ttl=60)
    for name in names:
        cache.set("k", 1, tags=names)
        assert cache.get_entry("k").tags == tuple(names)
        cache.invalidate_tag(name)
        assert "k" not in cache


@pytest.mark.parametrize("tags", [5, None, [1], ["a", None], b"bytes", [b"a"], object()])
def test_tags_are_strs(make: Any, tags: Any) -> None:
    cache = make(ttl=60)
    with pytest.raises(TypeError, match="tags"):
        cache.set("k", 1, tags=tags)
    assert "k" not in cache


@pytest.mark.parametrize("method", ["invalidate_tag", "expire_tag"])
@pytest.mark.parametrize("tag", [None, 5, b"t", ["t"]])
def test_one_str_is_invalidated_at_a_time(make: Any, method: str, tag: Any) -> None:
    with pytest.raises(TypeError, match="tag"):
        getattr(make(), method)(tag)


def test_tags_are_a_caches_own(make: Any) -> None:
    one, other = make(ttl=60), make(ttl=60)
    for cache in (one, other):
        cache.set("k", 1, tags="t")
    one.invalidate_tag("t")
    assert ("k" in one, "k" in other) == (False, True)


def test_subclasses_of_str_are_names_like_any_other(make: Any) -> None:
    class Odd(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            raise RuntimeError("compared")

        __hash__ = str.__hash__

    cache = make(ttl=60)
    cache.set("k", 1, tags=[Odd("t")])
    cache.invalidate_tag("t")
    assert "k" not in cache


def test_clearing_and_deleting_need_no_tags(make: Any) -> None:
    cache = make(ttl=60)
    for act in (cache.clear, lambda: cache.delete("k"), lambda: cache.pop("k")):
        cache.set("k", 1, tags="t")
        act()
        assert "k" not in cache
        cache.invalidate_tag("t")


def test_an_evicted_value_takes_its_tags_along(make: Any) -> None:
    cache = make(10, policy="lru", ttl=60)
    for number in range(1000):
        cache.set(number, number, tags=f"t{number}")
    for number in range(1000):
        cache.invalidate_tag(f"t{number}")
        assert len(cache) == min(10, 999 - number)


# ---- loads under way ----


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("limit", [{}, {"wait_timeout": 60}])
def test_a_load_under_way_that_comes_to_bear_it_is_not_kept(make: Any, known: bool, limit: Any) -> None:
    cache = make(ttl=60)
    if known:
        cache.set("other", 1, tags="t")
    loader = HeldLoader(Loaded("loaded", tags="t"))
    leader = Call(cache.get_or_load, "k", loader, **limit)
    loader.gate.reached()
    follower = Call(cache.get_or_load, "k", unexpected)
    await_waiters(cache, 1 + len(limit))
    cache.invalidate_tag("t")
    loader.gate.open()
    # They had asked before.
    assert (leader.result(), follower.result()) == ("loaded", "loaded")
    assert ("k" in cache, cache.get_or_load("k", tagged("new", "t"))) == (False, "new")
    assert cache["k"] == "new"


def test_a_load_under_way_that_bears_others_is_kept(make: Any) -> None:
    cache = make(ttl=60)
    cache.set("other", 1, tags=["t", "other"])
    loader = HeldLoader(Loaded("loaded", tags="t"))
    leader = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    cache.invalidate_tag("other")
    loader.gate.open()
    assert (leader.result(), cache["k"]) == ("loaded", "loaded")


@pytest.mark.parametrize("ttl", [None, 60])
def test_what_came_too_late_to_be_kept_is_swept_out(make: Any, ttl: float | None) -> None:
    removed: list[Any] = []
    cache = make(ttl=ttl, on_removal=lambda *event: removed.append(event))
    loader = HeldLoader(Loaded("loaded", tags="t"))
    leader = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    cache.invalidate_tag("t")
    cache.sweep()
    loader.gate.open()
    leader.join()
    cache.sweep()
    assert (cache.stats().entries, [event for event in removed if event[2] != "explicit"]) == (0, [])


def test_a_refresh_under_way_does_not_bring_it_back(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, refresh_ahead=5)
    cache.set("k", "old", tags="t")
    clock.advance(6)
    loader = HeldLoader(Loaded("new", tags="t"))
    assert cache.get_or_load("k", loader) == "old"
    loader.gate.reached()
    cache.invalidate_tag("t")
    assert "k" not in cache
    follower = Call(cache.get_or_load, "k", unexpected)
    await_waiters(cache, 1)
    loader.gate.open()
    assert (follower.result(), "k" in cache) == ("new", False)


# ---- expire_tag ----


def test_expiring_a_tag_leaves_its_bearers_to_the_windows(make: Any, clock: MovableClock, write: Any) -> None:
    cache = make(ttl=60, stale_while_revalidate=5, stale_if_error=20)
    write(cache, "k", "old", "t")
    clock.advance(7)
    cache.expire_tag("t")
    entry = cache.get_entry("k")
    assert (entry.value, entry.state, entry.ttl_left, entry.age) == ("old", "stale", 0.0, pytest.approx(7, abs=1e-4))
    assert ("k" in cache, cache.get("k"), len(cache), list(cache)) == (False, None, 0, [])
    clock.advance(4)
    assert cache.get_or_load("k", Counting(DOWN), with_status=True) == ("old", "stale")
    await_no_flights(cache)
    clock.advance(15)
    assert cache.get_or_load("k", Counting(DOWN), with_status=True) == ("old", "stale_error")
    clock.advance(1)
    with pytest.raises(ConnectionError):
        cache.get_or_load("k", Counting(DOWN))


@pytest.mark.parametrize("ttl", [None, 60])
def test_without_windows_it_removes_them_as_expired(make: Any, ttl: float | None) -> None:
    removed: list[Any] = []
    cache = make(ttl=ttl, on_removal=lambda *event: removed.append(event))
    cache.set("k", 1, tags="t")
    cache.expire_tag("t")
    assert (cache.get_entry("k"), len(cache), removed) == (None, 0, [("k", 1, "expired")])


def test_what_a_load_under_way_brings_is_stale_from_the_start(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=60, stale_while_revalidate=30)
    loader = HeldLoader(Loaded("loaded", tags="t"))
    leader = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    clock.advance(5)
    cache.expire_tag("t")
    clock.advance(2)
    loader.gate.open()
    assert leader.result() == "loaded"
    assert (cache.get_entry("k").state, cache.get_entry("k").ttl_left) == ("stale", -2.0)
    assert cache.get_or_load("k", tagged("new", "t"), with_status=True) == ("loaded", "stale")
    await_until(lambda: cache.get("k") == "new", "the refresh")


def test_a_tags_expiry_lengthens_no_life(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_if_error=5)
    cache.set("k", "old", tags="t")
    clock.advance(12)
    cache.expire_tag("t")
    clock.advance(3)
    assert cache.get_entry("k") is None


def test_a_second_expiry_begins_no_windows_anew(make: Any, clock: MovableClock, write: Any) -> None:
    cache = make(ttl=60, stale_if_error=10)
    write(cache, "first", 1, "t")
    cache.expire_tag("t")
    clock.advance(6)
    write(cache, "second", 2, "t")
    cache.expire_tag("t")
    assert [cache.get_entry(key).ttl_left for key in ("first", "second")] == [-6, 0]
    clock.advance(4)
    cache.expire_tag("t")
    assert (cache.get_entry("first"), cache.get_entry("second").ttl_left) == (None, -4)
    clock.advance(6)
    cache.expire_tag("t")
    assert cache.get_entry("second") is None


def test_an_expiry_revives_nothing_whose_windows_were_over(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=60, stale_while_revalidate=5)
    cache.set("k", "old", tags=("s", "t"))
    cache.expire_tag("s")
    clock.advance(5)
    cache.expire_tag("s")
    cache.expire_tag("t")
    assert cache.get_entry("k") is None


def test_windows_of_a_value_of_its_own_outlast_any_number_of_expiries(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=60, stale_if_error=2)
    cache.get_or_load("k", tagged("old", "t", stale_if_error=800))
    for second in range(700):
        cache.expire_tag("t")
        assert -second - 100 <= cache.get_entry("k").ttl_left <= -second
        clock.advance(1)
    clock.advance(100)
    assert cache.get_entry("k") is None


def test_the_removal_of_a_tag_outdoes_its_expiry(make: Any) -> None:
    for acts in (("expire_tag", "invalidate_tag"), ("invalidate_tag", "expire_tag")):
        cache = make(ttl=60, stale_if_error=60)
        cache.set("k", 1, tags="t")
        for act in acts:
            getattr(cache, act)("t")
        assert cache.get_entry("k") is None


@pytest.mark.parametrize("ttl", [None, 1000])
def test_what_expired_by_its_tag_is_swept_out_after_its_windows(make: Any, clock: MovableClock, ttl: Any) -> None:
    cache = make(ttl=1000, stale_if_error=10)
    for number in range(100):
        cache.set(number, number, ttl=ttl, tags="t")
    cache.expire_tag("t")
    for step in (5, 4):
        clock.advance(step)
        cache.sweep()
        assert cache.stats().entries == 100
    clock.advance(1)
    cache.sweep()
    assert cache.stats().entries == 0
