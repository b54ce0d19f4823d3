"""Greenlets without gevent, switched by hand or by another library: nobody stops the thread in which he is awaited."""

from __future__ import annotations

import importlib.util
import textwrap

import pytest

from tests.harness.child import check_child

pytest.importorskip("greenlet", reason="greenlet is not installed")

SCENE = """
import gc, threading
from greenlet import getcurrent, greenlet
from fastcache import Cache, LoadCycleError, LoadTimeout, RecursiveLoadError
from tests.harness.gates import Call, await_no_flights, await_waiters

cache = Cache(ttl=60)

def attempt(function, *args, **options):
    try:
        return function(*args, **options)
    except Exception as error:
        return type(error).__name__

def asking(key, load, **options):
    return greenlet(lambda: attempt(cache.get_or_load, key, load, **options))

def away(key):
    "A loader that lets whoever switched to it go on, and loads when it is switched to again."
    return getcurrent().parent.switch(key) or key * 2

def unexpected(key):
    raise AssertionError(key)
"""


def play(snippet: str, out: str) -> None:
    check_child(SCENE + textwrap.dedent(snippet), out=out)


def test_who_would_stop_the_greenlet_that_loads_is_refused() -> None:
    play(
        """
        leader = asking("k", away)
        print(leader.switch(), cache.flights()[0].key)
        print(asking("k", unexpected).switch(), attempt(cache.get_or_load, "k", unexpected))
        print(attempt(cache.get_or_load, "k", unexpected, wait_timeout=60))
        print(attempt(cache.get_many_or_load, ["k"], unexpected))
        print(leader.switch(), asking("k", unexpected).switch(), cache.flights())
        cache._check()
        """,
        "k k\nRuntimeError RuntimeError\nRuntimeError\nRuntimeError\nkk kk []",
    )


def test_so_is_one_that_is_begun_in_a_load_for_its_key() -> None:
    play(
        """
        print(cache.get_or_load("k", lambda key: asking(key, unexpected).switch()))
        print(asking("l", lambda key: asking(key, unexpected).switch()).switch(), cache.flights())
        """,
        "RuntimeError\nRuntimeError []",
    )


def test_so_is_one_that_would_stop_all_loads_that_have_places() -> None:
    play(
        """
        cache = Cache(ttl=60, max_concurrent_loads=2)
        leaders = [asking(key, away) for key in "kl"]
        print([leader.switch() for leader in leaders], cache._bulkhead.free)
        print(asking("m", unexpected).switch(), attempt(cache.get_or_load, "m", unexpected, wait_timeout=60))
        print(attempt(cache.get_or_load, "m", unexpected, wait_timeout=0), cache._bulkhead.waiting)
        print([leader.switch() for leader in leaders], asking("m", str).switch(), cache.flights(), cache._bulkhead.free)
        cache._check()
        """,
        "['k', 'l'] 0\nRuntimeError RuntimeError\nLoadRejected 0\n['kk', 'll'] m [] 2",
    )


def test_a_load_that_asks_for_its_own_key_is_told_so() -> None:
    play(
        """
        print(asking("k", lambda key: cache.get_or_load(key, unexpected)).switch())
        print(asking("k", lambda key: cache.get_or_load("l", str)).switch(), cache.flights())
        """,
        "RecursiveLoadError\nl []",
    )


def test_what_others_make_of_many_loads_is_waited_for() -> None:
    play(
        """
        def one(key):
            return attempt(cache.get_or_load, key, str, wait_timeout=60)
        # So that another thread is there, which nobody waits for to begin.
        one("warm")
        def load(keys):
            if keys == ["a"]:
                nested.append(one("b"))
                getcurrent().parent.switch()
            return dict.fromkeys(keys, "many")
        nested = []
        leader = greenlet(lambda: cache.get_many_or_load(["a", "b", "c"], load, max_batch=1))
        leader.switch()
        print(nested, one("c"), leader.switch())
        """,
        "['b'] c {'a': 'many', 'b': 'b', 'c': 'c'}",
    )


def test_loads_of_greenlets_end_in_any_order() -> None:
    play(
        """
        leaders = {key: asking(key, away) for key in "abc"}
        print([leader.switch() for leader in leaders.values()])
        print(cache.get_or_load("d", lambda key: leaders["b"].switch()), cache.get_or_load("e", str))
        print([leaders[key].switch() for key in "ca"], cache.flights(), sorted(cache))
        """,
        "['a', 'b', 'c']\nbb e\n['cc', 'aa'] [] ['a', 'b', 'c', 'd', 'e']",
    )


def test_other_threads_wait_for_a_greenlet() -> None:
    play(
        """
        leader = asking("k", away)
        leader.switch()
        follower = Call(cache.get_or_load, "k", unexpected)
        await_waiters(cache, 1)
        print(leader.switch(), follower.result())
        """,
        "kk kk",
    )


def test_a_circle_through_another_thread_is_refused() -> None:
    play(
        """
        leader = asking("k", away)
        leader.switch()
        other = Call(cache.get_or_load, "l", lambda key: cache.get_or_load("k", unexpected))
        await_waiters(cache, 1)
        # This would stop the leader, for which the other thread waits.
        print(attempt(cache.get_or_load, "l", unexpected), asking("l", unexpected).switch())
        print(leader.switch(), other.result())
        """,
        "LoadCycleError LoadCycleError\nkk kk",
    )


@pytest.mark.parametrize("held", ["[leader]", "[]"], ids=["thread", "greenlet"])
def test_what_a_greenlet_loads_is_given_up_when_it_is_lost(held: str) -> None:
    play(
        f"""
        cache = Cache(ttl=60, max_concurrent_loads=1)
        kept = []
        def in_thread():
            leader = asking("k", away)
            leader.switch()
            kept.extend({held})
            loading.set()
            await_waiters(cache, 1)
        loading = threading.Event()
        thread = Call(in_thread)
        loading.wait()
        print(cache.get_or_load("k", str))
        thread.result()
        print(cache.flights(), cache._bulkhead.free)
        cache._check()
        """,
        "k\n[] 1",
    )


def test_tasks_wait_for_a_greenlet_that_their_loop_goes_on_with() -> None:
    play(
        """
        import asyncio
        async def main():
            leader = asking("k", away)
            leader.switch()
            followers = [asyncio.create_task(cache.aget_or_load("k", unexpected)) for _ in range(2)]
            await asyncio.sleep(0)
            print(leader.switch(), await asyncio.gather(*followers))
        asyncio.run(main())
        """,
        "kk ['kk', 'kk']",
    )


# Its import warns of its end, and so may what it patches.
EVENTLET = """
import warnings
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    eventlet = __import__("pytest").importorskip("eventlet")
    eventlet.monkey_patch()
from fastcache import Cache, _refresh, _threads
from fastcache.testing import MovableClock

# A thread that stayed for more work would stop all others that long.
_refresh.IDLE = _threads.IDLE = 1000
clock = MovableClock()
go = eventlet.Event()

def attempt(function, *args, **options):
    try:
        return function(*args, **options)
    except Exception as error:
        return type(error).__name__

def load(key):
    assert go.wait(30)
    return key * 2

def unexpected(key):
    raise AssertionError(key)

def await_until(true):
    for _ in range(3000):
        if true():
            return
        eventlet.sleep(0.01)
    raise AssertionError(true)
"""


def play_eventlet(snippet: str, out: str) -> None:
    # Not imported here, where it would warn of each fork.
    if not all(map(importlib.util.find_spec, ("dns", "eventlet"))):
        pytest.skip("eventlet is not installed")
    check_child(EVENTLET + textwrap.dedent(snippet), out=out)


def test_eventlets_threads_share_no_waits_and_stop_nobody() -> None:
    play_eventlet(
        """
        cache = Cache(ttl=60)
        leader = eventlet.spawn(attempt, cache.get_or_load, "k", load)
        eventlet.sleep(0)
        print(eventlet.spawn(attempt, cache.get_or_load, "k", unexpected).wait())
        print(eventlet.spawn(attempt, cache.get_or_load, "l", str).wait())
        go.send(True)
        print(leader.wait(), cache.get_or_load("k", unexpected), cache.flights())
        """,
        "RuntimeError\nl\nkk kk []",
    )


def test_eventlets_threads_stand_in_line() -> None:
    play_eventlet(
        """
        cache = Cache(ttl=60, max_concurrent_loads=1)
        leader = eventlet.spawn(attempt, cache.get_or_load, "k", load)
        eventlet.sleep(0)
        second = eventlet.spawn(attempt, cache.get_or_load, "l", str)
        eventlet.sleep(0)
        print(cache._bulkhead.waiting, eventlet.spawn(attempt, cache.get_or_load, "l", unexpected).wait())
        go.send(True)
        print(leader.wait(), second.wait(), cache.flights(), cache._bulkhead.free)
        """,
        "1 RuntimeError\nkk l [] 1",
    )


def test_they_do_so_while_their_hub_has_nothing_but_a_socket_to_wait_for() -> None:
    play_eventlet(
        """
        import os, socket
        cache = Cache(ttl=60, max_concurrent_loads=1)
        here, there = socket.socketpair()
        leader = eventlet.spawn(attempt, cache.get_or_load, "k", lambda key: here.recv(1))
        eventlet.sleep(0)
        second = eventlet.spawn(attempt, cache.get_or_load, "l", str)
        eventlet.sleep(0)
        thread = eventlet.patcher.original("threading").Thread(
            target=lambda: (eventlet.patcher.original("time").sleep(0.1), os.write(there.fileno(), b"x"))
        )
        thread.start()
        print(leader.wait(), second.wait(), cache._bulkhead.free)
        """,
        "b'x' l 1",
    )


def test_a_real_thread_gives_them_its_place() -> None:
    play_eventlet(
        """
        from eventlet import tpool
        cache = Cache(ttl=60, max_concurrent_loads=1)
        lock = eventlet.patcher.original("threading").Lock()
        lock.acquire()
        def held(key):
            with lock:
                return key
        leader = eventlet.spawn(tpool.execute, cache.get_or_load, "k", held)
        await_until(lambda: not cache._bulkhead.free)
        second = eventlet.spawn(attempt, cache.get_or_load, "l", str)
        await_until(lambda: cache._bulkhead.waiting)
        lock.release()
        print(leader.wait(), second.wait(), cache._bulkhead.free, cache._bulkhead.waiting)
        """,
        "k l 1 0",
    )


def test_eventlets_threads_reload_behind_served_values() -> None:
    play_eventlet(
        """
        cache = Cache(ttl=10, stale_while_revalidate=1000, refresh_workers=1, clock=clock)
        for number in range(3):
            cache["k"] = "old"
            clock.advance(11)
            print(cache.get_or_load("k", lambda key: number))
            await_until(lambda: cache.get("k") == number)
        # No worker stays, which would stop them all.
        await_until(lambda: not cache._pool._threads)
        cache.close()
        """,
        "old\nold\nold",
    )


def test_beside_them_real_threads_gather_too() -> None:
    play_eventlet(
        """
        from concurrent.futures import Executor, Future
        class RealThreads(Executor):
            def submit(self, function, *args):
                future = Future()
                def run():
                    future.set_result(function(*args))
                eventlet.patcher.original("threading").Thread(target=run, daemon=True).start()
                return future
        cache = Cache(
            ttl=10, stale_while_revalidate=1000, refresh_batch_delay=1000, executor=RealThreads(), clock=clock
        )
        cache.set_many({"k": "old", "l": "old"})
        clock.advance(11)
        def load_many(keys):
            return dict.fromkeys(keys, "new")
        print(cache.get_many_or_load(["k"], load_many, max_batch=2))
        eventlet.sleep(0.01)
        print(cache.get_many_or_load(["l"], load_many, max_batch=2))
        await_until(lambda: cache.get("l") == "new")
        print(cache.get("k"))
        """,
        "{'k': 'old'}\n{'l': 'old'}\nnew",
    )


def test_who_would_wait_a_while_for_a_thread_of_eventlets_loads_himself() -> None:
    play_eventlet(
        """
        cache = Cache(ttl=60)
        print(cache.get_or_load("k", str, wait_timeout=60), cache.get_many_or_load("l", dict.fromkeys, wait_timeout=60))
        """,
        "k {'l': None}",
    )
