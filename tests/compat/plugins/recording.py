"""The pytest plugin of every suite: leaves out what the suite names, and writes down how each test ended.

``FASTCACHE_COMPAT`` is a JSON file {"deselected": {pattern: reason}, "results": path}.  A pattern is the id of a test,
or of what it is in.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

ORDER = ("failed", "skipped", "passed")


class Record:
    """How each test ended: its worst phase."""

    def __init__(self, deselected: dict[str, str], results: Path) -> None:
        self._patterns = deselected
        self._results = results
        self._ends: dict[str, tuple[str, str]] = {}
        self._left_out: dict[str, list[str]] = {pattern: [] for pattern in deselected}

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        kept = []
        for item in items:
            pattern = next((p for p in self._patterns if matches(p, item.nodeid)), None)
            if pattern is None:
                kept.append(item)
            else:
                self._left_out[pattern].append(item.nodeid)
        items[:] = kept

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report.nodeid, report.outcome, report.longreprtext)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.outcome != "passed":
            self._note(report.nodeid, report.outcome, report.longreprtext)

    def _note(self, name: str, outcome: str, text: str) -> None:
        former = self._ends.get(name)
        if former is None or ORDER.index(outcome) < ORDER.index(former[0]):
            self._ends[name] = outcome, text

    def pytest_sessionfinish(self) -> None:
        written: dict[str, Any] = {"ends": self._ends, "deselected": self._left_out}
        self._results.write_text(json.dumps(written))


def matches(pattern: str, name: str) -> bool:
    """Whether a pattern names a test: up to the end of a part, so that Test is not also Tests."""
    return name.startswith(pattern) and (len(name) == len(pattern) or name[len(pattern)] in ":[")


def pytest_configure(config: pytest.Config) -> None:
    given = json.loads(Path(os.environ["FASTCACHE_COMPAT"]).read_text())
    config.pluginmanager.register(Record(given["deselected"], Path(given["results"])))
