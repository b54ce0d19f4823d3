"""The table of the suites in docs/testing.md: what was recorded, and the writing of it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.compat.place import ROOT
from tests.compat.suite import Outcome, Suite

PAGE = ROOT / "docs" / "testing.md"
BEGIN, END = "<!-- compat: begin -->\n", "<!-- compat: end -->\n"
HEAD = ("suite", "tests of", "Python", "passed", "skipped by itself", "deselected")
ROW = re.compile(r"^\| (?P<name>[^|]+?) \| [^|]* \| [^|]* \| (?P<passed>\d+) \|", re.MULTILINE)


def recorded(page: Path = PAGE) -> dict[str, int]:
    """How many tests of each suite passed at the last record."""
    return {row["name"]: int(row["passed"]) for row in ROW.finditer(_between(page.read_text())[1])}


def shown(outcomes: Iterable[Outcome]) -> str:
    """The table as text."""
    rows = [HEAD, *(_row(outcome) for outcome in outcomes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def save(outcomes: Sequence[Outcome], suites: Sequence[Suite], page: Path = PAGE) -> None:
    """Writes the table, keeping the rows of suites that did not run now."""
    before, old, after = _between(page.read_text())
    lines = {row["name"]: line for line in old.splitlines() if (row := ROW.match(line))}
    for outcome in outcomes:
        lines[outcome.suite.name] = f"| {' | '.join(_row(outcome))} |"
    rows = [lines[suite.name] for suite in suites if suite.name in lines]
    table = [f"| {' | '.join(HEAD)} |", "|---|---|---|--:|--:|--:|", *rows, "", *_reasons(suites), ""]
    page.write_text(before + BEGIN + "\n".join(table) + END + after)


def _row(outcome: Outcome) -> tuple[str, ...]:
    suite = outcome.suite
    source = suite.requirement.replace("==", " ") or suite.source
    counts = (outcome.passed, len(outcome.skipped), sum(outcome.deselected.values()))
    return suite.name, source, f"{sys.version_info[0]}.{sys.version_info[1]}", *map(str, counts)


def _reasons(suites: Iterable[Suite]) -> list[str]:
    lines = []
    for suite in suites:
        by_reason: dict[str, list[str]] = {}
        for pattern, reason in suite.deselected.items():
            by_reason.setdefault(reason, []).append(f"`{pattern}`")
        lines += [f"- {suite.name}: {', '.join(patterns)}: {reason}." for reason, patterns in by_reason.items()]
    edits = [
        f"- {suite.name}, in `{name}`: for `{old}` we read `{new}`."
        for suite in suites
        for name, replacements in suite.edits.items()
        for old, new in replacements.items()
    ]
    return ["Deselected:", "", *lines, "", "Edited before they run:", "", *edits]


def _between(text: str) -> tuple[str, str, str]:
    before, _, rest = text.partition(BEGIN)
    old, _, after = rest.partition(END)
    return before, old, after
