"""``functools.lru_cache``."""

from __future__ import annotations

import functools
from typing import Any

from bench.situations.subject import PLAIN, Load, NoSuchThing, Options, Subject


class OfFunctools(Subject):
    name = "functools.lru_cache"
    configuration = "`lru_cache(1000)`"

    def __init__(self, load: Load, options: Options = PLAIN) -> None:
        if options.ttl is not None:
            raise NoSuchThing
        self._cached = functools.lru_cache(1000)(load)

    def call(self, key: Any) -> Any:
        return self._cached(key)

    def clear(self) -> None:
        self._cached.cache_clear()


SUBJECTS = [OfFunctools]
