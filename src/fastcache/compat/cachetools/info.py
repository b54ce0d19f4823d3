"""What a decorated function has counted."""

from __future__ import annotations

import threading
from collections.abc import Sized
from typing import Any

from fastcache._stats import CacheInfo
from fastcache.compat.cachetools.cache import Cache


class Counts:
    """Hits and misses.  A signal handler may count in the midst of counting, hence the kind of lock."""

    __slots__ = ("_hits", "_lock", "_misses")

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._hits = self._misses = 0

    def hit(self) -> None:
        with self._lock:
            self._hits += 1

    def miss(self) -> None:
        with self._lock:
            self._misses += 1

    def clear(self) -> None:
        with self._lock:
            self._hits = self._misses = 0

    def info(self, cache: Any) -> CacheInfo:
        """With the sizes of ``cache``; TypeError if it has no length."""
        if isinstance(cache, Cache):
            maxsize: Any = cache.maxsize
            return CacheInfo(self._hits, self._misses, maxsize, cache.currsize)
        sized: Sized = cache
        return CacheInfo(self._hits, self._misses, None, len(sized))
