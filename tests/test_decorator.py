"""@cached on functions: what makes two calls the same, what the function still is, and its own tools."""

from __future__ import annotations

import copy
import functools
import inspect
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from fastcache import Cache, CacheInfo, cached
from fastcache.testing import MovableClock
from tests.harness.gates import Call, HeldLoader, all_at_once, await_no_flights, await_waiters
from tests.harness.keys import Key


def counted(**options: Any) -> Any:
    """A cached function that tells the number of its call."""
    calls: list[Any] = []

    @cached(**options)
    def function(*args: Any, **kwargs: Any) -> int:
        calls.append((args, kwargs))
        return len(calls)

    function.calls = calls
    return function


@cached
def squared(number: float, /, *, offset: int = 0) -> float:
    """The square."""
    return number * number + offset


def test_bare_and_called_forms_are_the_same() -> None:
    for decorate in (cached, cached(), cached(128), cached(maxsize=128)):
        function = decorate(lambda number: [number])
        assert function(1) is function(1)
        assert function.cache_info().maxsize == 128


@pytest.mark.parametrize("options", [{}, {"typed": True}, {"key": lambda *a, **k: (a, tuple(k.items()))}], ids=str)
def test_each_call_shape_has_a_result_of_its_own(options: dict[str, Any]) -> None:
    function = counted(maxsize=None, **options)
    shapes: list[Callable[[], int]] = [
        lambda: function(),
        lambda: function(1),
        lambda: function("1"),
        lambda: function(None),
        lambda: function(1, 2),
        lambda: function((1, 2)),
        lambda: function(((1, 2),)),
        lambda: function([1, 2].__class__),
        lambda: function(a=1),
        lambda: function("a", 1),
        lambda: function(("a", 1)),
        lambda: function(1, a=1),
        lambda: function(1, b=1),
        lambda: function(b=1),
        lambda: function(a=1, b=2),
        lambda: function(-1),
        lambda: function(-2),
        lambda: function(()),
    ]
    first = [shape() for shape in shapes]
    assert list(range(1, len(shapes) + 1)) == first
    assert first == [shape() for shape in shapes]


@pytest.mark.parametrize("typed", [False, True])
def test_equal_arguments_are_told_apart_as_lru_cache_does(typed: bool) -> None:
    function, calls = counted(maxsize=None, typed=typed), []

    @functools.lru_cache(None, typed=typed)
    def known(*args: Any, **kwargs: Any) -> int:
        calls.append((args, kwargs))
        return len(calls)

    for one in (1, 1.0, True):
        for args, kwargs in (((one,), {}), ((one, 2), {}), ((), {"a": one}), ((one,), {"a": one}), (((one,),), {})):
            assert known(*args, **kwargs) == function(*args, **kwargs)


def test_a_key_function_decides() -> None:
    function = counted(key=lambda text, **ignored: text.lower())
    assert [function("a", x=1), function("A", x=2), function("b")] == [1, 1, 2]
    assert (function.cache_key("A", x=3), function.cache_contains("a")) == ("a", True)
    assert sorted(function.cache) == ["a", "b"]


def test_an_unhashable_argument_is_refused_before_the_call() -> None:
    function = counted()
    for call in (lambda: function([]), lambda: function(1, []), lambda: function(a=[])):
        with pytest.raises(TypeError, match="unhashable"):
            call()
    assert function.calls == []


def test_a_key_is_hashed_once_in_a_call() -> None:
    function, key = counted(), Key("k")
    for call in range(1, 4):
        function(key)
        assert call == key.hashes
    with pytest.raises(ZeroDivisionError):
        cached(lambda key: 1 / 0)(key)
    assert key.hashes == 4


def test_none_is_kept_and_exceptions_are_not() -> None:
    results = iter([ValueError("first"), None])

    @cached
    def function() -> None:
        result = next(results)
        if result:
            raise result

    with pytest.raises(ValueError, match="first"):
        function()
    assert [function(), function()] == [None, None]
    assert (len(list(results)), function.cache_contains()) == (0, True)


def test_callers_at_the_same_time_share_one_call() -> None:
    held = HeldLoader(object())
    function = cached(held)
    calls = all_at_once(50, function, 1)
    await_waiters(function.cache, 49)
    held.gate.open()
    assert {held.result} == {call.result() for call in calls}
    assert held.calls == [1]


def test_recursion_over_other_arguments_works() -> None:
    @cached(maxsize=None)
    def fibonacci(n: int) -> int:
        return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

    assert fibonacci(100) == 354224848179261915075
    assert fibonacci.cache_info().misses == 101


def test_info_counts_since_the_last_clear() -> None:
    function = counted(maxsize=2)
    for argument in (1, 1, 2, 3, 3, 3):
        function(argument)
    assert CacheInfo(hits=3, misses=3, maxsize=2, currsize=2) == function.cache_info()
    function.cache_clear()
    assert CacheInfo(0, 0, 2, 0) == function.cache_info()
    function(1)
    assert CacheInfo(0, 1, 2, 1) == function.cache_info()


def test_parameters_are_those_written() -> None:
    function = counted(maxsize=5, ttl=60, typed=True, jitter=5)
    assert function.cache_parameters() == {"maxsize": 5, "ttl": 60, "typed": True, "jitter": 5}
    function.cache_parameters().clear()
    assert function.cache_parameters()["maxsize"] == 5


def test_invalidate_and_contains_take_the_arguments_of_a_call() -> None:
    function = counted()
    assert (function(1, a=2), function(3)) == (1, 2)
    assert (
        function.cache_contains(1, a=2), function.cache_contains(3), function.cache_contains(1),
    ) == (True, True, False)  # fmt: skip
    assert (function.cache_invalidate(1, a=2), function.cache_invalidate(1, a=2)) == (True, False)
    assert (function.cache_contains(1, a=2), function(1, a=2), function(3)) == (False, 3, 2)
    assert function.cache_info().hits + 1 == 2


def test_the_key_is_that_of_the_cache() -> None:
    function = counted()
    function(1)
    function(1, 2, a=3)
    assert {function.cache_key(1), function.cache_key(1, 2, a=3)} == set(function.cache)
    assert isinstance(function.cache, Cache)
    function.cache[function.cache_key("x")] = "put"
    assert function("x") == "put"


def test_refresh_calls_now_and_keeps_the_result() -> None:
    function = counted(ttl=60)
    assert [function("k"), function("k")] == [1, 1]
    assert [function.cache_refresh("k"), function("k"), function.cache_refresh("k")] == [2, 2, 3]
    assert function.cache_refresh("never called") == 4
    assert [function("never called"), function("k")] == [4, 3]


def test_refreshes_at_the_same_time_are_one_and_readers_do_not_wait() -> None:
    held = HeldLoader("new")
    function = cached(held)
    function.cache["k"] = "old"
    calls = [Call(function.cache_refresh, "k") for _ in range(5)]
    await_waiters(function.cache, 4)
    assert function("k") == "old"
    held.gate.open()
    assert [call.result() for call in calls] == ["new"] * 5
    assert (function("k"), held.calls) == ("new", ["k"])


def test_a_failing_refresh_raises_and_keeps_the_old_value() -> None:
    results = iter([1, ValueError("down")])

    def function() -> int:
        result = next(results)
        if isinstance(result, Exception):
            raise result
        return result

    function = cached(ttl=60, stale_if_error=60)(function)
    assert function() == 1
    with pytest.raises(ValueError, match="down"):
        function.cache_refresh()
    assert function() == 1


def test_the_options_are_those_of_a_cache(clock: MovableClock) -> None:
    function = counted(maxsize=10, ttl=10, refresh_ahead=5, stale_while_revalidate=20, clock=clock, name="named")
    assert (function.cache.name, function("k", a=1)) == ("named", 1)
    clock.advance(11)
    assert function("k", a=1) == 1
    await_no_flights(function.cache)
    assert function.calls == [(("k",), {"a": 1})] * 2
    assert function("k", a=1) == 2


def test_wrong_options_are_refused_where_they_are_written() -> None:
    for error, options in (
        (ValueError, {"maxsize": 0}), (ValueError, {"ttl": -1}), (TypeError, {"typed": 1}), (TypeError, {"key": 1}),
        (TypeError, {"per_instance": None}), (TypeError, {"unknown": 1}), (ValueError, {"jitter": 5}),
    ):  # fmt: skip
        [name] = options
        with pytest.raises(error, match=name):
            cached(**options)


def test_async_generators_are_refused() -> None:
    async def generator() -> Any:
        yield

    with pytest.raises(TypeError, match="async generators"):
        cached(generator)
    with pytest.raises(TypeError, match="callable"):
        cached()(5)


def test_the_function_is_still_itself() -> None:
    assert squared.__wrapped__(3) == 9
    assert ("squared", "squared", "The square.", __name__) == (
        squared.__name__, squared.__qualname__, squared.__doc__, squared.__module__,
    )  # fmt: skip
    assert str(inspect.signature(squared)) == "(number: 'float', /, *, offset: 'int' = 0) -> 'float'"
    assert "squared" in repr(squared)
    with pytest.raises(TypeError, match="positional"):
        squared(1, 2)


def test_it_can_be_referenced_weakly_and_is_freed() -> None:
    function = cached(lambda: 1)
    function()
    reference = weakref.ref(function)
    assert reference() is function
    del function
    assert reference() is None


def test_copies_and_pickles_are_the_function_itself() -> None:
    assert [squared] * 3 == [copy.copy(squared), copy.deepcopy(squared), pickle.loads(pickle.dumps(squared))]


@pytest.mark.parametrize("function", [functools.partial(pow, 2), abs, int.bit_length, [1, 2, 3, 4].__getitem__, float])
def test_any_callable_is_taken(function: Any) -> None:
    assert [function(3)] * 2 == [cached(function)(3), cached(ttl=60)(function)(3)]


def test_cached_above_a_classmethod_is_refused():
    with pytest.raises(TypeError, match="cached goes below classmethod, not above it"):

        class Above:
            @cached
            @classmethod
            def method(cls):
                raise AssertionError
