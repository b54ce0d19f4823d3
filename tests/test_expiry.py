"""Time to live: exact to the nanosecond, monotonic, and the same for every way of looking."""

import datetime
import time

import pytest

from fastcache import Cache
from tests.harness.child import check_child

NANOSECOND = 1e-9


def sees(cache, key):
    """Every way of asking for a key, as one answer; they agree or it fails."""
    answers = {
        key in cache,
        cache.get(key, None) is not None,
        key in list(cache),
        list(cache.keys()) == [key],
        key in dict(cache.items()),
        cache.get_entry(key) is not None,
        len(cache) == 1,
        bool(list(cache.values())),
    }
    assert len(answers) == 1
    return answers.pop()


def test_lives_for_its_ttl_to_the_nanosecond(make, clock):
    cache = make(ttl=60)
    cache["k"] = "v"
    clock.advance(60 - NANOSECOND)
    assert sees(cache, "k") is True
    assert cache.get_entry("k").ttl_left == pytest.approx(NANOSECOND)
    clock.advance(NANOSECOND)
    assert sees(cache, "k") is False


def test_an_expired_key_is_missing_for_every_operation(make, clock):
    cache = make(ttl=1)
    for key in range(5):
        cache[key] = "old"
    clock.advance(1)
    with pytest.raises(KeyError):
        cache[0]
    with pytest.raises(KeyError):
        del cache[1]
    assert (cache.pop(2, "gone"), cache.delete(3), cache.expire(4)) == ("gone", False, False)
    assert cache.setdefault(4, "new") == "new"
    with pytest.raises(KeyError, match="empty"):
        make(ttl=1).popitem()


def test_writing_again_starts_a_new_life(cache, clock):
    cache["k"] = 1
    clock.advance(59)
    cache["k"] = 2
    clock.advance(59)
    assert cache["k"] == 2


@pytest.mark.parametrize("write", ["item", "set", "tagged", "load"])
def test_a_life_begins_once_the_key_has_been_hashed(cache, clock, write):
    class Slow:
        def __hash__(self):
            clock.advance(5)
            return 7

    key = Slow()
    if write == "item":
        cache[key] = "value"
    elif write == "load":
        cache.get_or_load(key, str)
    else:
        cache.set(key, "value", tags=("t",) if write == "tagged" else ())
    (entry,) = (cache.get_entry(stored) for stored in list(cache))
    # Asking took another five.
    assert entry.ttl_left == 55


def test_reading_does_not_prolong_life(cache, clock):
    cache["k"] = 1
    for _ in range(59):
        clock.advance(1)
        assert cache["k"] == 1
    clock.advance(1)
    assert "k" not in cache


def test_without_ttl_nothing_expires(make, clock):
    cache = make()
    cache["k"] = 1
    clock.advance(3e9)
    assert sees(cache, "k") is True
    assert cache.get_entry("k").ttl_left is None


@pytest.mark.parametrize("ttl", [0.25, 5, datetime.timedelta(seconds=5), 1000])
@pytest.mark.parametrize("own", [None, 60])
def test_a_ttl_of_its_own_wins_over_the_caches(make, clock, ttl, own):
    cache = make(ttl=own)
    cache.set("k", 1, ttl=ttl)
    lives = ttl.total_seconds() if isinstance(ttl, datetime.timedelta) else ttl
    clock.advance(lives - 2 * NANOSECOND)
    assert sees(cache, "k") is True
    clock.advance(2 * NANOSECOND)
    assert sees(cache, "k") is False


def test_a_ttl_of_none_lives_for_ever_in_a_cache_with_one(cache, clock):
    cache.set("k", 1, ttl=None)
    assert cache.get_or_load("l", str, ttl=None) == "l"
    clock.advance(1e6)
    assert sorted(cache) == ["k", "l"]


def test_a_loaded_value_lives_from_the_end_of_its_load(cache, clock):
    cache.get_or_load("k", lambda _: clock.advance(100))
    clock.advance(59)
    assert "k" in cache
    clock.advance(1)
    assert "k" not in cache


def test_a_loaded_value_takes_its_calls_ttl(cache, clock):
    cache.get_or_load("k", str, ttl=5)
    clock.advance(5)
    assert cache.get_or_load("k", lambda _: "again") == "again"


def test_ttl_zero_keeps_nothing(make):
    cache = make(ttl=0)
    cache["k"] = 1
    assert cache.setdefault("k", 2) == 2
    assert cache.get_or_load("k", str) == "k"
    assert (len(cache), list(cache), cache.get("k"), cache.stats().entries) == (0, [], None, 0)


def test_a_call_with_ttl_zero_removes_what_was_there(cache):
    cache["k"] = 1
    cache.set("k", 2, ttl=0)
    assert "k" not in cache
    assert (cache.get_or_load("k", str, ttl=0), "k" in cache) == ("k", False)


def test_expire_ends_a_life_now(make, clock):
    cache = make()
    cache["k"] = 1
    assert (cache.expire("k"), cache.expire("k"), cache.expire("other")) == (True, False, False)
    assert sees(cache, "k") is False


def test_len_iteration_and_membership_agree_while_values_expire_one_by_one(make, clock):
    cache = make()
    for ttl in range(1, 101):
        cache.set(ttl, ttl, ttl=ttl)
    for left in range(100, -1, -1):
        expected = list(range(101 - left, 101))
        assert (len(cache), sorted(cache), [key for key in range(1, 101) if key in cache]) == (left, expected, expected)
        clock.advance(1)


@pytest.mark.parametrize("step", [-86400 * 365, 86400 * 365])
def test_steps_of_the_systems_clock_do_nothing(monkeypatch, step):
    cache = Cache(ttl=300)
    cache["k"] = 1
    stepped = time.time() + step
    monkeypatch.setattr(time, "time", lambda: stepped)
    monkeypatch.setattr(time, "time_ns", lambda: int(stepped * 1e9))
    assert (cache.get("k"), "k" in cache, len(cache)) == (1, True, 1)
    assert 299 < cache.get_entry("k").ttl_left <= 300


@pytest.mark.parametrize("ttl", [0.05, 0.2])
@pytest.mark.parametrize("look", [Cache.get, Cache.__contains__, lambda cache, key: len(cache)])
def test_real_time_expiry_is_never_early_and_never_late(ttl, look):
    cache = Cache(ttl=ttl)
    life = int(ttl * 1e9)
    earliest = time.monotonic_ns() + life
    cache["k"] = True
    latest = time.monotonic_ns() + life
    lives = True
    while lives:
        before = time.monotonic_ns()
        lives = bool(look(cache, "k"))
        # Served: the look began before the expiry.  Not served: it ended after.
        assert before < latest if lives else time.monotonic_ns() >= earliest


def test_an_emptied_cache_forgets_when_its_values_would_have_expired():
    check_child(
        """
        from fastcache import Cache
        from fastcache.testing import MovableClock

        clock = MovableClock()
        for look in (len, list, lambda cache: cache.set("k", 1, ttl=0), lambda cache: cache.get_or_load("k", str)):
            cache = Cache(ttl=1, clock=clock)
            cache["k"] = 1
            clock.advance(10)
            cache.clear()
            look(cache)
            cache._check()
        print("fine")
        """,
        out="fine",
    )
