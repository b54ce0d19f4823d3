"""A bounded cache: never more than maxsize, the right one leaves, and memory stays where it is."""

import gc
import random
import tracemalloc
from collections import OrderedDict
from itertools import pairwise

import pytest

from fastcache import Cache

POLICIES = ["adaptive", "lru", "fifo"]


def entries(cache):
    return cache.stats().entries


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("maxsize", [1, 2, 3, 10, 1000])
def test_never_holds_more_than_maxsize(make, maxsize, policy):
    cache = make(maxsize, ttl=100, policy=policy)
    for n in range(3 * maxsize):
        cache[n] = n
        assert entries(cache) == len(cache) == min(n + 1, maxsize)
        assert cache[n] == n
    assert cache.stats().evictions == 2 * maxsize


@pytest.mark.parametrize("policy", POLICIES)
def test_a_loaded_value_takes_a_place_like_any_other(make, policy):
    cache = make(3, policy=policy)
    for n in range(10):
        assert cache.get_or_load(n, lambda key: -key) == -n
        assert len(cache) == min(n + 1, 3)


def test_replacing_evicts_nobody(make):
    cache = make(2)
    cache.update(a=1, b=2)
    for n in range(10):
        cache["a"] = n
    assert (dict(cache.items()), cache.stats().evictions) == ({"a": 9, "b": 2}, 0)


def test_what_was_removed_gives_its_place_back(make):
    cache = make(2)
    cache.update(a=1, b=2)
    del cache["a"]
    cache["c"] = 3
    assert (sorted(cache), cache.stats().evictions) == (["b", "c"], 0)
    cache.clear()
    cache.update(d=4, e=5)
    assert (sorted(cache), cache.stats().evictions) == (["d", "e"], 0)


@pytest.mark.parametrize("policy", ["lru", "fifo"])
def test_lru_and_fifo_are_exact(make, policy):
    cache, model = make(50, policy=policy), OrderedDict()
    rng = random.Random(1)
    for n in range(20_000):
        key = int(rng.expovariate(1 / 40))
        action = rng.random()
        if action < 0.5:
            assert cache.get(key) == model.get(key)
            if key in model and policy == "lru":
                model.move_to_end(key)
        elif action < 0.9:
            cache[key] = model[key] = n
            if policy == "lru":
                model.move_to_end(key)
            if len(model) > 50:
                model.popitem(last=False)
        else:
            assert cache.pop(key, None) == model.pop(key, None)
    assert dict(cache.items()) == model


def test_lru_is_exact_in_a_big_cache(make):
    cache = make(100_000, policy="lru")
    cache.update((n, n) for n in range(100_000))
    for n in range(0, 100_000, 2):
        cache.get(n)
    cache.update((-n, n) for n in range(1, 50_001))
    assert sorted(cache) == [*range(-50_000, 0), *range(0, 100_000, 2)]


def test_looking_without_touching_leaves_the_order_alone(make):
    cache = make(2, policy="lru")
    cache.update(a=1, b=2)
    assert ("a" in cache, cache.get_entry("a").value, list(cache.items())) == (True, 1, [("a", 1), ("b", 2)])
    cache["c"] = 3
    assert sorted(cache) == ["b", "c"]


@pytest.mark.parametrize("read", [Cache.get, Cache.__getitem__, Cache.setdefault])
def test_a_read_saves_from_eviction(make, read):
    cache = make(2, policy="lru")
    cache.update(a=1, b=2)
    read(cache, "a")
    cache["c"] = 3
    assert sorted(cache) == ["a", "c"]


def test_what_is_used_stays_while_a_scan_passes(make):
    cache = make(100)
    hot = [f"hot {n}" for n in range(20)]
    cache.update((key, key) for key in hot)
    for n in range(10_000):
        cache[n] = n
        if n % 50 == 0:
            assert [cache.get(key) for key in hot] == hot


@pytest.mark.parametrize("policy", POLICIES)
def test_expired_values_leave_before_live_ones(make, clock, policy):
    cache = make(100, ttl=1000, policy=policy)
    cache.update((n, n) for n in range(50))
    for n in range(50, 100):
        cache.set(n, n, ttl=5)
        cache.get(n)
    clock.advance(5)
    cache.update((n, n) for n in range(100, 150))
    assert (sorted(cache), cache.stats().evictions) == ([*range(50), *range(100, 150)], 0)
    assert cache.stats().expirations == 50


@pytest.mark.parametrize("policy", POLICIES)
def test_in_a_big_cache_expired_values_make_room_with_hardly_a_live_one_lost(make, clock, policy):
    cache = make(100_000, ttl=1000, policy=policy)
    cache.update((n, n) for n in range(50_000))
    for n in range(50_000, 100_000):
        cache.set(n, n, ttl=5)
    clock.advance(5)
    cache.update((n, n) for n in range(100_000, 150_000))
    # An eviction looks for an expired value only so far.
    assert cache.stats().evictions < 50
    assert sum(n in cache for n in range(50_000)) > 49_950


def test_a_call_of_len_removes_what_has_expired(make, clock):
    cache = make(ttl=1)
    cache.update((n, n) for n in range(1000))
    clock.advance(1)
    assert (entries(cache), len(cache), entries(cache)) == (1000, 0, 0)


def test_writes_sweep_out_what_has_expired_a_few_at_a_time(make, clock):
    cache = make(30_000, ttl=10)
    cache.update((n, n) for n in range(2000))
    clock.advance(10)
    left = [entries(cache)]
    for n in range(1000):
        cache[-1 - n] = n
        left.append(entries(cache))
    # A write adds one value.
    swept = [before + 1 - after for before, after in pairwise(left)]
    assert max(swept) <= 10
    assert left[-1] == 1000
    assert cache.stats().expirations == 2000


def test_a_value_within_a_stale_window_is_not_swept_out(make, clock):
    cache = make(30_000, ttl=10, stale_if_error=10)
    cache.update((n, n) for n in range(100))
    clock.advance(19)
    cache.update((-n, n) for n in range(1, 1001))
    assert (len(cache), entries(cache)) == (1000, 1100)
    clock.advance(1)
    cache.update((-n, n) for n in range(1, 1001))
    assert entries(cache) == 1000


@pytest.mark.parametrize("policy", POLICIES)
def test_memory_stays_bounded_however_many_keys_pass(policy):
    cache = Cache(1000, ttl=100, policy=policy)

    def churn(start):
        for n in range(start, start + 50_000):
            cache[f"key {n}"] = (n,)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        first = churn(0)
        assert churn(50_000) - first < 20_000
        assert first < 400_000
    finally:
        tracemalloc.stop()


def test_a_cache_of_many_stripes_fills_to_its_maxsize_before_anything_is_evicted():
    cache = Cache(100_000)
    cache.update((n, n) for n in range(100_000))
    assert (len(cache), cache.stats().evictions) == (100_000, 0)
    assert all(n in cache for n in range(100_000))
    cache.update((n, n) for n in range(100_000, 150_000))
    assert (len(cache), cache.stats().evictions) == (100_000, 50_000)
