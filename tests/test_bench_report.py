"""The benchmarks' report judges as the goals say, and writes what was measured where it belongs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bench import figures, goals, memory, page, record, scaling, tables, workloads
from bench.contender import Contender
from bench.timing import Contest, Figure

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]


# ---- goals ----


@pytest.mark.parametrize(
    ("value", "at_most", "reached"), [(1.0, True, True), (1.1, True, False), (1.0, False, True), (0.9, False, False)]
)
def test_a_verdict_falls_both_ways(value: float, at_most: bool, reached: bool) -> None:
    goal = goals.Goal("x", "x", 1.0, at_most=at_most)
    verdict = goals.judge(goal, (Figure(value, value, value), "against y"))
    assert (verdict.reached, verdict.limit, verdict.note) == (reached, "<= 1x" if at_most else ">= 1x", "against y")


def test_what_was_not_measured_has_no_verdict() -> None:
    verdicts = goals.verdicts({}, "gil")
    assert {(verdict.reached, verdict.value) for verdict in verdicts} == {(None, None)}


def test_goals_of_a_build_are_judged_on_that_build_only() -> None:
    titles = {build: {verdict.title for verdict in goals.verdicts({}, build)} for build in ("gil", "free-threaded")}
    assert titles["free-threaded"] - titles["gil"] == {
        goal.title for goal in goals.GOALS if goal.figure.startswith("scaling")
    }
    hits = [(verdict.limit) for verdict in goals.verdicts({}, "free-threaded") if "cache.get" in verdict.title]
    assert hits == ["<= 0.9x"] * 3


def measurements() -> tuple[dict[str, Contest], dict[str, Any]]:
    """Made-up ones, of three rounds each."""

    def rounds(**costs: float) -> Contest:
        return Contest({name.replace("__", "."): [cost] * 3 for name, cost in costs.items()})

    contests = {
        "hit.str": rounds(dict=10, fastcache=12, cachebox__TTLCache=40, slow=90),
        "item": Contest({"dict.get": [10.0] * 3, "dict": [8.0] * 3, "fastcache": [9.0] * 3}),
        "decorated.str": rounds(functools__lru_cache=50, fastcache=25, cachebox__TTLCache=400, slow=300),
        "decorated.async": Contest({"trivial coroutine": [40.0] * 3, "fastcache": [50.0] * 3, "slow": [100.0] * 3}),
        "replace": rounds(dict=1, fastcache=30, slow=40, cachebox__TTLCache=50),
    }
    others = {
        "memory": {memory.ALL_ON: 48.0, "cachebox.TTLCache": 96.0, "dict": 40.0},
        "pauses": {
            "fastcache": {"longest": [0.6, 0.4], "steady": 0.3},
            "dict": {"longest": [100.0], "steady": 100.0},
        },
        "expiry": {"longest": [2.0, 0.3], "grown": 100, "returned": 70},
        "wakeup": Contest({"fastcache": [1e6] * 3, "threading.Event": [2e6] * 3}),
        "tasks": {
            "fastcache": {"loads": 1, "times": [3e7] * 3},
            "shares": {"loads": 1, "times": [4e7] * 3},
            "shares slowly": {"loads": 1, "times": [9e7] * 3},
            "stampedes": {"loads": 10_000},
        },
        "scaling": {"hot": {"fastcache": {"value": 1.3, "low": 1.2, "high": 1.4, "rounds": 9, "undisturbed": True}}},
    }
    return contests, others


def peers() -> dict[str, Contender]:
    return {
        "dict": Contender("dict", None, bounded=False),
        "fastcache": Contender("fastcache", None, expires=True),
        "cachebox.TTLCache": Contender("cachebox.TTLCache", None, expires=True),
        "slow": Contender("slow", None, expires=True),
    }


def test_figures_are_against_whom_the_goals_name() -> None:
    found = figures.figures(*measurements(), peers())
    values = {name: figure.value for name, (figure, _) in found.items()}
    assert values == pytest.approx(
        {
            "hit.str": 1.2,
            "item": 0.9,
            "decorated.str": 0.5,
            # Not the dict, which is not bounded.
            "replace": 0.75,
            "ttl.hit": 0.3,
            "ttl.decorated": 25 / 400,
            "memory": 48,
            "memory.ttl": 0.5,
            "pause": 0.4,
            "expiry.pause": 0.3,
            "expiry.memory": 0.7,
            "wakeup": 0.5,
            "decorated.async": 1.25,
            "async.peer": 0.5,
            "tasks": 0.75,
            "tasks.loads": 1,
            "scaling.hot": 1.3,
        }
    )
    assert found["tasks"][1] == "30.0 ms, shares 40.0"
    assert found["tasks.loads"][1] == "shares 1, shares slowly 1, stampedes 10,000"
    assert "slow 40.0" in found["replace"][1]
    assert "faster with ttl: slow" in found["ttl.decorated"][1]
    assert "faster" not in found["ttl.hit"][1]


def test_every_goal_has_a_figure_that_something_measures() -> None:
    measured = {*workloads.BY_NAME, "ttl.hit", "ttl.decorated", "memory", "memory.ttl", "pause", "collector", "wakeup"}
    measured |= {"async.peer", "tasks", "tasks.loads"}
    measured |= {"expiry.pause", "expiry.memory", *(f"scaling.{scene}" for scene in scaling.SCENES)}
    assert [goal.figure for goal in goals.GOALS if goal.figure not in measured] == []


# ---- the page ----


def outcome() -> dict[str, Any]:
    contests, others = measurements()
    about = {
        "date": "2026-01-02T03:04:05+00:00",
        "machine": {"processor": "a processor", "processors": 2, "system": "Linux", "load": 0.1},
        "python": "3.11.7",
        "build": "gil",
        "versions": {"pyfastcache": "1.0"},
        "skipped": {"a_peer": "not installed"},
        "rounds": 3,
        "partial": False,
    }
    return record.record(contests, others, about, {"collector": "no reason"})


def test_only_what_is_between_the_markers_is_replaced() -> None:
    text = f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n"
    once = page.replaced(text, "new")
    assert once == f"before\n{page.BEGIN}\n\nnew\n\n{page.END}\nafter\n"
    assert page.replaced(once, "new") == once


@pytest.mark.parametrize("text", ["", page.BEGIN, page.END, page.END + page.BEGIN, 2 * (page.BEGIN + page.END)])
def test_a_page_without_one_pair_of_markers_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="markers"):
        page.replaced(text, "new")


def test_the_section_shows_verdicts_and_losses(tmp_path: Path) -> None:
    path = record.save(outcome(), tmp_path)
    runs = record.saved(tmp_path)
    assert list(runs) == [path.stem]
    text = "\n".join(page.section(runs, {"a chart": "chart.png"}))
    assert re.search(r"`cache\.get\(k\)` hit.*same str.*\| <= (?:1\.05|0\.9)x \| 1\.2 \*\*no\*\* \|", text)
    assert re.search(r"longest single call.*\| <= 0\.5 ms \| 0\.4 \(0\.4 - 0\.6\) yes \|", text)
    assert "| get, hit, the same str | dict 1.20 |" in text
    assert "| bytes per entry, everything on | dict 1.20 |" in text
    assert re.search(r"end of the load to the last return / the best peer's.*\| <= 1x \| 0\.75 yes \|", text)
    assert "| shares slowly | 1      90.0 |" in text
    assert "| stampedes | 10,000 |" in text
    assert "| one hot key | 1.30 |" in text
    assert "a_peer (not installed)" in text
    assert "![a chart](chart.png)" in text


def test_the_terminal_names_all_verdicts() -> None:
    text = "\n".join(tables.lines(outcome()))
    assert len(re.findall(r"(?:reached|MISSED|  -  ) ", text)) >= len(goals.verdicts({}, outcome()["build"])) - 1
    assert "failed: collector: no reason" in text


def test_the_page_and_the_records_that_are_kept_fit_together() -> None:
    text = (ROOT / "docs" / "performance.md").read_text()
    assert page.replaced(text, "anything").count("anything") == 1
    for path in (ROOT / "bench" / "results").glob("*.json"):
        json.loads(path.read_text())
