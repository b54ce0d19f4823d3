"""Programs drawn at random: what threads do to a cache, and what strangers' code does amid that."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from tests.harness.history import Program, Rules, Step
from tests.harness.keys import Key

# How often each is drawn; loads are what most can go wrong with.
KINDS = {
    "get": 3, "set": 2, "setdefault": 1, "delete": 2, "pop": 1, "expire": 2, "clear": 1,
    "get_or_load": 8, "force": 1, "refresh": 2,
}  # fmt: skip
# Where each has strangers' code run, besides its key's hash and comparison.
LOADS = ("load", "weigh", "removal", "drop", "callback")
PLACES = {
    **dict.fromkeys(("get_or_load", "force"), LOADS),
    **dict.fromkeys(("set", "setdefault"), LOADS[1:]),
    **dict.fromkeys(("delete", "pop", "expire", "clear", "get"), LOADS[2:]),
}
# What a step in a step is not: who waits for another thread amid a load may wait for himself.
OUTERMOST = ("refresh",)
# To each border of the windows below, and between them.
MOVES = (1, 3, 5, 7, 10)


class Draw:
    """Draws one program from a generator, and gives every step a value of its own."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.number = 0
        self.windows = draw.random() < 0.5
        self.keys = draw.choice([1, 1, 2])

    def rules(self, *maxsizes: int | None) -> Rules:
        return Rules(10, 3 * self.windows, 5 * self.windows, self.draw.choice(maxsizes))

    def step(self, moves: bool, depth: int = 0, strange: bool = False) -> Step:
        draw = self.draw
        self.number += 1
        if moves and draw.random() < 0.3:
            return Step("advance", key=-1, seconds=draw.choice(MOVES))
        kinds = {kind: often for kind, often in KINDS.items() if depth == 0 or kind not in OUTERMOST}
        (kind,) = draw.choices(list(kinds), list(kinds.values()))
        # Where failures are noted, the next reload comes after a pause that is random.
        fails = kind == "get_or_load" and not self.windows and draw.random() < 0.2
        step = Step(kind, draw.randrange(self.keys), f"v{self.number}", draw.choice([..., ..., ..., 0, 4]), fails)
        if strange and kind not in OUTERMOST and depth < 3:
            step.inner = tuple(self.inner(kind, moves, depth) for _ in range(draw.choice([0, 0, 1, 1, 2, 3])))
        return step

    def inner(self, kind: str, moves: bool, depth: int) -> tuple[str, Step]:
        place = self.draw.choice(("hash", "eq", "eq", *PLACES[kind]))
        chance = self.draw.random()
        if chance < 0.1 and place in ("hash", "eq"):
            return place, Step("fault")
        if chance < 0.2:
            return place, Step("collect")
        return place, self.step(moves, depth + 1, True)


def of_threads(draw: random.Random) -> Program:
    """Of two to four threads, which give way at points that are drawn too, in keys' comparisons as well."""
    drawn = Draw(draw)
    rules = drawn.rules(None, None, 1000)
    mean = draw.choice([0.2, 0.6, 1.0])

    def give_way() -> None:
        # The global generator: threads that share one draw as their schedule has it.
        if random.random() < mean:
            time.sleep(0)

    def switching(number: int) -> Any:
        return Key(number, on_eq=give_way, on_hash=give_way)

    count = draw.choice([2, 2, 3, 4])
    threads = [[drawn.step(moves=n == 0) for _ in range(draw.randint(3, 12 // count + 2))] for n in range(count)]
    kinds: list[Callable[[int], Any]] = [int, str, switching]
    return Program(rules, threads, draw.choice(kinds), give_way)


def of_strangers(draw: random.Random, most: int = 2) -> Program:
    """Of up to so many threads, whose steps have steps in them wherever the cache runs strangers' code."""
    drawn = Draw(draw)
    rules = drawn.rules(None, None, 1, 1000)
    count = draw.randint(1, most)
    threads = [[drawn.step(n == 0, 0, True) for _ in range(draw.randint(2, 6 // count + 1))] for n in range(count)]
    return Program(rules, threads, give_way=lambda: time.sleep(0), evil=True)
