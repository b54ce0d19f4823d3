"""The key of a call with several arguments: a hit finds it without making it, and nobody can tell."""

from __future__ import annotations

import random
from typing import Any

import pytest

import fastcache
from tests.harness.keys import Key

ATOMS: list[Any] = [
    0, 1, -1, -2, 2**29, 2**30, -(2**30), 2**61 - 1, 2**64, 10**40, 0.0, 1.5, -1.0, float("inf"), True, None, "", "a",
    "key", "a longer key than sixteen characters", "é", "日本", b"", b"bytes", b"seventeen bytes..", (), ("a", 1), 1j,
    frozenset({1}), range(3), Key("k"),
]  # fmt: skip


def copied(argument: Any) -> Any:
    """An equal object that is another one, where there can be such."""
    if type(argument) is str:
        return "".join([argument[:1], argument[1:]])
    if type(argument) is bytes:
        return bytes(bytearray(argument))
    if type(argument) is int:
        return int(str(argument))
    if type(argument) is float:
        return float(str(argument))
    if type(argument) is tuple:
        return tuple(copied(item) for item in argument)
    return Key("k") if isinstance(argument, Key) else argument


@fastcache.cached()
def echo(*args: Any) -> list[Any]:
    return list(args)


@pytest.fixture(autouse=True)
def _emptied() -> None:
    echo.cache_clear()


@pytest.mark.parametrize("count", range(6))
def test_equal_arguments_are_one_call_and_have_one_key(count: int) -> None:
    draw = random.Random(count)
    for _ in range(300):
        args = [draw.choice(ATOMS) for _ in range(count)]
        result = echo(*args)
        again = [copied(argument) for argument in args]
        assert echo(*again) is result
        assert echo.cache[echo.cache_key(*args)] is result
        assert echo.cache[echo.cache_key(*again)] is result


def test_a_key_written_as_a_tuple_is_found_by_the_call() -> None:
    echo.cache["a", 1] = ["written"]
    assert echo("a", 1) == ["written"]
    assert echo.cache_invalidate("a", 1)
    assert echo("a", 1) == ["a", 1]


def test_arguments_of_other_number_or_order_are_other_calls() -> None:
    calls = [(), (1,), (1, 2), (2, 1), (1, 2, 3), ((1, 2),), ((1, 2), 3), ("1", 2)]
    results = [echo(*call) for call in calls]
    assert results == [list(call) for call in calls]
    assert [echo(*call) is result for call, result in zip(calls, results, strict=True)] == [True] * len(calls)


def test_each_argument_is_hashed_once_a_call() -> None:
    key = Key("counted")
    for _ in range(3):
        before = key.hashes
        echo(key, 1)
        assert key.hashes == before + 1


def test_an_argument_that_cannot_be_hashed_says_so() -> None:
    with pytest.raises(TypeError, match="unhashable type: 'list'"):
        echo(1, [])
    assert echo.cache_info().currsize == 0


def test_a_method_tells_its_instances_apart() -> None:
    class Shop:
        def __init__(self, name: str) -> None:
            self.name = name

        @fastcache.cached()
        def price(self, item: str) -> tuple[str, str]:
            return self.name, item

    one, other = Shop("one"), Shop("other")
    assert [shop.price(item) for shop in (one, other) for item in "ab"] * 2 == [
        (name, item) for name in ("one", "other") for item in "ab"
    ] * 2
    assert one.price("a") is one.price("a")
