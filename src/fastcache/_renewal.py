"""Loads that a program asks for before anybody needs their values: refreshing, and warming a cache up."""

from __future__ import annotations

import contextvars
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from fastcache._config import check_count
from fastcache._core.graph import is_admitted_here, is_loading
from fastcache._core.store import nanoseconds
from fastcache._threads import start
from fastcache._types import Seconds

if TYPE_CHECKING:
    from concurrent.futures import Future

    from fastcache._bulkhead import Bulkhead
    from fastcache._core.awaiting import AwaitingStore

T = TypeVar("T")


class Warmed(NamedTuple):
    """What came of warming a cache up: keys that were loaded, that had a value before, and that failed, and why."""

    loaded: int
    present: int
    errors: dict[Any, Exception]


def renew(work: Callable[[], T], bulkhead: Bulkhead | None) -> Future[T]:
    """Loads keys anew in a thread of its own, but in this one within a load that has a place in their ``bulkhead``.

    That load may wait for the future, and what is loaded elsewhere would wait for its place.
    """
    return in_background(work, here=bulkhead is not None and is_admitted_here(bulkhead))


def in_background(work: Callable[[], T], *, here: bool = False) -> Future[T]:
    """Runs ``work`` in a thread of its own, with a copy of this one's context; in this one if ``here``, or if none can
    be started.
    """
    from concurrent.futures import Future

    future: Future[T] = Future()
    future.set_running_or_notify_cancel()

    told = [future]

    def run() -> None:
        # A future that holds an error is not to be held by the frames that the error holds.
        asked = told.pop()
        try:
            value = work()
        except BaseException as error:
            asked.set_exception(error)
            # An interrupt is this thread's own.
            if not isinstance(error, Exception):
                raise
        else:
            asked.set_result(value)
        finally:
            del asked

    task: Callable[[], object] = partial(contextvars.copy_context().run, run)
    if not here:
        try:
            start(task)
        except RuntimeError:
            here = True
    if here:
        task()
    return future


class Warming:
    """What is left to warm up, shared by those who do, and what has come of it."""

    __slots__ = ("_cache", "_left", "_present", "_seconds", "_spread", "errors", "loaded")

    def __init__(
        self,
        cache: AwaitingStore[Any, Any],
        keys: Iterable[Any],
        loader: Callable[..., Any],
        *,
        concurrency: int,
        spread: float,
        ttl: Seconds | None,
    ) -> None:
        check_count("concurrency", concurrency)
        if isinstance(spread, bool) or not isinstance(spread, (int, float)):
            raise TypeError(f"spread must be a number, not {spread!r}")
        if not 0 <= spread < 1:
            raise ValueError(f"spread must be at least 0 and below 1, not {spread!r}")
        if not callable(loader):
            raise TypeError(f"loader must be callable, not {loader!r}")
        if not isinstance(keys, Iterable):
            raise TypeError(f"keys must be an iterable, not {keys!r}")
        self._seconds = None if ttl is None else nanoseconds("ttl", ttl) / 1e9
        self._cache = cache
        self._spread = spread
        self._left = deque(dict.fromkeys(keys))
        self._present: deque[Any] = deque()
        self.loaded: deque[Any] = deque()
        self.errors: dict[Any, Exception] = {}

    def helpers(self, concurrency: int) -> range:
        """One for each who is to help the caller."""
        return range(min(concurrency, len(self._left)) - 1)

    def stop(self) -> None:
        """Nobody is to begin another load."""
        self._left.clear()

    def missing(self) -> Iterator[tuple[Any, dict[str, Any]]]:
        """For one who loads: a key that is missing, and the options for its load, again and again."""
        from random import uniform

        while True:
            try:
                key = self._left.popleft()
            except IndexError:
                return
            try:
                present = key in self._cache
            except Exception as error:
                self.errors[key] = error
                continue
            if present:
                self._present.append(key)
            else:
                # An old value is no reason not to load, nor one that a failure could hide behind.
                life = {} if self._seconds is None else {"ttl": self._seconds * (1 - uniform(0, self._spread))}
                yield key, {"max_stale": 0, **life}

    def warmed(self) -> Warmed:
        # The frames that errors hold know this warming, which is therefore not to hold the errors.
        errors, self.errors = self.errors, {}
        return Warmed(len(self.loaded), len(self._present), errors)


def warm(
    cache: AwaitingStore[Any, Any], keys: Iterable[Any], loader: Callable[..., Any], concurrency: int, **options: Any
) -> Warmed:
    """Loads what is missing of ``keys``; the calling thread is one of the ``concurrency`` that do.

    Within a load it is the only one: what it waited for there, others might be waiting for it to end.
    """
    warming = Warming(cache, keys, loader, concurrency=concurrency, **options)

    def load_some() -> None:
        for key, terms in warming.missing():
            try:
                cache.get_or_load(key, loader, **terms)
            except Exception as error:
                warming.errors[key] = error
            else:
                warming.loaded.append(key)

    try:
        helpers = [] if is_loading() else [in_background(load_some) for _ in warming.helpers(concurrency)]
        load_some()
        for helper in helpers:
            helper.result()
    finally:
        warming.stop()
    return warming.warmed()


async def awarm(
    cache: AwaitingStore[Any, Any], keys: Iterable[Any], loader: Callable[..., Any], concurrency: int, **options: Any
) -> Warmed:
    """The same in tasks, of which the calling one is one; those that help it are cancelled with it."""
    from asyncio import TaskGroup

    warming = Warming(cache, keys, loader, concurrency=concurrency, **options)

    async def load_some() -> None:
        for key, terms in warming.missing():
            try:
                await cache.aget_or_load(key, loader, **terms)
            except Exception as error:
                warming.errors[key] = error
            else:
                warming.loaded.append(key)

    async with TaskGroup() as group:
        helpers = [group.create_task(load_some()) for _ in warming.helpers(concurrency)]
        await load_some()
    for helper in helpers:
        # Of one that a loader has cancelled, the group says nothing.
        helper.result()
    return warming.warmed()
