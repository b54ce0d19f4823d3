"""The random sequences: seeded, apart from each other, uniform."""

import pytest

probe = pytest.importorskip("tests.native.probe", reason="built without FASTCACHE_PROBE=1")


def drawn(seed, stream=0, count=100):
    random = probe.RandomProbe(seed, stream)
    return [random.next() for _ in range(count)]


def test_one_seed_gives_one_sequence():
    assert drawn(5) == drawn(5)


def test_the_sequence_is_that_of_xorshift64_star():
    random = probe.RandomProbe(12345)
    x = random.state
    for _ in range(10):
        x ^= x >> 12
        x ^= x << 25 & 2**64 - 1
        x ^= x >> 27
        assert random.next() == x * 0x2545F4914F6CDD1D % 2**64


def test_neighbouring_seeds_and_streams_share_nothing():
    sequences = [drawn(seed, stream) for seed in range(10) for stream in range(10)]
    assert len({number for sequence in sequences for number in sequence}) == 100 * 100


def test_no_seed_gets_stuck_at_zero():
    # splitmix64 maps this seed, in stream 0, to zero.
    stuck = -0x9E3779B97F4A7C15 % 2**64
    random = probe.RandomProbe(stuck)
    assert random.state != 0
    assert len(set(drawn(stuck))) == 100


@pytest.mark.parametrize("bound", [1, 2, 3, 1000, 2**40, 2**63 - 1])
def test_draws_stay_below_their_bound(bound):
    random = probe.RandomProbe(1)
    numbers = [random.below(bound) for _ in range(1000)]
    assert 0 <= min(numbers) <= max(numbers) < bound


def test_draws_are_uniform():
    random = probe.RandomProbe(2)
    buckets = [0] * 20
    for _ in range(20_000):
        buckets[random.below(20)] += 1
    # 19 degrees of freedom: one in a thousand honest generators exceeds 43.8, and the seed is fixed.
    assert sum((seen - 1000) ** 2 / 1000 for seen in buckets) < 43.8
