"""Failures without an old value, and values that may not be kept: remembered only if that is asked for."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest

from fastcache import Cache, NotFound
from fastcache.testing import MovableClock
from tests.harness.gates import Call, HeldLoader, await_until, await_waiters
from tests.harness.loaders import Counting, unexpected

DOWN = ConnectionError("down")


def fail(cache: Cache[Any, Any], loader: Any, key: str = "k") -> BaseException:
    with pytest.raises(ConnectionError) as caught:
        cache.get_or_load(key, loader)
    return caught.value


def test_by_default_failures_are_not_remembered(cache: Cache[Any, Any]) -> None:
    loader = Counting(DOWN)
    for _ in range(3):
        assert fail(cache, loader) is DOWN
    assert len(loader.calls) == 3


def test_a_remembered_failure_is_raised_as_a_copy_marked_as_cached(make: Any) -> None:
    cache = make(ttl=60, error_ttl=10)
    assert fail(cache, Counting(DOWN)) is DOWN
    later = fail(cache, unexpected)
    assert (str(later), later.cached, hasattr(DOWN, "cached")) == ("down", True, False)  # type: ignore[attr-defined]
    assert (cache.stats().load_errors, cache.stats().negative_hits) == (1, 1)


@pytest.mark.parametrize("way", ["one key", "many keys", "a task"])
@pytest.mark.parametrize("error", [DOWN, NotFound("k")], ids=["failed", "absent"])
def test_who_is_told_of_it_is_told_when_the_key_is_tried_again(
    make: Any, clock: MovableClock, way: str, error: Exception
) -> None:
    cache = make(ttl=60, error_ttl=10, negative_ttl=10)

    def tell() -> Any:
        if way == "many keys":
            return cache.get_many_or_load(["other", "k"], dict.fromkeys, errors="return", default=None)["k"]
        with pytest.raises(type(error)) as caught:
            asyncio.run(ask()) if way == "a task" else cache.get_or_load("k", unexpected)
        return caught.value

    async def ask() -> Any:
        return await cache.aget_or_load("k", unexpected)

    with pytest.raises(type(error)) as caught:
        cache.get_or_load("k", Counting(error))
    assert not hasattr(caught.value, "retry_in")
    if way == "many keys" and error is not DOWN:
        # There it has the default.
        assert tell() is None
        return
    first = tell()
    clock.advance(1)
    second = tell()
    assert 5 <= first.retry_in <= 10
    assert first.retry_in - second.retry_in == pytest.approx(1)
    clock.advance(second.retry_in - 1e-5)
    assert tell().retry_in == pytest.approx(1e-5, abs=1e-8)
    clock.advance(1e-5 + 1e-9)
    assert cache.get_or_load("k", lambda key: "loaded") == "loaded"


def test_failures_in_a_row_are_remembered_for_twice_as_long_each(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=3600, error_ttl=4)
    loader = Counting(DOWN)
    for longest in (4, 8, 16, 32, 60, 60):
        fail(cache, loader)
        # Between half of it and all.
        clock.advance(longest / 2 - 0.001)
        fail(cache, unexpected)
        clock.advance(longest / 2 + 0.002)
    assert len(loader.calls) == 6


def test_other_keys_in_use_do_not_end_the_row(make: Any, clock: MovableClock) -> None:
    cache = make(100, ttl=3600, error_ttl=4)
    loader = Counting(DOWN)
    for longest in (4, 8, 16):
        fail(cache, loader)
        clock.advance(longest / 2 - 0.001)
        fail(cache, unexpected)
        clock.advance(longest / 2 + 0.002)
        for number in range(200):
            cache[number] = number
        cache.sweep()
    assert len(loader.calls) == 3


@pytest.mark.parametrize("how", ["load", "set", "delete", "not found", "long ago"])
def test_the_row_ends(make: Any, clock: MovableClock, how: str) -> None:
    cache = make(ttl=1, error_ttl=4, negative_ttl=1)
    for _ in range(3):
        fail(cache, Counting(DOWN))
        clock.advance(16)
    if how == "load":
        cache.get_or_load("k", str)
    elif how == "not found":
        cache.get_or_load("k", Counting(NotFound("k")), default=None)
    elif how == "set":
        cache["k"] = 1
    elif how == "delete":
        cache.delete("k")
    else:
        clock.advance(60)
        cache.sweep()
    clock.advance(1)
    fail(cache, Counting(DOWN))
    clock.advance(4.001)
    assert cache.get_or_load("k", lambda key: "loaded") == "loaded"


def test_a_remembered_failure_keeps_nothing_of_its_load_alive() -> None:
    class Local:
        pass

    seen: list[weakref.ref[Local]] = []

    def load(key: str) -> None:
        local = Local()
        seen.append(weakref.ref(local))
        raise ConnectionError("down")

    # Nothing else in this cache ever expires.
    cache: Cache[str, Any] = Cache(error_ttl=60)
    gc.disable()
    try:
        with pytest.raises(ConnectionError):
            cache.get_or_load("k", load)
        with pytest.raises(ConnectionError):
            cache.get_or_load("k", unexpected)
        assert [reference() for reference in seen] == [None]
    finally:
        gc.enable()


def test_what_is_fatal_is_not_remembered(make: Any) -> None:
    cache = make(error_ttl=60, fatal=ConnectionError)
    loader = Counting(DOWN)
    fail(cache, loader)
    fail(cache, loader)
    assert len(loader.calls) == 2


def test_an_interrupt_is_not_remembered(make: Any) -> None:
    cache = make(error_ttl=60)
    with pytest.raises(KeyboardInterrupt):
        cache.get_or_load("k", Counting(KeyboardInterrupt()))
    assert cache.get_or_load("k", lambda key: "loaded") == "loaded"


def test_an_old_value_is_better_than_a_remembered_failure(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_if_error=10, error_ttl=10)
    cache["k"] = "old"
    clock.advance(15)
    assert cache.get_or_load("k", Counting(DOWN)) == "old"
    clock.advance(5)
    fail(cache, Counting(DOWN))
    fail(cache, unexpected)


def test_failures_share_the_quota_and_evict_no_value(make: Any) -> None:
    cache = make(100, error_ttl=60, negative_ttl=60)
    cache.update(dict.fromkeys(range(100)))
    for number in range(50):
        fail(cache, Counting(DOWN), f"failing {number}")
    assert (len(cache), cache.stats().negative_evictions) == (100, 40)
    cache._check()


# ---- None ----


def test_none_is_a_value_like_any_other(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10)
    loader = Counting(None)
    for _ in range(10):
        assert cache.get_or_load("k", loader, with_status=True)[0] is None
        clock.advance(1)
    assert ("k" in cache, len(loader.calls)) == (False, 1)


@pytest.mark.parametrize("ttl", [None, 10, 100])
def test_none_ttl_is_that_of_none_alone(make: Any, clock: MovableClock, ttl: float | None) -> None:
    cache = make(ttl=ttl, none_ttl=20)
    cache.get_or_load("none", Counting(None))
    cache.get_or_load("some", Counting(0))
    assert (cache.get_or_load("none", unexpected), cache.get_or_load("some", unexpected)) == (None, 0)
    assert (cache.get_entry("none").ttl_left, cache.get_entry("some").ttl_left) == (20, ttl)
    clock.advance(20 - 1e-6)
    assert cache.get_or_load("none", unexpected) is None
    clock.advance(1e-6)
    assert cache.get_or_load("none", lambda key: "found") == "found"


def test_with_a_none_ttl_of_nothing_none_is_not_kept(make: Any) -> None:
    cache = make(ttl=60, none_ttl=0)
    loader = Counting(None, None, "found")
    assert [cache.get_or_load("k", loader) for _ in range(4)] == [None, None, "found", "found"]
    assert make(ttl=60, none_ttl=None).get_or_load("k", Counting(None)) is None


# ---- uncacheable ----


@pytest.mark.parametrize("by", ["no_store", "ttl=0", "none_ttl"])
@pytest.mark.parametrize("ttl", [None, 60])
def test_after_a_value_that_may_not_be_kept_callers_do_not_wait_for_each_other(
    make: Any, clock: MovableClock, by: str, ttl: float | None
) -> None:
    cache = make(ttl=ttl, uncacheable_ttl=120, none_ttl=0 if by == "none_ttl" else ...)

    def load(loader: HeldLoader[Any]) -> Any:
        if by == "no_store":
            return cache.get_or_load("k", lambda key, ctx: (ctx.no_store(), loader(key))[1], with_context=True)
        return cache.get_or_load("k", loader, ttl=0) if by == "ttl=0" else cache.get_or_load("k", loader)

    value = None if by == "none_ttl" else "private"
    first = HeldLoader(value)
    first.gate.open()
    assert load(first) == value
    loaders = [HeldLoader(value) for _ in range(3)]
    calls = []
    for loader in loaders:
        calls.append(Call(load, loader))
        # All at the same time.
        loader.gate.reached()
    for loader, call in zip(loaders, calls, strict=True):
        loader.gate.open()
        assert call.result() == value
    assert ("k" in cache, cache.flights(), cache.stats().coalesced) == (False, [], 0)
    # As soon as one may be kept, that is over.
    assert cache.get_or_load("k", lambda key: "public") == "public"
    assert cache.get_or_load("k", unexpected) == "public"


def test_that_is_over_after_uncacheable_ttl(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=60, uncacheable_ttl=120)
    cache.get_or_load("k", str, ttl=0)
    clock.advance(120)
    loader = HeldLoader("shared")
    leader = Call(cache.get_or_load, "k", loader, ttl=0)
    loader.gate.reached()
    follower = Call(cache.get_or_load, "k", unexpected)
    await_waiters(cache, 1)
    loader.gate.open()
    assert (leader.result(), follower.result()) == ("shared", "shared")


def test_by_default_each_burst_shares_one_load(cache: Cache[Any, Any]) -> None:
    for _ in range(2):
        loader = HeldLoader("shared")
        leader = Call(cache.get_or_load, "k", loader, ttl=0)
        loader.gate.reached()
        follower = Call(cache.get_or_load, "k", unexpected)
        await_waiters(cache, 1)
        loader.gate.open()
        assert (leader.result(), follower.result(), "k" in cache) == ("shared", "shared", False)


def test_those_who_do_not_wait_respect_their_own_limit(make: Any) -> None:
    cache = make(ttl=60, uncacheable_ttl=120)
    cache.get_or_load("k", str, ttl=0)
    first, second = HeldLoader(1), HeldLoader(2)
    leader = Call(cache.get_or_load, "k", first)
    first.gate.reached()
    with pytest.raises(TimeoutError):
        cache.get_or_load("k", second, wait_timeout=0)
    second.gate.open()
    await_until(lambda: cache.get("k") == 2, "the second load")
    first.gate.open()
    assert leader.result() == 1
