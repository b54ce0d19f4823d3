"""Readers amid writers: each value belongs to its key, and every hit is counted once."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from fastcache import Cache, cached
from tests.harness.child import check_child
from tests.harness.effort import EFFORT
from tests.harness.gates import all_at_once


@pytest.mark.parametrize("maxsize", [300, None, 10_000], ids=["full", "unbounded", "striped"])
def test_readers_get_the_values_of_their_keys_while_writers_do_everything(maxsize: int | None) -> None:
    check_child(
        f"""
        from tests.harness.readers import Trial

        reads, hits, writes = Trial({maxsize}).run({EFFORT}, readers=2, writers=2)
        print(hits > 1000, writes > 1000)
        """,
        out="True True",
        limit=60 + 10 * EFFORT,
    )


@pytest.mark.parametrize("threads", [1, 2, 3, 40])
def test_every_hit_is_counted_once_whoever_counts(threads: int) -> None:
    cache: Cache[int, int] = Cache(100)
    cache.update({n: n for n in range(50)})

    def work() -> int:
        return sum(cache[n % 50] == n % 50 for n in range(2000))

    # Again with other threads, which may be given the identity of those that have ended.
    for turn in range(1, 4):
        assert sum(call.result() for call in all_at_once(threads, work)) == threads * 2000
        assert cache.stats().hits == turn * threads * 2000
    assert cache.stats().misses == 0


def test_hits_of_threads_one_after_another_are_counted() -> None:
    cache: Cache[str, int] = Cache(100)
    cache["a"] = 1
    for _ in range(200):
        thread = threading.Thread(target=cache.get, args=("a",))
        thread.start()
        thread.join()
    assert cache.stats().hits == 200


def test_a_cached_function_counts_the_hits_of_all_its_threads() -> None:
    @cached(None)
    def double(n: int) -> int:
        return 2 * n

    def work() -> None:
        for n in range(1000):
            assert double(n % 100) == 2 * (n % 100)

    for n in range(100):
        double(n)
    for call in all_at_once(8, work):
        call.result()
    info: Any = double.cache_info()
    assert (info.hits, info.misses) == (8000, 100)


def test_a_value_read_while_it_is_replaced_is_dropped_by_who_read_it() -> None:
    # What was taken and given back again must leave neither a reference too many nor one too few.
    check_child(
        f"""
        import gc, threading, time, weakref
        from fastcache import Cache

        class Value:
            pass

        cache = Cache(100)
        made = 0
        stop = False

        def read():
            while not stop:
                for name in ("a", "b"):
                    value = cache.get(name)
                    assert value is None or value.name == name

        threads = [threading.Thread(target=read) for _ in range(2)]
        for thread in threads:
            thread.start()
        until = time.monotonic() + {EFFORT}
        watched = []
        while time.monotonic() < until:
            for name in ("a", "b"):
                value = Value()
                value.name = name
                watched.append(weakref.ref(value))
                cache[name] = value
                del value
            made += 2
            if len(watched) > 1000:
                watched = [ref for ref in watched if ref() is not None]
        stop = True
        for thread in threads:
            thread.join()
        cache.clear()
        gc.collect()
        print(made > 100, sum(ref() is not None for ref in watched))
        """,
        out="True 0",
        limit=60 + 10 * EFFORT,
    )
