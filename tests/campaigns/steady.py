"""Everything that caches do, at once and for long, in a process whose memory must not grow."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import pickle
import random
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastcache import Cache, CacheError, Loaded, NotFound, SingleFlight, cached
from tests.campaigns._campaign import Campaign

# Of the samples of memory so many are left out at first, and so many are compared at both ends of the rest.
WARM_UP, END = 0.4, 0.2
# Bytes by which memory may have grown in the end.
SLACK = 6 << 20
KEYS = 3000


class FaultError(Exception):
    """What a loader of this load raises."""


class Owner:
    def __init__(self, number: int) -> None:
        self.number = number

    @cached(maxsize=10, ttl=0.5, per_instance=True)
    def method(self, key: int) -> list[int]:
        return [self.number, key]


def load(key: Any) -> Any:
    if random.random() < 0.05:
        raise FaultError(key)
    if random.random() < 0.05:
        raise NotFound
    return Loaded([key], tags=("odd",), etag=key) if random.random() < 0.1 else [key]


def load_many(keys: list[Any]) -> dict[Any, Any]:
    return {key: load(key) for key in keys}


async def load_later(key: Any) -> Any:
    await asyncio.sleep(0)
    return load(key)


@cached(maxsize=500, ttl=0.2, jitter=0.1, refresh_ahead=0.05, stale_if_error=1, error_ttl=0.1)
def function(a: int, b: Any = None) -> Any:
    return load(a)


class Load:
    """Threads and tasks that use caches of every kind until ``stop`` is set; ``operations`` counts."""

    def __init__(self, seed: int) -> None:
        self.stop = threading.Event()
        self.operations = 0
        self.errors: list[BaseException] = []
        self.single = SingleFlight()
        self.caches: list[Cache[Any, Any]] = [
            Cache(1000, 0.3, jitter=0.1, refresh_ahead="auto", stale_while_revalidate=0.2, stale_if_error=1, seed=seed),
            Cache(500, policy="lru", max_concurrent_loads=3, error_ttl=0.05, negative_ttl=0.05),
            Cache(500, 0.1, policy="fifo", on_removal=lambda key, value, cause: None),
            Cache(
                max_weight=200_000,
                weigher=lambda key, value: 300,
                ttl=1,
                copy="shallow",
                stale_while_revalidate=1,
                refresh_workers=2,
            ),
            Cache(None, 0.2, refresh_ahead=0.1, none_ttl=0.05, uncacheable_ttl=0.01),
        ]
        works: list[Callable[[random.Random], None]] = [self.use, self.use, self.use_tasks, self.make]
        self.threads = [
            threading.Thread(target=self.work, args=(one, seed + n), daemon=True) for n, one in enumerate(works)
        ]

    def work(self, one: Callable[[random.Random], None], seed: int) -> None:
        draw = random.Random(seed)
        try:
            while not self.stop.is_set():
                one(draw)
                self.operations += 1
        except BaseException as error:
            self.errors.append(error)

    def use(self, draw: random.Random) -> None:
        cache, number = draw.choice(self.caches), draw.randrange(KEYS)
        key: Any = draw.choice((number, str(number), (number, "t")))
        with contextlib.suppress(FaultError, NotFound, CacheError):
            match draw.randrange(16):
                case 0 | 1 | 2 | 3:
                    cache.get_or_load(key, load)
                case 4 | 5:
                    cache.get(key)
                case 6:
                    cache.set(key, [key], ttl=draw.choice((None, 0.1, 1)), tags=draw.choice(((), ("a",), ("a", "b"))))
                case 7:
                    cache.delete(key)
                case 8:
                    cache.get_many_or_load(range(number, number + 5), load_many, max_batch=draw.choice((None, 2)))
                case 9:
                    function(number, b=key)
                case 10:
                    cache.get_or_load(key, load, wait_timeout=1, force=True)
                case 11:
                    cache.namespace(str(number % 3)).get_or_load(key, load)
                case 12:
                    self.single.do(number % 5, load, key)
                case 13:
                    cache.expire(key), cache.get_entry(key), cache.stats()
                case 14 if draw.random() < 0.01:
                    draw.choice((cache.clear, cache.sweep, function.cache_clear))()
                case 15 if draw.random() < 0.02:
                    draw.choice((cache.invalidate_tag, cache.expire_tag))(draw.choice("ab"))

    def use_tasks(self, draw: random.Random) -> None:
        async def one(number: int) -> None:
            cache = self.caches[number % len(self.caches)]
            with contextlib.suppress(FaultError, NotFound, CacheError, asyncio.TimeoutError):
                if number % 3:
                    await cache.aget_or_load(number, load_later)
                elif number % 2:
                    await asyncio.wait_for(cache.aget_or_load(number, load_later), 0)
                else:
                    await cache.aget_many_or_load(range(number, number + 3), load_many)

        async def some() -> None:
            for _ in range(20):
                await asyncio.gather(*(one(draw.randrange(KEYS)) for _ in range(10)))

        asyncio.run(some())

    def make(self, draw: random.Random) -> None:
        owner = Owner(draw.randrange(10))
        for key in range(20):
            assert owner.method(key) == [owner.number, key]
        own: Cache[Any, Any] = Cache(50, 0.01, stale_while_revalidate=1, refresh_workers=1)
        own["self"] = own
        own.update(dict.fromkeys(range(60), owner))
        pickle.loads(pickle.dumps(Cache(10, 5)))
        copy.copy(own)
        with contextlib.suppress(FaultError, NotFound):
            own.get_or_load(draw.randrange(60), load)
        time.sleep(0.01)


def resident() -> int:
    """Bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def run(seconds: int, seed: int) -> str:
    running = Load(seed)
    for thread in running.threads:
        thread.start()
    samples: list[int] = []
    until = time.monotonic() + seconds
    pause = min(5.0, seconds / 60)
    while time.monotonic() < until and not running.errors:
        time.sleep(pause)
        gc.collect()
        samples.append(resident())
    running.stop.set()
    for thread in running.threads:
        thread.join()
    if running.errors:
        raise running.errors[0]
    for cache in running.caches:
        cache.close()
        cache._check()
    settled = samples[int(WARM_UP * len(samples)) :]
    span = max(1, int(END * len(samples)))
    first, last = statistics.median(settled[:span]), statistics.median(settled[-span:])
    grown = last - first
    assert grown < SLACK, f"{grown / 1e6:.1f} MB more than {first / 1e6:.1f} MB after {running.operations:,} operations"
    return f"{running.operations:,} operations; {first / 1e6:.1f} MB, in the end {grown / 1e6:+.1f} MB"


CAMPAIGN = Campaign(
    "memory that grows under a mixed load of threads, tasks and refreshes", "seconds", 12, 3600, run, (4200.0, 90.0)
)
