"""dogpile.cache's interface on a store of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dogpile.cache.api import NO_VALUE, CacheBackend

from fastcache._config import check_count
from fastcache._core.store import nanoseconds
from fastcache.compat.backend_store import BackendStore
from fastcache.compat.stores import make_room, store_named
from fastcache.dogpile.mutex import Mutex, Mutexes


class FastCacheBackend(CacheBackend):  # type: ignore[misc]
    """Values in this process's memory, the very objects.

    Arguments, all optional:

    ``maxsize``: most values held; what was not used for the longest time leaves.  ``ttl``: seconds after which a value
    is gone and its memory given back; at least the region's ``expiration_time``, whose own expiry only looks at the
    value's age, and more by as long as old values are to be served while a new one is made.  ``name``: backends of one
    name share a store.

    Raises TypeError or ValueError, naming the argument and the value.  Mutexes are of this process, one for each key.
    """

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        maxsize, ttl, name = (arguments.get(word) for word in ("maxsize", "ttl", "name"))
        check_count("maxsize", maxsize, optional=True)
        if ttl is not None:
            nanoseconds("ttl", ttl)
        if name is not None and not isinstance(name, str):
            raise TypeError(f"name must be a str or None, not {name!r}")
        self._maxsize = maxsize
        self._ttl = ttl
        self._store = BackendStore() if name is None else store_named("dogpile", name)
        self._mutexes = Mutexes()

    def get_mutex(self, key: str) -> Mutex:
        return self._mutexes.get(key)

    def get(self, key: str) -> Any:
        return self._store.get(key, NO_VALUE)

    def get_multi(self, keys: Iterable[str]) -> Sequence[Any]:
        return [self._store.get(key, NO_VALUE) for key in keys]

    def set(self, key: str, value: Any) -> None:
        make_room(self._store, key, self._maxsize)
        self._store.set(key, value, ttl=self._ttl)

    def set_multi(self, mapping: Mapping[str, Any]) -> None:
        for key, value in mapping.items():
            self.set(key, value)

    def delete(self, key: str) -> None:
        self._store.delete(key)

    def delete_multi(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._store.delete(key)
