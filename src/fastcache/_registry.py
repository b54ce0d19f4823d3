"""Which objects of a kind are alive, without keeping them so.

Threads, finalizers and signal handlers may come in between any two steps: each step is one atomic operation of a dict.
"""

from __future__ import annotations

import weakref

from fastcache._typing import TYPE_CHECKING, Generic, T

if TYPE_CHECKING:
    from typing import Any


class Registry(Generic[T]):
    """Weak references to what was added; the objects need be neither hashable nor comparable."""

    __slots__ = ("_references",)

    def __init__(self) -> None:
        # Each under its own address, which is taken while it is here.
        self._references: dict[int, weakref.ref[T]] = {}

    def add(self, thing: T) -> None:
        reference = weakref.ref(thing, self._forget)
        self._references[id(reference)] = reference

    def _forget(self, reference: weakref.ref[T]) -> None:
        self._references.pop(id(reference), None)

    def living(self) -> list[T]:
        """Each living object once, the first added first."""
        things = (reference() for reference in list(self._references.values()))
        return list({id(thing): thing for thing in things if thing is not None}.values())


_caches: Registry[Any] = Registry()


def register(cache: object) -> None:
    """Notes a cache as one of the process's; it is not kept alive."""
    _caches.add(cache)


def live_caches() -> list[Any]:
    """Every registered cache that is alive, the oldest first."""
    return _caches.living()
