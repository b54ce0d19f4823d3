"""Charts as inline SVG: bars of counts, bands of latency; colours come from the page's style."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

from .axes import ATTEMPTS, Axes, Curve, count_marks, decades, seconds_mark, time_marks
from .measure import Latency

WIDE, TALL = 460, 132
LEFT, RIGHT, TOP, BOTTOM = 62, 8, 10, 22
FEW = 3  # a line of so few points is drawn with dots


def queries_chart(curve: Curve, shared: Axes, label: str) -> str:
    if shared.scene in ATTEMPTS:
        return _attempts_chart(curve, shared, label)
    top = math.log1p(1.3 * shared.most)

    def y(count: float) -> float:
        return _y(math.log1p(count) / top if shared.logarithmic else count / shared.most / 1.1)

    marks = [(y(mark), f"{mark:,}") for mark in count_marks(shared)]
    return _chart(label, marks, _times(shared), _down(curve, shared) + _bars(curve.queries, shared, y))


def _attempts_chart(curve: Curve, shared: Axes, label: str) -> str:
    """A mark for each query in the row of its key."""
    row = 1 / curve.play.keys
    marks: dict[bool, list[str]] = {False: [], True: []}
    for query in curve.play.queries:
        if query.asked <= shared.end:
            top = _y(1 - (query.key + 0.1) * row)
            marks[query.failed].append(f"M{_at(query.asked, shared):.1f} {top:.1f}v{_y(0) - _y(0.8 * row):.1f}")
    drawing = [
        f'<path class="{"attempt failed" if failed else "attempt"}" d="{"".join(marks[failed])}"/>'
        for failed in (False, True)
        if marks[failed]
    ]
    rows = [(_y(1 - (key + 0.5) * row), f"key {key + 1}") for key in (0, curve.play.keys - 1)]
    return _chart(label, rows, _times(shared), _down(curve, shared) + "".join(drawing), ruled=False)


def latency_chart(curve: Curve, shared: Axes, label: str) -> str:
    span = math.log10(shared.high / shared.low)

    def y(seconds: float) -> float:
        return _y(math.log10(max(seconds, shared.low) / shared.low) / span)

    marks = [(y(mark), seconds_mark(mark)) for mark in decades(shared.low, shared.high)]
    drawing = [_down(curve, shared)]
    for run in _answered(curve.latency):
        low = [(_at(point.at, shared), y(point.p50 or 0)) for point in run]
        high = [(_at(point.at, shared), y(point.p99 or 0)) for point in run]
        drawing.append(f'<path class="band" d="{_line(high)}L{_line(low[::-1])[1:]}Z"/>')
        drawing.append(f'<path class="p99" d="{_line(high)}"/><path class="p50" d="{_line(low)}"/>')
        if len(run) <= FEW:
            drawing += [f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in low + high]
    half = shared.step / 2
    for point in curve.latency:
        if point.failed:
            left, right = _at(point.at - half, shared), _at(point.at + half, shared)
            strength = 0.25 + 0.75 * point.failed
            strip = f"M{left:.1f} {TOP}H{right:.1f}v8H{left:.1f}Z"
            drawing.append(f'<path class="failed" opacity="{strength:.2f}" d="{strip}"/>')
    return _chart(label, marks, _times(shared), "".join(drawing))


def expiries_chart(seconds: dict[int, int], entries: int, label: str) -> str:
    first, last = min(seconds), max(seconds) + 1
    bars = []
    for second, count in seconds.items():
        x = _x((second - first) / (last - first))
        width = (WIDE - LEFT - RIGHT) / (last - first)
        y = _y(count / entries / 1.05)
        bars.append(f"M{x + 0.6:.1f} {_y(0)}V{y:.1f}h{width - 1.2:.1f}V{_y(0)}Z")
    marks = [(_y(share / 1.05), _short(entries * share)) for share in (0, 0.5, 1)]
    times = [(_x((second - first) / (last - first)), f"{second}") for second in range(first, last, 5)]
    return _chart(label, marks, times, f'<path class="bar" d="{"".join(bars)}"/>')


def _bars(counts: Sequence[int], shared: Axes, y: Callable[[float], float]) -> str:
    width = (WIDE - LEFT - RIGHT) * shared.bin / (shared.end - shared.begin)
    gap = 0.5 if width > 4 else 0.0
    path = []
    for n, count in enumerate(counts):
        if count:
            x = _at(shared.begin + n * shared.bin, shared)
            path.append(f"M{x + gap:.1f} {_y(0)}V{y(count):.1f}h{max(0.8, width - 2 * gap):.1f}V{_y(0)}Z")
    return f'<path class="bar" d="{"".join(path)}"/>'


def _chart(
    label: str,
    marks: Sequence[tuple[float, str]],
    times: Sequence[tuple[float, str]],
    drawing: str,
    ruled: bool = True,
) -> str:
    parts = [f'<svg viewBox="0 0 {WIDE} {TALL}" role="img" aria-label="{escape(label)}">']
    for y, text in marks:
        if ruled:
            parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDE - RIGHT}"/>')
        parts.append(f'<text class="y" x="{LEFT - 6}" y="{y + 4:.1f}">{text}</text>')
    parts.append(drawing)
    for n, (x, text) in enumerate(times):
        unit = " s" if n == 0 else ""
        parts.append(f'<text class="x" x="{x:.1f}" y="{TALL - 6}">{text}{unit}</text>')
    parts.append("</svg>")
    return "".join(parts)


def _answered(latency: Sequence[Latency]) -> list[list[Latency]]:
    """The stretches without a bin in which nobody got an answer."""
    runs: list[list[Latency]] = [[]]
    for point in latency:
        if point.p50 is None:
            runs.append([])
        else:
            runs[-1].append(point)
    return [run for run in runs if run]


def _times(shared: Axes) -> list[tuple[float, str]]:
    return [(_at(mark / shared.scale, shared), f"{mark:g}") for mark in time_marks(shared)]


def _down(curve: Curve, shared: Axes) -> str:
    if curve.play.down is None:
        return ""
    first, last = (_at(min(instant, shared.end), shared) for instant in curve.play.down)
    return f'<path class="down" d="M{first:.1f} {TOP}H{last:.1f}V{_y(0)}H{first:.1f}Z"/>'


def _line(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _at(instant: float, shared: Axes) -> float:
    return _x((instant - shared.begin) / (shared.end - shared.begin))


def _x(share: float) -> float:
    return LEFT + share * (WIDE - LEFT - RIGHT)


def _y(share: float) -> float:
    return TALL - BOTTOM - share * (TALL - TOP - BOTTOM)


def _short(count: float) -> str:
    if count >= 1_000_000:
        return f"{count / 1_000_000:g} M"
    return f"{count / 1000:g} k" if count >= 1000 else f"{count:g}"
