"""A million keys that expire at the same instant, while two threads read and write.

    filled ........ deadline ......................... so many calls later
           two threads read old and young keys and write young ones; each call in CPU time of its thread

The figure for calls is, as in ``pauses``, the smallest of the runs' longest calls.  The memory is that of the process:
what it grew by when the cache was filled, and how much of that was given back at the end, when nothing was called but
reads and writes.  What the interpreter's allocator gives back of a dict of the same that is cleared stands beside it.
"""

from __future__ import annotations

import gc
import json
import random
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import fastcache
from bench import child
from bench.keys import texts

ENTRIES = 1_000_000
RUNS = 3
# Seconds of reading and writing before the keys expire; then each thread goes so often round so many keys.
BEFORE = 0.5
ROUNDS_AFTER = 50
YOUNG = 10_000


def measure(entries: int = ENTRIES, runs: int = RUNS) -> dict[str, Any]:
    """``longest``: milliseconds of each run; ``grown`` and ``returned``: bytes, of the run that returned least.

    ``of_dict``: the share of its memory that a dict gave back.
    """
    outcomes = [child.run("expiry", entries) for _ in range(runs)]
    worst = min(outcomes, key=lambda outcome: outcome["returned"])
    return {
        "longest": [outcome["longest"] for outcome in outcomes],
        "grown": worst["grown"],
        "returned": worst["returned"],
        "of_dict": child.run("expiry", entries, "dict"),
    }


def fill(cache: fastcache.Cache[str, bytes], entries: int) -> float:
    """Writes keys that all live to one deadline, which is answered."""
    lasting = 4e-6 * entries + BEFORE
    while True:
        deadline = time.monotonic() + lasting
        for number in range(entries):
            cache.set(f"old{number}", b"%d" % number, ttl=max(0.0, deadline - time.monotonic()))
        if time.monotonic() < deadline - BEFORE:
            return deadline
        # Too slow: none may expire before all are there.
        cache.clear()
        lasting *= 2


def worker(cache: fastcache.Cache[str, bytes], entries: int, seed: int) -> Callable[[float], float]:
    """Reads and writes until a deadline and on; answers with the longest call, in milliseconds."""
    draw = random.Random(seed)
    asked = [f"old{draw.randrange(entries)}" for _ in range(YOUNG)]
    young = texts(YOUNG, f"young{seed}-")

    def work(deadline: float) -> float:
        longest, clock, get = 0, time.thread_time_ns, cache.get
        left = ROUNDS_AFTER
        while left:
            left -= time.monotonic() > deadline
            for old, key in zip(asked, young, strict=True):
                start = clock()
                get(old)
                middle = clock()
                cache[key] = b"young"
                longest = max(longest, middle - start, clock() - middle)
        return longest / 1e6

    return work


def of_dict(entries: int) -> float:
    import psutil

    resident = psutil.Process().memory_info
    before = resident().rss
    mapping = {f"old{number}": b"%d" % number for number in range(entries)}
    full = resident().rss
    mapping.clear()
    for key in texts(YOUNG, "young"):
        mapping[key] = b"young"
    return (full - resident().rss) / (full - before)


def main(entries: int) -> None:
    import psutil

    resident = psutil.Process().memory_info
    gc.disable()
    cache: fastcache.Cache[str, bytes] = fastcache.Cache(2 * entries, 600, seed=1)
    workers = [worker(cache, entries, seed) for seed in (1, 2)]
    before = resident().rss
    deadline = fill(cache, entries)
    full = resident().rss
    time.sleep(max(0.0, deadline - BEFORE - time.monotonic()))
    longest: list[float] = []
    threads = [threading.Thread(target=lambda work=work: longest.append(work(deadline))) for work in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({"longest": max(longest), "grown": full - before, "returned": full - resident().rss}))


if __name__ == "__main__":
    if sys.argv[2:] == ["dict"]:
        print(json.dumps(of_dict(int(sys.argv[1]))))
    else:
        main(int(sys.argv[1]))
