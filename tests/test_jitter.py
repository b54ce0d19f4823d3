"""Jitter: lifetimes drawn at the write, uniform over their range, and the same again from the same seed."""

import datetime

import pytest

from fastcache import Cache, percent

WRITES = 20_000
BINS = 20
# 19 degrees of freedom: one in a thousand honest generators exceeds it, and the seeds are fixed.
CHI_SQUARE = 43.8


def lives(cache, writes=1000, **how):
    """The lifetimes of so many keys, all written now."""
    for n in range(writes):
        cache.set(n, n, **how)
    return [cache.get_entry(n).ttl_left for n in range(writes)]


def chi_square(numbers, low, high):
    seen = [0] * BINS
    for number in numbers:
        assert low <= number <= high
        seen[min(int((number - low) / (high - low) * BINS), BINS - 1)] += 1
    expected = len(numbers) / BINS
    return sum((count - expected) ** 2 / expected for count in seen)


@pytest.mark.parametrize(
    ("jitter", "low", "high"),
    [
        (5, 55, 65),
        (0.5, 59.5, 60.5),
        (datetime.timedelta(seconds=5), 55, 65),
        ((-5, 0), 55, 60),
        ((0, 30), 60, 90),
        ((-1, 2.5), 59, 62.5),
        ((datetime.timedelta(seconds=-2), datetime.timedelta(seconds=2)), 58, 62),
        (percent(10), 54, 66),
        (percent(0.5), 59.7, 60.3),
    ],
)
def test_lifetimes_are_uniform_over_their_range(make, jitter, low, high):
    assert chi_square(lives(make(ttl=60, jitter=jitter, seed=7), WRITES), low, high) < CHI_SQUARE


def test_the_pair_of_neighbouring_draws_is_uniform_too(make):
    drawn = lives(make(ttl=60, jitter=5, seed=3), WRITES)
    steps = [(b - a) % 10 for a, b in zip(drawn[::2], drawn[1::2], strict=True)]
    assert chi_square(steps, 0, 10) < CHI_SQUARE


def test_without_jitter_all_live_equally_long(make):
    assert set(lives(make(ttl=60))) == {60.0}


@pytest.mark.parametrize("nothing", [0, 0.0, (0, 0), percent(0)])
def test_a_jitter_of_nothing_is_none(make, nothing):
    assert set(lives(make(ttl=60, jitter=nothing))) == {60.0}
    assert set(lives(make(jitter=nothing))) == {None}


def test_one_seed_gives_the_same_lifetimes_again(make):
    assert lives(make(ttl=60, jitter=5, seed=1)) == lives(make(ttl=60, jitter=5, seed=1))


@pytest.mark.parametrize("other", [2, 0, -1, 2**64 - 1, 2**200])
def test_other_seeds_give_other_lifetimes(make, other):
    assert not set(lives(make(ttl=60, jitter=5, seed=1))) & set(lives(make(ttl=60, jitter=5, seed=other)))


def test_caches_without_a_seed_have_different_ones(make):
    assert lives(make(ttl=60, jitter=5)) != lives(make(ttl=60, jitter=5))


def test_each_write_draws_anew(make):
    cache = make(ttl=60, jitter=5, seed=1)
    drawn = set()
    for _ in range(100):
        cache["k"] = 1
        drawn.add(cache.get_entry("k").ttl_left)
    assert len(drawn) == 100


def test_a_loaded_value_has_jitter_too(make):
    cache = make(ttl=60, jitter=5, seed=1)
    for n in range(WRITES // 10):
        cache.get_or_load(n, str)
    assert chi_square([cache.get_entry(n).ttl_left for n in range(WRITES // 10)], 55, 65) < CHI_SQUARE


def test_a_shorter_ttl_of_a_call_has_its_share_of_jitter(make):
    assert chi_square(lives(make(ttl=60, jitter=6, seed=1), WRITES, ttl=10), 9, 11) < CHI_SQUARE


def test_a_longer_ttl_of_a_call_has_the_caches_jitter(make):
    assert chi_square(lives(make(ttl=60, jitter=6, seed=1), WRITES, ttl=600), 594, 606) < CHI_SQUARE


def test_what_never_expires_has_no_jitter(make):
    assert set(lives(make(ttl=60, jitter=5), ttl=None)) == {None}


def test_a_value_lives_for_what_was_drawn(make, clock):
    cache = make(ttl=60, jitter=(-5, 0), seed=9)
    drawn = lives(cache, 100)
    clock.advance(57)
    assert [n in cache for n in range(100)] == [life > 57 for life in drawn]
    assert 0 < sum(life > 57 for life in drawn) < 100


def test_the_stripes_of_a_big_cache_draw_from_different_sequences(clock):
    drawn = lives(Cache(200_000, ttl=60, jitter=5, seed=1, clock=clock), WRITES)
    assert len(set(drawn)) > WRITES - 10
    assert chi_square(drawn, 55, 65) < CHI_SQUARE
