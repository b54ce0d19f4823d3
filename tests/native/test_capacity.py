"""The capacity is the cache's, not a stripe's."""

import pytest

from fastcache import Cache

probe = pytest.importorskip("tests.native.probe", reason="built without FASTCACHE_PROBE=1")

MAXSIZE = 100_000


@pytest.fixture(scope="module")
def neighbours():
    """Keys of one stripe of such a cache, and one key of another."""
    like = Cache(MAXSIZE)
    by_stripe = {}
    n = 0
    while len(by_stripe.get(0, ())) < 2000:
        by_stripe.setdefault(probe.stripe_number(like, n), []).append(n)
        n += 1
    return by_stripe[0], by_stripe[1][0]


def test_one_stripe_may_fill_the_whole_cache(neighbours):
    keys, _ = neighbours
    cache = Cache(MAXSIZE)
    cache.update((str(n), n) for n in range(MAXSIZE - len(keys)))
    cache.update((key, key) for key in keys)
    assert (len(cache), cache.stats().evictions) == (MAXSIZE, 0)


def test_a_key_of_an_empty_stripe_evicts_from_another(neighbours):
    keys, stranger = neighbours
    cache = Cache(MAXSIZE)
    # Any key but the stranger's stripe-mates will do to fill the rest.
    rest = (n for n in range(10**9, 2 * 10**9) if probe.stripe_number(cache, n) != 1)
    cache.update((next(rest), n) for n in range(MAXSIZE))
    cache[stranger] = "stranger"
    assert (len(cache), cache.stats().evictions, cache[stranger]) == (MAXSIZE, 1, "stranger")
    assert cache.get_or_load(keys[0], str) == str(keys[0])
    assert (len(cache), cache.stats().evictions) == (MAXSIZE, 2)
    cache._check()


@pytest.mark.parametrize("maxsize", [33_000, 100_000, 500_000, 4_000_000])
def test_keys_are_spread_evenly_over_any_number_of_stripes(maxsize):
    cache = Cache(maxsize)
    stripes = [0] * probe.stripes(cache)
    for n in range(100 * len(stripes)):
        stripes[probe.stripe_number(cache, str(n))] += 1
    assert len(stripes) > 1
    assert min(stripes) > 40
    assert max(stripes) < 170
