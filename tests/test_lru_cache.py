"""``lru_cache`` and ``cache`` beyond what CPython's own tests ask for (those are in test_functools.py)."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from fastcache import CacheInfo, RecursiveLoadError, cache, lru_cache, percent
from fastcache.testing import MovableClock
from tests.harness.gates import Call, Gate, HeldLoader, await_waiters


def numbered(decorate: Callable[..., Any]) -> Any:
    """A decorated function that tells the number of its call."""
    calls: list[Any] = []

    @decorate
    def function(*args: Any, **kwargs: Any) -> int:
        calls.append((args, kwargs))
        return len(calls)

    return function


@pytest.mark.parametrize("decorate", [lru_cache, lru_cache(None), lru_cache(5), cache, cache(ttl=60)])
def test_what_is_stored_first_is_everyones(decorate: Callable[..., Any]) -> None:
    gate = Gate()

    @decorate
    def made(key: str) -> object:
        gate.stop()
        return object()

    calls = [Call(made, "k") for _ in range(5)]
    # Nobody waits for another's call.
    gate.reached(5)
    gate.open()
    assert len({id(call.result()) for call in calls} | {id(made("k"))}) == 1
    assert made.cache_info()[:2] == (1, 5)


@pytest.mark.parametrize("decorate", [lru_cache(coalesce=True), cache(coalesce=True)])
def test_with_coalesce_callers_wait_for_one_call(decorate: Callable[..., Any]) -> None:
    held = HeldLoader("result")
    function = decorate(held)
    calls = [Call(function, "k") for _ in range(5)]
    await_waiters(function.cache, 4)
    held.gate.open()
    assert [call.result() for call in calls] == ["result"] * 5
    assert held.calls == ["k"]


def test_a_function_may_ask_for_its_own_result_unless_callers_wait() -> None:
    def countdown(left: list[int]) -> Any:
        def function() -> int:
            return 7 if not left or left.pop() is None else decorated()  # type: ignore[no-any-return]

        return function

    decorated = lru_cache(countdown([1, 2, 3]))
    assert decorated() == 7
    assert decorated.cache_info() == CacheInfo(0, 4, 128, 1)
    decorated = lru_cache(coalesce=True)(countdown([1, 2, 3]))
    with pytest.raises(RecursiveLoadError):
        decorated()


@pytest.mark.parametrize("make", [functools.partial(lru_cache, 10), cache])
def test_results_live_for_the_ttl(make: Callable[..., Any], clock: MovableClock) -> None:
    for ttl in (10, timedelta(seconds=10)):
        function = numbered(make(ttl=ttl, clock=clock))
        assert [function("k"), function("k")] == [1, 1]
        clock.advance(9.9)
        assert function("k") == 1
        clock.advance(0.1)
        assert [function("k"), function("k")] == [2, 2]


def test_jitter_spreads_the_ends_of_lives(clock: MovableClock) -> None:
    function = numbered(cache(ttl=10, jitter=percent(50), clock=clock))
    for key in range(100):
        function(key)
    clock.advance(5)
    assert function.cache_info().currsize == 100
    clock.advance(5)
    assert 20 < function.cache_info().currsize < 80
    clock.advance(5)
    assert function.cache_info().currsize == 0


def test_exceptions_are_misses_and_are_not_kept() -> None:
    @lru_cache
    def fail(key: str) -> None:
        raise ValueError(key)

    for _ in range(3):
        with pytest.raises(ValueError, match="k"):
            fail("k")
    assert fail.cache_info() == CacheInfo(0, 3, 128, 0)


@pytest.mark.parametrize(
    ("decorator", "told"),
    [
        (lru_cache, {"maxsize": 128, "typed": False}),
        (lru_cache(-3, True), {"maxsize": 0, "typed": True}),
        (lru_cache(ttl=60, jitter=5), {"maxsize": 128, "typed": False, "ttl": 60, "jitter": 5}),
        (lru_cache(None, coalesce=True), {"maxsize": None, "typed": False, "coalesce": True}),
        (lru_cache(state=[]), {"maxsize": 128, "typed": False, "state": []}),
        (cache, {"maxsize": None, "typed": False}),
        (cache(ttl=1), {"maxsize": None, "typed": False, "ttl": 1}),
    ],
)
def test_parameters_are_functools_two_and_what_was_given_besides(decorator: Any, told: dict[str, Any]) -> None:
    function = decorator(abs)
    assert function.cache_parameters() == told
    assert function.cache_info().maxsize == told["maxsize"]


def test_bounds_that_no_memory_reaches_are_taken() -> None:
    for maxsize in (True, 16_000_001, 2**63, 10**30):
        function = lru_cache(maxsize)(abs)
        assert [function(-1), function(-1)] == [1, 1]
        assert function.cache_info()[:2] == (1, 1)


def test_without_room_arguments_need_no_hash() -> None:
    function = lru_cache(0)(len)
    assert [function([1, 2]), function.__call__([1])] == [2, 1]
    assert function.cache_info() == CacheInfo(0, 2, 0, 0)
    assert not function.cache_contains("abc")
    assert function.cache_refresh("abc") == 3
    function.cache_clear()
    assert function.cache_info() == CacheInfo(0, 0, 0, 0)


@pytest.mark.parametrize("state", [["a"], {"a": 1}])
def test_state_is_part_of_each_key_as_it_is_at_the_call(state: Any) -> None:
    function = numbered(lru_cache(state=state))
    assert [function(1), function(1), function(1, a=2)] == [1, 1, 2]
    kept = state.copy()
    state.clear()
    assert [function(1), function(1, a=2)] == [3, 4]
    restore = state.extend if isinstance(state, list) else state.update
    restore(kept)
    assert [function(1), function(1, a=2)] == [1, 2]


def test_arguments_without_a_hash_are_called_with_and_counted() -> None:
    ignoring = lru_cache(unhashable="ignore")(len)
    assert [ignoring([1, 2]), ignoring([1, 2]), ignoring("ab"), ignoring("ab")] == [2, 2, 2, 2]
    assert ignoring.cache_info() == CacheInfo(1, 3, 128, 1)
    warning = lru_cache(unhashable="warning")(len)
    with pytest.warns(UserWarning, match="cannot be cached") as caught:
        assert warning([1]) == 1
    assert caught[0].filename == __file__
    # Warnings are errors in these tests.
    with pytest.raises(TypeError, match="hashable"):
        warning([1])
    with pytest.raises(TypeError, match="unhashable"):
        lru_cache(len)([1])  # type: ignore[arg-type]


def test_only_a_missing_hash_is_forgiven() -> None:
    class Broken:
        def __hash__(self) -> int:
            raise OSError("no hash today")

    with pytest.raises(OSError, match="today"):
        lru_cache(unhashable="ignore")(id)(Broken())


def test_of_an_async_function_the_results_are_kept() -> None:
    calls = []

    @lru_cache
    async def double(number: int) -> int:
        calls.append(number)
        return 2 * number

    async def main() -> None:
        assert [await double(2), await double(2), await asyncio.create_task(double(3))] == [4, 4, 6]

    asyncio.run(main())
    assert calls == [2, 3]
    assert inspect.iscoroutinefunction(double)


def test_wrong_options_are_refused_where_they_are_written() -> None:
    for error, name, options in (
        (TypeError, "maxsize", {"maxsize": "5"}), (TypeError, "maxsize", {"maxsize": 5.0}),
        (TypeError, "maxsize", {"maxsize": abs, "typed": 1}), (ValueError, "ttl", {"ttl": -1}),
        (TypeError, "ttl", {"ttl": "1"}), (ValueError, "jitter", {"jitter": 1}),
        (TypeError, "coalesce", {"coalesce": 1}),
        (TypeError, "state", {"state": (1,)}), (TypeError, "unhashable", {"unhashable": "no"}),
    ):  # fmt: skip
        with pytest.raises(error, match=name):
            lru_cache(**options)  # type: ignore[call-overload]
    for decorate in (lru_cache(), cache):
        with pytest.raises(TypeError, match="callable"):
            decorate(5)  # type: ignore[call-overload]
