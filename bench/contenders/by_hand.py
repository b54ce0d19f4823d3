"""What a careful engineer writes when no library is at hand: a lock, an ordered dict, a capacity and a time to live."""

from __future__ import annotations

import functools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Any

from bench.contender import TTL, Contender


class LockedCache:
    """The least recently used leaves; nothing of a stranger's runs under the lock but the keys' own methods."""

    def __init__(self, capacity: int, ttl: float) -> None:
        self._capacity = capacity
        self._ttl = ttl
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, tuple[Any, float]] = OrderedDict()

    def get(self, key: Hashable, default: Any = None) -> Any:
        now = time.monotonic()
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return default
            if entry[1] <= now:
                del self._entries[key]
                return default
            self._entries.move_to_end(key)
        return entry[0]

    def __setitem__(self, key: Hashable, value: Any) -> None:
        entry = (value, time.monotonic() + self._ttl)
        dropped = None
        with self._lock:
            entries = self._entries
            if key in entries:
                entries.move_to_end(key)
            elif len(entries) >= self._capacity:
                # Kept until the lock is free: a value's __del__ may use the cache.
                dropped = entries.popitem(last=False)
            entries[key] = entry
        del dropped

    def get_or_load(self, key: Hashable, load: Callable[[Any], Any]) -> Any:
        """Callers who miss at the same time all load."""
        value = self.get(key, self)
        if value is self:
            value = self[key] = load(key)
        return value

    def __iter__(self) -> Iterator[Hashable]:
        with self._lock:
            return iter(list(self._entries))


def decorate(function: Callable[..., Any], capacity: int) -> Callable[..., Any]:
    cache = LockedCache(capacity, TTL)
    get = cache.get
    missing = object()

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        key = (args, *sorted(kwargs.items())) if kwargs else args
        value = get(key, missing)
        if value is missing:
            value = cache[key] = function(*args, **kwargs)
        return value

    return wrapper


CONTENDERS = [
    Contender(
        "Lock + OrderedDict by hand",
        None,
        lambda capacity: LockedCache(capacity, TTL),
        decorate,
        expires=True,
        item=None,
        load="get_or_load(k, load)",
        bound={"get": "get", "get_or_load": "get_or_load"},
    )
]
