"""Fixtures; and after every test, a check of each cache it made."""

from __future__ import annotations

import asyncio
import functools
import gc
import signal
import weakref
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

from fastcache import Cache, SingleFlight
from fastcache.testing import MovableClock
from tests.harness.gates import await_no_flights
from tests.harness.tasks import LoopFactory

# A job of a shell that ignores interrupts, and so each of its children, has Ctrl-C switched off.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "once: asks the same of every Python, so that .ci/run leaves it to the first")
    config.addinivalue_line("markers", "orders: of steps, alike with any GIL; .ci/run plays them with one, and without")


def pytest_collection_finish() -> None:
    """What the tests themselves are made of is nothing that their collections of garbage need to walk through."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _sound_caches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every cache that a test leaves behind is consistent, and loads nothing any more."""
    made: weakref.WeakSet[Cache[Any, Any]] = weakref.WeakSet()
    singles = False
    init, init_single = Cache.__init__, SingleFlight.__init__

    @functools.wraps(init)
    def tracked(self: Cache[Any, Any], *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        made.add(self)

    @functools.wraps(init_single)
    def tracked_single(self: SingleFlight) -> None:
        nonlocal singles
        singles = True
        init_single(self)

    monkeypatch.setattr(Cache, "__init__", tracked)
    monkeypatch.setattr(SingleFlight, "__init__", tracked_single)
    yield
    for cache in list(made):
        await_no_flights(cache)
        cache.close()
        cache._check()
    # These cannot be weakly referenced, and are rare enough to be looked for.
    for single in gc.get_objects() if singles else ():
        if issubclass(type(single), SingleFlight):
            await_no_flights(single)
            single._store._check()


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def make(clock: MovableClock) -> Callable[..., Cache[Any, Any]]:
    """Makes caches on the test's clock."""
    return functools.partial(Cache, clock=clock)


@pytest.fixture
def cache(make: Callable[..., Cache[Any, Any]]) -> Cache[Any, Any]:
    """An unbounded cache on the test's clock, with a ttl of 60 s."""
    return make(ttl=60)


@pytest.fixture(params=["asyncio", *(["uvloop"] if find_spec("uvloop") else [])])
def loop_factory(request: pytest.FixtureRequest) -> LoopFactory:
    """What makes event loops, of each kind that there is here."""
    return asyncio.new_event_loop if request.param == "asyncio" else import_module("uvloop").new_event_loop
