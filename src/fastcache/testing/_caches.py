"""All caches of the process at once: emptied, and asked for what they load."""

from __future__ import annotations

import time
from typing import Any

from fastcache._registry import live_caches
from fastcache._stats import FlightInfo

# Seconds between two looks.
_PAUSE = 0.001


def clear_all() -> None:
    """Clears every cache of the process, those of cached functions included.

    Loads under way go on; who waits for one gets its value, which is not kept.
    """
    for cache in live_caches():
        cache.clear()


def open_flights() -> list[tuple[Any, FlightInfo]]:
    """Each load under way in the process, with its cache."""
    return [(cache, flight) for cache in live_caches() for flight in cache.flights()]


def assert_no_flights(timeout: float = 0.0) -> None:
    """AssertionError tells the loads that are still under way after ``timeout`` seconds.

    Loads whose key was removed, written or loaded by ``force`` meanwhile are not among them.
    """
    until = time.monotonic() + timeout
    while flights := open_flights():
        if time.monotonic() >= until:
            raise AssertionError("still loading: " + ", ".join(_told(cache, flight) for cache, flight in flights))
        time.sleep(_PAUSE)


def _told(cache: Any, flight: FlightInfo) -> str:
    try:
        return f"{flight.key!r} of {cache!r} for {flight.age:.3f} s"
    except Exception:
        return f"a key of type {type(flight.key).__name__}"
