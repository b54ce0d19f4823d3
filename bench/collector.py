"""How long ``gc.collect()`` takes with a full container in the process, against a dict of the same.

One process for each container, which holds nothing else; they collect in turn, so a ratio is of one round.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from bench import child, contenders
from bench.contender import Contender
from bench.timing import Contest

ENTRIES = 1_000_000
ROUNDS = 21
NOTHING = "nothing"
CONTENDERS = ("dict", "fastcache", "fastcache, exact lru", "cachebox.TTLCache", "lru-dict")


def measure(entries: int = ENTRIES, rounds: int = ROUNDS) -> Contest:
    """Nanoseconds of a collection by contender; NOTHING is a process without a container."""
    known = contenders.load()[0]
    children = {
        name: child.start("collector", name, entries)
        for name in (NOTHING, *CONTENDERS)
        if name == NOTHING or name in known
    }
    times: dict[str, list[float]] = {name: [] for name in children}
    try:
        for process in children.values():
            _line(process)
        for _ in range(rounds):
            for name, process in children.items():
                print(file=process.stdin, flush=True)
                times[name].append(_line(process))
    finally:
        for process in children.values():
            process.communicate()
    return Contest(times)


def _line(process: Any) -> float:
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(process.stderr.read())
    return json.loads(line)


def fill(contender: Contender, entries: int) -> tuple[Any, Callable[[Any, Any], None]]:
    container = contender.make(entries)  # type: ignore[misc]
    write = contender.filler(container)
    for number in range(entries):
        # Made here: nobody else holds them, not even a list that the collector would walk.
        write(f"key{number}", 1_000_000 + number)
    return container, write


def main(name: str, entries: int) -> None:
    held = None if name == NOTHING else fill(contenders.load()[0][name], entries)
    gc.collect()
    gc.collect()
    print(0, flush=True)
    for _ in sys.stdin:
        start = time.thread_time_ns()
        gc.collect()
        print(time.thread_time_ns() - start, flush=True)
    del held


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
