"""A mutex for each key, which lives while anybody has it."""

from __future__ import annotations

import threading
import weakref
from typing import Any

from fastcache.compat.backend_store import BackendStore


class Mutex:
    """May be released by another thread than acquired it.  While it is acquired it is kept, whoever forgets it."""

    __slots__ = ("__weakref__", "_acquired", "_lock")

    def __init__(self, acquired: dict[int, Mutex]) -> None:
        self._acquired = acquired
        self._lock = threading.Lock()

    def acquire(self, wait: bool = True) -> bool:
        """Whether it was acquired; with ``wait`` it always is, in the end."""
        acquired = self._lock.acquire(wait)
        if acquired:
            self._acquired[id(self)] = self
        return acquired

    def release(self) -> None:
        self._acquired.pop(id(self), None)
        self._lock.release()

    def locked(self) -> bool:
        return self._lock.locked()


class Mutexes:
    """The mutexes by key: one for all who ask while it is in use."""

    def __init__(self) -> None:
        self._references = BackendStore()
        # Those that are acquired, by id; only they change it, each its own item.
        self._acquired: dict[int, Mutex] = {}

    def get(self, key: str) -> Mutex:
        store = self._references

        def forget(dead: Any) -> None:
            # Only this very reference: another may have come for the key.
            store.discard(key, dead)

        made = Mutex(self._acquired)
        reference = weakref.ref(made, forget)
        while not store.add(key, reference, None):
            kept: weakref.ref[Mutex] | None = store.get(key)
            found = None if kept is None else kept()
            if found is not None:
                return found
            store.discard(key, kept)
        return made
