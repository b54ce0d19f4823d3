"""cachebox by its decorator, whose lock for each key is on by default."""

from __future__ import annotations

from typing import Any

import cachebox

from bench.situations.subject import PLAIN, Load, Options, Subject


class OfCachebox(Subject):
    name = "cachebox"
    configuration = "`cached(LRUCache(1000))`, whose prevention of stampedes is on; for an expired value, `TTLCache`"

    def __init__(self, load: Load, options: Options = PLAIN) -> None:
        self._cache: Any = cachebox.LRUCache(1000) if options.ttl is None else cachebox.TTLCache(1000, options.ttl)
        self._cached: Any = cachebox.cached(self._cache)(load)

    def call(self, key: Any) -> Any:
        return self._cached(key)

    def delete(self, key: Any) -> None:
        self._cache.pop(cachebox.make_key(key), None)

    def set(self, key: Any, value: Any) -> None:
        self._cache[cachebox.make_key(key)] = value

    def clear(self) -> None:
        self._cached.cache_clear()


SUBJECTS = [OfCachebox]
