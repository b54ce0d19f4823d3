"""What a loader says instead of a value: not found, failed, not to be kept; and which loaders are given a context."""

from __future__ import annotations

from typing import Any

import pytest

import fastcache
from fastcache import Cache, LoadContext, LoadFailed, NotFound
from fastcache.testing import MovableClock
from tests.harness.gates import Call, HeldLoader, await_no_flights, await_waiters
from tests.harness.loaders import unexpected


def load(cache: Cache[Any, Any], say: Any, **options: Any) -> Any:
    """Loads ``k`` with a loader that calls ``say(ctx)`` and returns what that returns."""
    return cache.get_or_load("k", lambda key, ctx: say(ctx), with_context=True, **options)


def test_no_store_hands_the_value_to_all_who_wait_and_keeps_it_for_nobody(cache: Cache[Any, Any]) -> None:
    held = HeldLoader("private")

    def say(ctx: Any) -> Any:
        ctx.no_store()
        return held()

    leader = Call(load, cache, say)
    held.gate.reached()
    follower = Call(cache.get_or_load, "k", unexpected)
    await_waiters(cache, 1)
    held.gate.open()
    assert (leader.result(), follower.result(), "k" in cache, cache.stats().entries) == ("private", "private", False, 0)


@pytest.mark.parametrize("how", ["returned", "raised"])
def test_a_loader_may_say_that_there_is_none(make: Any, how: str) -> None:
    cache = make(negative_ttl=5)

    def say(ctx: Any) -> Any:
        if how == "raised":
            raise ctx.not_found()
        return ctx.not_found()

    with pytest.raises(NotFound, match="k"):
        load(cache, say)
    assert cache.get_or_load("k", unexpected, default="none", with_status=True) == ("none", "negative")


@pytest.mark.parametrize("how", ["returned", "raised"])
def test_a_loader_may_say_that_it_failed(make: Any, clock: MovableClock, how: str) -> None:
    cache = make(ttl=10, stale_if_error=5)
    cache["k"] = "old"
    clock.advance(10)

    def say(ctx: Any) -> Any:
        if how == "raised":
            raise ctx.fail("no answer")
        return ctx.fail("no answer")

    assert load(cache, say) == "old"
    assert str(cache.get_entry("k").last_error) == "no answer"
    clock.advance(5)
    with pytest.raises(LoadFailed, match="no answer"):
        load(cache, say)
    assert cache.stats().load_errors == 2


def test_a_verdict_that_is_neither_returned_nor_raised_is_none(cache: Cache[Any, Any]) -> None:
    assert load(cache, lambda ctx: (ctx.not_found(), ctx.fail("no"), "value")[2]) == "value"


def test_an_exception_is_a_value_where_nobody_raised_it(cache: Cache[Any, Any]) -> None:
    error = NotFound("a value")
    assert cache.get_or_load("k", lambda key: error) is error is cache["k"]


@pytest.mark.parametrize("message", [None, 5, b"no"])
def test_a_failure_is_told_by_a_str(cache: Cache[Any, Any], message: Any) -> None:
    with pytest.raises(TypeError, match="message"):
        load(cache, lambda ctx: ctx.fail(message))


def test_a_context_is_made_by_the_cache_alone() -> None:
    with pytest.raises(TypeError, match="context"):
        LoadContext()


# ---- where loaders get one ----


@pytest.mark.parametrize("limit", [{}, {"wait_timeout": 60}])
def test_a_decorated_function_gets_it_by_name_and_not_in_its_key(clock: MovableClock, limit: Any) -> None:
    calls = []

    @fastcache.cached(ttl=60, with_context=True, clock=clock)
    def user(number: int, /, *, unit: str = "m", ctx: LoadContext[Any, str]) -> str:
        calls.append((number, unit, ctx.key))
        ctx.ttl = number
        ctx.tags = f"user {number}"
        return f"{number} {unit}"

    for _ in range(2):
        assert (user(5), user(7, unit="s")) == ("5 m", "7 s")
    assert [call[:2] for call in calls] == [(5, "m"), (7, "s")]
    assert (user.cache_key(5), calls[0][2]) == (5, 5)
    cache = user.cache
    assert cache.get_entry(5).ttl_left == 5
    cache.invalidate_tag("user 7")
    assert (user.cache_contains(5), user.cache_contains(7, unit="s")) == (True, False)


def test_a_method_gets_it_too() -> None:
    class Users:
        @fastcache.cached(with_context=True, per_instance=True)
        def name(self, number: int, ctx: LoadContext[Any, str]) -> str:
            return f"{ctx.key} {ctx.has_stale_value}"

    assert Users().name(3) == "3 False"


def test_a_refresh_and_a_load_in_another_thread_get_one(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_while_revalidate=100)
    assert load(cache, lambda ctx: ctx.has_stale_value, wait_timeout=60) is False
    clock.advance(10)
    assert load(cache, lambda ctx: ctx.stale_value) is False
    await_no_flights(cache)
    assert load(cache, lambda ctx: (ctx.stale_value,), force=True, soft_timeout=60) == (False,)
