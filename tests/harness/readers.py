"""Readers who verify each value they get, while writers do everything that moves memory."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

from fastcache import Cache
from fastcache.testing import MovableClock

NAMES = 400
# Keys beyond those that are read, for growth and eviction.
MORE = range(50_000, 52_000)


class Plain:
    __slots__ = ("name",)

    def __init__(self, name: int) -> None:
        self.name = name


class Cyclic:
    """Leaves only with the collector, which empties shelves on its way."""

    def __init__(self, name: int) -> None:
        self.name = name
        self.me = self if name % 7 == 0 else None


def key_of(name: int) -> Any:
    """A new key each time, of each kind that is compared without a lock."""
    match name % 6:
        case 0:
            return 1000 + name
        case 1:
            return f"key{name}"
        case 2:
            return ("a", 1000 + name, f"t{name}")
        case 3:
            return b"bytes%d" % name
        case 4:
            return f"\N{EURO SIGN}{name}"
    return name * 1.5 + 1000


def value_of(name: int, kind: int) -> Any:
    match kind % 6:
        case 0:
            return [name]
        case 1:
            return (name,)
        case 2:
            return Plain(name)
        case 3:
            return Cyclic(name)
        case 4:
            return {0: name}
    return name + 100_000


def name_in(value: Any) -> int:
    if isinstance(value, (list, tuple, dict)):
        return value[0]  # type: ignore[no-any-return]
    if isinstance(value, int):
        return value - 100_000
    return value.name  # type: ignore[no-any-return]


class Trial:
    """One cache, its readers and writers; ``run`` returns (reads, hits, writes) or raises what one of them raised."""

    def __init__(self, maxsize: int | None, *, seed: int = 1) -> None:
        self.clock = MovableClock()
        self.cache: Cache[Any, Any] = Cache(maxsize, ttl=5, clock=self.clock, seed=seed)
        self.seed = seed
        self.stop = False
        self.counts: list[tuple[int, int, int]] = []
        self.errors: list[BaseException] = []

    def run(self, seconds: float, readers: int = 2, writers: int = 1) -> tuple[int, int, int]:
        roles = [self.read] * readers + [self.write] * writers
        threads = [threading.Thread(target=self._work, args=(role, n)) for n, role in enumerate(roles)]
        for thread in threads:
            thread.start()
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.errors:
            time.sleep(0.05)
        self.stop = True
        for thread in threads:
            thread.join()
        if self.errors:
            raise self.errors[0]
        self.cache._check()
        reads, hits, writes = map(sum, zip(*self.counts, strict=True))
        stats = self.cache.stats()
        # Writers hit too, when they find what they would load; readers look nowhere else.
        assert stats.hits >= hits
        assert stats.hits + stats.stale_hits + stats.misses >= reads
        return reads, hits, writes

    def _work(self, role: Callable[[random.Random], tuple[int, int, int]], number: int) -> None:
        try:
            self.counts.append(role(random.Random(self.seed * 1000 + number)))
        except BaseException as error:
            self.errors.append(error)

    def read(self, draw: random.Random) -> tuple[int, int, int]:
        get = self.cache.get
        kept = {name: key_of(name) for name in range(NAMES)}
        names = list(kept)
        reads = hits = 0
        while not self.stop:
            draw.shuffle(names)
            new = draw.random() < 0.5
            for name in names:
                value = get(key_of(name) if new else kept[name])
                if value is not None:
                    assert name_in(value) == name, (name, value)
                    hits += 1
            reads += NAMES
        return reads, hits, 0

    def write(self, draw: random.Random) -> tuple[int, int, int]:
        cache = self.cache
        writes = 0
        while not self.stop:
            name = draw.randrange(NAMES)
            act = draw.random()
            if act < 0.75:
                cache[key_of(name)] = value_of(name, draw.randrange(6))
            elif act < 0.83:
                cache.delete(key_of(name))
            elif act < 0.86:
                cache.expire(key_of(name))
            elif act < 0.92:
                cache.get_or_load(key_of(name), lambda _, name=name, kind=writes: value_of(name, kind))  # type: ignore[misc]
            elif act < 0.99:
                cache.set(key_of(name), value_of(name, 1), ttl=draw.choice([0, 1, None]))
            elif act < 0.997:
                self.clock.advance(0.5)
            elif act < 0.999:
                cache.clear()
            elif act < 0.9995:
                cache.update(dict.fromkeys(MORE))
            else:
                for more in MORE:
                    cache.delete(more)
            writes += 1
        return 0, 0, writes
