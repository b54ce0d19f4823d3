"""For applications on ASGI (FastAPI, Starlette and their kind): what ends background work with the application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias

from fastcache._cache import Cache
from fastcache._core.function import CachedFunction

Lifespan: TypeAlias = Callable[[Any], AbstractAsyncContextManager[Mapping[str, Any] | None]]


def lifespan(*caches: Cache[Any, Any] | CachedFunction[..., Any], inner: Lifespan | None = None) -> Lifespan:
    """What such an application takes as its ``lifespan``: when it ends, ``caches`` are closed as by ``Cache.aclose``.

    That waits up to 5 s for each cache's refreshes under way; the caches stay usable.

    :param caches: caches, or cached functions, whose caches are meant.
    :param inner: a lifespan of the application's own, which runs within this one; what it yields is passed on.

    TypeError: something else than a cache or cached function was given.
    """
    closed = [_cache_of(given) for given in caches]

    @asynccontextmanager
    async def closing(app: Any) -> AsyncIterator[Mapping[str, Any] | None]:
        try:
            if inner is None:
                yield None
            else:
                async with inner(app) as state:
                    yield state
        finally:
            for cache in closed:
                await cache.aclose()

    return closing


def _cache_of(given: Any) -> Cache[Any, Any]:
    cache = given.cache if isinstance(given, CachedFunction) else given
    if not isinstance(cache, Cache):
        raise TypeError(f"caches must be caches or cached functions, not {given!r}")
    return cache
