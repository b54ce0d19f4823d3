"""The section of docs/performance.md that runs write: between two markers, from all saved runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench import charts, tables
from bench.scaling import SCENES

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- written by bench/report.py -->", "<!-- end of what bench/report.py writes -->"
Runs = Mapping[str, Mapping[str, Any]]
MARKS = {True: "yes", False: "**no**"}


def write(runs: Runs, page: Path = PAGE) -> Path:
    pictures = charts.draw(runs)
    text = page.read_text()
    page.write_text(replaced(text, "\n".join(section(runs, pictures))))
    return page


def replaced(text: str, section: str, begin: str = BEGIN, end: str = END) -> str:
    """The text with what is between the markers replaced; ValueError unless there is one pair of them."""
    head, begins, rest = text.partition(begin)
    _, ends, tail = rest.partition(end)
    if not (begins and ends) or begin in tail or end in head + tail:
        raise ValueError(f"not one pair of markers: {begin} ... {end}")
    return f"{head}{begin}\n\n{section.strip()}\n\n{end}{tail}"


def section(runs: Runs, pictures: Mapping[str, str]) -> Iterator[str]:
    yield "### Goals"
    yield ""
    yield from table(["", "limit", *runs], goals(runs))
    yield ""
    yield "Medians, in brackets the middle half of the rounds; of pauses the smallest and the largest of the runs."
    yield "The best bounded peer: " + "; ".join(best_peers(runs)) + "."
    yield ""
    yield "### Where it loses"
    yield ""
    yield "Who is better, and by what factor:"
    yield ""
    yield from table(["", *runs], losses(runs))
    yield ""
    for title, path in pictures.items():
        yield f"![{title}]({path})"
        yield ""
    yield "### Medians in ns"
    yield ""
    yield "All spreads, and the other versions of Python, are in `bench/results/`."
    yield ""
    version, run = next(iter(runs.items()))
    for heading, part in (("containers", False), ("decorators", True)):
        yield f"Python {version}, {heading}:"
        yield ""
        yield from costs(run, part)
        yield ""
    yield "### Memory and pauses"
    yield ""
    yield from table(["bytes per entry beyond key and value", *runs], rows(runs, "memory"))
    yield ""
    yield from table(["longest call while 4,000,000 keys are inserted, ms of CPU time", *runs], rows(runs, "pauses"))
    yield ""
    if any("tasks" in run["others"] for run in runs.values()):
        yield "### Tasks"
        yield ""
        head = "10,000 tasks on one cold key: loads, and ms from the end of a single one to the last return"
        yield from table([head, *runs], rows(runs, "tasks"))
        yield ""
    for version, run in runs.items():
        if gains := run["others"].get("scaling"):
            yield f"### Two threads over one, Python {version}"
            yield ""
            yield from scaled(gains)
            yield ""
    yield from about(runs)


def scaled(scenes: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A table of the gains: a row for each scene, a column for each contender."""
    contenders = list(dict.fromkeys(name for gains in scenes.values() for name in gains))
    shown = (
        [SCENES[scene].title, *(f"{gains[name]['value']:.2f}" if name in gains else "" for name in contenders)]
        for scene, gains in scenes.items()
    )
    yield from table(["calls of both per second, to those of one alone", *contenders], shown)


def table(head: list[str], rows: Iterator[list[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|---" + "|--:" * (len(head) - 1) + "|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def goals(runs: Runs) -> Iterator[list[str]]:
    """A row for each goal; one that has another limit on another build has a row for each limit."""
    found: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for version, run in runs.items():
        for verdict in run["goals"]:
            found.setdefault((verdict["title"], verdict["limit"]), {})[version] = verdict
    for (title, limit), by_version in found.items():
        yield [title, limit, *(_verdict(by_version.get(version)) for version in runs)]


def _verdict(verdict: Mapping[str, Any] | None) -> str:
    if verdict is None:
        return ""
    if verdict["value"] is None:
        return "not measured"
    low, value, high = (f"{verdict[part]:.3g}" for part in ("low", "value", "high"))
    spread = "" if low == high else f" ({low} - {high})"
    return f"{value}{spread} {MARKS[verdict['reached']]}"


def best_peers(runs: Runs) -> Iterator[str]:
    for version, run in runs.items():
        notes = [
            f"{verdict['title'].split()[0]} {verdict['note'].partition(', ')[2]} ns"
            for verdict in run["goals"]
            if "best bounded peer" in verdict["title"] and verdict["value"] is not None
        ]
        yield f"on {version} {', '.join(notes)}"


def losses(runs: Runs) -> Iterator[list[str]]:
    found = {version: dict(tables.losses(run)) for version, run in runs.items()}
    for title in dict.fromkeys(title for lost in found.values() for title in lost):
        yield [
            title,
            *(", ".join(f"{name} {ratio:.2f}" for name, ratio in lost.get(title, [])) for lost in found.values()),
        ]


def costs(run: Mapping[str, Any], decorators: bool) -> Iterator[str]:
    workloads = {name: one for name, one in run["workloads"].items() if name.startswith("decorated") == decorators}
    names = [name for name in charts.order(workloads) if name != "dict.get"]
    yield from table(
        ["", *names],
        (
            [one["title"], *(f"{one['costs'][name]['value']:.0f}" if name in one["costs"] else "" for name in names)]
            for one in workloads.values()
        ),
    )


def rows(runs: Runs, measure: str) -> Iterator[list[str]]:
    names = dict.fromkeys(name for run in runs.values() for name in run["others"].get(measure, {}))
    for name in names:
        values = [run["others"].get(measure, {}).get(name) for run in runs.values()]
        yield [name, *("" if value is None else tables.shown(measure, value).strip() for value in values)]


def about(runs: Runs) -> Iterator[str]:
    yield "### What was measured, and where"
    yield ""
    for version, run in runs.items():
        machine = run["machine"]
        versions = ", ".join(f"{name} {number}" for name, number in run["versions"].items())
        skipped = "".join(f"; left out: {name} ({reason})" for name, reason in run["skipped"].items())
        failed = "".join(f"; {name} failed: {reason}" for name, reason in run["failed"].items())
        yield (
            f"- {version}: CPython {run['python']}, {run['date'][:10]}, "
            f"{machine['processors']} x {machine['processor']}, {machine['system']}, load before {machine['load']}, "
            f"{run['rounds']} rounds. {versions}{skipped}{failed}."
        )
