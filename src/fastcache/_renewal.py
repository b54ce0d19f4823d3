"""Loads that a program asks for before anybody needs their values: refreshing, and warming a cache up."""

from __future__ import annotations

import contextvars
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from fastcache._config import Seconds, check_count
from fastcache._threads import start

if TYPE_CHECKING:
    from concurrent.futures import Future

    from fastcache._core.getting import GettingStore

T = TypeVar("T")


class Warmed(NamedTuple):
    """What came of warming a cache up: keys that were loaded, that had a value before, and that failed, and why."""

    loaded: int
    present: int
    errors: dict[Any, Exception]


def in_background(work: Callable[[], T]) -> Future[T]:
    """Runs ``work`` in a thread of its own, with a copy of this one's context; in this one if none can be started."""
    from concurrent.futures import Future

    future: Future[T] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            value = work()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(value)

    try:
        start(partial(contextvars.copy_context().run, run))
    except RuntimeError:
        run()
    return future


def warm(
    cache: GettingStore[Any, Any],
    keys: Iterable[Any],
    loader: Callable[[Any], Any],
    *,
    concurrency: int,
    spread: float,
    ttl: Seconds | None,
) -> Warmed:
    """Loads what is missing of ``keys``; the calling thread is one of the ``concurrency`` that do."""
    from random import uniform

    check_count("concurrency", concurrency)
    if isinstance(spread, bool) or not isinstance(spread, (int, float)):
        raise TypeError(f"spread must be a number, not {spread!r}")
    if not 0 <= spread < 1:
        raise ValueError(f"spread must be at least 0 and below 1, not {spread!r}")
    if not callable(loader):
        raise TypeError(f"loader must be callable, not {loader!r}")
    seconds: Any = ttl if ttl is None or isinstance(ttl, (int, float)) else ttl.total_seconds()
    left = deque(dict.fromkeys(keys))
    loaded: deque[Any] = deque()
    present: deque[Any] = deque()
    errors: dict[Any, Exception] = {}

    def load_some() -> None:
        while True:
            try:
                key = left.popleft()
            except IndexError:
                return
            if key in cache:
                present.append(key)
                continue
            options: dict[str, Any] = {} if not seconds else {"ttl": seconds * (1 - uniform(0, spread))}
            try:
                cache.get_or_load(key, loader, **options)
            except Exception as error:
                errors[key] = error
            else:
                loaded.append(key)

    helpers = [in_background(load_some) for _ in range(min(concurrency, len(left)) - 1)]
    load_some()
    for helper in helpers:
        helper.result()
    return Warmed(len(loaded), len(present), errors)
