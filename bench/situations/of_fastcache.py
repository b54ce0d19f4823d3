"""fastcache by ``get_or_load``."""

from __future__ import annotations

from typing import Any

import fastcache
from bench.situations.subject import PLAIN, Load, Options, Subject


class OfFastcache(Subject):
    name = "fastcache"
    configuration = (
        "`Cache(1000).get_or_load(key, load)`; for a hanging load with `max_load_time=0.2`, for an expired value with "
        "`stale_if_error=60` where the load fails and `stale_while_revalidate=60` where it takes a while"
    )

    def __init__(self, load: Load, options: Options = PLAIN) -> None:
        self._load = load
        wishes = {name: value for name, value in options._asdict().items() if value is not None}
        self._cache: fastcache.Cache[Any, Any] = fastcache.Cache(1000, **wishes)

    def call(self, key: Any) -> Any:
        return self._cache.get_or_load(key, self._load)

    def call_within(self, key: Any, seconds: float) -> Any:
        return self._cache.get_or_load(key, self._load, wait_timeout=seconds)

    def delete(self, key: Any) -> None:
        self._cache.delete(key)

    def set(self, key: Any, value: Any) -> None:
        self._cache[key] = value

    def clear(self) -> None:
        self._cache.clear()


SUBJECTS = [OfFastcache]
