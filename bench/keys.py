"""The keys and the orders in which they are asked for; all fixed."""

from __future__ import annotations

import bisect
import itertools
import random
from typing import Any, NamedTuple


class Point:
    """A user's key: hashed and compared by Python code."""

    def __init__(self, x: int, y: int) -> None:
        self.x = x
        self.y = y

    def __hash__(self) -> int:
        return hash((self.x, self.y))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Point) and (self.x, self.y) == (other.x, other.y)


class Keys(NamedTuple):
    """Those that are stored, and those that are asked for, which are equal and in the same order."""

    stored: list[Any]
    asked: list[Any]


def texts(count: int, prefix: str = "key") -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def kinds(count: int) -> dict[str, Keys]:
    """Keys by the name of their kind."""
    same = texts(count)
    numbers = [7 * number + 1_000 for number in range(count)]
    pairs = [("user", number) for number in range(count)]
    points = [Point(number, -number) for number in range(count)]
    return {
        "str": Keys(same, same),
        "copy": Keys(same, texts(count)),
        "int": Keys(numbers, numbers),
        "tuple": Keys(pairs, pairs),
        "user": Keys(points, points),
    }


def zipf(universe: int, length: int, seed: int = 1) -> list[int]:
    """Ranks drawn with probability 1 / rank (Zipf's law with exponent 1)."""
    draw = random.Random(seed)
    heights = list(itertools.accumulate(1 / rank for rank in range(1, universe + 1)))
    return [bisect.bisect_left(heights, draw.random() * heights[-1]) for _ in range(length)]


def mixed(keys: list[Any], length: int, writes: float, seed: int = 2) -> list[tuple[Any, bool]]:
    """(key, whether it is written) by Zipf's law, hot keys anywhere in the list."""
    draw = random.Random(seed)
    shuffled = draw.sample(keys, len(keys))
    return [(shuffled[rank], draw.random() < writes) for rank in zipf(len(keys), length)]
