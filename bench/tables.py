"""The tables of the terminal, from a record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench import memory
from bench.timing import figure

MARKS = {True: "reached", False: "MISSED", None: "-"}


def lines(outcome: Mapping[str, Any]) -> Iterator[str]:
    for workload in outcome["workloads"].values():
        yield from _workload(workload)
    yield from _others(outcome["others"])
    yield from _losses(outcome)
    yield from _goals(
        [verdict for verdict in outcome["goals"] if verdict["value"] is not None or not outcome["partial"]]
    )
    yield from _about(outcome)


def _workload(workload: Mapping[str, Any]) -> Iterator[str]:
    yield f"{workload['title']:46} {'ns':>9}   x {workload['base']}"
    for name, cost in sorted(workload["costs"].items(), key=lambda pair: pair[1]["value"]):
        ratio = cost.get("ratio")
        spread = f"{ratio['value']:9.2f}   {ratio['low']:.2f} - {ratio['high']:.2f}" if ratio else ""
        yield f"    {name:42} {cost['value']:9.1f}{spread}"
    yield ""


def _others(others: Mapping[str, Any]) -> Iterator[str]:
    for name, unit, title in (
        ("memory", "B", "bytes per entry beyond key and value"),
        ("pauses", "ms", "longest call while a container fills, CPU time; the smallest and the largest of the runs"),
        ("collector", "ms", "gc.collect() with a full container"),
        ("wakeup", "ms", "from the release to the last of the threads"),
        ("tasks", "", "10,000 tasks on one cold key: loads, and ms from the end of a single one to the last return"),
    ):
        if name in others:
            yield title
            for contender, value in others[name].items():
                yield f"    {contender:42} {shown(name, value)} {unit}"
            yield ""
    if "scaling" in others:
        yield "two threads over one, pinned, calls per second of the wall"
        for scene, gains in others["scaling"].items():
            yield f"    {scene:12} " + ", ".join(f"{name} {gain['value']:.2f}" for name, gain in gains.items())
        yield ""


def shown(name: str, value: Any) -> str:
    if name == "pauses":
        return f"{min(value['longest']):9.2f} - {max(value['longest']):.2f}"
    if name == "tasks":
        spent = figure(value["times"]).value / 1e6 if "times" in value else None
        return f"{value['loads']:6,}" + ("" if spent is None else f" {spent:9.1f}")
    if isinstance(value, Mapping):
        return f"{value['value'] / 1e6:9.2f}"
    return f"{value:9.1f}"


def losses(outcome: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, float]]]]:
    """For each workload the contenders that are better, with the ratio of fastcache's median to theirs."""
    found = []
    for workload in outcome["workloads"].values():
        costs = {name: cost["value"] for name, cost in workload["costs"].items() if not name.startswith("fastcache,")}
        own = costs.get("fastcache")
        if own:
            faster = [(name, own / cost) for name, cost in costs.items() if cost < own]
            found.append((workload["title"], sorted(faster, key=lambda pair: -pair[1])))
        elif costs:
            found.append((workload["title"] + " (fastcache takes no part)", []))
    sizes = outcome["others"].get("memory", {})
    if memory.ALL_ON in sizes:
        smaller = [(name, sizes[memory.ALL_ON] / size) for name, size in sizes.items() if size < sizes[memory.ALL_ON]]
        found.append(("bytes per entry, everything on", sorted(smaller, key=lambda pair: -pair[1])))
    return [(title, better) for title, better in found if better or title.endswith("part)")]


def _losses(outcome: Mapping[str, Any]) -> Iterator[str]:
    lost = losses(outcome)
    if lost:
        yield "where fastcache loses, and by what factor"
        for title, faster in lost:
            yield f"    {title:46} " + ", ".join(f"{name} {ratio:.2f}" for name, ratio in faster)
        yield ""


def _goals(verdicts: list[Mapping[str, Any]]) -> Iterator[str]:
    yield f"{'goal':88} {'limit':>9} {'is':>8}  {'middle half':13} verdict"
    for verdict in verdicts:
        value = "-" if verdict["value"] is None else f"{verdict['value']:.3g}"
        spread = "" if verdict["value"] is None else f"{verdict['low']:.3g} - {verdict['high']:.3g}"
        yield (
            f"{verdict['title']:88} {verdict['limit']:>9} {value:>8}  {spread:13} "
            f"{MARKS[verdict['reached']]:8} {verdict['note']}"
        )
    reached = sum(verdict["reached"] is True for verdict in verdicts)
    yield f"{reached} of {len(verdicts)} reached"
    yield ""


def _about(outcome: Mapping[str, Any]) -> Iterator[str]:
    machine = outcome["machine"]
    yield f"Python {outcome['python']} on {machine['processors']} x {machine['processor']}, {outcome['date']}"
    yield ", ".join(f"{name} {version}" for name, version in outcome["versions"].items())
    for kind in ("skipped", "failed"):
        for name, reason in outcome[kind].items():
            yield f"{kind}: {name}: {reason}"
