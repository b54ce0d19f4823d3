"""A load that could only wait for itself raises instead."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from fastcache import Cache, CacheError, LoadCycleError, RecursiveLoadError, SingleFlight, cached
from tests.harness.child import check_child
from tests.harness.gates import Call, Gate, await_waiters


def unexpected(key: object) -> Any:
    raise AssertionError(f"{key!r} was loaded again")


def ring(cache: Cache[Any, Any], count: int, ask: Callable[[int], Any]) -> list[Call[Any]]:
    """Threads of which each loads one key and, when all do, asks for the next one's."""
    line = threading.Barrier(count, timeout=10)

    def load(number: int) -> Any:
        line.wait()
        return ask((number + 1) % count)

    return [Call(cache.get_or_load, number, load) for number in range(count)]


def test_a_load_that_asks_for_its_own_key_is_refused(cache: Cache[Any, Any]) -> None:
    error = Call(cache.get_or_load, "k", lambda key: cache.get_or_load(key, unexpected)).error(2)
    assert type(error) is RecursiveLoadError
    assert isinstance(error, CacheError)
    assert isinstance(error, RuntimeError)
    assert "'k'" in str(error)


def test_so_it_is_across_other_keys(cache: Cache[Any, Any]) -> None:
    def load(key: int) -> Any:
        return cache.get_or_load((key + 1) % 3, load)

    assert isinstance(Call(cache.get_or_load, 0, load).error(2), RecursiveLoadError)
    assert cache.stats().entries == 0


def test_a_load_may_catch_the_refusal(cache: Cache[Any, Any]) -> None:
    def load(key: str) -> str:
        with pytest.raises(RecursiveLoadError):
            cache.get_or_load(key, unexpected)
        return "without"

    assert Call(cache.get_or_load, "k", load).result(2) == "without"
    assert cache["k"] == "without"


@pytest.mark.parametrize("options", [{}, {"force": True}])
def test_a_refusal_changes_nothing(cache: Cache[Any, Any], options: dict[str, Any]) -> None:
    def load(key: str) -> str:
        with pytest.raises(RecursiveLoadError):
            cache.get_or_load(key, unexpected, **options)
        assert [flight.key for flight in cache.flights()] == [key]
        return "loaded"

    assert Call(cache.get_or_load, "k", load).result(2) == "loaded"
    assert (cache.get("k"), cache.stats().discarded) == ("loaded", 0)


@pytest.mark.parametrize("count", [2, 3, 10])
def test_threads_in_a_circle_all_end_with_an_error(cache: Cache[Any, Any], count: int) -> None:
    calls = ring(cache, count, lambda number: cache.get_or_load(number, unexpected))
    assert [LoadCycleError] * count == [type(call.error()) for call in calls]
    assert cache.stats().entries == 0


@pytest.mark.parametrize("count", [2, 3])
def test_the_error_names_the_circle(cache: Cache[Any, Any], count: int) -> None:
    for call in ring(cache, count, lambda number: cache.get_or_load(number, unexpected)):
        error = call.error()
        assert isinstance(error, LoadCycleError)
        start = error.keys[0]
        assert [(start + step) % count for step in range(count)] == list(error.keys)
        assert " -> ".join(map(str, error.keys)) in str(error)


@pytest.mark.parametrize("count", [2, 3, 10])
def test_if_one_in_the_circle_does_without_all_complete(cache: Cache[Any, Any], count: int) -> None:
    without = []

    def ask(number: int) -> Any:
        try:
            return cache.get_or_load(number, unexpected)
        except LoadCycleError:
            without.append(number)
            return "without"

    assert ["without"] * count == [call.result() for call in ring(cache, count, ask)]
    assert len(without) == 1


def test_a_circle_through_nested_loads_and_two_caches_is_found() -> None:
    first, second = Cache[Any, Any](), Cache[Any, Any]()
    line = threading.Barrier(2, timeout=10)

    def meet(key: str) -> Any:
        line.wait()
        return (second if key == "a" else first).get_or_load("b" if key == "a" else "a", unexpected)

    # Each holds its key through a nested load of another.
    calls = [
        Call(first.get_or_load, "a", lambda key: first.get_or_load("in a", lambda _: meet("a"))),
        Call(second.get_or_load, "b", lambda key: second.get_or_load("in b", lambda _: meet("b"))),
    ]
    assert [LoadCycleError] * 2 == [type(call.error()) for call in calls]


def test_followers_outside_the_circle_get_the_error_too(cache: Cache[Any, Any]) -> None:
    inside = Gate()

    def ask(number: int) -> Any:
        if number == 0:
            inside.stop()
        return cache.get_or_load(number, unexpected)

    calls = ring(cache, 2, ask)
    inside.reached()
    await_waiters(cache, 1)
    calls.append(Call(cache.get_or_load, 0, unexpected))
    await_waiters(cache, 2)
    inside.open()
    assert [LoadCycleError] * 3 == [type(call.error()) for call in calls]


def test_waiting_for_a_thread_that_waits_for_a_third_is_no_circle(cache: Cache[Any, Any]) -> None:
    last = Gate()

    def load(number: int) -> Any:
        if number == 3:
            last.stop()
            return "end"
        return cache.get_or_load(number + 1, load)

    calls = [Call(cache.get_or_load, 3, load)]
    for waiting, number in enumerate((2, 1, 0), start=1):
        last.reached()
        calls.append(Call(cache.get_or_load, number, load))
        await_waiters(cache, waiting)
    last.open()
    assert [call.result() for call in calls] == ["end"] * 4


def test_singleflight_finds_them_too() -> None:
    single = SingleFlight()
    line = threading.Barrier(2, timeout=10)

    def run(mine: str, other: str) -> Any:
        line.wait()
        return single.do(other, unexpected, other)

    calls = [Call(single.do, "a", run, "a", "b"), Call(single.do, "b", run, "b", "a")]
    assert [LoadCycleError] * 2 == [type(call.error()) for call in calls]
    assert RecursiveLoadError is type(Call(single.do, "k", lambda: single.do("k", unexpected)).error(2))


def test_recursing_too_deep_raises_and_leaves_nothing_loading() -> None:
    @cached(maxsize=None)
    def endless(n: int) -> int:
        return endless(n + 1)

    with pytest.raises(RecursionError):
        endless(0)
    assert endless.cache.flights() == []


@pytest.mark.skipif(sys.version_info < (3, 12), reason="before 3.12 the recursion limit also stands for the stack")
def test_recursing_too_deep_for_the_stack_raises_whatever_the_limit() -> None:
    check_child(
        """
        import sys
        from fastcache import cached

        sys.setrecursionlimit(10**6)

        @cached(maxsize=None)
        def endless(n):
            return endless(n + 1)

        try:
            endless(0)
        except RecursionError:
            print("raised", endless.cache.flights())
        """,
        out="raised []",
    )
