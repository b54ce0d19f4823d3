"""async-lru on fastcache's store: ``from fastcache.compat.alru import alru_cache``.

Tasks that ask for a result which is being made wait for it on the store's flights; the function runs in a task of its
own, which is cancelled when the last one who waited has been.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import warnings
import weakref
from asyncio import _get_running_loop
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from fastcache._async_marks import mark_async
from fastcache._cache import Cache
from fastcache._config import EXACT_LIMIT
from fastcache._core.function import CachedFunction
from fastcache._core.store import nanoseconds
from fastcache._stats import CacheInfo
from fastcache._types import Seconds

__all__ = ("AlruCacheLoopResetWarning", "alru_cache")

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
S = TypeVar("S")


class AlruCacheLoopResetWarning(UserWarning):
    """Results of another event loop were forgotten; told once for each function."""


class AlruFunction(Generic[P, R]):
    """An async function whose results are kept; as an attribute of a class, a method."""

    def __init__(
        self,
        function: Callable[P, Coroutine[Any, Any, R]],
        maxsize: int | None,
        typed: bool,
        ttl: Seconds | None,
        jitter: Seconds | None,
        key: Callable[..., Hashable] | None,
    ) -> None:
        functools.update_wrapper(self, function)
        mark_async(self, function)
        never = maxsize is not None and maxsize <= 0
        self._store: Cache[Any, R] = Cache(
            1 if never else maxsize,
            ttl,
            jitter=(0, jitter or 0),
            policy="adaptive" if maxsize is None or maxsize > EXACT_LIMIT else "lru",
            max_load_time=None,
            name=getattr(function, "__qualname__", None),
        )
        self._function = function
        self._maxsize = maxsize
        self._typed = typed
        self._closed = self._cancels = self._warned = False
        self._cached: CachedFunction[P, Coroutine[Any, Any, R]] = CachedFunction(
            self._store, self._run, key=key, typed=typed, awaited=True, never=never
        )
        # What others' calls had been joined at the last cache_clear.
        self._joined_before = 0
        # Calls of the function under way.
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop: weakref.ref[asyncio.AbstractEventLoop] | None = None

    async def _run(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if self._cancels:
            raise asyncio.CancelledError
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            return await self._function(*args, **kwargs)
        finally:
            self._tasks.discard(task)

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        loop = _get_running_loop()
        if loop is None or self._closed or self._loop is None or self._loop() is not loop:
            return self._call(*args, **kwargs)
        return self._cached(*args, **kwargs)

    async def _call(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """A call whose event loop is not known yet, or that is to be refused."""
        if self._closed:
            raise RuntimeError(f"the cache of {self._function!r} is closed")
        self._enter(asyncio.get_running_loop())
        return await self._cached(*args, **kwargs)

    def _enter(self, loop: asyncio.AbstractEventLoop) -> None:
        """Results may be bound to the loop that they were made in."""
        if self._loop is not None and self._loop() is loop:
            return
        former, self._loop = self._loop, weakref.ref(loop)
        if former is None:
            return
        self.cache_clear()
        if not self._warned:
            self._warned = True
            text = f"the results of {self._function!r} are forgotten, for there was an event loop change"
            warnings.warn(text, AlruCacheLoopResetWarning, stacklevel=3)

    def cache_info(self) -> CacheInfo:
        """(hits, misses, maxsize, currsize); a call that joins another's is a hit, and has its place."""
        info = self._cached.cache_info()
        joined = self._store.stats().coalesced - self._joined_before
        size = info.currsize + len(self._store.flights())
        return CacheInfo(
            info.hits + joined,
            info.misses - joined,
            self._maxsize,
            size if self._maxsize is None else min(size, max(0, self._maxsize)),
        )

    def cache_clear(self) -> None:
        """Forgets all results, and starts counting anew; calls under way go on."""
        self._cached.cache_clear()
        self._joined_before = self._store.stats().coalesced

    def cache_parameters(self) -> dict[str, Any]:
        return {
            "maxsize": self._maxsize,
            "typed": self._typed,
            "tasks": len(self._store.flights()),
            "closed": self._closed,
        }

    def cache_contains(self, /, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Whether a call with these arguments would be a hit; it counts nothing."""
        key = self._cached.cache_key(*args, **kwargs)
        return key in self._store or any(flight.key == key for flight in self._store.flights())

    def cache_invalidate(self, /, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Forgets the result of a call with these arguments, if only one under way; whether there was one."""
        return self._store._detach(self._cached.cache_key(*args, **kwargs))

    async def cache_close(self, *, wait: bool = False) -> None:
        """Takes no more calls, and cancels those of the function under way, or waits for them to end."""
        self._closed = True
        self._cancels = self._cancels or not wait
        loop, me = asyncio.get_running_loop(), asyncio.current_task()
        while self._store.flights():
            tasks = [task for task in list(self._tasks) if task.get_loop() is loop and task is not me]
            for task in () if wait else tasks:
                task.cancel()
            # What has not begun yet begins, or sees that it is not to.
            await (asyncio.wait(tasks) if tasks else asyncio.sleep(0))
            # Who waited has been woken, and goes on now.
            await asyncio.sleep(0)

    @overload
    def __get__(self, instance: None, owner: type, /) -> AlruFunction[P, R]: ...
    @overload
    def __get__(
        self: AlruFunction[Concatenate[S, Q], R], instance: S, owner: type | None = None, /
    ) -> AlruMethod[Q, R]: ...
    def __get__(self, instance: Any, owner: type | None = None, /) -> Any:
        return self if instance is None else AlruMethod(self, instance)

    def __reduce__(self) -> str:
        name: str = self.__qualname__  # type: ignore[attr-defined]
        return name

    def __copy__(self) -> AlruFunction[P, R]:
        return self

    def __deepcopy__(self, memo: object) -> AlruFunction[P, R]:
        return self


class AlruMethod(Generic[P, R]):
    """A function bound to an instance, as are its ``cache_`` functions."""

    def __init__(self, function: AlruFunction[..., R], instance: object) -> None:
        self._function = function
        self._instance = instance
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__

    def __getattr__(self, name: str) -> Any:
        return getattr(self._function, name)

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        return self._function(self._instance, *args, **kwargs)

    def cache_info(self) -> CacheInfo:
        return self._function.cache_info()

    def cache_clear(self) -> None:
        self._function.cache_clear()

    def cache_parameters(self) -> dict[str, Any]:
        return self._function.cache_parameters()

    def cache_contains(self, /, *args: P.args, **kwargs: P.kwargs) -> bool:
        return self._function.cache_contains(self._instance, *args, **kwargs)

    def cache_invalidate(self, /, *args: P.args, **kwargs: P.kwargs) -> bool:
        return self._function.cache_invalidate(self._instance, *args, **kwargs)

    async def cache_close(self, *, wait: bool = False) -> None:
        await self._function.cache_close(wait=wait)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, str]]:
        return getattr, (self._instance, self.__name__)


mark_async(AlruMethod, AlruFunction._run)


@overload
def alru_cache(
    maxsize: int | None = 128,
    typed: bool = False,
    *,
    ttl: Seconds | None = None,
    jitter: Seconds | None = None,
    key: Callable[..., Hashable] | None = None,
) -> Callable[[Callable[P, Coroutine[Any, Any, R]]], AlruFunction[P, R]]: ...
@overload
def alru_cache(maxsize: Callable[P, Coroutine[Any, Any, R]], /) -> AlruFunction[P, R]: ...
def alru_cache(
    maxsize: Any = 128,
    typed: bool = False,
    *,
    ttl: Seconds | None = None,
    jitter: Seconds | None = None,
    key: Callable[..., Hashable] | None = None,
) -> Any:
    """Keeps the results of an async function as ``async_lru.alru_cache`` does.

    :param maxsize: most results; the one that was not asked for for the longest time leaves first.  None: no bound; 0
        or less: nothing is kept, and nobody waits for another's call.
    :param typed: whether arguments of different types are different, as 1 and 1.0.
    :param ttl: seconds that a result lives; None: as long as its event loop.
    :param jitter: a lifetime is longer by a random part of so many seconds.
    :param key: makes the key from a call's arguments instead.

    Raises TypeError or ValueError, naming the parameter and the value; RuntimeError for a function that is not async.
    """
    if maxsize is not None and not isinstance(maxsize, int):
        if not callable(maxsize) and not hasattr(maxsize, "_make_unbound_method"):
            raise NotImplementedError(f"alru_cache takes an int, None or an async function, not {maxsize!r}")
        return alru_cache()(maxsize)
    if jitter is not None and ttl is None:
        raise ValueError(f"jitter requires ttl to be set, and there is only jitter={jitter!r}")
    if jitter is not None and not isinstance(jitter, (int, float)):
        jitter = jitter.total_seconds()
    if jitter is not None and jitter < 0:
        raise ValueError(f"jitter must be non-negative, not {jitter!r}")
    if key is not None and not callable(key):
        raise TypeError(f"key must be callable or None, not {key!r}")
    if key is not None and typed:
        raise ValueError(f"typed={typed!r} has no use beside a key")
    if ttl is not None:
        nanoseconds("ttl", ttl)

    def decorate(function: Any) -> AlruFunction[..., Any]:
        origin = function
        while isinstance(origin, (functools.partial, functools.partialmethod)):
            origin = origin.func
        if not inspect.iscoroutinefunction(origin):
            raise RuntimeError(f"alru_cache needs an async function, not {function!r}")
        if hasattr(function, "_make_unbound_method"):
            # Of a partialmethod.
            function = function._make_unbound_method()
        return AlruFunction(function, maxsize, bool(typed), ttl, jitter, key)

    return decorate
