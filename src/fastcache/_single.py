"""Singleflight alone: one run of a function per key for all who ask at the same time; nothing is kept."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Generic, NamedTuple, NoReturn, ParamSpec, TypeVar

from fastcache._config import settings
from fastcache._core.getting import GettingStore
from fastcache._load_config import load_settings
from fastcache._stats import FlightInfo

P = ParamSpec("P")
R = TypeVar("R")


class Flown(NamedTuple, Generic[R]):
    """What a call got, and whether others got it too."""

    value: R
    shared: bool


class SingleFlight:
    """Shares the runs of functions between callers, by key."""

    __slots__ = ("_store",)

    def __init__(self) -> None:
        self._store: GettingStore[Hashable, Any] = GettingStore()
        self._store._configure(
            # Nothing is kept; the size only chooses how many stripes there are.
            settings(
                maxsize=1 << 14, ttl=0, jitter=0, refresh_ahead=0, stale_while_revalidate=0, stale_if_error=0,
                policy="adaptive", seed=None, clock="monotonic",
            )
        )  # fmt: skip
        self._store._configure_loading(load_settings())

    def __reduce__(self) -> NoReturn:
        raise TypeError("a SingleFlight cannot be copied or pickled")

    def do(self, key: Hashable, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Flown[R]:
        """What ``fn(*args, **kwargs)`` returns.  While one caller of a key runs its function, the others wait for it.

        An exception reaches the one who ran it, and each other as a copy.  RecursiveLoadError, LoadCycleError: the
        wait could never end.
        """
        if not callable(fn):
            raise TypeError(f"fn must be callable, not {fn!r}")
        return Flown(*self._store._do(key, fn, args, kwargs))

    def forget(self, key: Hashable) -> bool:
        """Lets the next caller of ``key`` run anew instead of joining the run under way; whether there was one.

        Those who wait for that run still get its result.
        """
        return self._store._detach(key)

    def flights(self) -> list[FlightInfo]:
        """The runs under way now."""
        return [FlightInfo(*flight) for flight in self._store._flights()]
