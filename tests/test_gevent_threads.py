"""Greenlets beside real threads: those of several hubs, hubs that end, and circles that lead through both."""

from __future__ import annotations

import os

import pytest

from tests.harness.greenlets import BOTH, PATCHED, REAL, STALE, play

pytest.importorskip("gevent", reason="gevent is not installed")


@BOTH
@pytest.mark.parametrize("end", ["pass", "gevent.get_hub().destroy(destroy_loop=True)"], ids=["thread", "hub"])
def test_what_greenlets_load_is_given_up_when_their_thread_ends(first: str, end: str) -> None:
    play(
        first,
        f"""
        def in_thread():
            leaders = [start(cache.get_or_load, "k", lambda key: Event().wait()),
                       start(cache.get_many_or_load, "lm", lambda keys: Event().wait())]
            gevent.sleep(0)
            loading = len(cache.flights())
            del leaders
            {end}
            return loading
        cache = Cache(max_concurrent_loads=2)
        said = real_thread(in_thread)
        await_here(lambda: said)
        await_with_others(lambda: not cache.flights())
        print(said, [outcome(start(cache.get_or_load, key, str)) for key in "klm"], cache._bulkhead.free)
        cache._check()
        """,
        "[3] ['k', 'l', 'm'] 2",
        before=REAL,
    )


@BOTH
def test_followers_of_a_greenlet_whose_thread_ends_begin_anew(first: str) -> None:
    play(
        first,
        """
        followers = []
        def in_thread():
            leader = start(cache.get_or_load, "k", lambda key: Event().wait())
            gevent.sleep(0)
            loading.append(1)
            await_here(lambda: [flight.waiters for flight in cache.flights()] == [3])
        loading = []
        said = real_thread(in_thread)
        await_here(lambda: loading)
        thread = real_thread(cache.get_or_load, "k", str)
        followers = [start(cache.get_or_load, "k", str) for _ in range(2)]
        print([outcome(greenlet) for greenlet in followers])
        await_here(lambda: thread)
        print(thread, cache.flights())
        """,
        "['k', 'k']\n['k'] []",
        before=REAL,
    )


@pytest.mark.skipif(
    os.environ.get("GEVENT_LOOP") == "libuv",
    reason="gevent itself does not bear it: a loop of libuv with a live watcher",
)
@BOTH
def test_a_follower_whose_hub_is_destroyed_is_left_alone(first: str) -> None:
    play(
        first,
        """
        leader = lead()
        def in_thread():
            follower = start(cache.get_or_load, "k", unexpected)
            gevent.sleep(0)
            gevent.get_hub().destroy(destroy_loop=True)
        said = real_thread(in_thread)
        await_here(lambda: said)
        go.set()
        print(outcome(leader), cache.flights())
        """,
        "kk []",
        before=REAL,
    )


@BOTH
def test_a_circle_of_a_greenlet_and_a_thread_is_refused(first: str) -> None:
    play(
        first,
        """
        loading = []
        def by_thread(key):
            loading.append(key)
            await_here(lambda: len(loading) == 2)
            return cache.get_or_load("the greenlet's", unexpected)
        def by_greenlet(key):
            loading.append(key)
            await_with_others(lambda: len(loading) == 2)
            return cache.get_or_load("the thread's", unexpected)
        thread = real_thread(cache.get_or_load, "the thread's", by_thread)
        greenlet = start(cache.get_or_load, "the greenlet's", by_greenlet)
        print(outcome(greenlet))
        await_here(lambda: thread)
        print(thread, cache.flights())
        """,
        "LoadCycleError\n['LoadCycleError'] []",
        before=REAL,
    )


@BOTH
def test_a_hub_that_waits_holds_up_its_greenlets_in_the_search_for_circles(first: str) -> None:
    play(
        first,
        """
        leader = lead()
        def by_thread(key):
            loading.append(key)
            await_here(lambda: [flight.waiters for flight in cache.flights() if flight.key == "l"] == [1])
            return attempt(cache.get_or_load, "k", unexpected)
        loading, told = [], []
        thread = real_thread(cache.get_or_load, "l", by_thread)
        await_here(lambda: loading)
        # In the hub, where nothing can be switched.
        gevent.get_hub().loop.run_callback(lambda: told.append(cache.get_or_load("l", unexpected)))
        await_with_others(lambda: told)
        go.set()
        print(told, outcome(leader))
        """,
        "['LoadCycleError'] kk",
        before=REAL,
    )


def test_loads_with_a_timeout_are_made_in_the_hub_of_whoever_asks() -> None:
    play(
        PATCHED,
        """
        def ask(key):
            return cache.get_or_load(key, str, wait_timeout=30)
        print(ask("a"))
        for key in "bc":
            said = real_thread(ask, key)
            await_here(lambda: said)
            print(*said)
        print(ask("d"))
        """,
        "a\nb\nc\nd",
        before=REAL,
    )


def test_refreshes_are_made_in_the_hub_of_whoever_was_served() -> None:
    play(
        PATCHED,
        """
        from fastcache.testing import MovableClock
        clock = MovableClock()
        cache = Cache(ttl=10, stale_while_revalidate=1000, clock=clock)
        cache["k"] = 0
        def be_served(number):
            cache.get_or_load("k", lambda key: number)
            await_with_others(lambda: cache.get("k") == number)
            return number
        for number in range(1, 5):
            clock.advance(11)
            if number % 2:
                said = real_thread(be_served, number)
                await_here(lambda: said)
                print(*said)
            else:
                print(be_served(number))
        cache.close()
        """,
        "1\n2\n3\n4",
        before=REAL,
    )


def test_what_is_gathered_for_a_while_stops_no_hub() -> None:
    play(
        PATCHED,
        """
        cache = stale("kl", refresh_batch_delay=1000)
        def load_many(keys):
            calls.append(keys)
            return dict.fromkeys(keys, "new")
        print(cache.get_many_or_load(["k"], load_many, max_batch=2))
        gevent.sleep(0.01)
        print(calls, cache.get_many_or_load(["l"], load_many, max_batch=2))
        await_with_others(lambda: cache.get("l") == "new")
        print(calls)
        cache.close()
        """,
        "{'k': 'old'}\n[] {'l': 'old'}\n[['k', 'l']]",
        before=REAL + STALE,
    )


def test_patches_made_after_the_import_hold_nobody_up() -> None:
    play(
        "",
        """
        from gevent import monkey
        monkey.patch_all()
        others = [0]
        def count():
            while True:
                others[0] += 1
                gevent.sleep(0)
        counter = gevent.spawn(count)
        print(outcome(start(cache.get_or_load, "k", str, wait_timeout=30)))
        # A thread that stayed for more work would stop them all.
        before = others[0]
        for _ in range(100):
            gevent.sleep(0)
        print(others[0] - before >= 50)
        counter.kill()
        """,
        "k\nTrue",
    )
