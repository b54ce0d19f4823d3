"""A cache's options, checked and turned into nanoseconds once."""

from __future__ import annotations

import os
from types import SimpleNamespace

from fastcache._core.movable import MovableClock
from fastcache._core.store import has_boot_clock, nanoseconds
from fastcache._percent import percent
from fastcache._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from fastcache._types import (
        Clock,
        Copy,
        EvictionPolicy,
        Jitter,
        RefreshAhead,
        RemovalListener,
        Seconds,
        Weigher,
    )

# An exact order needs one table, and a table numbers its entries in 24 bits.
EXACT_LIMIT = 16_000_000
RETRY_BASE = 1_000_000_000
RETRY_CAP = 60_000_000_000
# The share of maxsize that may be remembered absences besides, and how many where there is no maxsize.
ABSENT_SHARE = 10
UNBOUNDED_ABSENCES = 10_000


class Settings(SimpleNamespace):
    """What the native store is set up from; durations in nanoseconds."""

    maxsize: int | None
    max_weight: int | None
    ttl: int | None
    jitter_low: int
    jitter_span: int
    # None: adaptive.
    refresh_ahead: int | None
    stale_while_revalidate: int
    stale_if_error: int
    retry_base: int
    retry_cap: int
    policy: str
    processors: int
    seed: int
    clock: Clock
    weigher: Weigher | None
    on_removal: RemovalListener | None
    copier: Callable[[Any], Any] | None
    # None: never.
    max_load_time: int | None
    negative_ttl: int
    error_ttl: int
    uncacheable_ttl: int
    most_absences: int


def settings(
    *,
    maxsize: int | None,
    ttl: Seconds | None,
    jitter: Jitter,
    refresh_ahead: RefreshAhead,
    stale_while_revalidate: Seconds,
    stale_if_error: Seconds,
    policy: EvictionPolicy,
    seed: int | None,
    clock: Clock,
    max_weight: int | None = None,
    weigher: Weigher | None = None,
    on_removal: RemovalListener | None = None,
    copy: Copy = None,
    max_load_time: Seconds | None = None,
    negative_ttl: Seconds = 0,
    error_ttl: Seconds = 0,
    uncacheable_ttl: Seconds = 0,
    negative_maxsize: int | None = None,
) -> Settings:
    """Checks the options of a cache; TypeError or ValueError names the parameter and the value."""
    check_count("maxsize", maxsize, optional=True)
    check_count("max_weight", max_weight, optional=True)
    for name, function in (("weigher", weigher), ("on_removal", on_removal)):
        if function is not None and not callable(function):
            raise TypeError(f"{name} must be callable or None, not {function!r}")
    if weigher is not None and max_weight is None:
        raise ValueError(f"weigher={weigher!r} needs a max_weight")
    ttl_ns = None if ttl is None else nanoseconds("ttl", ttl)
    low, span = _jitter(jitter, ttl_ns)
    ahead = None if refresh_ahead == "auto" else nanoseconds("refresh_ahead", refresh_ahead)
    stale = nanoseconds("stale_while_revalidate", stale_while_revalidate)
    error = nanoseconds("stale_if_error", stale_if_error)
    if not ttl_ns:
        for name, window, given in (
            ("refresh_ahead", ahead, refresh_ahead),
            ("stale_while_revalidate", stale, stale_while_revalidate),
            ("stale_if_error", error, stale_if_error),
        ):
            if window != 0:
                raise ValueError(f"{name}={given!r} needs a ttl above 0, not ttl={ttl!r}")
    elif ahead is not None and ahead >= ttl_ns + low:
        shortest = (ttl_ns + low) / 1e9
        raise ValueError(f"refresh_ahead={refresh_ahead!r} must be shorter than the shortest lifetime, {shortest} s")
    if policy not in ("adaptive", "lru", "fifo"):
        raise ValueError(f"policy must be 'adaptive', 'lru' or 'fifo', not {policy!r}")
    if policy != "adaptive" and maxsize is not None and maxsize > EXACT_LIMIT:
        raise ValueError(f"maxsize must be at most {EXACT_LIMIT} with policy={policy!r}, not {maxsize!r}")
    if not isinstance(clock, MovableClock) and clock not in ("monotonic", "boottime"):
        raise TypeError(f"clock must be 'monotonic', 'boottime' or a fastcache.testing.MovableClock, not {clock!r}")
    if clock == "boottime" and not has_boot_clock:
        raise ValueError(f"clock={clock!r} is not to be had on this platform")
    check_count("negative_maxsize", negative_maxsize, optional=True)
    if negative_maxsize is None:
        negative_maxsize = UNBOUNDED_ABSENCES if maxsize is None else max(1, maxsize // ABSENT_SHARE)
    if max_load_time is not None and not nanoseconds("max_load_time", max_load_time):
        raise ValueError(f"max_load_time must be above 0 or None, not {max_load_time!r}")
    return Settings(
        maxsize=maxsize,
        max_weight=max_weight,
        ttl=ttl_ns,
        jitter_low=low,
        jitter_span=span,
        refresh_ahead=ahead,
        stale_while_revalidate=stale,
        stale_if_error=error,
        retry_base=RETRY_BASE,
        retry_cap=min(ttl_ns or RETRY_CAP, RETRY_CAP),
        policy=policy,
        processors=os.cpu_count() or 1,
        seed=fresh_seed() if seed is None else _checked_seed(seed),
        clock=clock,
        weigher=_sizeof() if weigher is None and max_weight is not None else weigher,
        on_removal=on_removal,
        copier=_copier(copy),
        max_load_time=None if max_load_time is None else nanoseconds("max_load_time", max_load_time),
        negative_ttl=nanoseconds("negative_ttl", negative_ttl),
        error_ttl=nanoseconds("error_ttl", error_ttl),
        uncacheable_ttl=nanoseconds("uncacheable_ttl", uncacheable_ttl),
        most_absences=negative_maxsize,
    )


def _copier(copy: Copy) -> Callable[[Any], Any] | None:
    if copy is None:
        return None
    from fastcache._copies import copier

    return copier(copy)


def _sizeof() -> Weigher:
    from fastcache._sizes import sizeof

    return sizeof


def check_count(name: str, value: object, *, optional: bool = False) -> None:
    """A positive int, or None where that means no bound."""
    if value is None and optional:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int{' or None' if optional else ''}, not {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1{' or None' if optional else ''}, not {value!r}")
    if value >= 2**62:
        raise ValueError(f"{name} is too large: {value!r}")


def fresh_seed() -> int:
    return int.from_bytes(os.urandom(8), "little")


def _checked_seed(seed: object) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise TypeError(f"seed must be an int, not {seed!r}")
    return seed % 2**64


def _jitter(jitter: Jitter, ttl: int | None) -> tuple[int, int]:
    """(lowest, width) of what is added to a ttl."""
    low, high = jitter_range(jitter, ttl)
    if not ttl and (low, high, getattr(jitter, "share", 0)) != (0, 0, 0):
        raise ValueError(f"jitter={jitter!r} needs a ttl above 0")
    if ttl and low <= -ttl:
        raise ValueError(f"jitter={jitter!r} must be smaller than the ttl of {ttl / 1e9} s")
    return low, high - low


def jitter_range(jitter: Any, ttl: int | None) -> tuple[int, int]:
    """(lowest, highest) of what is added to a ttl, which None leaves open; TypeError or ValueError names the value."""
    if isinstance(jitter, percent):
        width = int((ttl or 0) * jitter.share / 100)
        return -width, width
    if not isinstance(jitter, tuple):
        width = nanoseconds("jitter", jitter)
        if ttl and width >= ttl:
            raise ValueError(f"jitter={jitter!r} must be smaller than the ttl of {ttl / 1e9} s")
        return -width, width
    if len(jitter) != 2:
        raise ValueError(f"jitter must be a number or a pair (lowest, highest), not {jitter!r}")
    low, high = (_signed(bound, jitter) for bound in jitter)
    if low > high:
        raise ValueError(f"jitter must be a pair (lowest, highest), not {jitter!r}")
    return low, high


def _signed(bound: Any, jitter: Any) -> int:
    seconds = bound.total_seconds() if hasattr(bound, "total_seconds") else bound
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"jitter must be a pair of numbers of seconds, not {jitter!r}")
    distance = nanoseconds("jitter", abs(seconds))
    return -distance if seconds < 0 else distance
