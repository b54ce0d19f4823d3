"""cachetools on fastcache's store: ``from fastcache.compat import cachetools``.

``Cache``, ``FIFOCache``, ``LRUCache``, ``TTLCache``, ``TLRUCache``, ``cached``, ``cachedmethod``, ``keys`` and
``func`` are those of cachetools 8, and safe to use from several threads without a lock.

``LFUCache`` and ``RRCache`` are not there, nor their decorators in ``func``.  An exact count of uses, and a choice
among all keys by a function, would each need a structure of its own beside the store's order, to be kept by every hit.
The default order of ``fastcache.Cache`` already weighs how often and how recently a key was used.
"""

import fastcache.compat.cachetools.func as func
import fastcache.compat.cachetools.keys as keys
from fastcache._stats import CacheInfo
from fastcache.compat.cachetools.cache import Cache, FIFOCache, LRUCache
from fastcache.compat.cachetools.function import cached
from fastcache.compat.cachetools.method import cachedmethod
from fastcache.compat.cachetools.timed import TLRUCache, TTLCache

__all__ = (
    "Cache",
    "CacheInfo",
    "FIFOCache",
    "LRUCache",
    "TLRUCache",
    "TTLCache",
    "cached",
    "cachedmethod",
    "func",
    "keys",
)
