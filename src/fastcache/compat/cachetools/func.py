"""Decorators in the manner of ``functools.lru_cache``, natively called; one call for all who ask for one result."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from fastcache._core.function import CachedFunction
from fastcache.compat.cachetools.cache import Cache, LRUCache
from fastcache.compat.cachetools.keys import hashkey, typedkey
from fastcache.compat.cachetools.timed import SYSTEM, TTLCache

__all__ = ("fifo_cache", "lru_cache", "ttl_cache")

R = TypeVar("R")
MAXSIZE = 128


def fifo_cache(maxsize: Any = MAXSIZE, typed: bool = False) -> Any:
    """Keeps up to ``maxsize`` results (None: all); what was computed first leaves first."""
    return _decorator(Cache, maxsize, typed)


def lru_cache(maxsize: Any = MAXSIZE, typed: bool = False) -> Any:
    """Keeps up to ``maxsize`` results (None: all); what was not asked for for the longest time leaves first."""
    return _decorator(LRUCache, maxsize, typed)


def ttl_cache(
    maxsize: Any = MAXSIZE, ttl: Any = 600, timer: Callable[[], Any] = time.monotonic, typed: bool = False
) -> Any:
    """``lru_cache`` whose results expire after ``ttl``, in the units of ``timer``."""

    def make(maxsize: float) -> TTLCache[Hashable, Any]:
        return TTLCache(maxsize, ttl, timer)

    return _decorator(make, maxsize, typed, timer is not SYSTEM)


def _decorator(make: Callable[[float], Cache[Hashable, Any]], maxsize: Any, typed: bool, synced: bool = False) -> Any:
    if callable(maxsize):
        return _decorated(maxsize, make, MAXSIZE, typed, synced)
    return functools.partial(_decorated, make=make, maxsize=maxsize, typed=typed, synced=synced)


def _decorated(
    function: Callable[..., R],
    make: Callable[[float], Cache[Hashable, Any]],
    maxsize: int | None,
    typed: bool,
    synced: bool,
) -> CachedFunction[..., R]:
    store = make(math.inf if maxsize is None else maxsize)
    key: Callable[..., Hashable] = typedkey if typed else hashkey
    made: CachedFunction[..., R] = CachedFunction(
        store,
        function,
        key=_after_sync(store, key) if synced else key,
        parameters={"maxsize": maxsize, "typed": typed},
    )
    functools.update_wrapper(made, function)
    # The store needs neither, and who asks for them finds so.
    made.cache_lock = made.cache_condition = None  # type: ignore[attr-defined]
    return made


def _after_sync(store: Cache[Hashable, Any], key: Callable[..., Hashable]) -> Callable[..., Hashable]:
    """``key``, before which the store asks its timer: it is called at the beginning of every call."""

    def synced(*args: Any, **kwargs: Any) -> Hashable:
        store._sync()
        return key(*args, **kwargs)

    return synced
