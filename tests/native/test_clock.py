"""The two readings of the clock: the coarse one never ahead, and never far behind."""

import time

import pytest

probe = pytest.importorskip("tests.native.probe", reason="built without FASTCACHE_PROBE=1")


def test_the_coarse_clock_is_never_ahead():
    least, _ = probe.clock_extremes(1_000_000)
    assert least >= 0


def test_the_coarse_clock_lags_by_less_than_the_lag():
    # A thread that is put aside between its two readings sees more; the lag is a bound for one that is not.
    lag = probe.clock_readings()[2]
    assert min(probe.clock_extremes(10_000)[1] for _ in range(20)) < lag


def test_the_exact_clock_is_the_monotonic_one():
    before = time.monotonic_ns()
    _, exact, _ = probe.clock_readings()
    assert before <= exact <= time.monotonic_ns()
