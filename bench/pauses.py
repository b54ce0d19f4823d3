"""The longest single write while a container fills, in CPU time of the thread that writes.

CPU time leaves out what other processes take, but not what interrupts and the machine below do within a call.  Such a
disturbance strikes one run; a pause of the container itself comes at the same write of every run, for hashes and seeds
are fixed.  So the filling is repeated, and the figure is the smallest of the runs' longest calls.  Nothing is
subtracted: reading the clock is in it, and the loop.  The collector is off, as it is in all timings.  Beside it stands
the longest call when each is taken at its shortest over the runs: about what a machine without neighbours would show.
"""

from __future__ import annotations

import array
import gc
import itertools
import json
import operator
import sys
import time
from typing import Any

from bench import child, contenders
from bench.contender import Contender
from bench.keys import texts

KEYS = 4_000_000
RUNS = 5
# One run is enough to see a pause of a hundred milliseconds.
CONTENDERS = {"fastcache": RUNS, "fastcache, exact lru": 1, "dict": 1, "cachebox.TTLCache": 1, "lru-dict": 1}

LOOP = """
def fill(keys, v, clock, ends, {names}):
    start = clock()
    for number, k in enumerate(keys):
        {put}
        ends[number] = clock()
    return start
"""


def measure(keys: int = KEYS, runs: int = RUNS) -> dict[str, dict[str, Any]]:
    """By contender in milliseconds: ``longest``, of each run, and ``steady``, with each call at its shortest."""
    known = contenders.load()[0]
    return {
        name: child.run("pauses", name, keys, min(runs, most)) for name, most in CONTENDERS.items() if name in known
    }


def fill(contender: Contender, keys: list[Any]) -> array.array[int]:
    """Nanoseconds of each write."""
    names = contender.names(contender.make(len(keys)))  # type: ignore[misc]
    scope: dict[str, Any] = {}
    exec(LOOP.format(names=", ".join(names), put=contender.put), scope)
    # There in full before: growing it would be billed to a write.
    ends = array.array("q", bytes(8 * len(keys)))
    start = scope["fill"](keys, "a value", time.thread_time_ns, ends, **names)
    return array.array("q", map(operator.sub, ends, itertools.chain([start], ends)))


def longest(runs: list[array.array[int]]) -> dict[str, Any]:
    return {"longest": [max(run) / 1e6 for run in runs], "steady": max(map(min, zip(*runs, strict=True))) / 1e6}


def main(name: str, count: int, runs: int) -> None:
    gc.disable()
    contender, keys = contenders.load()[0][name], texts(count)
    print(json.dumps(longest([fill(contender, keys) for _ in range(runs)])))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
