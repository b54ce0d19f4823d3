"""What each caller accepts: how old, how stale, whose load; and what it is told it got."""

from __future__ import annotations

from typing import Any

import pytest

import fastcache
from fastcache import Cache, Loaded, NotFound, RecursiveLoadError
from fastcache.testing import MovableClock
from tests.harness.gates import Call, HeldLoader, await_no_flights, await_until, await_waiters
from tests.harness.loaders import Counting, unexpected

DOWN = ConnectionError("down")


def status(cache: Cache[Any, Any], loader: Any = unexpected, key: str = "k", **options: Any) -> tuple[Any, str]:
    got: tuple[Any, str] = cache.get_or_load(key, loader, with_status=True, **options)
    return got


# ---- max_age ----


def test_what_is_older_than_the_caller_accepts_is_loaded_for_it(cache: Cache[Any, Any], clock: MovableClock) -> None:
    cache["k"] = "old"
    clock.advance(5)
    # The write is known to a ten-millionth of the lifetime.
    assert status(cache, max_age=5 + 1e-5) == ("old", "hit")
    assert status(cache, lambda key: "new", max_age=5 - 1e-5) == ("new", "miss")
    assert status(cache, max_age=1e-5) == ("new", "hit")
    assert (cache.stats().misses, cache.stats().hits) == (1, 2)


@pytest.mark.parametrize("answer", [NotFound("k"), DOWN], ids=["absent", "failed"])
@pytest.mark.parametrize("how", ["one key", "many keys"])
def test_an_absence_that_is_older_than_the_caller_accepts_is_asked_for_again(
    make: Any, clock: MovableClock, answer: Exception, how: str
) -> None:
    cache = make(ttl=60, negative_ttl=50, error_ttl=100)
    with pytest.raises(type(answer)):
        cache.get_or_load("k", Counting(answer))
    clock.advance(10)
    with pytest.raises(type(answer)):
        cache.get_or_load("k", unexpected, max_age=10 + 1e-4)
    with pytest.raises(type(answer)):
        cache.get_or_load("k", unexpected)
    if how == "one key":
        assert status(cache, lambda key: "new", max_age=10 - 1e-4) == ("new", "miss")
    else:
        assert cache.get_many_or_load(["k"], lambda keys: {"k": "new"}, max_age=10 - 1e-4) == {"k": "new"}
    assert (cache["k"], cache.stats().negative_hits) == ("new", 2)


def test_what_is_absent_still_is_remembered_anew(make: Any, clock: MovableClock) -> None:
    cache = make(negative_ttl=50)
    loader = Counting(NotFound("k"))
    for _ in range(4):
        assert cache.get_or_load("k", loader, max_age=15, default=None) is None
        clock.advance(10)
    assert len(loader.calls) == 2
    clock.advance(29)
    assert cache.get_or_load("k", unexpected, default=None) is None


def test_the_age_of_a_key_that_may_not_be_kept_is_no_reason_to_wait(make: Any, clock: MovableClock) -> None:
    cache = make(uncacheable_ttl=100)
    cache.get_or_load("k", lambda key: Loaded("once", ttl=0))
    clock.advance(10)
    loader = HeldLoader("held")
    call = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    assert cache.get_or_load("k", lambda key: "alone", max_age=1) == "alone"
    loader.gate.open()
    assert call.result() == "held"


def test_a_load_gives_the_age_that_counts(cache: Cache[Any, Any], clock: MovableClock) -> None:
    cache.get_or_load("k", lambda key: clock.advance(7) or "loaded")
    assert cache.get_entry("k").age == pytest.approx(0, abs=1e-5)
    clock.advance(3)
    assert cache.get_entry("k").age == pytest.approx(3, abs=1e-5)
    assert status(cache, lambda key: "new", max_age=2) == ("new", "miss")


@pytest.mark.parametrize("options", [{"jitter": 20}, {"refresh_ahead": 7}, {"refresh_ahead": "auto"}], ids=str)
def test_no_value_is_younger_than_nothing(make: Any, clock: MovableClock, options: dict[str, Any]) -> None:
    """Though the write is known to a ten-millionth of the lifetime."""
    cache = make(ttl=60, **options)
    ages = set()
    for number in range(300):
        clock.advance(0.1)
        cache.get_or_load(number, lambda key: clock.advance(0.01) or "value")
        ages.add(cache.get_entry(number).age)
        cache.get_or_load(number, lambda key, ctx: ages.add(ctx.age), with_context=True, force=True)
    assert min(ages) == 0
    assert max(ages) < 1e-4


def test_others_are_served_while_one_loads_what_is_too_old_for_it(cache: Cache[Any, Any], clock: MovableClock) -> None:
    cache["k"] = "old"
    clock.advance(5)
    loader = HeldLoader("new")
    choosy = Call(cache.get_or_load, "k", loader, max_age=1)
    loader.gate.reached()
    assert status(cache) == ("old", "hit")
    other = Call(cache.get_or_load, "k", unexpected, max_age=2, with_status=True)
    await_waiters(cache, 1)
    loader.gate.open()
    assert (choosy.result(), other.result()) == ("new", ("new", "coalesced"))


def test_if_that_load_fails_the_choosy_caller_gets_the_error_and_the_value_stays(
    make: Any, clock: MovableClock
) -> None:
    cache = make(ttl=60, stale_if_error=60)
    cache["k"] = "old"
    clock.advance(5)
    with pytest.raises(ConnectionError):
        cache.get_or_load("k", Counting(DOWN), max_age=1)
    assert (status(cache), cache.get_entry("k").failures) == (("old", "hit"), 1)


def test_a_value_written_before_the_cache_knew_of_time_is_too_old(make: Any, clock: MovableClock) -> None:
    cache = make()
    cache["k"] = "old"
    assert cache.get_entry("k").age is None
    assert status(cache, lambda key: "new", max_age=1_000_000) == ("new", "miss")
    assert status(cache, max_age=0) == ("new", "hit")
    clock.advance(10)
    assert cache.get_entry("k").age == pytest.approx(10)


def test_an_age_that_nobody_noted_stays_unknown_when_the_value_expires(make: Any) -> None:
    cache = make()
    cache.get_or_load("k", lambda key: Loaded("old", stale_if_error=30))
    assert cache.expire("k")
    entry = cache.get_entry("k")
    assert (entry.value, entry.state, entry.age) == ("old", "stale", None)
    assert status(cache, Counting(DOWN)) == ("old", "stale_error")


@pytest.mark.parametrize("write", ["set", "[]", "load", "refresh", "ttl of its own", "for ever"])
def test_get_entry_tells_the_age_since_the_last_write(make: Any, clock: MovableClock, write: str) -> None:
    cache = make(ttl=100, stale_while_revalidate=1000)
    cache["k"] = "old"
    clock.advance(100)
    writes: dict[str, Any] = {
        "set": lambda: cache.set("k", 1),
        "[]": lambda: cache.__setitem__("k", 1),
        "load": lambda: cache.get_or_load("k", Counting(1), force=True),
        "refresh": lambda: cache.get_or_load("k", Counting(1)),
        "ttl of its own": lambda: cache.set("k", 1, ttl=7),
        "for ever": lambda: cache.set("k", 1, ttl=None),
    }
    writes[write]()
    await_no_flights(cache)
    assert cache.get_entry("k").age == pytest.approx(0, abs=1e-4)
    clock.advance(20)
    assert cache.get_entry("k").age == pytest.approx(20, abs=1e-4)


def test_expiring_a_value_does_not_make_it_younger(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=100, stale_if_error=1000)
    cache["k"] = "old"
    clock.advance(30)
    cache.expire("k")
    clock.advance(30)
    assert cache.get_entry("k").age == pytest.approx(60, abs=1e-4)


# ---- max_stale ----


@pytest.mark.parametrize("window", ["stale_while_revalidate", "stale_if_error"])
def test_what_is_staler_than_the_caller_accepts_is_no_value_for_it(make: Any, clock: MovableClock, window: str) -> None:
    cache = make(ttl=10, **{window: 1000})
    cache["k"] = "old"
    clock.advance(15)
    with pytest.raises(ConnectionError):
        cache.get_or_load("k", Counting(DOWN), max_stale=5)
    clock.advance(cache.get_entry("k").retry_in)
    assert status(cache, Counting(DOWN), max_stale=7) == (
        "old", "stale_error",
    )  # fmt: skip
    await_no_flights(cache)
    assert status(cache, lambda key: "new", max_stale=0) == ("new", "miss")


def test_max_stale_never_widens_the_windows(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_while_revalidate=5)
    cache["k"] = "old"
    clock.advance(15)
    assert status(cache, lambda key: "new", max_stale=1000) == ("new", "miss")


def test_a_fresh_value_is_not_stale_at_all(cache: Cache[Any, Any]) -> None:
    cache["k"] = 1
    assert status(cache, max_stale=0) == (1, "hit")


# ---- force ----


def test_force_takes_no_value_that_is_there(cache: Cache[Any, Any]) -> None:
    cache["k"] = "old"
    assert status(cache, lambda key: "new", force=True) == ("new", "miss")
    assert status(cache) == ("new", "hit")


def test_force_takes_no_load_that_had_begun_and_that_one_is_not_stored(cache: Cache[Any, Any]) -> None:
    before, after = HeldLoader("before"), HeldLoader("after")
    old = Call(cache.get_or_load, "k", before)
    before.gate.reached()
    forced = Call(cache.get_or_load, "k", after, force=True)
    after.gate.reached()
    later = Call(cache.get_or_load, "k", unexpected)
    await_waiters(cache, 1)
    before.gate.open()
    assert old.result() == "before"
    assert "k" not in cache
    after.gate.open()
    assert [forced.result(), later.result(), cache["k"]] == ["after"] * 3


def test_a_forced_load_that_fails_gives_no_old_value_to_who_forced_it(make: Any) -> None:
    cache = make(ttl=60, stale_if_error=60)
    cache["k"] = "old"
    with pytest.raises(ConnectionError):
        cache.get_or_load("k", Counting(DOWN), force=True)
    assert status(cache) == ("old", "hit")


def test_force_takes_no_absence_that_is_remembered(make: Any) -> None:
    cache = make(negative_ttl=60)
    with pytest.raises(NotFound):
        cache.get_or_load("k", Counting(NotFound("k")))
    assert status(cache, lambda key: "found", force=True) == ("found", "miss")


def test_a_load_that_forces_its_own_key_is_refused(cache: Cache[Any, Any]) -> None:
    def load(key: str) -> str:
        with pytest.raises(RecursiveLoadError):
            cache.get_or_load(key, unexpected, force=True)
        return "loaded"

    assert (cache.get_or_load("k", load), cache.flights()) == ("loaded", [])


# ---- coalesce ----


@pytest.mark.parametrize("per", ["cache", "call"])
def test_without_coalescing_each_runs_its_own_loader_and_the_first_value_stays(make: Any, per: str) -> None:
    cache = make(ttl=60, coalesce=per == "call")
    options = {"coalesce": False} if per == "call" else {}
    loaders = [HeldLoader(number) for number in range(3)]
    calls = []
    for loader in loaders:
        calls.append(Call(cache.get_or_load, "k", loader, **options))
        loader.gate.reached()
    for number in (1, 0, 2):
        loaders[number].gate.open()
        assert calls[number].result() == number
        assert cache["k"] == 1
    assert (cache.stats().coalesced, cache.stats().loads, cache.stats().misses) == (0, 3, 3)


def test_a_call_may_coalesce_in_a_cache_that_does_not(make: Any) -> None:
    cache = make(coalesce=False)
    loader = HeldLoader("loaded")
    leader = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    follower = Call(cache.get_or_load, "k", unexpected, coalesce=True, with_status=True)
    await_waiters(cache, 1)
    loader.gate.open()
    assert (leader.result(), follower.result()) == ("loaded", ("loaded", "coalesced"))


def test_without_coalescing_a_failure_is_ones_own(make: Any, clock: MovableClock) -> None:
    cache = make(coalesce=False)
    loader = HeldLoader("loaded")
    leader = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    with pytest.raises(ConnectionError) as caught:
        cache.get_or_load("k", Counting(DOWN))
    assert caught.value is DOWN
    loader.gate.open()
    assert (leader.result(), cache["k"]) == ("loaded", "loaded")


@pytest.mark.parametrize("fatal", [False, True])
def test_without_coalescing_too_an_old_value_stands_in_for_a_failure(
    make: Any, clock: MovableClock, fatal: bool
) -> None:
    cache = make(ttl=10, stale_if_error=60, coalesce=False, fatal=ConnectionError if fatal else ())
    cache["k"] = "old"
    clock.advance(11)
    loader = HeldLoader("new")
    leader = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    if fatal:
        with pytest.raises(ConnectionError):
            cache.get_or_load("k", Counting(DOWN))
    else:
        assert status(cache, Counting(DOWN)) == ("old", "stale_error")
        with pytest.raises(ConnectionError):
            cache.get_or_load("k", Counting(DOWN), max_stale=1)
    loader.gate.open()
    assert leader.result() == "new"


def test_without_coalescing_too_a_wait_has_its_limit(make: Any) -> None:
    cache = make(ttl=60, coalesce=False)
    first, second = HeldLoader("first"), HeldLoader("second")
    leader = Call(cache.get_or_load, "k", first)
    first.gate.reached()
    with pytest.raises(fastcache.LoadTimeout):
        cache.get_or_load("k", second, wait_timeout=0)
    second.gate.open()
    await_until(lambda: cache.get("k") == "second", "the load that nobody waits for")
    first.gate.open()
    assert (leader.result(), cache["k"]) == ("first", "second")


@pytest.mark.parametrize("name", ["force", "coalesce", "with_status", "with_context"])
def test_a_flag_is_a_bool(cache: Cache[Any, Any], name: str) -> None:
    with pytest.raises(TypeError, match=f"{name} must be a bool, not 1"):
        cache.get_or_load("k", unexpected, **{name: 1})


# ---- with_status ----


def test_each_status_is_told(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, refresh_ahead=5, stale_while_revalidate=10, stale_if_error=1000, negative_ttl=10)
    loader = HeldLoader("first")
    leader = Call(status, cache, loader)
    loader.gate.reached()
    follower = Call(status, cache)
    await_waiters(cache, 1)
    loader.gate.open()
    assert (leader.result(), follower.result()) == (("first", "miss"), ("first", "coalesced"))
    assert status(cache) == ("first", "hit")
    clock.advance(6)
    refresh = HeldLoader("second")
    assert [status(cache, refresh), status(cache)] == [("first", "early")] * 2
    clock.advance(5)
    assert status(cache) == ("first", "stale")
    refresh.result = DOWN  # type: ignore[assignment]
    refresh.gate.open()
    await_no_flights(cache)
    assert status(cache) == ("first", "stale_error")
    clock.advance(20)
    assert status(cache, Counting(DOWN)) == ("first", "stale_error")
    assert status(cache) == ("first", "stale_error")
    assert status(cache, Counting(NotFound("k")), default=None, force=True) == (None, "miss")
    assert status(cache, default="none") == ("none", "negative")


def test_the_status_stands_beside_any_value(cache: Cache[Any, Any]) -> None:
    assert status(cache, lambda key: None) == (None, "miss")
    assert status(cache, lambda key: ("x", "y"), "other") == (("x", "y"), "miss")
    assert cache.get_or_load("other", unexpected, with_status=False) == ("x", "y")
