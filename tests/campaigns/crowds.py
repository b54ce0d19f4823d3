"""Keys that all expire at one instant, where loads at a time are bounded; all of them are asked for at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastcache import Cache
from fastcache.testing import MovableClock
from tests.campaigns._campaign import Campaign
from tests.harness.gates import all_at_once, await_no_flights
from tests.harness.loaders import Crowd

PLACES = 3
CALLERS = 16
# The campaign itself has a limit.
HOUR = 3600.0
WINDOWS = (None, "stale_while_revalidate", "stale_if_error")


def run(size: int, seed: int) -> str:
    told = []
    for window in WINDOWS:
        clock, loader = MovableClock(), Crowd()
        options: dict[str, Any] = {} if window is None else {window: 60}
        cache: Cache[int, str] = Cache(ttl=60, max_concurrent_loads=PLACES, clock=clock, seed=seed, **options)
        cache.update(dict.fromkeys(range(size), "old"))
        clock.advance(61)

        # Each begins elsewhere, or all would wait for one load after the other.
        starts = iter([number * size // CALLERS for number in range(CALLERS)])

        def walk(cache: Cache[int, str] = cache, loader: Crowd = loader, starts: Iterator[int] = starts) -> None:
            first = next(starts)
            for number in range(first, first + size):
                key = number % size
                assert cache.get_or_load(key, loader) in (f"new {key}", "old")

        for call in all_at_once(CALLERS, walk):
            call.result(HOUR)
        await_no_flights(cache)
        cache.close()
        cache._check()
        assert loader.most <= PLACES, f"{loader.most} loads at a time"
        if window is None:
            assert loader.most == PLACES, f"{loader.most} loads at a time: no crowd"
            assert loader.calls == size, f"{loader.calls} loads of {size} keys"
        told.append(f"{window or 'no window'} {loader.calls:,} loads, {loader.most} at a time")
    return "; ".join(told)


CAMPAIGN = Campaign(
    f"more loads at a time than {PLACES} places, when all keys expire at one instant and {CALLERS} threads ask for all",
    "keys",
    1_000,
    1_000_000,
    run,
    limit=(3600.0, 240.0),
)
