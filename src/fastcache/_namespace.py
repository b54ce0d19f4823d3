"""A part of a cache with keys of its own, emptied in one step."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator

from fastcache._typing import TYPE_CHECKING, Generic, K, T, V

if TYPE_CHECKING:
    from typing import Any

    from fastcache._core.awaiting import AwaitingStore

Tags = str | Iterable[str]


class Namespace(Generic[K, V]):
    """A view of a cache in which ``key`` is the cache's ``(name, key)``; what it writes bears a tag of its own.

    ``clear`` takes the same time for one entry and for a million, and reaches loads under way.  Reading costs more than
    reading the cache itself, since an entry with a tag is not served by the fastest path.  An entry that is written to
    the cache as ``(name, key)`` shows here too, but bears no tag, so ``clear`` leaves it.
    """

    __slots__ = ("_cache", "name")

    def __init__(self, cache: AwaitingStore[Any, Any], name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"name must be a str, not {name!r}")
        self._cache = cache
        self.name = name

    @property
    def tag(self) -> str:
        """What all its entries bear."""
        return f"namespace:{self.name}"

    def _tags(self, more: Tags) -> tuple[str, ...]:
        """What an entry is to bear."""
        try:
            return (self.tag, more) if isinstance(more, str) else (self.tag, *more)
        except TypeError:
            raise TypeError(f"tags must be a str or several, not {more!r}") from None

    def get(self, key: K, default: Any = None, /, **options: Any) -> Any:
        """As the cache's ``get``."""
        return self._cache.get((self.name, key), default, **options)

    def set(self, key: K, value: V, /, *, tags: Tags = (), **options: Any) -> None:
        """As the cache's ``set``."""
        self._cache.set((self.name, key), value, tags=self._tags(tags), **options)

    def get_or_load(self, key: K, loader: Callable[[K], V], /, *, tags: Tags = (), **options: Any) -> V:
        """As the cache's ``get_or_load``; the loader is called with the namespace's key."""
        loaded: V = self._cache.get_or_load((self.name, key), within(loader), tags=self._tags(tags), **options)
        return loaded

    def aget_or_load(
        self, key: K, loader: Callable[..., Any], /, *, tags: Tags = (), **options: Any
    ) -> Coroutine[Any, Any, Any]:
        """As the cache's ``aget_or_load``; the loader is called with the namespace's key."""
        return self._cache.aget_or_load((self.name, key), within(loader), tags=self._tags(tags), **options)

    def delete(self, key: K, /) -> bool:
        """As the cache's ``delete``."""
        return self._cache.delete((self.name, key))

    def expire(self, key: K, /) -> bool:
        """As the cache's ``expire``."""
        return self._cache.expire((self.name, key))

    def clear(self) -> None:
        """Removes all its entries; loads under way are not kept."""
        self._cache.invalidate_tag(self.tag)

    def expire_all(self) -> None:
        """Ends the freshness of all its entries, and leaves them to the stale windows."""
        self._cache.expire_tag(self.tag)

    def __getitem__(self, key: K, /) -> V:
        value: V = self._cache[self.name, key]
        return value

    def __setitem__(self, key: K, value: V, /) -> None:
        self.set(key, value)

    def __delitem__(self, key: K, /) -> None:
        del self._cache[self.name, key]

    def __contains__(self, key: object, /) -> bool:
        return (self.name, key) in self._cache

    def __iter__(self) -> Iterator[K]:
        """Its unexpired keys; it walks the whole cache."""
        for key in self._cache:
            if type(key) is tuple and len(key) == 2 and key[0] == self.name:
                yield key[1]

    def __len__(self) -> int:
        """How many unexpired entries it has; it walks the whole cache."""
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<Namespace {self.name!r} of {self._cache!r}>"


def within(loader: Callable[..., T]) -> Callable[..., T]:
    """What loads the cache's key, whose second part is the namespace's."""
    if not callable(loader):
        raise TypeError(f"loader must be callable, not {loader!r}")

    def load(full: tuple[str, Any], *context: Any) -> T:
        return loader(full[1], *context)

    return load
