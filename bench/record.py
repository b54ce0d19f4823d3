"""One run as plain data: what is saved, and what tables, charts and the page are made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import contenders, goals, surroundings
from bench.figures import figures
from bench.timing import Contest
from bench.workloads import BY_NAME

RESULTS = Path(__file__).parent / "results"


def record(
    contests: Mapping[str, Contest], others: Mapping[str, Any], about: dict[str, Any], failed: Mapping[str, str]
) -> dict[str, Any]:
    found = figures(contests, others, contenders.load()[0])
    return {
        **about,
        "failed": dict(failed),
        "goals": [verdict._asdict() for verdict in goals.verdicts(found, surroundings.BUILD)],
        "workloads": {name: _workload(name, contest) for name, contest in contests.items()},
        "others": {name: _costs(other) if isinstance(other, Contest) else other for name, other in others.items()},
    }


def _workload(name: str, contest: Contest) -> dict[str, Any]:
    base = BY_NAME[name].base
    costs = _costs(contest)
    if base in contest.rounds:
        for contender, cost in costs.items():
            cost["ratio"] = contest.ratio(contender, base)._asdict()
    return {"title": BY_NAME[name].title, "base": base, "costs": costs}


def _costs(contest: Contest) -> dict[str, dict[str, Any]]:
    """Nanoseconds by contender."""
    return {name: contest.cost(name)._asdict() for name in contest.rounds}


def save(outcome: dict[str, Any], folder: Path = RESULTS) -> Path:
    """One file for each minor version of Python; the newest run replaces the one before."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{surroundings.PYTHON}.json"
    path.write_text(json.dumps(_rounded(outcome), indent=1) + "\n")
    return path


def saved(folder: Path = RESULTS) -> dict[str, dict[str, Any]]:
    """Runs by version of Python, oldest first."""
    paths = sorted(folder.glob("3.*.json"), key=lambda path: (int(path.stem.split(".")[1].rstrip("t")), path.stem))
    return {path.stem: json.loads(path.read_text()) for path in paths}


def _rounded(data: Any) -> Any:
    """Four digits are more than these figures know."""
    if isinstance(data, dict):
        return {key: _rounded(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_rounded(value) for value in data]
    return float(f"{data:.4g}") if isinstance(data, float) else data
