"""Everything there is to measure, and how much of it: in full or quickly."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from bench import collector, contenders, expiry, memory, pauses, scaling, tasks, wakeup, workloads
from bench.surroundings import FREE_THREADED
from bench.timing import Contest, contest


class Effort(NamedTuple):
    """``rounds`` of ``milliseconds`` each, ``share`` of the entries of a full one, ``runs`` of what repeats."""

    rounds: int
    milliseconds: float
    share: float
    runs: int


FULL = Effort(rounds=25, milliseconds=6.0, share=1.0, runs=5)
QUICK = Effort(rounds=5, milliseconds=0.7, share=0.05, runs=1)

MEASURES: dict[str, Callable[[Effort], Any]] = {
    "memory": lambda effort: memory.measure(int(memory.ENTRIES * effort.share)),
    "collector": lambda effort: collector.measure(int(collector.ENTRIES * effort.share), effort.rounds),
    "wakeup": lambda effort: wakeup.measure(int(wakeup.THREADS * max(effort.share, 0.1)), effort.rounds),
    "tasks": lambda effort: tasks.measure(int(tasks.TASKS * max(effort.share, 0.1)), effort.rounds),
    "pauses": lambda effort: pauses.measure(int(pauses.KEYS * effort.share), effort.runs),
    "expiry": lambda effort: expiry.measure(int(expiry.ENTRIES * effort.share), min(effort.runs, expiry.RUNS)),
}
if FREE_THREADED:
    MEASURES["scaling"] = lambda effort: scaling.measure(
        2 * effort.rounds, max(100 * scaling.KEYS, int(scaling.CALLS * effort.share))
    )


def chosen(names: Iterable[str], only: list[str]) -> list[str]:
    """Those that ``only`` names, by their whole name or the part before a dot; all if it names none."""
    return [name for name in names if not only or name in only or name.split(".")[0] in only]


def measure(
    effort: Effort, only: list[str], say: Callable[[str], None]
) -> tuple[dict[str, Contest], dict[str, Any], dict[str, str]]:
    """Contests by workload, other measurements by name, and why one of these failed."""
    known, failed = contenders.load()[0], {}
    contests: dict[str, Contest] = {}
    for name in chosen(workloads.BY_NAME, only):
        say(f"{name}: {workloads.BY_NAME[name].title}")
        contests[name] = contest(workloads.units(workloads.BY_NAME[name], known), effort.rounds, effort.milliseconds)
    others: dict[str, Any] = {}
    for name in chosen(MEASURES, only):
        say(name)
        try:
            others[name] = MEASURES[name](effort)
        except (ImportError, RuntimeError, OSError) as error:
            # What one of them lacks must not cost the others their figures.
            failed[name] = str(error)
    return contests, others, failed
