"""Threads that end while greenlets of theirs stand in line, wait, or work: what they had is others'."""

from __future__ import annotations

import pytest

from tests.harness.greenlets import BOTH, PATCHED, REAL, play

pytest.importorskip("gevent", reason="gevent is not installed")

# A thread stands still in ``ending`` until it is to end: its hub runs no more.
ENDING = (
    REAL
    + """
def waiters(key):
    return sum(flight.waiters for flight in cache.flights() if flight.key == key)

def in_thread(ask, true):
    ask()
    gevent.sleep(0)
    ended_by.append(ask)
    await_here(true)

def thread_ends_when(true, ask):
    "A thread in which a greenlet has asked."
    said = real_thread(in_thread, ask, true)
    await_here(lambda: said or ask in ended_by)
    return said

ended_by = []
cache = Cache(ttl=60, max_concurrent_loads=1)
"""
)


@pytest.mark.parametrize(
    "ask",
    ['cache.get_or_load, "l", unexpected', 'cache.get_many_or_load, ["l", "m"], unexpected'],
    ids=["one", "many"],
)
def test_who_waits_for_one_that_stood_in_line_when_its_thread_ended_begins_anew(ask: str) -> None:
    play(
        PATCHED,
        f"""
        leader = lead()
        said = thread_ends_when(lambda: waiters("l") == 2, lambda: start({ask}))
        followers = [start(cache.get_or_load, "l", str)]
        thread = real_thread(cache.get_or_load, "l", str)
        await_with_others(lambda: said)
        await_with_others(lambda: cache._bulkhead.waiting == 1)
        go.set()
        await_with_others(lambda: thread)
        print(outcome(leader), [outcome(follower) for follower in followers], thread)
        print(cache.flights(), cache._bulkhead.free, cache._bulkhead.waiting)
        cache._check()
        """,
        "kk ['l'] ['l']\n[] 1 0",
        before=ENDING,
    )


def test_a_place_given_to_one_whose_thread_ends_is_given_back() -> None:
    play(
        PATCHED,
        """
        leader = lead()
        said = thread_ends_when(
            lambda: cache._bulkhead.waiting == 0, lambda: start(cache.get_or_load, "l", unexpected)
        )
        print(cache._bulkhead.waiting)
        go.set()
        await_with_others(lambda: said)
        await_with_others(lambda: cache._bulkhead.free)
        print(outcome(leader), outcome(start(cache.get_or_load, "l", str)), cache._bulkhead.waiting, cache.flights())
        cache._check()
        """,
        "1\nkk l 0 []",
        before=ENDING,
    )


@BOTH
def test_who_waited_in_a_thread_that_has_ended_is_counted_no_more(first: str) -> None:
    play(
        first,
        """
        leader = lead()
        said = thread_ends_when(lambda: True, lambda: start(cache.get_or_load, "k", unexpected))
        await_here(lambda: said)
        await_here(lambda: waiters("k") == 0)
        go.set()
        print(outcome(leader), cache.flights())
        """,
        "kk []",
        before=ENDING,
    )


def test_a_pool_keeps_the_thread_of_a_worker_that_its_own_thread_took_with_it() -> None:
    play(
        PATCHED,
        """
        from fastcache.testing import MovableClock
        clock = MovableClock()
        cache = Cache(ttl=10, stale_while_revalidate=1000, refresh_workers=1, clock=clock)
        cache.set_many({"k": "old", "l": "old"})
        clock.advance(11)
        def be_served():
            served.append(cache.get_or_load("k", lambda key: Event().wait()))
            await_with_others(lambda: any(flight.owner for flight in cache.flights()))
            # This one waits for the worker.
            served.append(cache.get_or_load("l", unexpected))
        served = []
        said = real_thread(be_served)
        await_here(lambda: said)
        await_here(lambda: not cache.flights())
        print(served, cache._pool._threads, cache._pool._workers.qsize())
        clock.advance(100)
        print(cache.get_or_load("k", lambda key: "new"))
        await_with_others(lambda: cache.get("k") == "new")
        cache.close()
        cache._check()
        """,
        "['old', 'old'] set() 1\nold",
        before=REAL,
    )
