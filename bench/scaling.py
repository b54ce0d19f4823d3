"""Two threads over one on a free-threaded build: how many calls they get done together, against one of them alone.

Threads are pinned, each to a processor of its own.  A round is the first alone, both, the second alone; all make the
same number of calls, and throughput is calls over the wall from the first start to the last end.  A thread takes the
bound method and its keys as objects of its own, as those that requests bring are; where the objects are shared too, the
counters in them are what threads contend for, with any container.  A round in which the system took a processor away
for more than a twentieth of the time is set aside while enough others remain; waiting for each other stays in.
"""

from __future__ import annotations

import functools
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import fastcache
from bench import child
from bench.contender import JITTER, TTL
from bench.keys import texts
from bench.timing import figure

ROUNDS = 41
CALLS = 400_000
KEYS = 500
ENOUGH = 9
TAKEN = 0.05

# Makes what a thread calls, in that thread.
Maker = Callable[[], Callable[[str], Any]]


class Scene(NamedTuple):
    """The keys of each thread, by their place in the container; ``own``: as objects of its own.

    ``counted``: values are objects with counters, as most are, not such as Python never frees.
    """

    title: str
    shares: tuple[list[int], list[int]]
    own: bool = True
    counted: bool = True
    decorated: bool = False


FIRST, SECOND = list(range(KEYS)), list(range(KEYS, 2 * KEYS))
SCENES = {
    "disjoint": Scene("disjoint keys", (FIRST, SECOND)),
    "same": Scene("the same keys", (FIRST, FIRST[::-1])),
    "hot": Scene("one hot key", ([7] * KEYS, [7] * KEYS)),
    "hot constant": Scene("one hot key, a value that is never freed", ([7] * KEYS, [7] * KEYS), counted=False),
    "decorated": Scene("a decorated function", (FIRST, FIRST[::-1]), decorated=True),
    "same objects": Scene("the same keys, as the same objects", (FIRST, FIRST[::-1]), own=False),
    "hot object": Scene("one hot key, as the same object", ([7] * KEYS, [7] * KEYS), own=False),
}


class Span(NamedTuple):
    start: int
    end: int
    disturbed: bool


def measure(rounds: int = ROUNDS, calls: int = CALLS) -> dict[str, dict[str, Any]]:
    """``gains`` of a process of its own: in one that has done other things, objects lie beside each other by chance."""
    found: dict[str, dict[str, Any]] = child.run("scaling", rounds, calls)
    return found


def gains(rounds: int, calls: int) -> dict[str, dict[str, Any]]:
    """The gain by scene and contender: quartiles, the number of rounds they are of, whether these were undisturbed."""
    stored = texts(2 * KEYS)
    return {
        name: {contender: gain(make, scene, stored, rounds, calls) for contender, make in makers(scene, stored).items()}
        for name, scene in SCENES.items()
    }


# Functions of a module, as most that are decorated.
@fastcache.cached(20 * KEYS, TTL, jitter=JITTER)
def ours(key: str) -> list[str]:
    return [key]


@functools.lru_cache(20 * KEYS)
def theirs(key: str) -> list[str]:
    return [key]


def makers(scene: Scene, stored: list[str]) -> dict[str, Maker]:
    """What is shared, full; and what is not, for what this machine and interpreter can do at most."""
    if scene.decorated:
        for key in stored:
            ours(key), theirs(key)
        return {"fastcache": lambda: ours, "functools.lru_cache": lambda: theirs}

    def made(keys: Iterable[str]) -> dict[str, Any]:
        return {key: [key] if scene.counted else True for key in keys}

    mapping = made(stored)
    cache: fastcache.Cache[str, Any] = fastcache.Cache(20 * KEYS, TTL, jitter=JITTER)
    cache.update(mapping)
    return {
        "fastcache": lambda: cache.get,
        "dict": lambda: mapping.get,
        "a dict for each thread": lambda: made(map(_copied, stored)).get,
    }


def gain(make: Maker, scene: Scene, stored: list[str], rounds: int, calls: int) -> dict[str, Any]:
    ratios, calm = [], []
    for _ in range(rounds):
        spans = [together(make, scene, stored, calls, threads) for threads in ([0], [0, 1], [1])]
        alone, both, other = (_duration(some) for some in spans)
        # Twice the calls in that time, over the mean of the two alone.
        ratios.append((alone + other) / both)
        if not any(span.disturbed for some in spans for span in some):
            calm.append(ratios[-1])
    used = calm if len(calm) >= ENOUGH else ratios
    return {**figure(used)._asdict(), "rounds": len(used), "undisturbed": used is calm}


def together(make: Maker, scene: Scene, stored: list[str], calls: int, numbers: list[int]) -> list[Span]:
    """The spans of the threads of these numbers, started together."""
    processors = sorted(os.sched_getaffinity(0))
    gate = threading.Barrier(len(numbers))
    spans: list[Span] = []

    def run(number: int) -> None:
        os.sched_setaffinity(0, {processors[number % len(processors)]})
        made: dict[str, str] = {}
        chosen = [stored[place] for place in scene.shares[number]]
        # One copy of each key, as its object would come from a parser.
        keys = [made.setdefault(key, _copied(key)) for key in chosen] if scene.own else chosen
        call, turns = make(), range(calls // KEYS)
        for key in keys:
            call(key)
        gate.wait()
        switches, spent, start = _switches(), time.thread_time_ns(), time.perf_counter_ns()
        for _ in turns:
            for key in keys:
                call(key)
        end, spent = time.perf_counter_ns(), time.thread_time_ns() - spent
        spans.append(Span(start, end, _switches() > switches and spent < (1 - TAKEN) * (end - start)))

    threads = [threading.Thread(target=run, args=(number,)) for number in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return spans


def _copied(key: str) -> str:
    return (key + "x")[:-1]


def _duration(spans: list[Span]) -> int:
    return max(span.end for span in spans) - min(span.start for span in spans)


def _switches() -> int:
    """How often this thread was made to leave its processor."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nivcsw


if __name__ == "__main__":
    print(json.dumps(gains(int(sys.argv[1]), int(sys.argv[2]))))
