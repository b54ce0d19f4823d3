"""The ages of an entry, to the nanosecond, and the extra part of its life."""

import pytest

probe = pytest.importorskip("tests.native.probe", reason="built without FASTCACHE_PROBE=1")

WINDOWS = {"due_at": 80, "expires_at": 100, "stale_window": 30, "error_window": 50}


@pytest.mark.parametrize(
    ("now", "age"),
    [
        (0, "fresh"),
        (79, "fresh"),
        (80, "due"),
        (99, "due"),
        (100, "stale"),
        (129, "stale"),
        (130, "fallback"),
        (149, "fallback"),
        (150, "expired"),
        (probe.forever - 1, "expired"),
    ],
)
def test_ages_by_the_nanosecond(now, age):
    assert probe.age(now, **WINDOWS) == age


def test_without_windows_an_entry_goes_from_fresh_to_expired():
    assert [probe.age(now, due_at=100, expires_at=100) for now in (99, 100)] == ["fresh", "expired"]


def test_a_window_as_long_as_time_does_not_overflow():
    assert probe.age(101, due_at=100, expires_at=100, stale_window=probe.forever) == "stale"


def test_what_never_expires_is_fresh_at_the_end_of_time():
    assert probe.age(probe.forever - 1, due_at=probe.forever, expires_at=probe.forever) == "fresh"


def test_an_extended_entry_keeps_its_value_and_leaves_the_fast_path():
    assert probe.extended("value", 80, probe.always) == (probe.always, "value", 80, False, 80)


def test_an_extra_that_still_says_something_is_not_trimmed():
    assert probe.extended("value", 80, 500) == (probe.always, "value", 80, True, probe.always)


CENTURY = 3_155_760_000 * 10**9


@pytest.mark.parametrize("ttl", [1, 10**9 + 1, 60 * 10**9, 3600 * 10**9 + 7, CENTURY])
@pytest.mark.parametrize("ahead", [0, 1, 333_333_333_333])
@pytest.mark.parametrize("written", [0, 1, 123_456_789_012_345_678])
def test_the_instants_of_an_entry_are_told_by_their_distances(ttl, ahead, written):
    ahead = min(ahead, ttl // 2)
    told_written, told_due, told_expiry = probe.times(written, written + ttl - ahead, written + ttl)
    assert told_expiry == written + ttl
    assert 0 <= abs(told_expiry - told_due - ahead) <= ahead * 1e-7
    assert abs(told_written - written) <= ttl * 1e-7


def test_what_never_expires_knows_when_it_was_written():
    assert probe.times(123_456_789_012_345_678, probe.forever, probe.forever)[0] == 123_456_789_012_345_678
