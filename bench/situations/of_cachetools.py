"""cachetools by its decorator: with a condition, which lets one caller load, and with a lock alone, as most use it."""

from __future__ import annotations

import threading
from typing import Any

import cachetools

from bench.situations.subject import PLAIN, Load, Options, Subject


class OfCachetools(Subject):
    def __init__(self, load: Load, options: Options = PLAIN) -> None:
        cache: Any = cachetools.LRUCache(1000) if options.ttl is None else cachetools.TTLCache(1000, options.ttl)
        self._cached: Any = cachetools.cached(cache, info=True, **self.make_guard())(load)

    def make_guard(self) -> dict[str, Any]:
        raise NotImplementedError

    def call(self, key: Any) -> Any:
        return self._cached(key)

    def delete(self, key: Any) -> None:
        with self._cached.cache_lock:
            self._cached.cache.pop(self._cached.cache_key(key), None)

    def set(self, key: Any, value: Any) -> None:
        with self._cached.cache_lock:
            self._cached.cache[self._cached.cache_key(key)] = value

    def clear(self) -> None:
        self._cached.cache_clear()


class WithCondition(OfCachetools):
    name = "cachetools, condition"
    configuration = "`cached(LRUCache(1000), condition=Condition(), info=True)`; for an expired value, `TTLCache`"

    def make_guard(self) -> dict[str, Any]:
        return {"condition": threading.Condition()}


class WithLock(OfCachetools):
    name = "cachetools, lock"
    configuration = "`cached(LRUCache(1000), lock=Lock(), info=True)`; for an expired value, `TTLCache`"

    def make_guard(self) -> dict[str, Any]:
        return {"lock": threading.Lock()}


SUBJECTS = [WithCondition, WithLock]
