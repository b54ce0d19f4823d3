"""The command ``python -m fastcache demo``: play the scenes, record them, draw the record."""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from .record import Run
    from .sizes import Sizes
    from .stage import Screen

MISSING = "the demo needs rich and matplotlib: pip install 'pyfastcache[demo]'"
INTERRUPTED = 130


def main(argv: Sequence[str]) -> int:
    if any(find_spec(name) is None for name in ("rich", "matplotlib")):
        print(MISSING, file=sys.stderr)
        return 1
    try:
        if argv and argv[0] == "draw":
            return _draw(argv[1:])
        return _play(argv)
    except KeyboardInterrupt:
        print("interrupted; nothing was written", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        print(error, file=sys.stderr)
        return 1


def _play(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m fastcache demo",
        description="Replay stampedes against a real SQLite database, with and without protection.",
        epilog="python -m fastcache demo draw RUN.jsonl draws a recorded run again.",
    )
    parser.add_argument("--quick", action="store_true", help="a smaller run, in about half a minute")
    out = Path("fastcache-demo")
    parser.add_argument("--out", type=Path, default=out, metavar="DIR", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="of the arrivals (default: %(default)s)")
    every = list(range(1, 8))
    parser.add_argument("--scene", type=_scenes, default=every, metavar="1,2", help="only these scenes")
    options = parser.parse_args(argv)

    from rich.console import Console

    from . import record
    from .progress import Lines
    from .sizes import FULL, QUICK

    console = Console()
    options.out.mkdir(parents=True, exist_ok=True)
    with Lines(console) as screen:
        run = play(QUICK if options.quick else FULL, options.scene, options.seed, screen, options.out)
    path = options.out / "run.jsonl"
    record.save(run, path)
    return _show(path, options.out, console)


def play(sizes: Sizes, scenes: Sequence[int], seed: int, screen: Screen, folder: Path) -> Run:
    """Build the database in the folder, play the scenes, give back the run; the database is removed."""
    from .database import build
    from .record import Run
    from .scenes import SCENES
    from .stage import Stage

    with tempfile.TemporaryDirectory(prefix="database-", dir=folder) as inside:
        screen.begin("building the database", 1)
        database = build(Path(inside, "orders.sqlite"), sizes.crowd_ms, sizes.pool)
        screen.step(1, 0, 0)
        facts = {
            "seed": seed,
            "rows": database.rows,
            "query_ms": round(database.query_ms, 2),
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            "cores": os.cpu_count(),
        }
        run = Run(facts)
        for number in scenes:
            SCENES[number](Stage(database, sizes, seed, screen, run))
    return run


def _draw(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m fastcache demo draw", description="Draw the pictures of a recorded run."
    )
    parser.add_argument("run", type=Path, metavar="RUN.jsonl")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: the folder of the run")
    options = parser.parse_args(argv)

    from rich.console import Console

    out = options.out or options.run.parent
    out.mkdir(parents=True, exist_ok=True)
    return _show(options.run, out, Console())


def _show(path: Path, out: Path, console: Console) -> int:
    """Everything shown comes from the recorded file."""
    from . import page, png, record, report

    try:
        run = record.load(path)
    except record.BadRecordError as error:
        print(error, file=sys.stderr)
        return 1
    report.show(run, console)
    png.draw(run, out / "stampede.png")
    page.draw(run, out / "stampede.html")
    console.print()
    for file in (path, out / "stampede.png", out / "stampede.html"):
        console.print(str(file), soft_wrap=True, highlight=False)
    return 0


def _scenes(text: str) -> list[int]:
    try:
        found = sorted({int(part) for part in text.split(",")})
    except ValueError:
        found = []
    if not found or not set(found) <= set(range(1, 8)):
        raise argparse.ArgumentTypeError(f"scenes are numbers from 1 to 7 with commas between, not {text!r}")
    return found
