"""Ten thousand tasks ask at once for one key that takes 100 ms to load: how many loads, and how fast all come back.

Timed by the wall, from the last statement of the load to the moment that the last task notes after its answer.  Who
loads more than once does not coalesce, and is counted but not timed.
"""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Any

from bench import contenders
from bench.contender import Contender

TASKS = 10_000
CAPACITY = 100
LOAD = 0.1
VALUE = "a value"


def measure(tasks: int = TASKS, rounds: int = 1) -> dict[str, dict[str, Any]]:
    """Loads of one crowd by contender, and nanoseconds of each round for those that coalesce."""
    known = {name: one for name, one in contenders.load()[0].items() if one.decorate_async}
    crowds = {name: asyncio.run(crowd(contender, tasks)) for name, contender in known.items()}
    found: dict[str, dict[str, Any]] = {name: {"loads": loads} for name, (loads, _) in crowds.items()}
    order = [name for name, (loads, _) in crowds.items() if loads == 1]
    times: dict[str, list[int]] = {name: [] for name in order}
    for number in range(rounds):
        shift = number % len(order)
        for name in order[shift:] + order[:shift]:
            times[name].append(asyncio.run(crowd(known[name], tasks))[1])
    for name in order:
        found[name]["times"] = times[name]
    return found


async def crowd(contender: Contender, count: int) -> tuple[int, int]:
    """How often was loaded, and the nanoseconds from the end of the last load to the return of the last task."""
    loads = loaded = returned = 0

    async def load(key: str) -> str:
        nonlocal loads, loaded
        loads += 1
        await asyncio.sleep(LOAD)
        loaded = time.perf_counter_ns()
        return VALUE

    async def ask() -> None:
        nonlocal returned
        if await decorated("cold") != VALUE:
            raise AssertionError(f"{contender.name} does not answer as it should")
        returned = time.perf_counter_ns()

    decorated = contender.decorate_async(load, CAPACITY)  # type: ignore[misc]
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        tasks = [asyncio.create_task(ask()) for _ in range(count)]
        # Not gathered: that costs each task a callback at its end.
        for task in tasks:
            await task
    finally:
        if collecting:
            gc.enable()
    return loads, returned - loaded
