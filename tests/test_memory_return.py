"""Memory: what has expired or left is given back, in small steps, whoever comes by."""

import gc
import subprocess
import sys
import tracemalloc
from itertools import pairwise

import pytest

from fastcache import Cache
from fastcache.testing import MovableClock


def entries(cache):
    return cache.stats().entries


@pytest.fixture
def traced():
    """The bytes that Python and the core have allocated since the start of the test."""
    gc.collect()
    tracemalloc.start()
    # Without a GIL, what has been emptied is given back at a collection.
    yield lambda: (gc.collect(), tracemalloc.get_traced_memory()[0])[1]
    tracemalloc.stop()


OPTIONS = {
    "unbounded": {},
    "bounded": {"maxsize": 100_000},
    "lru": {"maxsize": 100_000, "policy": "lru"},
    "weighed": {"max_weight": 10**6, "weigher": lambda key, value: 1},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_after_a_mass_expiry_a_few_keys_in_use_bring_the_memory_back(make, clock, traced, options):
    cache = make(ttl=10, **options)
    keys = list(range(100_000))
    empty = traced()
    for key in keys:
        cache[key] = None
    full = traced() - empty
    clock.advance(10)
    for n in range(40_000):
        cache[n % 4] = None
        cache.get(n % 7)
    assert entries(cache) == 4
    assert full > 4_000_000
    # Without a GIL a shelf may keep 128 kB for readers, which no lock tells of.
    assert traced() - empty < full / 40


def test_misses_alone_bring_it_back_too(make, clock, traced):
    cache = make(ttl=10)
    empty = traced()
    cache.update((n, n) for n in range(20_000))
    clock.advance(10)
    for _ in range(10_000):
        cache.get("missing")
    # A little is left for each of many stripes.
    assert (entries(cache), traced() - empty < 150_000) == (0, True)


def test_loads_alone_bring_it_back_too(make, clock):
    cache = make(ttl=10)
    cache.update((n, n) for n in range(20_000))
    clock.advance(10)
    for n in range(10_000):
        cache.get_or_load(n % 3, str, ttl=1)
        clock.advance(1)
    assert entries(cache) <= 3


def test_sweep_removes_what_has_expired_for_good_and_says_how_much(make, clock, traced):
    cache = make(ttl=10, stale_if_error=5)
    empty = traced()
    cache.update((n, n) for n in range(20_000))
    cache.set("long", 1, ttl=60)
    clock.advance(14)
    assert (cache.sweep(), entries(cache)) == (0, 20_001)
    clock.advance(1)
    assert (cache.sweep(), entries(cache), cache["long"], cache.stats().expirations) == (20_000, 1, 1, 20_000)
    # A little is left for each of many stripes, and the chunk that the one value lies in.
    assert traced() - empty < 150_000
    assert cache.sweep() == 0


@pytest.mark.parametrize("remove", [Cache.delete, Cache.pop])
def test_removing_gives_memory_back(make, traced, remove):
    cache = make()
    empty = traced()
    cache.update((n, None) for n in range(50_000))
    for n in range(50_000):
        remove(cache, n)
    assert traced() - empty < 50_000


def test_no_step_of_a_mass_expiry_removes_many(make, clock):
    cache = make(ttl=10)
    cache.update((n, n) for n in range(20_000))
    clock.advance(10)
    left = [entries(cache)]
    for _ in range(5000):
        cache["k"] = 1
        left.append(entries(cache))
    assert left[-1] == 1
    assert max(before - after for before, after in pairwise(left)) <= 10


def test_what_is_left_is_found_after_the_memory_went(make, clock):
    cache = make(ttl=10)
    cache.update((n, n) for n in range(50_000))
    for n in range(0, 50_000, 97):
        cache.set(n, -n, ttl=None)
    clock.advance(10)
    cache.sweep()
    cache._check()
    assert dict(cache.items()) == {n: -n for n in range(0, 50_000, 97)}
    cache.update((n, n) for n in range(50_000))
    cache._check()
    assert dict(cache.items()) == {n: n for n in range(50_000)}


# ---- popitem ----


def test_popitem_empties_a_cache_looking_at_each_slot_about_once(make):
    cache = make()
    cache.update((n, -n) for n in range(50_000))
    pairs = [cache.popitem() for _ in range(50_000)]
    assert sorted(pairs) == [(n, -n) for n in range(50_000)]
    with pytest.raises(KeyError, match="empty"):
        cache.popitem()


def test_popitem_passes_over_what_has_expired(make, clock):
    cache = make(ttl=10)
    cache.update((n, n) for n in range(5000))
    cache.set("k", "v", ttl=60)
    clock.advance(10)
    assert cache.popitem() == ("k", "v")
    with pytest.raises(KeyError):
        cache.popitem()


def test_popitem_costs_no_more_in_a_large_cache():
    code = """
import sys, time
from fastcache import Cache
def drain(count):
    cache = Cache(count)
    cache.update((n, n) for n in range(count))
    start = time.thread_time()
    for _ in range(count):
        cache.popitem()
    return (time.thread_time() - start) / count
small = min(drain(500) for _ in range(5))
print(drain(30_000) / small)
"""
    ratio = float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
    # A copy of what is left, for each, made it several hundred.
    assert ratio < 20


def test_memory_comes_back_while_threads_read_and_write():
    from tests.harness.gates import Call

    clock = MovableClock()
    cache = Cache(ttl=10, clock=clock, seed=1)
    cache.update((n, n) for n in range(100_000))
    clock.advance(10)

    def work(name):
        for n in range(20_000):
            cache[name, n % 4] = n
            assert cache.get((name, n % 4)) == n

    for call in [Call(work, name) for name in "ab"]:
        call.result()
    assert entries(cache) == 8
    cache._check()
