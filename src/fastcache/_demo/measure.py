"""Numbers from a recorded play: percentiles, bins over time, queries per lifetime."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from statistics import median

from .arrivals import UNANSWERED, Served
from .pool import Query
from .record import Play


@dataclass(frozen=True)
class Summary:
    requests: int
    queries: int
    per_lifetime: float | None  # queries per key and lifetime; None if no lifetime ended
    p50: float  # of the requests that got an answer, as p99 and max
    p99: float
    max: float
    longest_queue: int
    at_a_time: int  # most queries that ran in the same instant
    failed: int  # queries
    misses: int  # requests that waited for a load
    stale: int
    errors: int  # requests that saw one of the database's
    rejected: int  # requests whose load found no place in time
    timeouts: int  # requests whose load did not end in time
    took: float  # until the last answer


@dataclass(frozen=True)
class Latency:
    """The requests of one bin of time; those without an answer have no latency."""

    at: float  # the middle of the bin
    p50: float | None  # None if none was answered
    p99: float | None
    failed: float  # share of the requests without an answer


def percentile(values: Sequence[float], percent: float) -> float:
    """Nearest rank in sorted values: a latency that really occurred; 0 if there is none."""
    if not values:
        return 0.0
    return values[max(0, math.ceil(len(values) * percent / 100) - 1)]


def per_bin(instants: Iterable[float], width: float, begin: float, end: float) -> list[int]:
    """How many instants fall into each bin from begin to end; others are left out."""
    bins = [0] * max(1, math.ceil((end - begin) / width - 1e-9))
    for instant in instants:
        n = math.floor((instant - begin) / width + 1e-9)
        if 0 <= n < len(bins):
            bins[n] += 1
    return bins


def running(queries: Iterable[Query]) -> list[tuple[float, int]]:
    """(instant, how many queries run from it on), in order; of two in the same instant the one that ends is first."""
    steps = sorted(step for query in queries for step in ((query.started, 1), (query.finished, -1)))
    return list(zip((at for at, _ in steps), accumulate(by for _, by in steps), strict=True))


def most_running(queries: Iterable[Query], width: float, begin: float, end: float) -> list[int]:
    """The most queries that ran in the same instant, in each bin from begin to end."""
    bins = [0] * max(1, math.ceil((end - begin) / width - 1e-9))
    steps = running(queries)
    for (since, count), (until, _) in pairwise([*steps, (end, 0)]):
        first = max(0, math.floor((since - begin) / width))
        last = min(len(bins), math.ceil((until - begin) / width))
        for n in range(first, last):
            bins[n] = max(bins[n], count)
    return bins


def pauses(play: Play) -> list[float]:
    """How long a failing key was left alone after its first failure, its second and so on: medians over the keys.

    In told seconds, from an attempt's end to the begin of the next one, as long as each key came to another one.
    """
    attempts: defaultdict[int, list[Query]] = defaultdict(list)
    for query in play.queries:
        attempts[query.key].append(query)
    found: list[list[float]] = []
    for mine in attempts.values():
        nth = 0
        for earlier, later in pairwise(mine):
            if not earlier.failed:
                nth = 0
                continue
            if nth == len(found):
                found.append([])
            found[nth].append((later.asked - earlier.finished) * play.scale)
            nth += 1
    return [median(values) for values in found if len(values) >= play.keys]


def latencies(served: Iterable[Served], width: float, by_answer: bool = False) -> list[Latency]:
    """p50 and p99 over time, by the scheduled instant of the requests or by that of their answers."""
    bins: defaultdict[int, list[Served]] = defaultdict(list)
    for request in served:
        instant = request.at + request.took if by_answer else request.at
        bins[int(instant / width)].append(request)
    found = []
    for n in sorted(bins):
        values = sorted(request.took for request in bins[n] if request.saw not in UNANSWERED)
        p50, p99 = (percentile(values, 50), percentile(values, 99)) if values else (None, None)
        found.append(Latency((n + 0.5) * width, p50, p99, 1 - len(values) / len(bins[n])))
    return found


def lifetimes(queries: Iterable[Query], life: float) -> int:
    """How many values ran out and were asked for again.

    A query belongs to the value that it replaces: the last one to have landed for its key when it was
    asked (the first was written at 0). A herd asks before its first answer lands, so it replaces one
    value, however many queries it makes. A query asked while the last value was young replaces nothing.
    """
    landed: defaultdict[int, list[float]] = defaultdict(lambda: [0.0])
    asked: list[tuple[int, float]] = []
    for query in queries:
        asked.append((query.key, query.asked))
        if not query.failed:
            landed[query.key].append(query.finished)
    for instants in landed.values():
        instants.sort()
    replaced = set()
    for key, at in asked:
        instants = landed[key]
        last = instants[max(0, bisect_right(instants, at) - 1)]
        # Four fifths: the cache stamps a value some moments before or after the pool does.
        if at - last >= 0.8 * life:
            replaced.add((key, last))
    return len(replaced)


def summary(play: Play) -> Summary:
    took = sorted(request.took for request in play.served if request.saw not in UNANSWERED)
    saw = [request.saw for request in play.served]
    ended = lifetimes(play.queries, play.life) if play.down is None else 0
    return Summary(
        requests=len(saw),
        queries=play.counted,
        per_lifetime=play.counted / ended if ended else None,
        p50=percentile(took, 50),
        p99=percentile(took, 99),
        max=took[-1] if took else 0.0,
        longest_queue=max((query.waiting for query in play.queries), default=0),
        at_a_time=max((count for _, count in running(play.queries)), default=0),
        failed=sum(query.failed for query in play.queries),
        misses=saw.count("miss"),
        stale=saw.count("stale"),
        errors=saw.count("error"),
        rejected=saw.count("rejected"),
        timeouts=saw.count("timeout"),
        took=max((request.at + request.took for request in play.served), default=0.0),
    )
