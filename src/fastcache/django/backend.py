"""The backend: Django's cache interface on a store that all threads share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache

from fastcache.compat.copying import Copy, checked_copy, pack, unpack
from fastcache.compat.stores import cull, store_named

# What the store takes as the longest lifetime.
CENTURY = 3_155_760_000
MISSING = object()


class FastCache(BaseCache):  # type: ignore[misc]
    """A cache in this process's memory, with the methods and settings of Django's own.

    ``LOCATION`` names the store: backends of one location share it, in all threads.  Besides ``TIMEOUT``,
    ``KEY_PREFIX``, ``VERSION``, ``KEY_FUNCTION``, ``MAX_ENTRIES`` and ``CULL_FREQUENCY`` there is an option:

    ``COPY``: "pickle", and each caller gets a copy of his own, as from Django's backends (strings, bytes, numbers and
    None are their own copies); or "none", and all get the very object, which is faster and takes any object.

    ``add``, ``incr``, ``decr`` and ``touch`` are each one step.  Of callers who ``get_or_set`` one key at the same
    time, one computes it and the others wait.  The methods with ``a`` run in the event loop, for nothing here blocks;
    only ``aget_or_set`` differs, and does not wait for another thread that is computing.  What was not used for the
    longest time is culled first.  No value is pickled, and no default computed, under a lock.
    """

    def __init__(self, name: str, params: Mapping[str, Any]) -> None:
        super().__init__(params)
        self._copy: Copy = checked_copy("COPY", (params.get("OPTIONS") or {}).get("COPY", "pickle"))
        self._cache = store_named("django", name)

    def _lifetime(self, timeout: Any) -> float | None:
        """In seconds; 0 for what is not to be kept."""
        if timeout == DEFAULT_TIMEOUT:
            timeout = self.default_timeout
        return None if timeout is None else min(max(timeout, 0), CENTURY)

    def _make_room(self, key: str) -> None:
        cull(self._cache, key, self._max_entries, self._cull_frequency)

    def validate_key(self, key: str) -> None:
        """Warns of keys that memcached would not take, as all backends do."""
        # Django's own search goes through a lazy object and a generator: most of a hit's time.
        if len(key) > 250 or not key.isascii() or not key.isprintable() or " " in key:
            super().validate_key(key)

    # ---- one key ----

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        kept = self._cache.get(self.make_and_validate_key(key, version=version), MISSING)
        return default if kept is MISSING else unpack(kept)

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        key = self.make_and_validate_key(key, version=version)
        packed = pack(self._copy, value)
        self._make_room(key)
        self._cache.set(key, packed, ttl=self._lifetime(timeout))

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        key = self.make_and_validate_key(key, version=version)
        packed = pack(self._copy, value)
        self._make_room(key)
        return self._cache.add(key, packed, self._lifetime(timeout))

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return self._cache.touch(self.make_and_validate_key(key, version=version), ttl=self._lifetime(timeout))

    def delete(self, key: Any, version: int | None = None) -> bool:
        return self._cache.delete(self.make_and_validate_key(key, version=version))

    def has_key(self, key: Any, version: int | None = None) -> bool:
        return self.make_and_validate_key(key, version=version) in self._cache

    def incr(self, key: Any, delta: Any = 1, version: int | None = None) -> Any:
        """Adds to a value, whose timeout stays; ValueError if there is none."""
        name = self.make_and_validate_key(key, version=version)
        while True:
            kept = self._cache.get(name, MISSING)
            if kept is MISSING:
                raise ValueError(f"Key {name!r} not found")
            value = unpack(kept) + delta
            # If somebody has written it meanwhile, the sum is of what is there now.
            if self._cache.exchange(name, kept, pack(self._copy, value)):
                return value

    def get_or_set(self, key: Any, default: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> Any:
        """The value of a key; without one, ``default``, or what it returns if it can be called, is set first.

        It is called once for all who ask meanwhile; what it raises, they all get.
        """
        name = self.make_and_validate_key(key, version=version)

        def load(_: object) -> Any:
            packed = pack(self._copy, default() if callable(default) else default)
            self._make_room(name)
            return packed

        return unpack(self._cache.get_or_load(name, load, ttl=self._lifetime(timeout)))

    # ---- many ----

    def clear(self) -> None:
        self._cache.clear()

    async def aget(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return self.get(key, default, version)

    async def aset(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self.set(key, value, timeout, version)

    async def aadd(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return self.add(key, value, timeout, version)

    async def atouch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return self.touch(key, timeout, version)

    async def adelete(self, key: Any, version: int | None = None) -> bool:
        return self.delete(key, version)

    async def ahas_key(self, key: Any, version: int | None = None) -> bool:
        return self.has_key(key, version)

    async def aincr(self, key: Any, delta: Any = 1, version: int | None = None) -> Any:
        return self.incr(key, delta, version)

    async def aget_or_set(
        self, key: Any, default: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> Any:
        value = self.get(key, MISSING, version)
        if value is MISSING:
            # No other task runs meanwhile, but a thread may: the first to add decides.
            value = default() if callable(default) else default
            self.add(key, value, timeout, version)
            value = self.get(key, value, version)
        return value

    async def aget_many(self, keys: Iterable[Any], version: int | None = None) -> dict[Any, Any]:
        found: dict[Any, Any] = self.get_many(keys, version)
        return found

    async def aset_many(
        self, data: Mapping[Any, Any], timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> list[Any]:
        failed: list[Any] = self.set_many(data, timeout, version)
        return failed

    async def adelete_many(self, keys: Iterable[Any], version: int | None = None) -> None:
        self.delete_many(keys, version)

    async def aclear(self) -> None:
        self.clear()
