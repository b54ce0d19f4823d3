"""The types of options, for annotations; only ``RemovalCause`` is of use to programs that run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from fastcache._core.movable import MovableClock

if TYPE_CHECKING:
    from datetime import timedelta

    from fastcache._percent import percent

Seconds: TypeAlias = "float | timedelta"
Jitter: TypeAlias = "Seconds | tuple[Seconds, Seconds] | percent"
RefreshAhead: TypeAlias = "Seconds | Literal['auto']"
Clock: TypeAlias = MovableClock | Literal["monotonic", "boottime"]
Copy: TypeAlias = Literal["shallow", "deep"] | Callable[[Any], Any] | None
ErrorTypes: TypeAlias = type[Exception] | tuple[type[Exception], ...]
EvictionPolicy: TypeAlias = Literal["adaptive", "lru", "fifo"]
# Why a value left: it was past its lifetime and all windows; the cache was full; another was written in its place, or
# one that is not kept; the caller removed it.
RemovalCause: TypeAlias = Literal["expired", "size", "replaced", "explicit"]
RemovalListener: TypeAlias = Callable[[Any, Any, RemovalCause], object]
State: TypeAlias = list[Any] | dict[Any, Any]
Unhashable: TypeAlias = Literal["error", "warning", "ignore"]
Weigher: TypeAlias = Callable[[Any, Any], int]
