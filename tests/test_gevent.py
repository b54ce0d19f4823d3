"""Greenlets of gevent: who waits for a load lets the others of its thread run, the one that loads among them."""

from __future__ import annotations

import pytest

from tests.harness.child import check_child
from tests.harness.greenlets import BOTH, play

pytest.importorskip("gevent", reason="gevent is not installed")


@BOTH
def test_who_waits_lets_the_loader_and_others_run(first: str) -> None:
    play(
        first,
        """
        leader = lead()
        followers = [start(cache.get_or_load, "k", unexpected) for _ in range(5)]
        gevent.sleep(0)
        print([flight.waiters for flight in cache.flights()])
        go.set()
        print([outcome(greenlet) for greenlet in (leader, *followers)], calls)
        cache._check()
        """,
        "[5]\n['kk', 'kk', 'kk', 'kk', 'kk', 'kk'] ['k']",
    )


@BOTH
def test_the_main_greenlet_leads_and_waits_like_any_other(first: str) -> None:
    play(
        first,
        """
        follower = start(cache.get_or_load, "k", unexpected)
        opener = gevent.spawn_later(0.01, go.set)
        print(cache.get_or_load("k", load), outcome(follower))
        begun.clear(), go.clear()
        leader = start(cache.get_or_load, "l", load)
        begun.wait(30)
        opener = gevent.spawn(go.set)
        print(cache.get_or_load("l", unexpected), outcome(leader))
        """,
        "kk kk\nll ll",
    )


@BOTH
def test_loads_of_greenlets_overlap_and_end_in_any_order(first: str) -> None:
    play(
        first,
        """
        gates = {key: Event() for key in "abc"}
        def held(key):
            gates[key].wait(30)
            return key
        leaders = {key: start(cache.get_or_load, key, held) for key in "abc"}
        gevent.sleep(0)
        for key in "bca":
            gates[key].set()
            print(outcome(leaders[key]), end=" ")
        print(cache.flights(), sorted(cache))
        """,
        "b c a [] ['a', 'b', 'c']",
    )


@BOTH
def test_a_load_that_asks_for_its_own_key_is_refused_as_in_threads(first: str) -> None:
    play(
        first,
        """
        print(outcome(start(cache.get_or_load, "k", lambda key: cache.get_or_load(key, unexpected))))
        print(outcome(start(cache.get_or_load, "k", lambda key: cache.get_or_load("l", str))))
        """,
        "RecursiveLoadError\nl",
    )


@BOTH
def test_greenlets_in_a_circle_are_refused(first: str) -> None:
    play(
        first,
        """
        both = [Event(), Event()]
        def load_other(number):
            both[number].set()
            both[1 - number].wait(30)
            return cache.get_or_load(1 - number, load_other)
        circle = [start(cache.get_or_load, number, load_other) for number in (0, 1)]
        found = [outcome(greenlet) for greenlet in circle]
        print(set(found) <= {"LoadCycleError", "RecursiveLoadError"}, cache.flights())
        """,
        "True []",
    )


@BOTH
def test_a_failing_load_reaches_every_greenlet(first: str) -> None:
    play(
        first,
        """
        def fails(key):
            begun.set()
            go.wait(30)
            raise KeyError(key)
        leader = start(cache.get_or_load, "k", fails)
        begun.wait(30)
        followers = [start(cache.get_or_load, "k", unexpected) for _ in range(2)]
        gevent.sleep(0)
        go.set()
        print([outcome(greenlet) for greenlet in (leader, *followers)])
        """,
        "['KeyError', 'KeyError', 'KeyError']",
    )


@BOTH
@pytest.mark.parametrize(
    ("killed", "ends"),
    [(0, "['GreenletExit', 'k', 'k']"), (1, "['kk', 'GreenletExit', 'kk']")],
    ids=["as it loads", "as it waits"],
)
def test_a_greenlet_that_is_killed_leaves_the_load_to_the_others(first: str, killed: int, ends: str) -> None:
    play(
        first,
        f"""
        callers = [start(cache.get_or_load, "k", load)]
        begun.wait(30)
        callers += [start(cache.get_or_load, "k", str) for _ in range(2)]
        gevent.sleep(0)
        callers[{killed}].kill()
        go.set()
        print([outcome(greenlet) for greenlet in callers], cache.flights())
        """,
        f"{ends} []",
    )


@BOTH
def test_a_greenlet_waits_as_long_as_it_will(first: str) -> None:
    play(
        first,
        """
        leader = lead()
        follower = start(cache.get_or_load, "k", unexpected, wait_timeout=0.02)
        print(outcome(follower))
        go.set()
        print(outcome(leader))
        """,
        "LoadTimeout\nkk",
    )


@BOTH
def test_real_threads_and_greenlets_share_a_load(first: str) -> None:
    play(
        first,
        """
        real = gevent.get_hub().threadpool
        import time
        from gevent import monkey
        nap = monkey.get_original("time", "sleep")
        def slowly(key):
            calls.append(key)
            for _ in range(1000):
                if any(flight.waiters for flight in cache.flights()):
                    break
                nap(0.01)
            return key
        pool = real.spawn(cache.get_or_load, "k", slowly)
        while not calls:
            gevent.sleep(0.001)
        print(outcome(start(cache.get_or_load, "k", unexpected)), pool.get(), calls)
        leader = start(cache.get_or_load, "l", load)
        begun.wait(30)
        pool = real.spawn(cache.get_or_load, "l", unexpected)
        while not any(flight.waiters for flight in cache.flights()):
            gevent.sleep(0.001)
        go.set()
        print(outcome(leader), pool.get())
        """,
        "k k ['k']\nll ll",
    )


@BOTH
def test_calls_for_many_keys_share_loads_too(first: str) -> None:
    play(
        first,
        """
        def load_many(keys):
            calls.append(keys)
            begun.set()
            go.wait(30)
            return {key: key * 2 for key in keys}
        leader = start(cache.get_many_or_load, ["a", "b"], load_many)
        begun.wait(30)
        follower = start(cache.get_many_or_load, ["b", "c"], lambda keys: {key: key for key in keys})
        single = start(cache.get_or_load, "a", unexpected)
        gevent.sleep(0)
        go.set()
        print(outcome(leader), outcome(follower), outcome(single), calls)
        """,
        "{'a': 'aa', 'b': 'bb'} {'b': 'bb', 'c': 'c'} aa [['a', 'b']]",
    )


@BOTH
def test_a_value_is_refreshed_behind_greenlets(first: str) -> None:
    play(
        first,
        """
        from fastcache.testing import MovableClock
        clock = MovableClock()
        cache = Cache(ttl=10, stale_while_revalidate=60, clock=clock)
        cache["k"] = "old"
        clock.advance(11)
        print(cache.get_or_load("k", lambda key: "new"))
        for _ in range(3000):
            if cache.get("k") == "new":
                break
            gevent.sleep(0.005)
        print(cache.get("k"), cache.flights())
        cache.close()
        """,
        "old\nnew []",
    )


def test_a_hub_that_would_wait_for_its_own_greenlet_is_refused() -> None:
    play(
        "",
        """
        leader = lead()
        told = []
        def in_the_hub():
            try:
                cache.get_or_load("k", unexpected)
            except RuntimeError as error:
                told.append("would be stopped by a wait" in str(error))
        gevent.get_hub().loop.run_callback(in_the_hub)
        gevent.sleep(0.01)
        go.set()
        print(told, outcome(leader))
        """,
        "[True] kk",
    )


@BOTH
def test_greenlets_are_known_that_came_after_the_cache(first: str) -> None:
    check_child(
        f"""
from fastcache import Cache, cached

cache = Cache(ttl=60, max_concurrent_loads=1)
calls = []

@cached(ttl=60)
def function(key):
    calls.append(key)
    gevent.sleep(0.01)
    return key * 2

assert cache.get_or_load("before", str) == "before"
{first}
import gevent

greenlets = [gevent.spawn(function, "k") for _ in range(3)]
greenlets += [gevent.spawn(cache.get_or_load, key, function) for key in "lmm"]
gevent.joinall(greenlets, timeout=30)
print([greenlet.value for greenlet in greenlets], sorted(calls))
""",
        out="['kk', 'kk', 'kk', 'll', 'mm', 'mm'] ['k', 'l', 'm']",
    )
