"""The shared axes of a scene: the same time, the same scales in each of its rows."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .measure import Latency, latencies, most_running, per_bin
from .record import Play, Run

BY_ANSWER = {5, 6, 7}  # scenes whose requests arrive nearly at once: their latency is drawn where the answer came
ATTEMPTS = {4}  # scenes of which each query is drawn, in a row for its key
AT_A_TIME = {6}  # scenes of which the queries that run at a time are drawn, not those asked in a bin


@dataclass(frozen=True)
class Curve:
    play: Play
    queries: list[int]  # asked of the database per bin, or running at a time
    latency: list[Latency]


@dataclass(frozen=True)
class Axes:
    begin: float  # seconds
    end: float
    bin: float
    step: float  # seconds per point of the latency
    scale: float  # seconds told per second that passed
    scene: int
    most: int  # queries in one bin
    logarithmic: bool  # the scale of the queries
    low: float  # seconds, a power of ten
    high: float
    curves: list[Curve]


def axes(run: Run, scene: int) -> Axes:
    plays = run.scene(scene)
    by_answer = scene in BY_ANSWER
    ends = [
        max((request.at + (request.took if by_answer else 0) for request in play.served), default=1.0) for play in plays
    ]
    width, begin = plays[0].bin, plays[0].starts
    end = width * math.ceil(max(ends) / width - 1e-9)
    step = max(width, (end - begin) / 60)
    curves = []
    for play in plays:
        if scene in AT_A_TIME:
            counts = most_running(play.queries, width, begin, end)
        else:
            instants = (query.started if by_answer else query.asked for query in play.queries)
            counts = per_bin(instants, width, begin, end)
        curves.append(Curve(play, counts, latencies(play.served, step, by_answer)))
    values = [value for curve in curves for point in curve.latency for value in (point.p50, point.p99) if value]
    low = 10 ** math.floor(math.log10(max(1e-5, min(values, default=1e-3))))
    high = 10 ** math.ceil(math.log10(max(1e-4, max(values, default=1.0))))
    peaks = [max(1, *curve.queries) for curve in curves]
    far_apart = max(peaks) > 20 * min(peaks)
    high = max(high, 10 * low)
    return Axes(begin, end, width, step, plays[0].scale, scene, max(peaks), far_apart, low, high, curves)


def count_marks(shared: Axes) -> list[int]:
    """Marks of the scale of counts: powers of ten, or two even steps."""
    if shared.logarithmic:
        return [10**n for n in range(1 + int(math.log10(shared.most)))]
    step = max(1.0, _round_step(shared.most / 2))
    return [round(n * step) for n in range(int(shared.most / step) + 1)]


def decades(low: float, high: float) -> list[float]:
    """Powers of ten from low to high; every other one if they would crowd."""
    first, last = round(math.log10(low)), round(math.log10(high))
    return [10.0**n for n in range(first, last + 1, 1 if last - first <= 4 else 2)]


def seconds_mark(value: float) -> str:
    """A mark of the latency axis: 0.1 ms, 10 ms, 1 s."""
    return f"{value:g} s" if value >= 1 else f"{1000 * value:g} ms"


def time_marks(shared: Axes) -> list[float]:
    """Five or so round instants from begin to end, in told seconds."""
    begin, end = shared.begin * shared.scale, shared.end * shared.scale
    step = _round_step((end - begin) / 5)
    first = math.ceil(begin / step - 1e-9)
    return [round(n * step, 6) for n in range(first, int(end / step + 1e-9) + 1)]


def _round_step(least: float) -> float:
    """1, 2 or 5 times a power of ten, not much below least."""
    unit = 10.0 ** math.floor(math.log10(least))
    return next(unit * n for n in (1, 2, 5, 10) if unit * n >= least * 0.8)


def queries_name(shared: Axes) -> str:
    """What the left column shows."""
    if shared.scene in ATTEMPTS:
        return "queries, a row for each key (red: failed)"
    tens = ", log scale" if shared.logarithmic else ""
    if shared.scene in AT_A_TIME:
        return f"queries at a time{tens}"
    per = "second of the ttl" if shared.scale != 1 else f"{1000 * shared.bin:.0f} ms"
    return f"queries per {per}{tens}"


def latency_name(shared: Axes) -> str:
    """What the right column shows."""
    by_answer = " where the answer came" if shared.scene in BY_ANSWER else ""
    return f"latency{by_answer}, p50 thick, p99 thin"


def strips_name(shared: Axes) -> str:
    """What the strips above the latency are; empty if there are none."""
    if any(curve.play.down for curve in shared.curves):
        return "grey: database down, red: requests failed"
    if any(point.failed for curve in shared.curves for point in curve.latency):
        return "red: no answer"
    return ""
