"""The run as one PNG: a row per strategy, the rows of a scene on shared axes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib.figure import Figure

from .axes import (
    ATTEMPTS,
    Axes,
    Curve,
    axes,
    count_marks,
    decades,
    latency_name,
    queries_name,
    seconds_mark,
    strips_name,
    time_marks,
)
from .captions import TITLES, span
from .measure import Summary, summary
from .record import Run

BARE, SHIELDED, FAILED, INK, MUTED, GRID = "#c8553d", "#1f7a8c", "#b3001b", "#1b1f24", "#57606a", "#d8dee4"
ROW = 1.25  # inches
HEAD = 0.95
FEW = 3  # a line of so few points is drawn with dots
MANY = 120  # so many bars stand without gaps


def draw(run: Run, path: Path) -> None:
    scenes = run.scenes()
    heights = [HEAD + ROW * len(run.scene(scene)) for scene in scenes]
    if 2 in scenes and run.expiries:
        heights.insert(scenes.index(2) + 1, HEAD + ROW * len(run.expiries))
    figure = Figure(figsize=(11, sum(heights)), dpi=110, facecolor="white")
    parts = iter(figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False).flat)
    for scene in scenes:
        _scene(next(parts), run, scene)
        if scene == 2 and run.expiries:
            _expiries(next(parts), run)
    figure.savefig(path)


def _scene(part: Any, run: Run, scene: int) -> None:
    shared = axes(run, scene)
    grid = _grid(part, len(shared.curves), 2, f"{scene}. {TITLES[scene]}")
    for row, curve in zip(grid, shared.curves, strict=True):
        numbers = summary(curve.play)
        colour = SHIELDED if curve.play.protected else BARE
        for axis in row:
            _time(axis, curve, shared)
        if scene in ATTEMPTS:
            _attempts(row[0], curve)
        else:
            _queries(row[0], curve, shared, colour)
        _latency(row[1], curve, shared, colour)
        row[0].set_title(curve.play.strategy, loc="left", fontsize=9.5, color=colour, fontweight="bold")
        row[0].set_title(_asked(numbers), loc="right", fontsize=9, color=MUTED)
        if curve.play.down:
            tone = FAILED if numbers.errors else colour
            row[1].set_title(f"{numbers.errors:,} errors", loc="left", fontsize=9.5, color=tone, fontweight="bold")
        if unanswered := numbers.rejected + numbers.timeouts:
            text = f"{unanswered:,} without an answer"
            row[1].set_title(text, loc="left", fontsize=9.5, color=FAILED, fontweight="bold")
        row[1].set_title(
            f"p50 {span(numbers.p50)}, p99 {span(numbers.p99)}, max {span(numbers.max)}",
            loc="right",
            fontsize=9,
            color=MUTED,
        )
    strips = strips_name(shared)
    _name(grid[-1][0], f"seconds   |   {queries_name(shared)}")
    _name(grid[-1][1], f"seconds   |   {latency_name(shared)}{strips and f' ({strips})'}")


def _asked(numbers: Summary) -> str:
    line = f", {numbers.longest_queue:,} in line" if numbers.longest_queue else ""
    return f"{numbers.queries:,} queries{line}"


def _grid(part: Any, rows: int, columns: int, title: str) -> Any:
    height = HEAD + ROW * rows
    grid = part.subplots(rows, columns, sharex=True, sharey="col", squeeze=False)
    part.subplots_adjust(left=0.065, right=0.985, top=1 - 0.62 / height, bottom=0.48 / height, hspace=0.5, wspace=0.14)
    part.text(0.015, 1 - 0.12 / height, title, fontsize=12.5, fontweight="bold", color=INK, va="top")
    for axis in grid.flat:
        axis.tick_params(labelsize=8, colors=MUTED, length=0)
        axis.grid(axis="y", color=GRID, linewidth=0.6)
        axis.set_axisbelow(True)
        for side in ("top", "right", "left"):
            axis.spines[side].set_visible(False)
        axis.spines["bottom"].set_color(GRID)
    return grid


def _name(axis: Any, text: str) -> None:
    axis.set_xlabel(text, fontsize=8.5, color=MUTED)


def _time(axis: Any, curve: Curve, shared: Axes) -> None:
    marks = time_marks(shared)
    axis.set_xlim(shared.begin, shared.end)
    axis.set_xticks([mark / shared.scale for mark in marks], [f"{mark:g}" for mark in marks])
    if curve.play.down is not None:
        axis.axvspan(*curve.play.down, color=MUTED, alpha=0.13, linewidth=0)


def _queries(axis: Any, curve: Curve, shared: Axes, colour: str) -> None:
    instants = [shared.begin + n * shared.bin for n in range(len(curve.queries))]
    gap = 0.9 if len(instants) <= MANY else 1.0
    axis.bar(instants, curve.queries, width=gap * shared.bin, align="edge", color=colour)
    if shared.logarithmic:
        axis.set_yscale("function", functions=(np.log1p, np.expm1))
    marks = count_marks(shared)
    axis.set_yticks(marks, [f"{mark:,}" for mark in marks])
    axis.set_ylim(0, (1.5 if shared.logarithmic else 1.1) * shared.most)


def _attempts(axis: Any, curve: Curve) -> None:
    """A mark for each query in the row of its key, the first on top."""
    for colour, failed in ((INK, False), (FAILED, True)):
        marks = [(query.asked, query.key) for query in curve.play.queries if query.failed is failed]
        instants, keys = [at for at, _ in marks], [-1 - key for _, key in marks]
        axis.vlines(instants, [key + 0.1 for key in keys], [key + 0.9 for key in keys], colors=colour, linewidth=0.9)
    axis.set_yticks([-0.5, 0.5 - curve.play.keys], ["key 1", f"key {curve.play.keys}"])
    axis.set_ylim(-curve.play.keys, 0)
    axis.grid(visible=False)


def _latency(axis: Any, curve: Curve, shared: Axes, colour: str) -> None:
    # A gap where nobody got an answer: nan breaks the line.
    instants = [point.at for point in curve.latency]
    p50 = [np.nan if point.p50 is None else point.p50 for point in curve.latency]
    p99 = [np.nan if point.p99 is None else point.p99 for point in curve.latency]
    dot = "o" if len(instants) <= FEW else None
    axis.fill_between(instants, p50, p99, color=colour, alpha=0.18, linewidth=0)
    axis.plot(instants, p99, color=colour, linewidth=0.9, marker=dot, markersize=3)
    axis.plot(instants, p50, color=colour, linewidth=1.8, marker=dot, markersize=4)
    axis.set_yscale("log")
    marks = decades(shared.low, shared.high)
    axis.set_yticks(marks, [seconds_mark(mark) for mark in marks])
    axis.minorticks_off()
    axis.set_ylim(shared.low, shared.high)
    for point in curve.latency:
        if point.failed:
            left = (point.at - shared.begin) / (shared.end - shared.begin)
            width = shared.step / (shared.end - shared.begin)
            axis.axhspan(
                shared.high * (shared.low / shared.high) ** 0.09,
                shared.high,
                left - width / 2,
                left + width / 2,
                color=FAILED,
                alpha=0.25 + 0.75 * point.failed,
                linewidth=0,
            )


def _expiries(part: Any, run: Run) -> None:
    entries = run.expiries[0].entries
    grid = _grid(part, len(run.expiries), 1, f"2b. {entries:,} keys in the real store, on a clock moved by hand")
    for row, expiries in zip(grid, run.expiries, strict=True):
        colour = BARE if expiries is run.expiries[0] else SHIELDED
        counts = list(expiries.seconds.values())
        row[0].bar(list(expiries.seconds), counts, width=0.9, align="edge", color=colour)
        row[0].set_title(expiries.label, loc="left", fontsize=9.5, color=colour, fontweight="bold")
        row[0].set_title(f"worst second {max(counts):,}", loc="right", fontsize=9, color=MUTED)
        row[0].set_ylim(0, 1.05 * entries)
        row[0].set_yticks([0, entries / 2, entries], ["0", f"{entries // 2:,}", f"{entries:,}"])
        row[0].set_xlim(min(expiries.seconds), max(expiries.seconds) + 1)
        row[0].set_xticks(range(50, 73, 2))
    part.subplots_adjust(left=0.085)
    _name(grid[-1][0], "seconds after the writing   |   entries expired per second")
