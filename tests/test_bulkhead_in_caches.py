"""max_concurrent_loads in a cache: whose loads it counts, and who must not wait there for a place."""

from __future__ import annotations

import os
import sys
from types import FrameType
from typing import Any

import pytest

from fastcache import Cache, LoadRejected, LoadTimeout, RecursiveLoadError
from fastcache.testing import MovableClock
from tests.harness.gates import Call, Gate, HeldLoader, await_until, in_time
from tests.test_fork import check


class FailedError(Exception):
    pass


def fail(key: object) -> None:
    raise FailedError


def at_call(name: str, act: Any, function: Any, *args: Any, **kwargs: Any) -> Any:
    """Calls ``function``, and ``act()`` once, when it first comes to call a Python function of that name."""
    done = False

    def trace(frame: FrameType, event: str, _: object) -> None:
        nonlocal done
        if not done and frame.f_code.co_name == name:
            done = True
            act()

    sys.settrace(trace)
    try:
        return function(*args, **kwargs)
    finally:
        sys.settrace(None)


@in_time
def test_loads_that_are_not_shared_are_counted_too() -> None:
    cache: Cache[str, str] = Cache(ttl=60, coalesce=False, max_concurrent_loads=2)
    held = HeldLoader("value")
    calls = [Call(cache.get_or_load, "k", held) for _ in range(4)]
    await_until(lambda: cache._bulkhead.waiting == 2, "two in line")
    assert len(held.calls) == 2
    with pytest.raises(LoadRejected):
        cache.get_or_load("k", held, wait_timeout=0)
    held.gate.open()
    assert [call.result() for call in calls] == ["value"] * 4
    assert cache._bulkhead.free == 2


@in_time
def test_who_does_not_share_waits_no_longer_than_he_will() -> None:
    cache: Cache[str, str] = Cache(ttl=60)
    held = HeldLoader("value")
    leader = Call(cache.get_or_load, "k", held)
    held.gate.reached()
    with pytest.raises(LoadTimeout):
        cache.get_or_load("k", held, coalesce=False, wait_timeout=0.01)
    held.gate.open()
    assert leader.result() == "value"
    await_until(lambda: len(held.calls) == 2)


@in_time
def test_an_old_value_stands_in_for_the_error_of_a_load_beside_another() -> None:
    clock = MovableClock()
    cache: Cache[str, str] = Cache(ttl=10, stale_if_error=60, clock=clock)
    cache["k"] = "old"
    clock.advance(20)
    held = HeldLoader("new")
    leader = Call(cache.get_or_load, "k", held)
    held.gate.reached()
    assert cache.get_or_load("k", fail, coalesce=False, with_status=True) == ("old", "stale_error")
    with pytest.raises(FailedError):
        cache.get_or_load("k", fail, coalesce=False, max_stale=5)
    held.gate.open()
    assert leader.result() == "new"


@in_time
def test_a_load_with_a_place_takes_over_one_that_is_only_about_to_wait() -> None:
    cache: Cache[str, str] = Cache(ttl=60, max_concurrent_loads=1)
    ask = Gate("inside")
    about_to_wait = Gate("before the bulkhead")

    def outer(key: str) -> str:
        ask.stop()
        return cache.get_or_load("inner", lambda key: "by the outer load")

    outside = Call(cache.get_or_load, "outer", outer)
    ask.reached()
    waiting = Call(
        at_call, "try_enter", about_to_wait.stop, cache.get_or_load, "inner", lambda key: "by its first caller"
    )
    about_to_wait.reached()
    ask.open()
    assert outside.result() == "by the outer load"
    about_to_wait.open()
    assert waiting.result() == "by the outer load"
    assert cache._bulkhead.free == 1


@pytest.mark.parametrize("where", ["try_enter", "_wait"])
@in_time
def test_who_waits_for_a_place_and_is_made_to_ask_again_is_refused(where: str) -> None:
    cache: Cache[str, str] = Cache(ttl=60, max_concurrent_loads=1)
    held = HeldLoader("other")
    other = Call(cache.get_or_load, "other", held)
    held.gate.reached()

    def as_a_finalizer_might() -> None:
        with pytest.raises(RecursiveLoadError):
            cache.get_or_load("k", lambda key: "again")
        held.gate.open()

    assert at_call(where, as_a_finalizer_might, cache.get_or_load, "k", lambda key: "value") == "value"
    assert other.result() == "other"


@in_time
def test_a_load_elsewhere_has_the_place_of_the_load_that_asked_for_it() -> None:
    cache: Cache[str, str] = Cache(ttl=60, max_concurrent_loads=1)

    def outer(key: str) -> str:
        return cache.get_or_load("elsewhere", elsewhere, soft_timeout=0.01)

    def elsewhere(key: str) -> str:
        return cache.get_or_load("inner", lambda key: "value")

    assert cache.get_or_load("outer", outer) == "value"
    assert cache._bulkhead.free == 1


class Closing(Cache[Any, Any]):
    """A cache whose queued refreshes are dropped when a load is about to begin in a thread of its own."""

    def _start(self, errand: Any, /) -> bool:
        assert self._pool is not None
        self._pool.close(0.0)
        return super()._start(errand)


@in_time
def test_a_refresh_that_is_dropped_after_a_caller_found_a_place_for_it_gives_that_back() -> None:
    clock = MovableClock()
    cache = Closing(ttl=10, refresh_ahead=5, max_concurrent_loads=2, refresh_workers=1, clock=clock)
    cache.update(dict.fromkeys("ab", "old"))
    clock.advance(6)
    held = HeldLoader("new")
    for key in "ab":
        assert cache.get_or_load(key, held) == "old"
    held.gate.reached()
    assert cache.get_or_load("b", lambda key: "newer", max_age=1, wait_timeout=60) == "newer"
    held.gate.open()
    await_until(lambda: cache._bulkhead.free == 2, "all places")


class Threadless(Cache[Any, Any]):
    """A cache that gets no threads."""

    def _start(self, errand: Any, /) -> bool:
        return False


@in_time
def test_a_load_of_ones_own_is_a_miss_whatever_one_waited_for_before() -> None:
    clock = MovableClock()
    cache = Threadless(ttl=10, stale_if_error=60, clock=clock)
    cache["k"] = "old"
    clock.advance(20)
    held = HeldLoader(KeyboardInterrupt())
    leader = Call(cache.get_or_load, "k", held)
    held.gate.reached()
    follower = Call(cache.get_or_load, "k", lambda key: "new", soft_timeout=60, with_status=True)
    await_until(lambda: cache.flights()[0].waiters == 1)
    held.gate.open()
    assert follower.result() == ("new", "miss")
    assert isinstance(leader.error(), KeyboardInterrupt)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_the_child_of_a_fork_has_all_places_but_those_of_the_thread_that_forked() -> None:
    check(
        """
cache = Cache(ttl=60, max_concurrent_loads=3)
held = HeldLoader("parent's")
calls = [Call(cache.get_or_load, number, held) for number in range(2)]
held.gate.reached(2)

def in_child():
    free = cache._bulkhead.free
    return free, cache.get_or_load("nested", lambda key: cache.get_or_load("k", lambda key: "child's"))

def load(key):
    said = forked(in_child)
    held.gate.open()
    return said

print(cache.get_or_load("mine", load), [call.result() for call in calls], cache._bulkhead.free)
""",
        out="""(2, "child's") ["parent's", "parent's"] 3""",
    )
