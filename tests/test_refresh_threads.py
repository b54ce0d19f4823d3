"""The threads behind refreshes: none before a need, none that outlive it, none that hold up the process."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from typing import Any

import pytest

from fastcache import Cache, _refresh
from fastcache.testing import InlineExecutor, MovableClock
from tests.harness.child import check_child, run_child
from tests.harness.gates import HeldLoader, await_no_flights, await_until, in_time
from tests.harness.loaders import Counting, unexpected
from tests.test_refresh import due, workers


@pytest.fixture
def refreshed(make: Any, clock: MovableClock, request: pytest.FixtureRequest) -> Cache[Any, Any]:
    """A cache named after the test that has refreshed ``k`` once."""
    cache: Cache[Any, Any] = make(ttl=10, refresh_ahead=5, name=request.node.name)
    due(cache, clock, "k")
    assert cache.get_or_load("k", lambda key: "new") == "old"
    await_no_flights(cache)
    return cache


def test_a_thread_starts_with_the_first_refresh(make: Any, clock: MovableClock, request: pytest.FixtureRequest) -> None:
    cache = make(ttl=10, refresh_ahead=5, stale_while_revalidate=5, name=request.node.name)
    cache["k"] = 1
    cache.get_or_load("other", lambda key: 2)
    assert workers(request.node.name) == []


def test_importing_and_making_a_cache_start_no_thread() -> None:
    check_child(
        """
        import os, sys, threading
        import fastcache
        fastcache.Cache(100, 10, refresh_ahead=5)[1] = 1
        tasks = os.listdir("/proc/self/task") if sys.platform == "linux" else [1]
        print(threading.active_count(), len(tasks))
        """,
        out="1 1",
    )


def test_an_idle_thread_leaves(monkeypatch: pytest.MonkeyPatch, make: Any, clock: MovableClock) -> None:
    monkeypatch.setattr(_refresh, "IDLE", 0.01)
    cache = make(ttl=10, refresh_ahead=5, name="idle")
    for _ in range(3):
        due(cache, clock, "k")
        assert cache.get_or_load("k", lambda key: "new") == "old"
        await_no_flights(cache)
        await_until(lambda: not workers("idle"), "the worker's leave")
    assert cache.stats().refreshes_ok == 3


def test_threads_do_not_keep_their_cache_and_leave_with_it(
    make: Any, clock: MovableClock, request: pytest.FixtureRequest
) -> None:
    cache = make(ttl=10, refresh_ahead=5, name=request.node.name)
    due(cache, clock, "k")
    assert cache.get_or_load("k", lambda key: "new") == "old"
    await_no_flights(cache)
    assert len(workers(request.node.name)) == 1
    alive = weakref.ref(cache)
    gc.disable()
    try:
        del cache
        await_until(lambda: alive() is None, "the end of the cache")
    finally:
        gc.enable()
    await_until(lambda: not workers(request.node.name), "the end of its workers")


def test_a_cache_may_go_while_it_refreshes(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, refresh_ahead=5, name="going")
    due(cache, clock, "k")
    loader = HeldLoader("new")
    assert cache.get_or_load("k", loader) == "old"
    loader.gate.reached()
    alive = weakref.ref(cache)
    del cache
    loader.gate.open()
    await_until(lambda: alive() is None, "the end of the cache")
    await_until(lambda: not workers("going"), "the end of its workers")


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_a_worker_survives_what_ends_a_thread(
    refreshed: Cache[Any, Any], clock: MovableClock, error: type[BaseException]
) -> None:
    def leave(key: object) -> None:
        raise error

    before = workers(refreshed.name or "")
    due(refreshed, clock, "k")
    assert refreshed.get_or_load("k", leave) == "old"
    await_no_flights(refreshed)
    entry = refreshed.get_entry("k")
    assert entry is not None
    assert (entry.value, entry.last_error, entry.failures) == ("old", None, 0)
    assert refreshed.stats().refreshes_dropped == 1
    due(refreshed, clock, "k")
    assert refreshed.get_or_load("k", lambda key: "newer") == "old"
    await_no_flights(refreshed)
    assert refreshed["k"] == "newer"
    assert set(before) <= set(workers(refreshed.name or ""))


@pytest.mark.parametrize("window", ["refresh_ahead", "stale_while_revalidate"])
def test_where_no_thread_can_start_one_caller_loads_and_others_are_served(
    monkeypatch: pytest.MonkeyPatch, make: Any, clock: MovableClock, window: str
) -> None:
    def refuse(thread: object) -> None:
        raise RuntimeError("can't start new thread")

    def load(key: str) -> str:
        loaded_by.append(threading.current_thread())
        # As anybody else would be.
        assert cache.get_or_load(key, unexpected) == "old"
        return "new"

    loaded_by: list[threading.Thread] = []
    cache = make(ttl=10, **{window: 5})
    cache["k"] = "old"
    clock.advance(7 if window == "refresh_ahead" else 12)
    monkeypatch.setattr(_refresh.threading.Thread, "start", refuse)
    assert cache.get_or_load("k", load) == "old"
    assert (loaded_by, cache["k"], cache.flights()) == ([threading.current_thread()], "new", [])
    clock.advance(7 if window == "refresh_ahead" else 12)
    # Noted, as any refresh's failure.
    assert cache.get_or_load("k", Counting(ConnectionError("down"))) == "new"
    assert cache.stats().refreshes_failed == 1


@in_time
def test_what_is_loaded_for_want_of_threads_may_ask_for_what_its_call_has_yet_to_load() -> None:
    def load(keys: Any) -> Any:
        # The value of one is made of that of the other.
        return {key: cache.get_or_load("missing", str) if key == "due" else "missing's" for key in keys}

    cache: Cache[Any, Any] = Cache(
        ttl=10,
        stale_while_revalidate=60,
        refresh_batch_delay=0,
        executor=InlineExecutor(),
        clock=(clock := MovableClock()),
    )
    cache["due"] = "old"
    clock.advance(12)
    assert cache.get_many_or_load(["due", "missing"], load) == {"due": "old", "missing": "missing"}
    assert cache["due"] == "missing"


def test_who_loads_for_want_of_threads_may_be_interrupted(
    monkeypatch: pytest.MonkeyPatch, make: Any, clock: MovableClock
) -> None:
    def refuse(thread: object) -> None:
        raise RuntimeError("can't start new thread")

    cache = make(ttl=10, refresh_ahead=5)
    due(cache, clock, "k")
    monkeypatch.setattr(_refresh.threading.Thread, "start", refuse)
    with pytest.raises(KeyboardInterrupt):
        cache.get_or_load("k", Counting(KeyboardInterrupt()))
    assert (cache.flights(), cache["k"]) == ([], "old")


REFRESH_AT_THE_END = """
    import sys, threading, time
    from fastcache import Cache
    from fastcache.testing import InlineExecutor, MovableClock
    clock = MovableClock()
    cache = Cache(ttl=10, refresh_ahead=5, clock=clock, refresh_workers=2)
    begun = threading.Semaphore(0)
    def load(key):
        begun.release()
        if sys.argv[1] == "sleeping":
            time.sleep(60)
        while True:
            pass
    cache.update(dict.fromkeys(range(8), "old"))
    clock.advance(6)
    for key in range(8):
        assert cache.get_or_load(key, load) == "old"
    begun.acquire()
    begun.acquire()
    print(time.monotonic())
"""


@pytest.mark.parametrize("loaders", ["sleeping", "spinning"])
def test_the_process_ends_at_once_with_refreshes_under_way(loaders: str) -> None:
    child = run_child(REFRESH_AT_THE_END, loaders)
    assert (child.code, child.err) == (0, "")
    assert time.monotonic() - float(child.out) < 20


def test_a_refresh_at_the_end_of_the_process_is_dropped() -> None:
    check_child(
        """
        import atexit
        from fastcache import Cache
        from fastcache.testing import InlineExecutor, MovableClock
        clock = MovableClock()
        cache = Cache(ttl=10, refresh_ahead=5, clock=clock)
        cache["k"] = "old"
        clock.advance(6)
        atexit.register(lambda: print(cache.get_or_load("k", lambda key: "new"), cache.flights()))
        """,
        out="old []",
    )
