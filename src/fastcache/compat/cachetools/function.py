"""``@cached``: a function whose results are kept in a mapping."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from fastcache._single import SingleFlight
from fastcache._stats import CacheInfo
from fastcache.compat.cachetools.info import Counts
from fastcache.compat.cachetools.keys import hashkey
from fastcache.compat.cachetools.memo import Memo

R = TypeVar("R")


class CachedFunction(Memo[R]):
    """A function with a cache; its attributes ``cache`` and ``cache_...`` are what ``cached`` was given."""

    def __init__(
        self,
        function: Callable[..., R],
        cache: Any,
        key: Callable[..., Hashable],
        lock: Any,
        condition: Any,
        counts: Counts | None,
    ) -> None:
        # First, for a function that is itself decorated has attributes of the same names.
        functools.update_wrapper(self, function)
        super().__init__(function, SingleFlight(), counts)
        self.cache = cache
        self.cache_key = key
        self.cache_condition = condition
        # The condition has the lock then.
        self.cache_lock = condition if lock is None else lock

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __copy__(self) -> CachedFunction[R]:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> CachedFunction[R]:
        return self

    def __reduce__(self) -> str:
        name: str = self.__qualname__  # type: ignore[attr-defined]
        return name

    def __repr__(self) -> str:
        return f"<cached {self.__wrapped__!r}>"  # type: ignore[attr-defined]


class CountingFunction(CachedFunction[R]):
    """One with ``cache_info``."""

    def cache_info(self) -> CacheInfo:
        """(hits, misses, maxsize, currsize) since the last ``cache_clear``."""
        return self._info()


def cached(
    cache: Any,
    key: Callable[..., Hashable] = hashkey,
    lock: Any = None,
    condition: Any = None,
    info: bool = False,
) -> Callable[[Callable[..., R]], CachedFunction[R]]:
    """Keeps the results of a function in ``cache``, which may be any mapping.

    :param key: makes the key from a call's arguments.
    :param lock: a context manager to guard the mapping with; one of this module needs none.
    :param condition: the same, at which callers of a key wait while it is computed.
    :param info: whether the result has ``cache_info``.

    Without ``lock`` and ``condition``, callers of a key wait while it is computed, and get that result.  A function
    that then asks for its own result raises ``fastcache.RecursiveLoadError``.  TypeError: ``cache`` is None.
    """
    if cache is None:
        raise TypeError("cache must not be None")

    def decorate(function: Callable[..., R]) -> CachedFunction[R]:
        if info:
            return CountingFunction(function, cache, key, lock, condition, Counts())
        return CachedFunction(function, cache, key, lock, condition, None)

    return decorate
