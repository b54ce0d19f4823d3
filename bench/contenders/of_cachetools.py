"""cachetools: mappings in Python that need a lock of the user's, and ``func``, decorators that have one."""

from __future__ import annotations

import threading
from typing import Any

import cachetools
import cachetools.func

from bench.contender import TTL, Contender


def lru(function: Any, capacity: int) -> Any:
    return cachetools.cached(cachetools.LRUCache(capacity), lock=threading.Lock())(function)


def ttl(function: Any, capacity: int) -> Any:
    return cachetools.cached(cachetools.TTLCache(capacity, TTL), lock=threading.Lock())(function)


CONTENDERS = [
    Contender("cachetools.LRUCache", "cachetools", cachetools.LRUCache, lru, threads=False),
    Contender(
        "cachetools.TTLCache",
        "cachetools",
        lambda capacity: cachetools.TTLCache(capacity, TTL),
        ttl,
        expires=True,
        threads=False,
    ),
    Contender(
        "cachetools.func.ttl_cache",
        "cachetools",
        decorate=lambda function, capacity: cachetools.func.ttl_cache(capacity, TTL)(function),
        expires=True,
    ),
]
