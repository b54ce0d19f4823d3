"""Threads that end while greenlets of theirs stand in line, wait, or work: what they had is others'."""

from __future__ import annotations

import pytest

from tests.harness.greenlets import BOTH, PATCHED, REAL, STALE, play

pytest.importorskip("gevent", reason="gevent is not installed")

WAITERS = """
def waiters(key):
    return sum(flight.waiters for flight in cache.flights() if flight.key == key)
"""
# A thread stands still in ``ending`` until it is to end: its hub runs no more.
ENDING = (
    REAL
    + WAITERS
    + """
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
        cache = stale("kl", refresh_workers=1)
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
        before=REAL + STALE,
    )


# A thread of which a greenlet is left as it starts another one: patched, such a thread is a greenlet of its own.
LEFT = (
    REAL
    + """
def left(*ask, **options):
    def in_thread():
        asks = start(*ask, **options)
        gevent.sleep(0)
        return asks.ready()
    said = real_thread(in_thread)
    await_here(lambda: said)
    return said
"""
)


@pytest.mark.parametrize(
    "ask",
    ['cache.get_or_load, "k", unexpected', 'cache.get_many_or_load, ["k", "l"], unexpected'],
    ids=["one", "many"],
)
def test_a_load_whose_thread_ends_as_another_is_started_for_it_is_given_up(ask: str) -> None:
    play(
        PATCHED,
        f"""
        cache = Cache(ttl=60, max_concurrent_loads=1)
        said = left({ask}, wait_timeout=60)
        await_here(lambda: cache._bulkhead.free)
        print(said, cache.flights(), outcome(start(cache.get_or_load, "k", str)))
        cache._check()
        """,
        "[False] [] k",
        before=LEFT,
    )


@pytest.mark.parametrize("limit", [None, 2])
def test_so_is_one_among_many_as_a_worker_is_started_for_others(limit: int | None) -> None:
    play(
        PATCHED,
        f"""
        cache = stale(["stale"], max_concurrent_loads={limit})
        said = left(cache.get_many_or_load, ["stale", "missing"], unexpected)
        await_here(lambda: not cache.flights())
        print(said, outcome(start(cache.get_or_load, "missing", str)))
        cache.close()
        cache._check()
        """,
        "[False] missing",
        before=LEFT + STALE,
    )


def test_a_pool_keeps_the_thread_that_was_being_started() -> None:
    play(
        PATCHED,
        """
        cache = stale("k", refresh_workers=1)
        print(left(cache.get_or_load, "k", unexpected))
        await_here(lambda: cache._pool._workers.qsize() == 1)
        print(cache.flights())
        clock.advance(100)
        print(cache.get_or_load("k", lambda key: "new"))
        await_with_others(lambda: cache.get("k") == "new")
        cache.close()
        cache._check()
        """,
        "[False]\n[]\nold",
        before=LEFT + STALE,
    )


@BOTH
@pytest.mark.parametrize("limit", [None, 1])
def test_keys_that_were_to_be_loaded_later_are_given_up_too(first: str, limit: int | None) -> None:
    play(
        first,
        f"""
        cache = Cache(ttl=60, max_concurrent_loads={limit})
        if cache._bulkhead:
            # So that they are followed before there is a place for them.
            cache._bulkhead.try_enter()
        def load(keys):
            loading.append(keys)
            Event().wait()
        def in_thread():
            asks = start(cache.get_many_or_load, ["a", "b"], load, max_batch=1)
            gevent.sleep(0)
            asked.append(asks)
            if cache._bulkhead:
                await_here(lambda: waiters("b") == 2)
                cache._bulkhead.leave()
            while not loading:
                gevent.sleep(0)
            return asks.ready()
        loading, asked = [], []
        said = real_thread(in_thread)
        await_here(lambda: asked)
        follower = start(cache.get_or_load, "b", str)
        thread = real_thread(cache.get_or_load, "b", str)
        await_with_others(lambda: said)
        await_with_others(lambda: thread)
        del asked[:]
        print(said, loading, outcome(follower), thread, outcome(start(cache.get_or_load, "a", str)), cache.flights())
        cache._check()
        """,
        "[False] [['a']] b ['b'] a []",
        before=LEFT + WAITERS,
    )


@BOTH
def test_a_listener_whose_thread_ends_has_no_place(first: str) -> None:
    play(
        first,
        """
        cache = Cache(maxsize=1, max_concurrent_loads=1, on_removal=lambda *_: Event().wait())
        cache["old"] = "old"
        print(left(cache.get_or_load, "k", str), cache._bulkhead.free)
        """,
        "[False] 1",
        before=LEFT,
    )


def test_what_its_worker_was_to_gather_longer_is_given_up() -> None:
    play(
        PATCHED,
        """
        cache = stale("abc", refresh_batch_delay=1000)
        def load(keys):
            return dict.fromkeys(keys, "new")
        def in_thread():
            cache.get_many_or_load(["a"], load, max_batch=2)
            gevent.sleep(0)
            return cache._pool._workers.qsize()
        said = real_thread(in_thread)
        await_here(lambda: said)
        await_here(lambda: cache._pool._workers.qsize() > said[0])
        for key in "bc":
            print(cache.get_many_or_load([key], load, max_batch=2))
        await_with_others(lambda: cache.get("b") == cache.get("c") == "new")
        cache.close()
        cache._check()
        """,
        "{'b': 'old'}\n{'c': 'old'}",
        before=LEFT + STALE,
    )
