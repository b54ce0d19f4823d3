"""Counters: every lookup counts once, the sums add up, and looking leaves no trace."""

import random

import pytest

from fastcache import Cache, CacheInfo, Histogram, Stats


def counted(cache):
    """The counters that are not zero, without the state and the histograms."""
    counts = {name: getattr(cache.stats(), name) for name in Stats._fields if name != "entries"}
    return {name: count for name, count in counts.items() if count and not isinstance(count, Histogram)}


def test_a_new_cache_has_counted_nothing(cache):
    assert (cache.stats(), cache.stats().hit_ratio) == (Stats(), 0.0)


@pytest.mark.parametrize("read", [Cache.get, Cache.__getitem__, lambda cache, key: cache.get_or_load(key, str)])
def test_a_served_lookup_is_a_hit(cache, read):
    cache["k"] = 1
    read(cache, "k")
    assert counted(cache) == {"hits": 1}


def test_a_lookup_in_vain_is_a_miss(cache):
    cache.get("k")
    with pytest.raises(KeyError):
        cache["k"]
    assert counted(cache) == {"misses": 2}


def test_a_load_is_a_miss_and_a_load(cache):
    cache.get_or_load("k", str)
    assert counted(cache) == {"misses": 1, "loads": 1}


def test_a_failed_load_is_a_miss_and_an_error(cache):
    with pytest.raises(ZeroDivisionError):
        cache.get_or_load("k", lambda _: 1 / 0)
    assert counted(cache) == {"misses": 1, "load_errors": 1}


def test_a_value_served_after_its_expiry_is_a_stale_hit(make, clock):
    cache = make(ttl=1, stale_if_error=10)
    cache["k"] = 1
    clock.advance(1)
    # The first tries to load, and fails; within the pause after that nobody tries.
    assert [cache.get_or_load("k", lambda _: 1 / 0) for _ in range(3)] == [1, 1, 1]
    assert counted(cache) == {"misses": 1, "stale_hits": 2, "load_errors": 1}


@pytest.mark.parametrize(
    "look",
    [
        lambda cache: "k" in cache,
        lambda cache: "x" in cache,
        lambda cache: cache.get_entry("k"),
        lambda cache: cache.get_entry("x"),
        lambda cache: (len(cache), list(cache), list(cache.items()), list(cache.values())),
        lambda cache: (cache.stats(), cache.cache_info(), cache.flights(), repr(cache)),
        lambda cache: cache.setdefault("k"),
        lambda cache: cache.pop("k"),
        lambda cache: cache.delete("x"),
        lambda cache: cache.set("k", 1),
    ],
)
def test_what_is_no_lookup_counts_as_none(cache, look):
    cache["k"] = 1
    look(cache)
    assert counted(cache) == {}


def test_get_entry_leaves_no_trace(make, clock):
    cache = make(2, ttl=10, refresh_ahead=5, policy="lru")
    cache["a"] = 1
    cache["b"] = 2
    clock.advance(6)
    assert (cache.get_entry("a").state, cache.get_entry("a").loading) == ("due", False)
    assert (counted(cache), cache.flights()) == ({}, [])
    cache["c"] = 3
    assert sorted(cache) == ["b", "c"]


def test_lookups_are_hits_stale_hits_and_misses(make, clock):
    cache = make(20, ttl=10, stale_if_error=5)
    rng = random.Random(1)
    lookups = 0
    for n in range(5000):
        key = rng.randrange(40)
        action = rng.randrange(5)
        if action == 0:
            cache[key] = n
        elif action == 1:
            cache.get(key)
        elif action == 2:
            cache.get_or_load(key, str)
        elif action == 3:
            cache.delete(key)
        else:
            clock.advance(0.01)
        lookups += action in (1, 2)
    stats = cache.stats()
    assert stats.hits + stats.stale_hits + stats.misses == lookups
    assert stats.entries == len(cache)


@pytest.mark.parametrize(("step", "evicts"), [(0.25, False), (0.05, True)])
def test_evictions_expirations_and_entries_account_for_every_write(make, clock, step, evicts):
    cache = make(50, ttl=10)
    for n in range(500):
        cache[n] = n
        clock.advance(step)
    stats = cache.stats()
    assert (stats.evictions + stats.expirations + stats.entries, stats.evictions > 0) == (500, evicts)
    clock.advance(10)
    assert (len(cache), cache.stats().evictions + cache.stats().expirations) == (0, 500)


def test_the_hit_ratio_counts_stale_hits_as_hits():
    assert Stats(hits=2, stale_hits=1, misses=1).hit_ratio == 0.75


def test_the_difference_of_two_is_what_happened_between_them(cache):
    cache["k"] = 1
    cache.get("k")
    before = cache.stats()
    cache.get("k")
    cache.get("x")
    cache["x"] = 2
    assert cache.stats() - before == Stats(hits=1, misses=1, entries=2)
    with pytest.raises(TypeError, match="unsupported operand"):
        before - 1


def test_asking_twice_gives_the_same_answer(cache):
    cache.get("x")
    assert cache.stats() == cache.stats()


def test_cache_info_has_the_four_fields_of_lru_cache(make):
    cache = make(5)
    cache["k"] = 1
    cache.get("k")
    cache.get("x")
    assert cache.cache_info() == CacheInfo(hits=1, misses=1, maxsize=5, currsize=1) == (1, 1, 5, 1)
