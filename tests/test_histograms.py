"""stats() tells how long loads and waits took, and how old values were when they were served."""

from __future__ import annotations

import asyncio

import pytest

from fastcache import Cache, Histogram
from fastcache.testing import MovableClock
from tests.harness.gates import Call, HeldLoader, await_waiters


def buckets(histogram: Histogram) -> dict[float, int]:
    return {bound: count for bound, count in zip(histogram.bounds, histogram.counts, strict=True) if count}


def test_a_load_is_counted_once_however_many_wait_for_it() -> None:
    cache: Cache[str, str] = Cache(ttl=60)
    loader = HeldLoader("value")
    calls = [Call(lambda: cache.get_or_load("k", loader)) for _ in range(4)]
    await_waiters(cache, 3)
    loader.gate.open()
    for call in calls:
        call.result()
    stats = cache.stats()
    assert (stats.load_times.total, stats.wait_times.total) == (1, 3)


@pytest.mark.parametrize("options", [{}, {"wait_timeout": 60}, {"soft_timeout": 60}], ids=str)
def test_who_loads_for_himself_waits_for_nobody(options: dict[str, float]) -> None:
    cache: Cache[str, str] = Cache(ttl=60)
    cache.get_or_load("k", str, **options)
    cache.get_many_or_load(["a", "b"], lambda keys: dict.fromkeys(keys, "value"))

    async def tasks() -> None:
        await cache.aget_or_load("t", str, **options)

    asyncio.run(tasks())
    assert (cache.stats().load_times.total, cache.stats().wait_times.total) == (4, 0)


def test_a_wait_that_an_old_value_ends_is_one() -> None:
    clock = MovableClock()
    cache: Cache[str, str] = Cache(ttl=60, stale_if_error=60, clock=clock)
    cache["k"] = "old"
    clock.advance(61)
    loader = HeldLoader("new")
    leader = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    assert cache.get_or_load("k", loader, soft_timeout=0.001) == "old"
    assert cache.stats().wait_times.total == 1
    loader.gate.open()
    leader.result()


def test_failed_loads_took_their_time_too() -> None:
    cache: Cache[str, str] = Cache()
    with pytest.raises(ZeroDivisionError):
        cache.get_or_load("k", lambda key: 1 / 0)  # type: ignore[arg-type,return-value]
    assert cache.stats().load_times.total == 1


def hit(cache: Cache[str, str], times: int) -> None:
    for _ in range(times):
        assert cache.get("k") == "value"


def test_one_hit_of_a_thousand_notes_the_age_of_its_value() -> None:
    clock = MovableClock()
    cache: Cache[str, str] = Cache(ttl=600, clock=clock)
    cache["k"] = "value"
    clock.advance(5)
    hit(cache, 1023)
    assert cache.stats().hit_ages.total == 0
    hit(cache, 1)
    clock.advance(100)
    hit(cache, 2 * 1024)
    assert cache.stats().hits == 3 * 1024
    # 5 and 105 seconds, between powers of two of a microsecond.
    assert buckets(cache.stats().hit_ages) == {2**23 / 1e6: 1, 2**27 / 1e6: 2}


def test_the_age_counts_from_the_write_whatever_else_is_known_of_the_value() -> None:
    clock = MovableClock()
    cache: Cache[str, str] = Cache(ttl=600, clock=clock, jitter=30, refresh_ahead=60)
    cache.set("k", "value", tags="t")
    clock.advance(5)
    hit(cache, 1024)
    assert buckets(cache.stats().hit_ages) == {2**23 / 1e6: 1}


def test_where_nothing_expires_no_ages_are_known() -> None:
    cache: Cache[str, str] = Cache()
    cache["k"] = "value"
    hit(cache, 5000)
    assert cache.stats().hit_ages == Histogram()


def test_the_difference_of_two_stats_has_what_came_between() -> None:
    cache: Cache[str, str] = Cache()
    cache.get_or_load("a", str)
    before = cache.stats()
    cache.get_or_load("b", str)
    cache.get_or_load("c", str)
    assert (cache.stats() - before).load_times.total == 2


def test_a_quantile_is_the_upper_bound_of_what_so_many_took() -> None:
    counts = [0] * 41
    counts[0], counts[3], counts[10] = 90, 9, 1
    histogram = Histogram(counts)
    assert [histogram.quantile(share) for share in (0, 0.5, 0.9, 0.99, 1)] == [1e-6, 1e-6, 1e-6, 8e-6, 1024e-6]
    assert Histogram().quantile(0.5) == 0.0
    counts[40] = 1
    assert Histogram(counts).quantile(1) == float("inf")


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_is_from_0_to_1(share: float) -> None:
    with pytest.raises(ValueError, match="share must be from 0 to 1"):
        Histogram().quantile(share)


def test_a_histogram_is_a_value() -> None:
    counts = range(41)
    assert Histogram(counts) == Histogram(counts) != Histogram()
    assert hash(Histogram(counts)) == hash(Histogram(counts))
    assert Histogram() != 0
    assert repr(Histogram([2] + [0] * 40)) == "<Histogram of 2: {1e-06: 2}>"
    with pytest.raises(ValueError, match="counts must be 41"):
        Histogram([1])
    with pytest.raises(TypeError):
        Histogram() - 1  # type: ignore[operator]


def test_a_share_that_is_met_exactly_is_met() -> None:
    counts = [0] * len(Histogram.bounds)
    counts[0], counts[30] = 7, 93
    assert Histogram(counts).quantile(0.07) == Histogram.bounds[0]
    assert Histogram(counts).quantile(0.0701) == Histogram.bounds[30]
