"""Threads and tasks in front of an origin that is slow, fails and recovers, again and again.

written    are raised in the database and then deleted from the cache.  Who asks after that gets at least the
           version that was written, or the origin's error; never an older one.
standing   have a value that may be served although it is stale.  Nobody who asks for one ever gets an error.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import threading
import time
from pathlib import Path
from statistics import quantiles
from typing import Any

from fastcache import Cache
from tests.campaigns._campaign import Campaign
from tests.harness.gates import Call, await_until
from tests.harness.origin import FAILING, HEALTHY, RECOVERING, SLOW, Origin, OriginError

THREADS, TASKS = 64, 1_000
WRITTEN, STANDING = range(200), range(200, 400)
HOT = -1
PLACES = 8
#: How often p99 of a hit is taken, at most.
SLICES = 10


class Load:
    def __init__(self, folder: Path, seconds: float, seed: int) -> None:
        self.origin = Origin(folder, len(WRITTEN) + len(STANDING), seed)
        self.cache: Cache[int, tuple[int, int]] = Cache(
            ttl=0.3,
            jitter=0.1,
            refresh_ahead=0.05,
            stale_while_revalidate=0.5,
            stale_if_error=3600,
            max_concurrent_loads=PLACES,
            seed=seed,
        )
        self.seconds, self.seed = seconds, seed
        self.until = time.monotonic() + seconds
        # Of written keys, versions whose writes were over: who asks later must not get older ones.
        self.least = dict.fromkeys(WRITTEN, 0)
        self.lock = threading.Lock()
        self.served = {"threads": 0, "tasks": 0}
        self.refused = 0
        self.p99: list[float] = []

    def run(self) -> str:
        for key in STANDING:
            self.cache.get_or_load(key, self.origin.read)
        self.cache.set(HOT, (HOT, 0), ttl=None)
        workers = [Call(self.work, number) for number in range(THREADS)]
        workers += [Call(self.run_tasks), Call(self.sample_hits)]
        self.go_through_phases()
        for worker in workers:
            worker.result(60 + self.seconds)
        self.settle()
        self.cache.close()
        self.origin.close()
        return self.told()

    def go_through_phases(self) -> None:
        phases = (HEALTHY, SLOW, FAILING, RECOVERING)
        span = min(15.0, self.seconds / (2 * len(phases)))
        while time.monotonic() < self.until:
            for phase in phases:
                self.origin.state = phase
                time.sleep(span)
        self.origin.state = HEALTHY

    # ---- who asks ----

    def floor(self, key: int) -> int:
        return self.least.get(key, 0)

    def check(self, key: int, floor: int, got: tuple[int, int], who: str) -> None:
        assert got[0] == key, f"{who} got the value of {got[0]} for {key}"
        assert got[1] >= floor, f"{who} got version {got[1]} of {key} after version {floor} had been written"

    def check_error(self, key: int, error: OriginError, who: str) -> None:
        if key in STANDING:
            raise AssertionError(f"{who} got an error for {key}, of which there is an old value") from error

    def work(self, number: int) -> None:
        draw = random.Random(f"{self.seed} {number}")
        while time.monotonic() < self.until:
            key, act = draw.randrange(len(WRITTEN) + len(STANDING)), draw.random()
            if act < 0.05 and key in WRITTEN:
                version = self.origin.write(key)
                self.cache.delete(key)
                with self.lock:
                    self.least[key] = max(self.least[key], version)
            elif act < 0.07 and key in STANDING:
                self.origin.write(key)
                self.cache.expire(key)
            else:
                floor = self.floor(key)
                try:
                    self.check(key, floor, self.cache.get_or_load(key, self.origin.read), "a thread")
                except OriginError as error:
                    self.check_error(key, error, "a thread")
                with self.lock:
                    self.served["threads"] += 1
            time.sleep(draw.uniform(0, 0.02))

    def run_tasks(self) -> None:
        async def read(key: int) -> tuple[int, int]:
            return await asyncio.to_thread(self.origin.read, key)

        async def work(number: int) -> None:
            draw = random.Random(f"{self.seed} task {number}")
            while time.monotonic() < self.until:
                key = draw.randrange(len(WRITTEN) + len(STANDING))
                floor = self.floor(key)
                try:
                    self.check(key, floor, await self.cache.aget_or_load(key, read), "a task")
                except OriginError as error:
                    self.check_error(key, error, "a task")
                self.served["tasks"] += 1
                await asyncio.sleep(draw.uniform(0, 0.5))

        async def all_of_them() -> None:
            async with asyncio.TaskGroup() as group:
                for number in range(TASKS):
                    group.create_task(work(number))
            await self.cache.aclose()

        asyncio.run(all_of_them())

    def sample_hits(self) -> None:
        """What the slowest of a hundred hits takes, over the time of the campaign."""
        slices = min(SLICES, max(1, int(self.seconds)))
        for number in range(slices):
            end = self.until - self.seconds * (slices - number - 1) / slices
            took = [0, 0]
            while time.monotonic() < end:
                for _ in range(100):
                    begun = time.perf_counter_ns()
                    self.cache.get_or_load(HOT, self.origin.read)
                    took.append(time.perf_counter_ns() - begun)
                time.sleep(0.01)
            self.p99.append(quantiles(took, n=100)[-1] / 1000)

    # ---- what came of it ----

    def settle(self) -> None:
        """With the origin well again, the cache comes to have what the database has."""
        for key in WRITTEN:
            self.check(key, self.least[key], self.cache.get_or_load(key, self.origin.read), "the end")
        for key in (*WRITTEN, *STANDING):
            newest = self.origin.read(key)

            def is_there(key: int = key, newest: tuple[int, int] = newest) -> bool:
                return self.cache.get_or_load(key, self.origin.read) == newest

            await_until(is_there, f"the newest version of {key}", 10)

    def told(self) -> str:
        stats: Any = self.cache.stats()
        peak = self.origin.peak
        # The check at the end reads beside the cache.
        assert peak <= PLACES, f"{peak} reads of the origin at a time, of {PLACES}"
        assert stats.stale_hits > 0, "nothing stale was served"
        assert self.origin.errors > 0, "the origin never failed"
        assert stats.coalesced > 0, "nobody waited for another's load"
        p99 = " ".join(f"{micros:.1f}" for micros in self.p99)
        return (
            f"{self.served['threads']:,} calls of {THREADS} threads, {self.served['tasks']:,} of {TASKS:,} tasks, "
            f"{self.origin.reads:,} reads of the origin, {self.origin.errors:,} of which failed, {peak} at a time; "
            f"{stats.stale_hits:,} stale hits; p99 of a hit in microseconds, over time: {p99}"
        )


def run(size: int, seed: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        return Load(Path(folder), size, seed).run()


CAMPAIGN = Campaign(
    "a lost update, an error while an old value may be served, too many loads at a time", "seconds", 5, 600, run
)
