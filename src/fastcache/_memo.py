"""A function's results, kept as functools.lru_cache keeps them: each caller calls, and what is stored first stays."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple, ParamSpec, TypeVar

from fastcache._async_marks import is_async, mark_async
from fastcache._cache import Cache
from fastcache._config import EXACT_LIMIT
from fastcache._core.function import CachedFunction
from fastcache._lasting import note_lasting
from fastcache._types import Clock, EvictionPolicy, Jitter, Seconds, State, Unhashable

P = ParamSpec("P")
R = TypeVar("R")

# What a cache takes as a bound at all.
MOST = 2**62 - 1


class Memo(NamedTuple):
    """How results are kept; ``maxsize`` is 0 where nothing is.

    ``late``: a call is counted when it is over, as a hit if another had stored its result meanwhile, and not at all if
    it raises; ``ordered``: named arguments count in the order of their names.
    """

    maxsize: int | None
    typed: bool
    state: State | None = None
    unhashable: Unhashable = "error"
    ttl: Seconds | None = None
    jitter: Jitter = 0
    coalesce: bool = False
    clock: Clock = "monotonic"
    late: bool = False
    ordered: bool = False

    def check(self) -> None:
        """Raises TypeError or ValueError, naming the parameter and the value."""
        if self.state is not None and not isinstance(self.state, (list, dict)):
            raise TypeError(f"state must be a list, a dict or None, not {self.state!r}")
        if self.unhashable not in UNHASHABLE:
            raise TypeError(f"unhashable must be 'error', 'warning' or 'ignore', not {self.unhashable!r}")
        self._store(None)

    def of(self, function: Callable[P, R]) -> CachedFunction[P, R]:
        """The function with its results kept."""
        if not callable(function):
            raise TypeError(f"the function must be callable, not {function!r}")
        made: CachedFunction[P, R] = CachedFunction(
            self._store(getattr(function, "__qualname__", None)),
            function,
            typed=self.typed,
            awaited=is_async(function),
            parameters=self._parameters(),
            alone=not self.coalesce,
            never=self.maxsize == 0,
            late=self.late,
            ordered=self.ordered,
            state=self.state,
            unhashable=UNHASHABLE[self.unhashable],
        )
        functools.update_wrapper(made, function)
        if is_async(function):
            mark_async(made, function)
        note_lasting(made, function)
        return made

    def _store(self, name: str | None) -> Cache[Any, Any]:
        if self.maxsize == 0:
            return Cache(1, 0, name=name)
        exact = self.maxsize is not None and self.maxsize <= EXACT_LIMIT
        policy: EvictionPolicy = "fifo" if self.maxsize is None else "lru" if exact else "adaptive"
        store: Cache[Any, Any] = Cache(
            EXACT_LIMIT if self.maxsize is None else min(self.maxsize, MOST),
            self.ttl,
            jitter=self.jitter,
            policy=policy,
            coalesce=self.coalesce,
            clock=self.clock,
            name=name,
        )
        if self.maxsize is None:
            # A bound nobody reaches, for one table instead of the many that a cache without any begins with.
            store._maxsize = None
        return store

    def _parameters(self) -> dict[str, Any]:
        """functools' two, and what else is not as usual."""
        given = self._asdict()
        del given["late"], given["ordered"]
        return {name: value for name, value in given.items() if self._field_defaults.get(name, ...) != value}


def _warn() -> None:
    try:
        # In the line of the call.
        warnings.warn("Unhashable arguments cannot be cached", UserWarning, stacklevel=2)
    except Warning as error:
        raise TypeError("arguments of a cached function must be hashable") from error


def _ignore() -> None:
    pass


UNHASHABLE: dict[str, Callable[[], None] | None] = {"error": None, "warning": _warn, "ignore": _ignore}
