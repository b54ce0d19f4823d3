"""How fast a thousand followers of one load come back, against a thousand threads released by one ``threading.Event``.

Both are timed by the wall from the moment of release, which the last statement of the loader or the releasing thread
notes, to the moment the last thread notes after it came out; the two take turns.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import fastcache
from bench.timing import Contest

THREADS = 1_000
LOAD = 0.1
ROUNDS = 21


def measure(threads: int = THREADS, rounds: int = ROUNDS) -> Contest:
    """Nanoseconds from the release to the last return."""
    times: dict[str, list[float]] = {"fastcache": [], "threading.Event": []}
    size = threading.stack_size(256 * 1024)
    try:
        for _ in range(rounds):
            times["fastcache"].append(followers(threads))
            times["threading.Event"].append(event(threads))
    finally:
        threading.stack_size(size)
    return Contest(times)


def followers(count: int) -> float:
    """Callers of get_or_load for one key that nobody has; the first of them loads."""
    cache: fastcache.Cache[str, int] = fastcache.Cache(100, 600)
    released = 0

    def load(key: str) -> int:
        nonlocal released
        time.sleep(LOAD)
        while cache.flights()[0].waiters < count - 1:
            time.sleep(LOAD / 10)
        released = time.perf_counter_ns()
        return 1

    return _last(count, lambda: cache.get_or_load("cold", load)) - released


def event(count: int) -> float:
    """Threads that wait for one event."""
    door = threading.Event()
    released = 0

    def release() -> None:
        nonlocal released
        time.sleep(LOAD)
        # All but those that are between noting the event and waiting for it: the least that can be seen from outside.
        while len(door._cond._waiters) < count - 1:  # type: ignore[attr-defined]
            time.sleep(LOAD / 10)
        released = time.perf_counter_ns()
        door.set()

    def wait() -> None:
        door.wait()

    opener = threading.Thread(target=release)
    return _last(count - 1, wait, opener) - released


def _last(count: int, wait: Callable[[], object], *others: threading.Thread) -> int:
    """When the last of so many threads came out."""
    ends = [0] * count

    def run(number: int) -> None:
        wait()
        ends[number] = time.perf_counter_ns()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in (*threads, *others):
        thread.start()
    for thread in (*threads, *others):
        thread.join()
    return max(ends)
