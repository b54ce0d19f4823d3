"""Forks, one after the other, of a process in which loads, refreshes, writers and tasks are hot."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import random
import signal
import sys
import sysconfig
import threading
import time
import traceback
from functools import partial
from typing import Any

from fastcache import Cache, SingleFlight
from tests.campaigns._campaign import Campaign
from tests.harness.gates import Call, await_no_flights, await_until


class Key:
    """A key that Python compares, and writes nothing.

    On free-threaded 3.13 an object that several threads were locking may stay locked for ever in the child, with or
    without a cache; a dict of which they got values by ``get``, or a list that they copied, too.  So copies are made
    item by item, and the keys are a tuple.
    """

    __slots__ = ("name",)

    def __init__(self, name: int) -> None:
        self.name = name

    def __hash__(self) -> int:
        return hash((self.name,))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self.name == other.name


# Seconds that a child has.
LIMIT = 20
KEYS: tuple[Any, ...] = (
    *range(12),
    *map(str, range(12)),
    *((number, "t") for number in range(6)),
    *map(Key, range(6)),
)


def load_many(keys: Any) -> Any:
    """One for all: what is to be reloaded for several keys is gathered by its loader."""
    return {key: [key] for key in keys}


async def aload_many(keys: Any) -> Any:
    await asyncio.sleep(0.001)
    return load_many(keys)


def has_all_places(cache: Cache[Any, Any]) -> bool:
    return cache._bulkhead is None or cache._bulkhead.free == cache._bulkhead.limit


class Hot:
    """A process's caches, and the threads that use them until ``stop`` is set."""

    def __init__(self, seed: int) -> None:
        self.stop = threading.Event()
        self.single = SingleFlight()
        self.caches: list[Cache[Any, Any]] = [
            Cache(),
            Cache(20, 0.01, jitter=0.005, policy="lru", on_removal=lambda key, value, cause: None),
            Cache(
                40_000, 0.002, stale_while_revalidate=60, refresh_workers=2, refresh_queue=8, refresh_batch_delay=0.001
            ),
            Cache(30, 0.05, max_concurrent_loads=2, stale_if_error=1, error_ttl=0.01, copy=lambda value: [value[0]]),
            Cache(max_concurrent_loads=2),
        ]
        self.stale, self.crowded, self.roomy = self.caches[2:]
        works = [self.use, self.use, self.load_slowly, self.stand_in_line, self.stand_in_line, self.use_tasks]
        self.calls = [Call(self.work, one, random.Random(seed + number)) for number, one in enumerate(works)]

    def work(self, one: Any, draw: random.Random) -> None:
        while not self.stop.is_set():
            one(draw)

    def use(self, draw: random.Random) -> None:
        cache, key = draw.choice(self.caches), draw.choice(KEYS)
        match draw.randrange(12):
            case 0 | 1 | 2 | 3:
                assert cache.get_or_load(key, lambda key: [key]) == [key]
            case 4:
                cache.set(key, [key], tags=draw.choice(((), ("a",))))
            case 5:
                cache.delete(key)
            case 6:
                cache.get_many_or_load(KEYS[:5], load_many)
            case 7:
                self.single.do(key, lambda: time.sleep(0))
            case 8:
                draw.choice((cache.clear, cache.sweep, lambda: cache.invalidate_tag("a")))()
            case 9:
                assert cache.get_or_load(key, lambda key: [key], wait_timeout=30) == [key]
            case 10 | 11:
                self.stale.get_many_or_load([key], load_many, max_batch=4)

    def load_slowly(self, draw: random.Random) -> None:
        def load(key: Any) -> Any:
            time.sleep(0.001)
            return [key]

        draw.choice(self.caches).get_or_load(draw.choice(KEYS), load, force=draw.random() < 0.5)

    def stand_in_line(self, draw: random.Random) -> None:
        def load(key: Any) -> Any:
            time.sleep(0.0005)
            return [key]

        self.crowded.get_or_load(draw.choice(KEYS), load, force=True)

    def use_tasks(self, draw: random.Random) -> None:
        async def load(key: Any) -> Any:
            await asyncio.sleep(0.001)
            return [key]

        async def some() -> None:
            cache = draw.choice(self.caches)
            await asyncio.gather(
                *(cache.aget_or_load(key, load) for key in draw.sample(KEYS, 8)),
                *(self.stale.aget_many_or_load([key], aload_many) for key in draw.sample(KEYS, 4)),
            )

        asyncio.run(some())

    def check_as_child(self) -> None:
        """All that the parent's other threads did is theirs alone."""
        for cache in self.caches:
            assert cache.flights() == [], cache
            assert has_all_places(cache)
            for key in KEYS:
                assert cache.get_or_load(key, lambda key: [key]) == [key]
            assert Call(cache.get_or_load, "new", lambda key: [key]).result(LIMIT) == ["new"]
            cache.set("kept", ["kept"], ttl=None)
            assert cache["kept"] == ["kept"]
        assert self.single.do("k", lambda: 1) == (1, False)
        self.stale.get_or_load(1, lambda key: [key])
        time.sleep(0.003)
        assert self.stale.get_or_load(1, lambda key: [key]) == [1]
        for key in KEYS:
            assert self.stale.get_many_or_load([key], load_many, max_batch=4) == {key: [key]}
        await_no_flights(self.stale, LIMIT)
        asyncio.run(self.refresh_as_child())
        for cache in self.caches:
            await_until(partial(has_all_places, cache), "both places", LIMIT)
            cache.close()
            cache._check()

    async def refresh_as_child(self) -> None:
        """Tasks have a right of their own to so many refreshes."""
        before = self.stale.stats().refreshes_dropped
        for key in KEYS[:2]:
            self.stale.set(key, "old")
        await asyncio.sleep(0.003)
        for key in KEYS[:2]:
            assert await self.stale.aget_many_or_load([key], aload_many) == {key: "old"}
        while self.stale.flights():
            await asyncio.sleep(0.001)
        assert self.stale.stats().refreshes_dropped == before


def forked(hot: Hot, draw: random.Random) -> int:
    """Forks between two calls, in a load, or in a handler amid whatever a call does; the child's exit code."""
    children: list[int] = []

    def fork(*_: object) -> None:
        if not children:
            children.append(os.fork())

    def load(key: Any) -> Any:
        fork()
        return [key]

    how = draw.randrange(3)
    if how == 0:
        fork()
    elif how == 1:
        signal.signal(signal.SIGVTALRM, fork)
        signal.setitimer(signal.ITIMER_VIRTUAL, 1e-4 + draw.random() * 1e-3)
    cache = draw.choice((hot.crowded, hot.roomy))
    while not children:
        if how == 1:
            cache.get_or_load(draw.choice(KEYS), lambda key: [key], force=True)
        else:
            cache.get_or_load(draw.choice(KEYS), load, force=True)
    [child] = children
    if child == 0:
        code = 1
        try:
            faulthandler.dump_traceback_later(LIMIT - 5, exit=True)
            signal.alarm(LIMIT)
            hot.check_as_child()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run(forks: int, seed: int) -> str:
    import warnings

    # Of any fork with threads, from Python 3.12 on.
    warnings.simplefilter("ignore", DeprecationWarning)
    sys.setswitchinterval(1e-4)
    hot = Hot(seed)
    draw = random.Random(seed)
    for number in range(forks):
        time.sleep(draw.random() * 0.002)
        code = forked(hot, draw)
        assert code == 0, f"child {number} ended with {code}"
    hot.stop.set()
    for call in hot.calls:
        call.result()
    for cache in hot.caches:
        await_no_flights(cache)
        cache.close()
        cache._check()
    loads = sum(cache.stats().loads for cache in hot.caches)
    return f"{forks:,} children; {loads:,} loads in the parent"


# On free-threaded 3.13 one child in some thousand hangs whatever it is that uses it.
QUICK = 40 if sysconfig.get_config_var("Py_GIL_DISABLED") else 200
CAMPAIGN = Campaign(
    "a child of a fork that hangs, or finds a lock, a load or a count of its parent's threads",
    "forks",
    QUICK,
    5000,
    run,
)
