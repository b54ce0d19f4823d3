"""The places of a cache with ``max_concurrent_loads``: keeping them taken, and seeing that all come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fastcache import Cache
from fastcache._bulkhead import Bulkhead
from tests.harness.gates import Call, HeldLoader, await_no_flights, await_until


def bulkhead(cache: Cache[Any, Any]) -> Bulkhead:
    held: Bulkhead | None = cache._bulkhead
    assert held is not None
    return held


def all_free(cache: Cache[Any, Any]) -> Callable[[], bool]:
    held = bulkhead(cache)
    return lambda: held.free == held.limit


@pytest.fixture
def places_come_back(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """After the test, the places of every cache that it made are free again."""
    made: list[Cache[Any, Any]] = []
    init = Cache.__init__

    def tracked(self: Cache[Any, Any], *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        made.append(self)

    monkeypatch.setattr(Cache, "__init__", tracked)
    yield
    for cache in made:
        if cache._bulkhead is not None:
            await_no_flights(cache)
            # A load that nobody waits for gives its place back a little after its end.
            await_until(all_free(cache), "all places")
            assert bulkhead(cache).waiting == 0


def interrupted_return(monkeypatch: pytest.MonkeyPatch, error: type[BaseException]) -> list[type[BaseException]]:
    """Has the next return of a place raise, where a signal handler may run; what is added to the list does so again."""
    served, late = Bulkhead.serve, [error]

    def serve(held: Bulkhead) -> None:
        if late:
            raise late.pop()
        served(held)

    monkeypatch.setattr(Bulkhead, "serve", serve)
    return late


class Busy:
    """Keeps places of a cache taken until it is opened."""

    def __init__(self, cache: Cache[Any, Any], count: int = 1) -> None:
        self.loader = HeldLoader("busy")
        self.calls = [Call(cache.get_or_load, f"busy {number}", self.loader) for number in range(count)]
        self.loader.gate.reached(count)

    def open(self) -> None:
        self.loader.gate.open()
        for call in self.calls:
            call.join()


def in_line(cache: Cache[Any, Any], count: int) -> None:
    """Returns once ``count`` callers stand in line for a place."""
    await_until(lambda: bulkhead(cache).waiting == count, f"{count} in line")


def await_no_refresh(cache: Cache[Any, Any]) -> None:
    await_until(lambda: not [flight for flight in cache.flights() if flight.background], "the end of the refresh")
