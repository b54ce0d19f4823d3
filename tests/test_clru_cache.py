"""``clru_cache`` beyond what the older fastcache's own tests ask for (``make compat`` runs those)."""

from __future__ import annotations

from typing import Any

import pytest

from fastcache import CacheInfo, clru_cache
from tests.harness.gates import Call, Gate


def test_only_the_called_form_is_taken() -> None:
    with pytest.raises(TypeError, match="maxsize"):
        clru_cache(abs)  # type: ignore[arg-type]


@pytest.mark.parametrize(("maxsize", "told"), [(None, None), (-1, None), (False, 128), (True, 1), (0, 0), (7, 7)])
def test_what_a_maxsize_means(maxsize: Any, told: int | None) -> None:
    assert clru_cache(maxsize)(abs).cache_info() == CacheInfo(0, 0, told, 0)


def test_the_order_of_named_arguments_does_not_matter() -> None:
    calls = []

    @clru_cache(typed=True)
    def function(*args: Any, **kwargs: Any) -> int:
        calls.append((args, kwargs))
        return len(calls)

    assert [function(0, a=1, b=2.0), function(0, b=2.0, a=1), function(0, a=1.0, b=2), function(0, b=2, a=1.0)] == [
        1, 1, 2, 2,
    ]  # fmt: skip
    assert function.cache_info() == CacheInfo(2, 2, 128, 2)


@pytest.mark.parametrize("maxsize", [5, None])
def test_a_call_that_raises_is_no_miss(maxsize: int | None) -> None:
    @clru_cache(maxsize)
    def inverse(number: int) -> float:
        return 1 / number

    with pytest.raises(ZeroDivisionError):
        inverse(0)
    assert [inverse(2), inverse(2)] == [0.5, 0.5]
    assert inverse.cache_info() == CacheInfo(1, 1, maxsize, 1)
    inverse.cache_clear()
    assert inverse.cache_info() == CacheInfo(0, 0, maxsize, 0)


def test_who_comes_second_with_a_result_counts_as_a_hit() -> None:
    gate = Gate()

    @clru_cache()
    def made(key: str) -> object:
        gate.stop()
        return object()

    calls = [Call(made, "k") for _ in range(3)]
    gate.reached(3)
    gate.open()
    assert len({id(call.result()) for call in calls}) == 1
    assert made.cache_info() == CacheInfo(2, 1, 128, 1)


def test_calls_that_are_not_looked_up_are_misses_even_if_they_raise() -> None:
    function = clru_cache(0)(int)
    with pytest.raises(ValueError, match="invalid"):
        function("x")
    assert function.cache_info() == CacheInfo(0, 1, 0, 0)
