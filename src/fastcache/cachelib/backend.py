"""cachelib's interface on a store of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from cachelib.base import BaseCache
from cachelib.serializers import SimpleSerializer

from fastcache.compat.backend_store import BackendStore
from fastcache.compat.copying import Copy, checked_copy, pack, unpack
from fastcache.compat.stores import make_room

# What the store takes as the longest lifetime.
CENTURY = 3_155_760_000
MISSING = object()


class FastCache(BaseCache):  # type: ignore[misc]
    """A cache in this process's memory for many threads.

    :param threshold: most values held; when one more comes, expired ones leave, then what was not used for the longest
        time.
    :param default_timeout: seconds, or a timedelta; 0: for ever.
    :param ignore_delete_many_errors: as of cachelib; nothing fails here.
    :param copy: "pickle", and each caller gets a copy of his own (strings, bytes, numbers and None are their own
        copies); or "none", and all get the very object.

    ``add``, ``inc`` and ``dec`` are each one step.  ``inc`` and ``dec`` leave a value its timeout.  Values are pickled,
    or given to the ``serializer``, with nothing locked.
    """

    serializer: ClassVar[Any] = SimpleSerializer()

    def __init__(
        self,
        threshold: int = 500,
        default_timeout: int | timedelta = 300,
        ignore_delete_many_errors: bool = True,
        copy: Copy = "pickle",
    ) -> None:
        super().__init__(default_timeout, ignore_delete_many_errors=ignore_delete_many_errors)
        # As there, 0 is the usual number.
        self._threshold = threshold or 500
        self._copy = checked_copy("copy", copy)
        self._cache = self._make_store()

    def _make_store(self) -> BackendStore:
        return BackendStore()

    def _lifetime(self, timeout: int | timedelta | None) -> float | None:
        seconds = self._normalize_timeout(timeout)
        return None if seconds == 0 else min(max(seconds, 0), CENTURY)

    def _dump(self, value: Any) -> Any:
        if type(self.serializer) is SimpleSerializer:
            return pack(self._copy, value)
        return self.serializer.dumps(value)

    def _load(self, kept: Any) -> Any:
        return unpack(kept) if type(self.serializer) is SimpleSerializer else self.serializer.loads(kept)

    # ---- one key ----

    def get(self, key: str) -> Any:
        kept = self._cache.get(key, MISSING)
        return None if kept is MISSING else self._load(kept)

    def set(self, key: str, value: Any, timeout: int | timedelta | None = None) -> bool:
        dumped = self._dump(value)
        make_room(self._cache, key, self._threshold)
        self._cache.set(key, dumped, ttl=self._lifetime(timeout))
        return True

    def add(self, key: str, value: Any, timeout: int | timedelta | None = None) -> bool:
        dumped = self._dump(value)
        make_room(self._cache, key, self._threshold)
        return self._cache.add(key, dumped, self._lifetime(timeout))

    def delete(self, key: str) -> bool:
        return self._cache.delete(key)

    def has(self, key: str) -> bool:
        return key in self._cache

    def clear(self) -> bool:
        self._cache.clear()
        return True

    def inc(self, key: str, delta: int = 1) -> int:
        """Adds to a value; without one, or with None, sets it to ``delta``."""
        while True:
            kept = self._cache.get(key, MISSING)
            former = None if kept is MISSING else self._load(kept)
            value: int = (former or 0) + delta
            # If somebody has written it meanwhile, the sum is of what is there now.
            if self.add(key, value) if kept is MISSING else self._cache.exchange(key, kept, self._dump(value)):
                return value

    def dec(self, key: str, delta: int = 1) -> int:
        return self.inc(key, -delta)
