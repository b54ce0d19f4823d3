"""What a loader may know of the old value and say of the new one, through its context or with ``Loaded``."""

from __future__ import annotations

from typing import Any

import pytest

from fastcache import Cache, LoadContext, Loaded
from fastcache.testing import MovableClock
from tests.harness.gates import await_idle, await_no_flights
from tests.harness.loaders import Counting

DOWN = ConnectionError("down")


class WithContext:
    """A loader that calls ``say(ctx)`` and returns what that returns; ``ctx`` is the last one."""

    ctx: Any = None

    def __init__(self, say: Any) -> None:
        self.say = say

    def __call__(self, key: Any, ctx: LoadContext[Any, Any]) -> Any:
        self.ctx = ctx
        return self.say(ctx)


def load(cache: Cache[Any, Any], say: Any, **options: Any) -> Any:
    return cache.get_or_load("k", WithContext(say), with_context=True, **options)


def wishing(**wishes: Any) -> Any:
    def say(ctx: Any) -> str:
        for name, value in wishes.items():
            setattr(ctx, name, value)
        return "value"

    return say


# Both ways to say how a value is to be kept.
WAYS: dict[str, Any] = {
    "ctx": lambda cache, **wishes: load(cache, wishing(**wishes)),
    "Loaded": lambda cache, **wishes: cache.get_or_load("k", lambda key: Loaded("value", **wishes)),
    "Loaded with ctx": lambda cache, **wishes: load(cache, lambda ctx: Loaded("value", **wishes)),
}
ways = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


@ways
def test_without_wishes_a_value_is_kept_as_ever(make: Any, way: Any) -> None:
    cache = make(ttl=60)
    assert way(cache) == "value"
    entry = cache.get_entry("k")
    assert (entry.value, entry.state, entry.ttl_left, entry.tags, entry.etag) == ("value", "fresh", 60.0, (), None)


@ways
@pytest.mark.parametrize("cache_ttl", [None, 60])
@pytest.mark.parametrize("ttl", [None, 5, 100, 0.5])
def test_a_loader_may_choose_the_ttl(
    make: Any, clock: MovableClock, way: Any, cache_ttl: float | None, ttl: float | None
) -> None:
    cache = make(ttl=cache_ttl)
    assert way(cache, ttl=ttl) == "value"
    assert cache.get_entry("k").ttl_left == ttl
    if ttl is not None:
        clock.advance(ttl - 1e-6)
        assert cache["k"] == "value"
        clock.advance(1e-6)
    assert ("k" in cache) is (ttl is None)


@ways
def test_a_loaders_ttl_comes_before_the_calls(make: Any, way: Any) -> None:
    cache = make(ttl=60)
    cache.get_or_load("k", lambda key: Loaded("value", ttl=5), ttl=10)
    assert cache.get_entry("k").ttl_left == 5


@ways
def test_a_ttl_of_nothing_is_shared_and_not_kept(make: Any, way: Any) -> None:
    cache = make(ttl=60)
    cache["k"] = "old"
    cache.expire("k")
    assert way(cache, ttl=0) == "value"
    assert (cache.get_entry("k"), cache.stats().entries, cache.stats().loads) == (None, 0, 1)


@ways
def test_windows_of_a_value_of_its_own(make: Any, clock: MovableClock, way: Any) -> None:
    cache = make(ttl=10, stale_if_error=100)
    way(cache, stale_while_revalidate=5, stale_if_error=20)
    clock.advance(14)
    assert cache.get_or_load("k", Counting(DOWN), with_status=True) == ("value", "stale")
    await_no_flights(cache)
    clock.advance(15)
    assert cache.get_or_load("k", Counting(DOWN), with_status=True) == ("value", "stale_error")
    clock.advance(1)
    # That of the cache is longer.
    with pytest.raises(ConnectionError):
        cache.get_or_load("k", Counting(DOWN))


@ways
@pytest.mark.parametrize("ttl", [None, 10])
def test_one_window_leaves_the_other_as_the_cache_has_it(
    make: Any, clock: MovableClock, way: Any, ttl: float | None
) -> None:
    cache = make(ttl=10, stale_while_revalidate=3, stale_if_error=50)
    way(cache, stale_if_error=7, ttl=10)
    clock.advance(12)
    assert cache.get_or_load("k", Counting(DOWN), with_status=True) == ("value", "stale")
    await_no_flights(cache)
    clock.advance(4)
    assert cache.get_or_load("k", Counting(DOWN), with_status=True) == ("value", "stale_error")
    clock.advance(1)
    assert cache.get_entry("k") is None


@ways
def test_windows_longer_than_the_caches_are_not_swept_away(make: Any, clock: MovableClock, way: Any) -> None:
    cache = make(ttl=10)
    way(cache, stale_if_error=100)
    clock.advance(109)
    cache.sweep()
    cache.update(dict.fromkeys(range(100)))
    assert cache.get_or_load("k", Counting(DOWN)) == "value"
    clock.advance(1)
    cache.sweep()
    assert (cache.stats().entries, cache.get_entry("k")) == (100, None)


@ways
def test_a_value_that_is_written_over_takes_its_windows_along(make: Any, clock: MovableClock, way: Any) -> None:
    cache = make(ttl=10)
    way(cache, stale_if_error=100, tags=["t"], etag="e")
    cache["k"] = "plain"
    assert cache.get_entry("k")[7:] == (pytest.approx(0, abs=1e-5), (), None, None)
    clock.advance(10)
    assert cache.get_entry("k") is None


@ways
def test_a_weight_comes_before_the_weigher(make: Any, way: Any) -> None:
    cache = make(max_weight=10, weigher=lambda key, value: 1)
    way(cache, weight=7)
    assert cache.stats().weight == 7
    cache.clear()
    way(cache)
    assert cache.stats().weight == 1
    cache.clear()
    assert way(cache, weight=11) == "value"
    assert ("k" in cache, cache.stats().oversized) == (False, 1)


@ways
def test_tags_and_etag_are_kept_with_the_value(make: Any, way: Any) -> None:
    cache = make(ttl=60)
    way(cache, tags=("a", "b", "a"), etag=["any", "thing"])
    entry = cache.get_entry("k")
    assert (entry.tags, entry.etag) == (("a", "b"), ["any", "thing"])
    assert cache["k"] == "value"
    cache.invalidate_tag("b")
    assert "k" not in cache


WRONG = [
    *((name, -1, ValueError) for name in ("ttl", "stale_while_revalidate", "stale_if_error")),
    *((name, "5", TypeError) for name in ("ttl", "stale_while_revalidate", "stale_if_error")),
    *((name, True, TypeError) for name in ("ttl", "stale_while_revalidate", "stale_if_error")),
    *((name, None, TypeError) for name in ("stale_while_revalidate", "stale_if_error", "weight")),
    ("ttl", float("nan"), ValueError),
    ("weight", -1, ValueError),
    ("weight", 1.5, TypeError),
    ("weight", 2**62, ValueError),
    ("tags", 5, TypeError),
    ("tags", None, TypeError),
    ("tags", ["a", 1], TypeError),
]


@ways
@pytest.mark.parametrize(("name", "value", "error"), WRONG)
def test_a_wrong_wish_fails_the_load_naming_parameter_and_value(
    make: Any, clock: MovableClock, way: Any, name: str, value: Any, error: type[Exception]
) -> None:
    cache = make(ttl=10, max_weight=100, weigher=lambda key, value: 1)
    with pytest.raises(error, match=name) as caught:
        way(cache, **{name: value})
    assert repr(value if value != ["a", 1] else 1) in str(caught.value)
    assert (cache.flights(), cache.stats().entries, cache.stats().load_errors, cache.stats().loads) == ([], 0, 1, 0)


def test_a_wrong_wish_is_an_error_that_an_old_value_stands_in_for(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_if_error=10)
    cache["k"] = "old"
    clock.advance(10)
    assert load(cache, wishing(ttl=-1), with_status=True) == ("old", "stale_error")


# ---- the old value ----


def test_a_first_load_has_no_old_value(cache: Cache[Any, Any]) -> None:
    def say(ctx: Any) -> str:
        assert (ctx.key, ctx.has_stale_value, ctx.stale_etag, ctx.age) == ("k", False, None, None)
        with pytest.raises(LookupError, match="'k'"):
            ctx.stale_value  # noqa: B018 - raises
        with pytest.raises(LookupError, match="'k'"):
            ctx.not_modified()
        return "value"

    assert load(cache, say) == "value"


@pytest.mark.parametrize("window", ["stale_while_revalidate", "stale_if_error", "force"])
def test_a_later_load_knows_the_old_value(make: Any, clock: MovableClock, window: str) -> None:
    cache = make(ttl=10, **({} if window == "force" else {window: 100}))
    load(cache, wishing(etag="v1", tags="t"))
    clock.advance(5 if window == "force" else 15)
    seen = []

    def say(ctx: Any) -> str:
        seen.append((ctx.has_stale_value, ctx.stale_value, ctx.stale_etag, round(ctx.age, 3)))
        return "new"

    load(cache, say, force=window == "force")
    await_no_flights(cache)
    assert seen == [(True, "value", "v1", 5 if window == "force" else 15)]
    # What is loaded anew has no tag and no etag but its own.
    assert cache.get_entry("k")[8:10] == ((), None)


@pytest.mark.parametrize("window", ["stale_while_revalidate", "stale_if_error"])
def test_what_is_not_modified_lives_anew_with_its_tags_and_etag(make: Any, clock: MovableClock, window: str) -> None:
    removed: list[Any] = []
    cache = make(ttl=10, on_removal=lambda *event: removed.append(event), **{window: 100})
    load(cache, wishing(etag="v1", tags="t"))
    value = cache["k"]
    for _ in range(3):
        clock.advance(15)
        assert load(cache, lambda ctx: ctx.not_modified()) is value
        await_idle(cache)
        entry = cache.get_entry("k")
        assert (entry.state, entry.ttl_left, entry.tags, entry.etag) == ("fresh", 10.0, ("t",), "v1")
        assert entry.age == pytest.approx(0, abs=1e-5)
    assert removed == []
    cache.invalidate_tag("t")
    assert "k" not in cache
    cache.sweep()
    assert removed == [("k", value, "explicit")]


def test_what_is_not_modified_may_be_given_other_wishes(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_if_error=100)
    load(cache, wishing(etag="v1", tags="t"))
    clock.advance(15)

    def say(ctx: Any) -> Any:
        ctx.ttl, ctx.tags, ctx.etag = 20, ["u"], "v2"
        return ctx.not_modified()

    load(cache, say)
    entry = cache.get_entry("k")
    assert (entry.value, entry.ttl_left, entry.tags, entry.etag) == ("value", 20.0, ("u",), "v2")


def test_what_a_tag_removed_is_no_old_value(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_if_error=100)
    load(cache, wishing(tags="t"))
    cache.invalidate_tag("t")
    assert load(cache, lambda ctx: ctx.has_stale_value) is False


def test_loaded_shows_what_it_holds() -> None:
    loaded = Loaded("value", ttl=5, tags="t", etag="e", weight=3)
    assert (repr(loaded), loaded.value, loaded.ttl, loaded.tags, loaded.etag, loaded.weight) == (
        "Loaded('value')", "value", 5, "t", "e", 3,
    )  # fmt: skip
    assert (loaded.stale_while_revalidate, loaded.stale_if_error) == (..., ...)


def test_what_a_value_says_comes_before_its_context_which_says_the_rest(make: Any) -> None:
    def say(ctx: LoadContext[str, str]) -> Loaded[str]:
        ctx.ttl, ctx.stale_while_revalidate, ctx.tags, ctx.etag = 10, 30, "a", "old"
        return Loaded("value", ttl=20, stale_if_error=70, tags=("b", "a"), etag="new")

    cache = make(ttl=60, stale_while_revalidate=1, stale_if_error=1)
    load(cache, say)
    entry = cache.get_entry("k")
    assert (entry.ttl_left, entry.tags, entry.etag) == (20.0, ("a", "b"), "new")
    cache.clock.advance(49)
    assert cache.get_entry("k").state == "stale"
    cache.clock.advance(2)
    assert cache.get_entry("k").state == "stale"
    cache.clock.advance(38)
    assert cache.get_entry("k") is not None
    cache.clock.advance(2)
    assert cache.get_entry("k") is None


def test_no_store_holds_whatever_is_returned(make: Any) -> None:
    def say(ctx: LoadContext[str, str]) -> Loaded[str]:
        ctx.no_store()
        return Loaded("value", tags="a")

    cache = make(ttl=60)
    assert load(cache, say) == "value"
    assert "k" not in cache


# ---- what is not modified keeps ----


def keep(ctx: LoadContext[Any, Any]) -> Any:
    return ctx.not_modified()


def confirm(cache: Cache[Any, Any], how: str) -> None:
    if how == "one key":
        load(cache, keep, force=True)
    else:
        cache.get_many_or_load(
            ["k"], lambda keys, contexts: {"k": contexts["k"].not_modified()}, with_context=True, force=True
        )


@pytest.mark.parametrize("how", ["one key", "many keys"])
def test_what_is_not_modified_is_not_weighed_anew(make: Any, how: str) -> None:
    def weigher(key: Any, value: Any) -> int:
        raise TypeError("there is no telling")

    cache = make(ttl=10, max_weight=100, weigher=weigher)
    cache.get_or_load("k", lambda key: Loaded("value", weight=70))
    for _ in range(3):
        confirm(cache, how)
        assert (cache["k"], cache.stats().weight, cache.stats().oversized) == ("value", 70, 0)


@pytest.mark.parametrize("how", ["one key", "many keys"])
def test_what_is_not_modified_keeps_its_windows(make: Any, clock: MovableClock, how: str) -> None:
    cache = make(ttl=10, stale_if_error=5)
    cache.get_or_load("k", lambda key: Loaded("value", stale_while_revalidate=500.123456789, stale_if_error=0))
    for _ in range(3):
        clock.advance(9)
        confirm(cache, how)
    clock.advance(510)
    assert cache.get_entry("k").state == "stale"
    clock.advance(0.123456789)
    assert cache.get_entry("k") is None


def test_what_is_not_modified_and_has_no_windows_of_its_own_has_the_caches(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_if_error=5)
    load(cache, wishing(etag="e"))
    confirm(cache, "one key")
    clock.advance(14)
    assert cache.get_entry("k").state == "stale"
    clock.advance(1)
    assert cache.get_entry("k") is None


def test_wishes_come_before_what_a_value_that_is_not_modified_had(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, max_weight=100, weigher=lambda key, value: 1)
    cache.get_or_load("k", lambda key: Loaded("value", stale_while_revalidate=50, stale_if_error=70, weight=3))

    def say(ctx: Any) -> Any:
        ctx.weight, ctx.stale_if_error = 7, 90
        return ctx.not_modified()

    load(cache, say, force=True)
    assert cache.stats().weight == 7
    clock.advance(11)
    # The window that was not said.
    assert cache.get_or_load("k", Counting(DOWN), with_status=True) == ("value", "stale")
    await_no_flights(cache)
    clock.advance(88)
    assert cache.get_entry("k") is not None
    clock.advance(1)
    assert cache.get_entry("k") is None
    cache.get_or_load("k", lambda key: Loaded("value", weight=3))
    load(cache, lambda ctx: Loaded(ctx.not_modified(), weight=9), force=True)
    assert cache.stats().weight == 9


def test_what_is_made_of_a_value_that_is_not_modified_is_a_new_one(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, max_weight=100, weigher=lambda key, value: len(value))
    cache.get_or_load("k", lambda key: Loaded("value", weight=50, stale_if_error=50))
    assert load(cache, lambda ctx: ctx.not_modified() + "!", force=True) == "value!"
    assert cache.stats().weight == 6
    clock.advance(10)
    assert cache.get_entry("k") is None


def test_what_is_not_modified_lives_as_long_as_one_loaded_now(make: Any) -> None:
    cache = make(ttl=10)
    cache.get_or_load("k", lambda key: Loaded("value", ttl=500))
    load(cache, keep, force=True)
    assert cache.get_entry("k").ttl_left == 10
    load(cache, keep, force=True, ttl=20)
    assert cache.get_entry("k").ttl_left == 20
