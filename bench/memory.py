"""Bytes per entry beyond key and value: growth of the resident set of a fresh process that fills one container.

Keys and values are there before, so what is counted is the container alone, with all that its allocator keeps for it.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from typing import Any

import fastcache
from bench import child, contenders
from bench.contender import Contender
from bench.keys import texts

ENTRIES = 500_000
EVERYTHING: dict[str, Any] = {
    "ttl": 600,
    "jitter": 5,
    "refresh_ahead": 10,
    "stale_while_revalidate": 30,
    "stale_if_error": 60,
}
ALL_ON = "fastcache, everything on"
LRU_ALL_ON = "fastcache, exact lru, everything on"
MORE = {
    name: Contender(name, "pyfastcache", lambda capacity, more=more: fastcache.Cache(capacity, **EVERYTHING, **more))
    for name, more in {ALL_ON: {}, LRU_ALL_ON: {"policy": "lru"}}.items()
}
# Their containers differ from another contender's in the policy alone, or not at all.
SAME = {"fastcache", "fastcache, exact lru", "cachetools.func.ttl_cache"}


def participants() -> dict[str, Contender]:
    known = {
        name: contender
        for name, contender in contenders.load()[0].items()
        if (contender.make or contender.decorate) and name not in SAME
    }
    return MORE | known


def measure(entries: int = ENTRIES, say: Callable[[str], None] = str) -> dict[str, float]:
    figures = {}
    for name in participants():
        say(name)
        figures[name] = child.run("memory", name, entries)
    return figures


def main(name: str, entries: int) -> None:
    import psutil

    contender = participants()[name]
    keys, values = texts(entries), list(range(entries))
    # A key's hash is kept in the key.
    list(map(hash, keys))
    resident = psutil.Process().memory_info
    if contender.make:
        container = contender.make(entries)
        fill = contender.filler(container)
    else:
        coming = iter(values)
        container = contender.decorate(lambda key: next(coming), entries)  # type: ignore[misc]
        fill = lambda key, value: container(key)  # noqa: E731 - one of two ways to fill
    gc.collect()
    before = resident().rss
    for key, value in zip(keys, values, strict=True):
        fill(key, value)
    print(json.dumps((resident().rss - before) / entries))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
