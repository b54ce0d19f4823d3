"""What a call through a cache does: with no lock, with a lock, or with a condition that makes others wait.

Without a lock one call runs for all who ask for the same key at the same time.  Given a lock or a condition, it does
with it what cachetools does: the lock guards the mapping, which may be any, and is never held while the function runs;
with a lock alone the function may run in several threads at once, and the first result that is stored is everybody's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from typing import Any, Generic, TypeVar

from fastcache._single import SingleFlight
from fastcache._stats import CacheInfo
from fastcache.compat.cachetools.info import Counts

R = TypeVar("R")

Lock = AbstractContextManager[Any]


class Memo(Generic[R]):
    """The base of all wrappers, which have the attributes cache, cache_key, cache_lock and cache_condition."""

    cache: Any
    cache_key: Callable[..., Hashable]
    cache_lock: Any
    cache_condition: Any

    def __init__(self, function: Callable[..., R], flights: SingleFlight, counts: Counts | None) -> None:
        self._function = function
        self._flights = flights
        self._counts = counts
        # The keys that are being computed, where a condition is used; guarded by the lock.
        self._pending: set[Hashable] = set()

    def __call__(self, /, *args: Any, **kwargs: Any) -> R:
        key = self.cache_key(*args, **kwargs)
        lock, condition = self.cache_lock, self.cache_condition
        if condition is not None:
            return self._call_in_turn(key, condition if lock is None else lock, condition, args, kwargs)
        if lock is not None:
            return self._call_locked(key, lock, args, kwargs)
        cache = self.cache
        try:
            return self._found(cache, key)
        except KeyError:
            pass
        # Methods of several objects share their flights.
        return self._flights.do((id(cache), key), self._load, cache, key, args, kwargs).value

    def _found(self, cache: Any, key: Hashable) -> R:
        """The cached value, counted; KeyError, counted too."""
        counts = self._counts
        try:
            value: R = cache[key]
        except KeyError:
            if counts is not None:
                counts.miss()
            raise
        if counts is not None:
            counts.hit()
        return value

    def _load(self, cache: Any, key: Hashable, args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
        # Somebody's flight may have landed between the look and this one.
        try:
            kept: R = cache[key]
        except KeyError:
            pass
        else:
            return kept
        value = self._function(*args, **kwargs)
        _store(cache, key, value)
        return value

    def _call_locked(self, key: Hashable, lock: Lock, args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
        cache = self.cache
        with lock:
            try:
                return self._found(cache, key)
            except KeyError:
                pass
        value = self._function(*args, **kwargs)
        with lock:
            try:
                first: R = cache.setdefault(key, value)
            except ValueError:
                # Too large to be kept.
                return value
            return first

    def _call_in_turn(
        self, key: Hashable, lock: Lock, condition: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> R:
        cache, pending = self.cache, self._pending
        with lock:
            while key in pending:
                condition.wait()
            try:
                return self._found(cache, key)
            except KeyError:
                pending.add(key)
        try:
            value = self._function(*args, **kwargs)
            with lock:
                _store(cache, key, value)
            return value
        finally:
            with lock:
                pending.discard(key)
                condition.notify_all()

    def cache_clear(self) -> None:
        """Empties the cache."""
        lock = self._lock()
        if lock is None:
            self._clear()
        else:
            with lock:
                self._clear()

    def _clear(self) -> None:
        self.cache.clear()
        if self._counts is not None:
            self._counts.clear()

    def _lock(self) -> Lock | None:
        lock: Lock | None = self.cache_lock
        return self.cache_condition if lock is None else lock

    def _info(self) -> CacheInfo:
        assert self._counts is not None
        lock = self._lock()
        if lock is None:
            return self._counts.info(self.cache)
        with lock:
            return self._counts.info(self.cache)


def _store(cache: Any, key: Hashable, value: Any) -> None:
    # What is too large is not kept.
    with contextlib.suppress(ValueError):
        cache[key] = value
