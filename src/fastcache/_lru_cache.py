"""``lru_cache`` and ``cache``: those of functools, on the native store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, overload

from fastcache._core.function import CachedFunction
from fastcache._memo import Memo
from fastcache._types import Clock, Jitter, Seconds, State, Unhashable

P = ParamSpec("P")
R = TypeVar("R")


@overload
def lru_cache(maxsize: Callable[P, R], typed: bool = False) -> CachedFunction[P, R]: ...
@overload
def lru_cache(
    maxsize: int | None = 128,
    typed: bool = False,
    state: State | None = None,
    unhashable: Unhashable = "error",
    *,
    ttl: Seconds | None = None,
    jitter: Jitter = 0,
    coalesce: bool = False,
    clock: Clock = "monotonic",
) -> Callable[[Callable[P, R]], CachedFunction[P, R]]: ...
def lru_cache(
    maxsize: Any = 128,
    typed: bool = False,
    state: State | None = None,
    unhashable: Unhashable = "error",
    *,
    ttl: Seconds | None = None,
    jitter: Jitter = 0,
    coalesce: bool = False,
    clock: Clock = "monotonic",
) -> Any:
    """Keeps the results of a function as ``functools.lru_cache`` does: ``@lru_cache`` and ``@lru_cache(1000, ...)``.

    Callers do not wait for each other: threads that miss at once each call the function, and it may call itself.  All
    get the object that was stored first.

    :param maxsize: most results; the one that was not asked for for the longest time leaves first.  None: no bound; 0
        or less: nothing is kept.
    :param typed: whether arguments of different types are different, as 1 and 1.0.
    :param state: a list or dict whose items, as they are at each call, are part of its key.
    :param unhashable: what arguments without a hash do: "error" raises TypeError, "ignore" calls the function and keeps
        nothing, "warning" also warns (UserWarning).
    :param ttl: seconds that a result lives; None: for ever.
    :param jitter: random part of the ttl, as of ``Cache``.
    :param clock: as of ``Cache``.
    :param coalesce: True: who asks for the same arguments meanwhile waits for the one call; a function that asks for
        its own result then raises RecursiveLoadError.

    The decorated function has all that one of ``cached`` has.  Of an async function the results are kept, not its
    coroutines.  Exceptions are not kept.

    Raises TypeError or ValueError, naming the parameter and the value.
    """
    if callable(maxsize) and isinstance(typed, bool):
        return _decorator(Memo(128, typed, state, unhashable, ttl, jitter, coalesce, clock))(maxsize)
    if maxsize is not None and not isinstance(maxsize, int):
        raise TypeError(f"maxsize must be an int, a callable or None, not {maxsize!r}")
    bound = None if maxsize is None else max(0, int(maxsize))
    return _decorator(Memo(bound, bool(typed), state, unhashable, ttl, jitter, coalesce, clock))


@overload
def cache(function: Callable[P, R], /) -> CachedFunction[P, R]: ...
@overload
def cache(
    *, ttl: Seconds | None = None, jitter: Jitter = 0, coalesce: bool = False, clock: Clock = "monotonic"
) -> Callable[[Callable[P, R]], CachedFunction[P, R]]: ...
def cache(
    function: Any = None,
    /,
    *,
    ttl: Seconds | None = None,
    jitter: Jitter = 0,
    coalesce: bool = False,
    clock: Clock = "monotonic",
) -> Any:
    """``lru_cache`` without a bound: ``@cache`` and ``@cache(ttl=60, ...)``."""
    decorate = _decorator(Memo(None, False, ttl=ttl, jitter=jitter, coalesce=coalesce, clock=clock))
    return decorate if function is None else decorate(function)


def _decorator(memo: Memo) -> Callable[[Callable[P, R]], CachedFunction[P, R]]:
    # Wrong options are reported where they are written, not at the first call.
    memo.check()
    return memo.of
