"""A store that loads ahead of those who will ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial

from fastcache._background import BackgroundStore
from fastcache._typing import TYPE_CHECKING, K, V

if TYPE_CHECKING:
    from concurrent.futures import Future
    from typing import Any

    from fastcache._bulkhead import Bulkhead
    from fastcache._renewal import Warmed
    from fastcache._types import Seconds


class AheadStore(BackgroundStore[K, V]):
    __slots__ = ("_ttl",)

    # What a cache lives by, as it was given.
    _ttl: Seconds | None
    _bulkhead: Bulkhead | None

    def refresh(self, key: K, loader: Callable[..., V], /, **options: Any) -> Future[V]:
        """Loads a key anew in another thread, while its value is still served; a load under way is joined.

        ``ttl``, ``tags`` and ``with_context`` are those of ``get_or_load``.  The future has the value, or what the
        loader raised; an old value that can be served stays in place then.  A load must not wait for the future of a
        key that waits for that load.  Within a load that has one of the cache's ``max_concurrent_loads``, the calling
        thread loads, before this returns.
        """
        if not callable(loader):
            raise TypeError(f"loader must be callable, not {loader!r}")
        from fastcache._renewal import renew

        return renew(partial(self._renew, key, loader, **options), self._bulkhead)

    def refresh_many(
        self, keys: Iterable[K], loader: Callable[..., Mapping[K, Any]], /, **options: Any
    ) -> Future[dict[K, V]]:
        """Loads keys anew in another thread by one call of ``loader(keys)``, while their values are still served.

        Loads under way are joined.  ``ttl``, ``tags``, ``with_context``, ``max_batch`` and ``errors`` are those of
        ``get_many_or_load``.  The future has what that returns, or BulkLoadError; a key whose load fails keeps an old
        value that can be served.  Within a load, it is as with ``refresh``.
        """
        if not callable(loader):
            raise TypeError(f"loader must be callable, not {loader!r}")
        if not isinstance(keys, Iterable):
            raise TypeError(f"keys must be an iterable, not {keys!r}")
        from fastcache._renewal import renew

        return renew(partial(self._renew_many, list(keys), loader, **options), self._bulkhead)

    def warm(
        self,
        keys: Iterable[K],
        loader: Callable[[K], V],
        /,
        *,
        concurrency: int = 4,
        spread: float = 0.5,
        ttl: Seconds | None = None,
    ) -> Warmed:
        """Loads what has no unexpired value of ``keys``, and returns when that is done.

        :param concurrency: most loads at a time, of which the calling thread makes one; within a load it makes all.
        :param spread: the share of the first lifetime that is random, so that what is loaded together does not
            expire together: lifetimes are uniform over (1 - spread) * ttl to ttl, and the cache's jitter is added.
            A ttl that the loader gives a value itself (``Loaded(ttl=...)``) or that is set for it (``none_ttl``) is not
            spread.
        :param ttl: seconds, instead of the cache's.

        A failure of one key is told in the result, and does not keep others from loading.  Its exception has its
        traceback, by which it holds the frames of this call and its callers: where one of these keeps the result in a
        local variable, only the collector frees both.  An interrupt ends it; the loads that other threads have begun
        go on.
        """
        from fastcache._renewal import warm

        return warm(self, keys, loader, concurrency, spread=spread, ttl=self._ttl if ttl is None else ttl)

    async def awarm(
        self,
        keys: Iterable[K],
        loader: Callable[[K], Awaitable[V] | V],
        /,
        *,
        concurrency: int = 4,
        spread: float = 0.5,
        ttl: Seconds | None = None,
    ) -> Warmed:
        """``warm`` in tasks of the running loop, of which the calling one is one; ``loader`` may be async or not.

        If the caller is cancelled, so are the others, and of their loads those that nobody else waits for.
        """
        from fastcache._renewal import awarm

        return await awarm(self, keys, loader, concurrency, spread=spread, ttl=self._ttl if ttl is None else ttl)

    async def arefresh(self, key: K, loader: Callable[..., Any], /, **options: Any) -> Any:
        """Loads a key anew, joining a load under way, and returns what came; the old value is served meanwhile.

        ``loader`` may be async; ``ttl``, ``tags``, ``with_context`` and ``wait_timeout`` are those of ``aget_or_load``.
        """
        return await self._approach(self._renewing(key, loader, **options))

    async def arefresh_many(self, keys: Iterable[K], loader: Callable[..., Any], /, **options: Any) -> dict[K, Any]:
        """Loads keys anew by one call of ``loader(keys)``, joining loads under way; old values are served meanwhile.

        ``loader`` may be async; ``ttl``, ``tags``, ``with_context``, ``wait_timeout``, ``max_batch`` and ``errors`` are
        those of ``aget_many_or_load``, which says what is returned and raised.
        """
        result: dict[K, Any] = await self._go_rounds(self._renewing_many(keys, loader, **options))
        return result
