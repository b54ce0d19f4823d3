"""What fastcache means to reach, as data, and the verdicts.

A goal names a figure of ``figures``; a figure that was not measured gives no verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from bench.scaling import SCENES
from bench.timing import Figure

GIL = frozenset({"gil"})
FREE = frozenset({"free-threaded"})
BOTH = GIL | FREE


class Goal(NamedTuple):
    figure: str
    title: str
    limit: float
    builds: frozenset[str] = BOTH
    at_most: bool = True
    unit: str = "x"


class Verdict(NamedTuple):
    """``reached`` is None where the figure was not measured; ``note`` says against whom or how."""

    title: str
    limit: str
    value: float | None
    low: float | None
    high: float | None
    reached: bool | None
    note: str


HIT = "`cache.get(k)` hit, bounded, ttl and jitter on, {} / `dict.get`"
GOALS = [
    *(
        Goal(figure, HIT.format(kind), limit, builds)
        for figure, kind in (("hit.str", "same str"), ("hit.copy", "equal copy"), ("hit.int", "int"))
        for limit, builds in ((1.05, GIL), (0.90, FREE))
    ),
    Goal("item", "`cache[k]` hit / `dict.get`", 0.85),
    Goal("load.hit", "`get_or_load` hit / `dict.get`", 1.3),
    Goal("decorated.str", "decorated hit, one str, ttl on / `lru_cache`", 0.58),
    Goal("decorated.int", "decorated hit, one int, ttl on / `lru_cache`", 0.58),
    Goal("decorated.2", "decorated hit, two arguments / `lru_cache`", 0.9),
    Goal("decorated.keywords", "decorated hit, keywords / `lru_cache`", 1.0),
    Goal("decorated.method", "decorated hit, bound method / `lru_cache`", 0.8),
    Goal("decorated.miss", "decorated miss, trivial function / `lru_cache` miss", 1.3),
    Goal("decorated.async", "awaited hit of a decorated coroutine function / of a trivial coroutine", 1.5),
    Goal("load.async", "awaited `aget_or_load` hit / of a trivial coroutine", 1.5),
    Goal("async.peer", "awaited hit of a decorated coroutine function / the best peer", 1.0),
    Goal("replace", "replace at capacity / the best bounded peer", 0.8),
    Goal("insert", "insert with eviction at capacity / the best bounded peer", 0.8),
    Goal("ttl.hit", "hit / cachebox TTL's", 0.40),
    Goal("ttl.decorated", "decorated hit / cachebox TTL's", 0.08),
    Goal("memory", "bytes per entry beyond key and value, 500,000 entries, everything on", 56, unit="B"),
    Goal("memory.ttl", "the same / cachebox TTL's", 0.6),
    Goal("pause", "longest single call (thread CPU time) while 4,000,000 keys are inserted", 0.5, unit="ms"),
    Goal("collector", "`gc.collect()` with 1,000,000 str -> int / with a dict of the same", 1.2),
    Goal("wakeup", "1,000 threads on one cold key: end of the load to the last return / by one `Event`", 1.2),
    Goal("tasks", "10,000 tasks on one cold key: end of the load to the last return / the best peer's", 1.0),
    Goal("tasks.loads", "the same: loads", 1, unit="loads"),
    Goal(
        "expiry.pause", "1,000,000 keys expire together, 2 threads read and write: longest call (CPU)", 1.0, unit="ms"
    ),
    Goal("expiry.memory", "the same: share of the memory given back", 0.9, at_most=False),
    *(
        Goal(f"scaling.{scene}", f"two threads over one: {SCENES[scene].title}", least, FREE, at_most=False)
        for scene, least in {"disjoint": 1.8, "same": 1.35, "hot": 1.2, "hot constant": 1.2, "decorated": 1.0}.items()
    ),
]


def judge(goal: Goal, found: tuple[Figure, str] | None) -> Verdict:
    sign, unit = ("<=" if goal.at_most else ">="), ("x" if goal.unit == "x" else f" {goal.unit}")
    limit = f"{sign} {goal.limit:g}{unit}"
    if found is None:
        return Verdict(goal.title, limit, None, None, None, None, "not measured")
    (value, low, high), note = found
    reached = value <= goal.limit if goal.at_most else value >= goal.limit
    return Verdict(goal.title, limit, value, low, high, reached, note)


def verdicts(figures: Mapping[str, tuple[Figure, str]], build: str) -> list[Verdict]:
    """One for each goal that is set for the build: "gil" or "free-threaded"."""
    return [judge(goal, figures.get(goal.figure)) for goal in GOALS if build in goal.builds]
