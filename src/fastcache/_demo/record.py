"""The raw run as JSON lines: what was asked, what was answered, when.

One line each for the run, for every play (one strategy in one scene), for every request and query of
the play (``play`` is its number), and for every second of the expiries on the movable clock. Instants
are seconds after the start of the play.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .arrivals import Served
from .pool import Query


class BadRecordError(Exception):
    """The file is not a recorded run."""


@dataclass
class Play:
    scene: int
    strategy: str
    protected: bool
    keys: int
    life: float  # seconds that a loaded value serves at the least
    bin: float  # seconds per bar of the picture
    starts: float  # seconds after which the requests begin to arrive
    scale: float  # seconds told per second that passes
    pool: int
    threads: int
    counted: int = 0  # queries, as counted by SQLite
    down: tuple[float, float] | None = None
    limit: int | None = None  # most loads at a time
    patience: float | None = None  # seconds that a user waits at the most
    served: list[Served] = field(default_factory=list)
    queries: list[Query] = field(default_factory=list)


@dataclass
class Expiries:
    """How many of the entries written together ran out in each second of the movable clock."""

    label: str
    entries: int
    seconds: dict[int, int] = field(default_factory=dict)


@dataclass
class Run:
    facts: dict[str, Any]
    plays: list[Play] = field(default_factory=list)
    expiries: list[Expiries] = field(default_factory=list)

    def scene(self, number: int) -> list[Play]:
        return [play for play in self.plays if play.scene == number]

    def scenes(self) -> list[int]:
        return sorted({play.scene for play in self.plays})


def save(run: Run, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for line in (*_lines(run), {"kind": "end"}):
            file.write(json.dumps(line, separators=(",", ":")) + "\n")


def _lines(run: Run) -> Iterable[dict[str, Any]]:
    yield {"kind": "run", **run.facts}
    for number, play in enumerate(run.plays):
        head = {name: value for name, value in vars(play).items() if name not in ("served", "queries")}
        yield {"kind": "play", "play": number, **head}
        for served in play.served:
            yield {
                "kind": "request",
                "play": number,
                "at": round(served.at, 6),
                "took": round(served.took, 6),
                "saw": served.saw,
            }
        for query in play.queries:
            yield {
                "kind": "query",
                "play": number,
                "key": query.key,
                "asked": round(query.asked, 6),
                "started": round(query.started, 6),
                "finished": round(query.finished, 6),
                "waiting": query.waiting,
                "failed": query.failed,
            }
    for expiries in run.expiries:
        yield {"kind": "expiries", **asdict(expiries)}


def load(path: Path) -> Run:
    try:
        with path.open(encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        return _run(lines)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise BadRecordError(f"{path} is not a recorded run: {error!r}") from error


def _run(lines: list[dict[str, Any]]) -> Run:
    if not lines or lines[0].get("kind") != "run":
        raise ValueError("its first line is not of the kind 'run'")
    if lines.pop().get("kind") != "end":
        raise ValueError("it was cut short")
    run = Run({name: value for name, value in lines[0].items() if name != "kind"})
    for line in lines[1:]:
        kind = line.pop("kind")
        if kind == "expiries":
            seconds = {int(second): int(count) for second, count in line.pop("seconds").items()}
            run.expiries.append(Expiries(seconds=seconds, **line))
            continue
        number = line.pop("play")
        if kind == "play":
            down = line.pop("down")
            run.plays.append(Play(down=(down[0], down[1]) if down else None, **line))
        elif kind == "request":
            run.plays[number].served.append(Served(**line))
        elif kind == "query":
            run.plays[number].queries.append(Query(**line))
    return run
