"""What the suites for pytest-benchmark share: their cases, and how one is run."""

from __future__ import annotations

import asyncio
from typing import Any

from bench import contenders
from bench.timing import runner
from bench.workloads import BY_NAME, units

# Turns of a workload that does one operation a turn, so that the loop and not the call of it is what is timed.
TURNS = 1_000


def cases(names: list[str]) -> list[tuple[str, str]]:
    """(workload, contender) for all who take part."""
    known = contenders.load()[0]
    return [(name, contender) for name in names for contender in units(BY_NAME[name], known)]


def run(benchmark: Any, workload: str, contender: str) -> None:
    unit = units(BY_NAME[workload], contenders.load()[0])[contender]
    turns = TURNS if unit.per == 1 else 1
    benchmark.group = f"{BY_NAME[workload].title}, {turns * unit.per:,} operations"
    with asyncio.Runner() as event_loop:
        benchmark.pedantic(runner(unit, None, event_loop), (turns,), rounds=50, warmup_rounds=3)
