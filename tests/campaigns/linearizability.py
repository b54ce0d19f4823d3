"""Short histories of two to four threads at one or two keys, each checked for an order that explains its answers."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from tests.campaigns._campaign import Campaign
from tests.harness.history import Play, Program, Rules, Step
from tests.harness.keys import Key
from tests.harness.legal import check_history

# How often each is drawn; loads are what most can go wrong with.
KINDS = {
    "get": 3, "set": 2, "setdefault": 1, "delete": 2, "pop": 1, "expire": 2, "clear": 1,
    "get_or_load": 8, "force": 1, "refresh": 2,
}  # fmt: skip
# To each border of the windows below, and between them.
MOVES = (1, 3, 5, 7, 10)


def drawn(draw: random.Random) -> Program:
    """A program; its threads give way at points that are drawn too, in keys' comparisons as well."""
    windows = draw.random() < 0.5
    rules = Rules(10, 3 * windows, 5 * windows, draw.choice([None, None, 1000]))
    # Where failures are noted, the next reload comes after a pause that is random.
    failing = 0.0 if windows else 0.2
    mean = draw.choice([0.2, 0.6, 1.0])

    def give_way() -> None:
        # The global generator: threads that share one draw as their schedule has it.
        if random.random() < mean:
            time.sleep(0)

    def evil(number: int) -> Any:
        return Key(number, on_eq=give_way, on_hash=give_way)

    keys = draw.choice([1, 1, 2])
    number = 0

    def step(moves: bool) -> Step:
        nonlocal number
        number += 1
        if moves and draw.random() < 0.3:
            return Step("advance", key=-1, seconds=draw.choice(MOVES))
        (kind,) = draw.choices(list(KINDS), list(KINDS.values()))
        fails = kind == "get_or_load" and draw.random() < failing
        ttl = draw.choice([..., ..., ..., 0, 4])
        return Step(kind, draw.randrange(keys), f"v{number}", ttl, fails)

    count = draw.choice([2, 2, 3, 4])
    threads = [[step(moves=n == 0) for _ in range(draw.randint(3, 12 // count + 2))] for n in range(count)]
    kinds: list[Callable[[int], Any]] = [int, str, evil]
    return Program(rules, threads, draw.choice(kinds), give_way)


def run(size: int, seed: int) -> str:
    sys.setswitchinterval(1e-6)
    steps = loads = crossed = 0
    for number in range(size):
        program = drawn(random.Random(f"{seed} {number}"))
        history = Play(program, seed).run()
        check_history(history)
        steps += len(history.done)
        loads += sum(one.load_begun > 0 for one in history.done)
        ends = sorted((one.begun, one.ended) for one in history.done)
        crossed += sum(later[0] < earlier[1] for earlier, later in pairwise(ends))
    return f"{size:,} histories, {steps:,} steps, {loads:,} loads, {crossed:,} steps begun amid another"


CAMPAIGN = Campaign("an answer that no order of all calls explains", "histories", 1_000, 200_000, run)
