"""How things are timed: contenders in turn within every round, the bare loop subtracted, ratios within a round.

    round 1   loops   a b c d      ns of a call = (time of its loop - time of the bare loop) / calls
    round 2   loops   b c d a      ratio = a / b of the same round; the figure is the median over the rounds
    round 3   loops   c d a b

The clock is that of the thread's CPU time where it is fine enough, so that a neighbour who takes the core is not billed
to whom it was taken from.  What a neighbour does to caches and clock rates stays in; that is what the ratios are for.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

FINE = 1e-6
MOST_TURNS = 2**24
CLOCK: Callable[[], int] = (
    time.thread_time_ns if time.get_clock_info("thread_time").resolution <= FINE else time.perf_counter_ns
)

# A loop's source with a place for each body.
ONE = "for _ in repeat(None, turns):\n        {0}"
EACH = "for _ in repeat(None, turns):\n        for k in keys:\n            {0}"
MIXED = (
    "for _ in repeat(None, turns):\n        for k, write in trace:\n"
    "            if write:\n                {1}\n            else:\n                {0}"
)
TEMPLATE = "{kind} run(turns, clock, repeat, {names}):\n    start = clock()\n    {loop}\n    return clock() - start\n"


class Figure(NamedTuple):
    """A median and the quartiles around it."""

    value: float
    low: float
    high: float


class Unit(NamedTuple):
    """Something to be timed: ``bodies`` in ``loop``, over local ``names``, doing ``per`` operations a turn.

    ``choices`` are the values of ``k``, another one in each round: a key is found at once or after a collision by luck.
    """

    loop: str
    bodies: tuple[str, ...]
    names: dict[str, Any]
    per: int = 1
    choices: Sequence[Any] = ()


class Contest(NamedTuple):
    """Nanoseconds of one operation by name and round."""

    rounds: dict[str, list[float]]

    def cost(self, name: str) -> Figure:
        return figure(self.rounds[name])

    def ratio(self, name: str, base: str) -> Figure:
        return figure(ratios(self.rounds[name], self.rounds[base]))

    def fastest(self, names: Iterable[str]) -> str | None:
        return min(
            (name for name in names if name in self.rounds), key=lambda name: self.cost(name).value, default=None
        )


def figure(samples: list[float]) -> Figure:
    if len(samples) < 2:
        return Figure(samples[0], samples[0], samples[0])
    low, middle, high = statistics.quantiles(samples, n=4, method="inclusive")
    return Figure(middle, low, high)


def ratios(own: list[float], base: list[float]) -> list[float]:
    return [a / b for a, b in zip(own, base, strict=True)]


def runner(unit: Unit, bodies: tuple[str, ...] | None, event_loop: asyncio.Runner) -> Callable[..., int]:
    """Runs so many turns, in the round of that number, and says how long that took; with other bodies if given."""
    bodies = unit.bodies if bodies is None else bodies
    awaits = any("await " in body for body in unit.bodies)
    scope: dict[str, Any] = {}
    source = TEMPLATE.format(
        kind="async def" if awaits else "def", names=", ".join(unit.names), loop=unit.loop.format(*bodies)
    )
    exec(source, scope)
    run = scope["run"]

    def timed(turns: int, number: int = 0) -> int:
        names = {**unit.names, "k": unit.choices[number % len(unit.choices)]} if unit.choices else unit.names
        answer = run(turns, CLOCK, itertools.repeat, **names)
        return event_loop.run(answer) if awaits else answer

    return timed


def calibrate(run: Callable[[int], int], nanoseconds: float) -> int:
    """How many turns take about that long, after the first, which may be the one that loads."""
    run(1)
    turns, spent = 1, run(1)
    while spent < nanoseconds / 8 and turns < MOST_TURNS:
        turns *= 4
        spent = run(turns)
    return max(1, round(turns * nanoseconds / max(spent, 1)))


def contest(units: dict[str, Unit], rounds: int, milliseconds: float) -> Contest:
    """Times all units, each about so many milliseconds a round."""
    with asyncio.Runner() as event_loop:
        return Contest(_times(units, rounds, milliseconds * 1e6, event_loop))


def _times(units: dict[str, Unit], rounds: int, budget: float, event_loop: asyncio.Runner) -> dict[str, list[float]]:
    runs = {name: runner(unit, None, event_loop) for name, unit in units.items()}
    turns = {name: calibrate(run, budget) for name, run in runs.items()}
    # One bare loop for each shape and length.
    shapes = {name: (unit.loop, unit.per, "await" in unit.bodies[0]) for name, unit in units.items()}
    bare = {shape: runner(units[name], ("pass",) * 2, event_loop) for name, shape in shapes.items()}
    bare_turns = {shape: calibrate(run, budget / 2) for shape, run in bare.items()}
    order = list(units)
    times: dict[str, list[float]] = {name: [] for name in units}
    collecting = gc.isenabled()
    gc.disable()
    try:
        for number in range(rounds):
            gc.collect()
            # The least of three, for whatever is too much here is taken from everybody.
            loops = {
                shape: min(run(bare_turns[shape]) for _ in range(3)) / bare_turns[shape] for shape, run in bare.items()
            }
            shift = number % len(order)
            for name in order[shift:] + order[:shift]:
                spent = runs[name](turns[name], number) / turns[name]
                times[name].append((spent - loops[shapes[name]]) / units[name].per)
    finally:
        if collecting:
            gc.enable()
    return times
