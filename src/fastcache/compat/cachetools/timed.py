"""The classes of cachetools whose items expire."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from fastcache._config import Settings
from fastcache._core.mapping import adopt
from fastcache._core.store import nanoseconds
from fastcache.compat.cachetools.cache import NANOSECONDS, Cache, Terms
from fastcache.compat.cachetools.timer import Timer

K = TypeVar("K")
V = TypeVar("V")

SYSTEM = time.monotonic


def _scale(lifetime: Any) -> int:
    """What a store's clock counts in one unit of a timer, so that centuries fit in 63 bits.

    It counts millionths of seconds, and whole nanoseconds: a ttl of a billion is not in seconds.
    """
    if not isinstance(lifetime, (int, float)) or math.isinf(lifetime) or lifetime < 10**6:
        return 10**6
    return 10**3 if lifetime < 10**9 else 1


class TimedCache(Cache[K, V]):
    """What ``TTLCache`` and ``TLRUCache`` have in common."""

    __slots__ = ()
    _policy = "lru"

    def _arrange_by(self, terms: Terms) -> None:
        own = self._own_timer
        scale = NANOSECONDS if own is None else _scale(terms.lifetime)
        self._arrange(own, scale, self._expiry(), self._quiet, self._closed)

    def _settings(self, terms: Terms) -> Settings:
        return super()._settings(terms._replace(timer=self._own_timer))

    @property
    def _own_timer(self) -> Timer | None:
        """None where the store's own clock serves."""
        timer = self._terms.timer
        return None if timer is None or timer._function is SYSTEM else timer

    def _expiry(self) -> Callable[[Any, Any, Any], Any] | None:
        """Tells the instant at which an item will expire: of its key, its value and now; None: the store knows it."""
        raise NotImplementedError

    @property
    def timer(self) -> Timer:
        assert self._terms.timer is not None
        return self._terms.timer

    def expire(self, time: Any = None) -> list[tuple[K, V]]:  # type: ignore[override]
        """Removes the items that have expired at ``time`` (as the timer tells it; None: now) and returns them.

        Every write removes a few expired items too, and reading one that has expired removes it.
        """
        return self._expire(time)


@adopt
class TTLCache(TimedCache[K, V]):
    """An ``LRUCache`` whose items expire ``ttl`` after they were written.

    :param ttl: in the units of ``timer``, or a timedelta; ``math.inf``: never; 0 or less: at once.
    :param timer: tells the time.  With ``time.monotonic`` the cache reads the system's clock natively; any other
        function is called once in each operation, and may return whatever can be subtracted.
    """

    __slots__ = ()
    # Or ``adopt`` would take the store's.
    expire = TimedCache.expire

    def __init__(
        self,
        maxsize: float,
        ttl: Any,
        timer: Callable[[], Any] = SYSTEM,
        getsizeof: Callable[[V], int] | None = None,
    ) -> None:
        self._begin(Terms(maxsize, ttl, Timer(timer)), getsizeof)

    def _settings(self, terms: Terms) -> Settings:
        made = super()._settings(terms)
        if self._closed:
            return made
        ttl = terms.lifetime
        made.ttl = _nanoseconds(ttl) if self._own_timer is None else _scaled(ttl)
        return made

    def _expiry(self) -> Callable[[Any, Any, Any], Any] | None:
        ttl = self._terms.lifetime
        return None if self._own_timer is None else lambda key, value, now: now + ttl

    @property
    def ttl(self) -> Any:
        return self._terms.lifetime


def _nanoseconds(ttl: Any) -> int | None:
    ttl = _number(ttl)
    if ttl == math.inf:
        return None
    return 0 if ttl <= 0 else nanoseconds("ttl", ttl)


def _scaled(ttl: Any) -> int | None:
    """Of a cache with a timer of its own."""
    number = _number(ttl)
    return None if number == math.inf else max(0, round(number * _scale(ttl)))


def _number(ttl: Any) -> float:
    if isinstance(ttl, timedelta):
        return ttl.total_seconds()
    if isinstance(ttl, bool) or not isinstance(ttl, (int, float)):
        raise TypeError(f"ttl must be a number or a timedelta, not {ttl!r}")
    return ttl


@adopt
class TLRUCache(TimedCache[K, V]):
    """An ``LRUCache`` in which each item has its own time to expire.

    :param ttu: called as ``ttu(key, value, now)`` for each item that is written; the instant at which it expires, as
        ``timer`` tells it.
    :param timer: as of ``TTLCache``; other than ``time.monotonic``, in seconds or milliseconds.
    """

    __slots__ = ()
    # Or ``adopt`` would take the store's.
    expire = TimedCache.expire

    def __init__(
        self,
        maxsize: float,
        ttu: Callable[[K, V, Any], Any],
        timer: Callable[[], Any] = SYSTEM,
        getsizeof: Callable[[V], int] | None = None,
    ) -> None:
        self._begin(Terms(maxsize, ttu, Timer(timer)), getsizeof)

    def _expiry(self) -> Callable[[Any, Any, Any], Any] | None:
        expiry: Callable[[Any, Any, Any], Any] = self._terms.lifetime
        return expiry

    @property
    def ttu(self) -> Callable[[K, V, Any], Any]:
        expiry: Callable[[K, V, Any], Any] = self._terms.lifetime
        return expiry
