"""fork among greenlets: those of the thread that forks go on in both processes, and wait for nobody who is gone."""

from __future__ import annotations

import os

import pytest

from tests.harness.greenlets import BOTH, PATCHED, REAL, STALE, play

pytest.importorskip("gevent", reason="gevent is not installed")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

FORKS = (
    REAL
    + """
def in_child(function):
    "Has a child print what it returns."
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        try:
            if os.fork is get_original("os", "fork"):
                gevent.reinit()
            print(function())
            sys.stdout.flush()
        finally:
            os._exit(0)
    assert await_child(child, 0)[1] == 0
"""
)


@BOTH
def test_who_waits_for_a_thread_that_is_gone_begins_anew_in_the_child(first: str) -> None:
    play(
        first,
        """
        gate, loading = new_lock(), []
        gate.acquire()
        def held(key):
            loading.append(key)
            gate.acquire()
            return "the thread's"
        leader = real_thread(cache.get_or_load, "k", held)
        await_here(lambda: loading)
        followers = [start(cache.get_or_load, "k", lambda key: "the child's") for _ in range(2)]
        gevent.sleep(0)
        def child():
            ends = [outcome(greenlet) for greenlet in followers]
            cache._check()
            return ends, cache.flights()
        in_child(child)
        gate.release()
        print([outcome(greenlet) for greenlet in followers])
        """,
        '(["the child\'s", "the child\'s"], [])\n["the thread\'s", "the thread\'s"]',
        before=FORKS,
    )


@BOTH
def test_who_waits_for_another_greenlet_of_the_thread_still_does_in_the_child(first: str) -> None:
    play(
        first,
        """
        leader = lead()
        follower = start(cache.get_or_load, "k", unexpected)
        gevent.sleep(0)
        def child():
            waiters = [flight.waiters for flight in cache.flights()]
            go.set()
            return waiters, outcome(leader), outcome(follower), cache.flights()
        in_child(child)
        go.set()
        print(outcome(leader), outcome(follower))
        """,
        "([1], 'kk', 'kk', [])\nkk kk",
        before=FORKS,
    )


@BOTH
def test_greenlets_of_another_thread_are_not_the_childs(first: str) -> None:
    play(
        first,
        """
        leader = lead()
        other = real_thread(lambda: outcome(start(cache.get_or_load, "k", unexpected)))
        await_here(lambda: [flight.waiters for flight in cache.flights()] == [1])
        def child():
            waiters = [flight.waiters for flight in cache.flights()]
            go.set()
            return waiters, outcome(leader), cache.flights()
        in_child(child)
        go.set()
        print(outcome(leader))
        await_with_others(lambda: other)
        print(other)
        """,
        "([0], 'kk', [])\nkk\n['kk']",
        before=FORKS,
    )


@BOTH
def test_places_of_greenlets_that_load_on_are_taken_in_the_child(first: str) -> None:
    play(
        first,
        """
        cache = Cache(ttl=60, max_concurrent_loads=3)
        leaders = [start(cache.get_or_load, "k", load), start(cache.get_many_or_load, "lm", load_many)]
        begun.wait(30)
        def child():
            free = cache._bulkhead.free
            go.set()
            return free, [outcome(leader) for leader in leaders], cache._bulkhead.free
        gevent.sleep(0)
        in_child(child)
        go.set()
        print([outcome(leader) for leader in leaders], cache._bulkhead.free)
        """,
        "(1, ['kk', {'l': 'll', 'm': 'mm'}], 3)\n['kk', {'l': 'll', 'm': 'mm'}] 3",
        before=FORKS
        + """
def load_many(keys):
    go.wait(30)
    return {key: key * 2 for key in keys}
""",
    )


# For a thread that forks, and ends in both processes.
THREAD_FORKS = (
    FORKS
    + STALE
    + """
import weakref
from fastcache._core.greenlet import Here, residents_here

def in_child_whose_thread_ends(function):
    "Has a child print what it returns, in another thread, when the one that forked has ended."
    [here] = (holder for holder in gc.get_referrers(residents_here()) if type(holder) is Here)
    here = weakref.ref(here)
    sys.stdout.flush()
    child = get_original("os", "fork")()
    if child == 0:
        signal.alarm(30)
        start_thread(print_then, (here, function))
        raise SystemExit
    assert await_child(child, 0)[1] == 0

def print_then(here, function):
    try:
        await_here(lambda: here() is None)
        print(function())
        sys.stdout.flush()
    finally:
        os._exit(0)
"""
)


def test_a_place_given_to_one_whose_thread_ends_in_the_child_is_the_parents() -> None:
    play(
        "",
        """
        cache = Cache(ttl=60, max_concurrent_loads=1)
        def scene():
            in_line = start(cache.get_or_load, "l", str)
            gevent.sleep(0)
            stands.append(in_line)
            await_here(lambda: cache._bulkhead.waiting == 0)
            in_child_whose_thread_ends(lambda: (cache._bulkhead.free, cache.get_or_load("m", str), cache.flights()))
            return outcome(in_line)
        stands = []
        leader = lead()
        said = real_thread(scene)
        await_here(lambda: stands and cache._bulkhead.waiting == 1)
        go.set()
        await_with_others(lambda: said)
        print(said, cache._bulkhead.free)
        """,
        "(1, 'm', [])\n['l'] 1",
        before=THREAD_FORKS,
    )


def test_the_right_to_a_worker_that_is_lost_in_the_child_is_the_parents() -> None:
    play(
        PATCHED,
        """
        cache = stale("k", refresh_workers=1)
        def scene():
            cache.get_or_load("k", load)
            assert begun.wait(30)
            in_child_whose_thread_ends(lambda: (cache._pool._workers.qsize(), len(cache._pool._threads)))
            go.set()
            await_with_others(lambda: not cache.flights())
            return cache["k"]
        begun, go = Event(), Event()
        # The first hub imports what the others need.
        gevent.sleep(0)
        said = real_thread(scene)
        await_with_others(lambda: said)
        print(said)
        """,
        "(1, 0)\n['kk']",
        before=THREAD_FORKS,
    )
