"""A pytest plugin: ``import async_lru`` gives fastcache's."""

from __future__ import annotations

import sys
from typing import Any

from fastcache.compat import alru

# What tests import besides, for their annotations and comparisons, or to look inside, which are deselected.
for name, stands_for in {
    "_R": alru.R,
    "_LRUCacheWrapper": list,
    "_CacheParameters": dict,
    "_CacheItem": None,
}.items():
    place: Any = alru
    setattr(place, name, stands_for)
sys.modules["async_lru"] = alru
