"""What a hit costs, as a ratio to ``dict.get``: contenders take turns within each round, and ratios are per round."""

from __future__ import annotations

import functools
import statistics
import timeit
from typing import Any, NamedTuple

import fastcache

ROUNDS = 21
CALLS = 200_000
KEYS = 1_000


class Line(NamedTuple):
    """One contender: median nanoseconds, and the median and the middle half of its per-round ratios."""

    name: str
    nanoseconds: float
    ratio: float
    low: float
    high: float


def contenders() -> tuple[dict[str, str], dict[str, Any]]:
    """Statements by name, and what they refer to.  Everything is bounded and has ttl and jitter where it can."""
    mapping = {f"key{i}": i for i in range(KEYS)}
    cache: fastcache.Cache[str, int] = fastcache.Cache(10 * KEYS, 600, jitter=5)
    cache.update(mapping)
    by_lru = functools.lru_cache(10 * KEYS)(str.upper)
    by_fastcache = fastcache.cached(10 * KEYS, 600, jitter=5)(str.upper)
    key = "key500"
    by_lru(key), by_fastcache(key)
    names = {
        "dict.get": "dict_get(key)",
        "cache.get, ttl": "cache_get(key)",
        "cache.get, ttl, equal copy of the key": "cache_get(copy)",
        "cache[key], ttl": "cache[key]",
        "cache.get_or_load, ttl": "get_or_load(key, loader)",
        "functools.lru_cache": "by_lru(key)",
        "fastcache.cached, ttl": "by_fastcache(key)",
    }
    scope = {
        "dict_get": mapping.get,
        "cache_get": cache.get,
        "cache": cache,
        "get_or_load": cache.get_or_load,
        "loader": str.upper,
        "by_lru": by_lru,
        "by_fastcache": by_fastcache,
        "key": key,
        "copy": "".join(["key", "500"]),
    }
    return names, scope


def measure(rounds: int = ROUNDS, calls: int = CALLS) -> list[Line]:
    statements, scope = contenders()
    timers = {name: timeit.Timer(statement, globals=scope) for name, statement in statements.items()}
    empty = timeit.Timer("pass")
    times: dict[str, list[float]] = {name: [] for name in timers}
    for _ in range(rounds):
        loop = empty.timeit(calls)
        for name, timer in timers.items():
            times[name].append((timer.timeit(calls) - loop) / calls * 1e9)
    return [_line(name, times[name], times["dict.get"]) for name in timers]


def ratio(lines: list[Line], name: str, base: str) -> float:
    """One contender's median time over another's, from the same run."""
    by_name = {line.name: line for line in lines}
    return by_name[name].ratio / by_name[base].ratio


def _line(name: str, own: list[float], base: list[float]) -> Line:
    ratios = [a / b for a, b in zip(own, base, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return Line(name, statistics.median(own), middle, low, high)
