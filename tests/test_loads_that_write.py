"""Loads during which other values come to the cache: each finds its place in the order all the same."""

from __future__ import annotations

from typing import Any

import pytest

import fastcache
from fastcache import Cache
from tests.harness.child import check_child
from tests.harness.gates import Call, HeldLoader, await_no_flights

POLICIES = ["adaptive", "lru", "fifo"]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_loader_may_write_to_the_cache(make: Any, policy: Any) -> None:
    cache = make(1000, policy=policy)

    def load(key: int) -> int:
        for part in range(key % 7):
            cache[key, part] = part
        return key

    for key in range(1000):
        assert cache.get_or_load(key, load) == key
        cache._check()
    assert len(cache) == 1000


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("held", [0, 200])
def test_many_loads_within_loads_all_find_a_place(policy: str, held: int) -> None:
    check_child(
        """
        import sys, threading
        from fastcache import Cache

        def nested():
            cache = Cache(10_000, policy=sys.argv[1])
            for n in range(int(sys.argv[2])):
                cache[-n] = n
            def load(key):
                return cache.get_or_load(key + 1, load) + 1 if key < 400 else 0
            assert cache.get_or_load(1, load) == 399
            cache._check()
            for n in range(20_000):
                cache["new", n] = n
            cache._check()
            print("sound")

        sys.setrecursionlimit(100_000)
        threading.stack_size(512 * 1024 * 1024)
        thread = threading.Thread(target=nested)
        thread.start()
        thread.join()
        """,
        policy,
        str(held),
        out="sound",
    )


@pytest.mark.parametrize("policy", POLICIES)
def test_keys_may_be_written_while_all_of_them_load(make: Any, policy: Any) -> None:
    cache = make(1000, policy=policy)
    loader = HeldLoader("loaded")
    calls = [Call(cache.get_or_load, key, loader) for key in range(300)]
    loader.gate.reached(300)
    for key in range(300):
        cache[key] = key
        cache._check()
    loader.gate.open()
    assert {call.result() for call in calls} == {"loaded"}
    await_no_flights(cache)
    assert dict(cache.items()) == {key: key for key in range(300)}


def test_a_recursive_cached_function_keeps_all_its_results() -> None:
    @fastcache.cached(maxsize=10_000)
    def fibonacci(n: int) -> int:
        return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

    assert fibonacci(60) == 1548008755920
    assert isinstance(fibonacci.cache, Cache)
    fibonacci.cache._check()
    assert fibonacci.cache_info().currsize == 61
