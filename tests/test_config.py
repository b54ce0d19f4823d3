"""Wrong arguments: each error names the parameter and the value, where it is given and not later."""

import datetime
import math

import pytest

from fastcache import Cache, SingleFlight, Stats, cached, percent
from fastcache.testing import MovableClock

DAY = datetime.timedelta(days=1)
NOT_SECONDS = [True, "60", [60], object(), 1j, datetime.date(2020, 1, 1)]
BAD_SECONDS = [-1, -0.5, math.nan, math.inf, -math.inf, 1e300, 10**400, 1e-10, -DAY]
DURATIONS = ["ttl", "refresh_ahead", "stale_while_revalidate", "stale_if_error"]


def complains(error, name, value, call, *args, **kwargs):
    """The call raises ``error``, saying the name of the parameter and the value."""
    with pytest.raises(error) as caught:
        call(*args, **kwargs)
    text = str(caught.value)
    assert (name in text, repr(value) in text) == (True, True), text


@pytest.mark.parametrize("make", [Cache, cached])
@pytest.mark.parametrize("name", DURATIONS)
@pytest.mark.parametrize("value", NOT_SECONDS)
def test_a_duration_that_is_no_number_is_a_type_error(make, name, value):
    complains(TypeError, name, value, make, **{"ttl": 60, name: value})


@pytest.mark.parametrize("make", [Cache, cached])
@pytest.mark.parametrize("name", DURATIONS)
@pytest.mark.parametrize("value", BAD_SECONDS)
def test_a_duration_out_of_range_is_a_value_error(make, name, value):
    complains(ValueError, name, value, make, **{"ttl": 60, name: value})


@pytest.mark.parametrize("name", DURATIONS[1:])
@pytest.mark.parametrize("ttl", [None, 0])
def test_a_window_needs_a_ttl(name, ttl):
    complains(ValueError, name, 5, Cache, ttl=ttl, **{name: 5})


@pytest.mark.parametrize("name", DURATIONS[1:])
def test_a_window_cannot_be_none(name):
    complains(TypeError, name, None, Cache, ttl=60, **{name: None})


@pytest.mark.parametrize("ahead", [60, 61, DAY])
def test_refresh_ahead_is_shorter_than_the_ttl(ahead):
    complains(ValueError, "refresh_ahead", ahead, Cache, ttl=60, refresh_ahead=ahead)


def test_refresh_ahead_is_shorter_than_the_shortest_lifetime():
    complains(ValueError, "refresh_ahead", 55, Cache, ttl=60, jitter=5, refresh_ahead=55)
    assert isinstance(Cache(ttl=60, jitter=5, refresh_ahead=54.9), Cache)


@pytest.mark.parametrize("value", [*NOT_SECONDS[:2], *NOT_SECONDS[3:], None, [1, 2]])
def test_a_jitter_that_is_no_number_pair_or_percentage_is_a_type_error(value):
    complains(TypeError, "jitter", value, Cache, ttl=60, jitter=value)


@pytest.mark.parametrize("value", [*BAD_SECONDS, 60, 61, (-60, 0), (-61, 60), (5, -5), (1, 2, 3), (1,), (math.nan, 1)])
def test_a_jitter_out_of_range_is_a_value_error(value):
    with pytest.raises(ValueError, match="jitter"):
        Cache(ttl=60, jitter=value)


@pytest.mark.parametrize("value", [("a", 1), (1, None), (True, 1)])
def test_a_jitter_pair_of_other_things_is_a_type_error(value):
    complains(TypeError, "jitter", value, Cache, ttl=60, jitter=value)


@pytest.mark.parametrize("jitter", [5, (-5, 0), (0, 5), percent(5)])
@pytest.mark.parametrize("ttl", [None, 0])
def test_jitter_needs_a_ttl(jitter, ttl):
    with pytest.raises(ValueError, match="jitter"):
        Cache(ttl=ttl, jitter=jitter)


@pytest.mark.parametrize("share", [-1, 100, 1000, math.nan, math.inf])
def test_a_percentage_is_between_0_and_100(share):
    complains(ValueError, "percent", share, percent, share)


@pytest.mark.parametrize("share", ["10", None, True, 1j])
def test_a_percentage_is_a_number(share):
    complains(TypeError, "percent", share, percent, share)


@pytest.mark.parametrize("make", [Cache, cached])
@pytest.mark.parametrize("name", ["maxsize", "refresh_workers", "refresh_queue"])
@pytest.mark.parametrize(
    ("value", "error"),
    [(0, ValueError), (-1, ValueError), (2**62, ValueError), (True, TypeError), (1.5, TypeError), ("5", TypeError)],
)
def test_a_count_is_a_positive_int(make, name, value, error):
    complains(error, name, value, make, **{"ttl": 60, name: value})


def test_refresh_queue_is_never_unbounded():
    complains(TypeError, "refresh_queue", None, Cache, ttl=60, refresh_queue=None)


@pytest.mark.parametrize("policy", ["LRU", "clock", "", None, 1, ["lru"]])
def test_the_eviction_policy_is_one_of_three(policy):
    complains(ValueError, "policy", policy, Cache, 10, policy=policy)


@pytest.mark.parametrize("clock", [1.0, object(), MovableClock, lambda: 0])
def test_the_clock_is_a_movable_clock(clock):
    complains(TypeError, "clock", clock, Cache, clock=clock)


@pytest.mark.parametrize("seed", [1.5, "1", True, b"1"])
def test_the_seed_is_an_int(seed):
    complains(TypeError, "seed", seed, Cache, ttl=60, seed=seed)


def test_the_name_is_a_str():
    with pytest.raises(TypeError, match="name must be a str or None, not 5"):
        Cache(name=5)


def test_an_unknown_option_is_a_type_error():
    with pytest.raises(TypeError, match="max_size"):
        Cache(max_size=5)
    with pytest.raises(TypeError, match="max_size"):
        cached(max_size=5)


@pytest.mark.parametrize("value", [*NOT_SECONDS])
def test_a_calls_ttl_is_seconds(cache, value):
    complains(TypeError, "ttl", value, cache.set, "k", 1, ttl=value)
    complains(TypeError, "ttl", value, cache.get_or_load, "k", str, ttl=value)
    assert (list(cache), cache.flights()) == ([], [])


@pytest.mark.parametrize("value", BAD_SECONDS)
def test_a_calls_ttl_is_in_range(cache, value):
    complains(ValueError, "ttl", value, cache.set, "k", 1, ttl=value)
    complains(ValueError, "ttl", value, cache.get_or_load, "k", str, ttl=value)
    assert (list(cache), cache.flights()) == ([], [])


@pytest.mark.parametrize(("value", "error"), [(-1, ValueError), (math.nan, ValueError), ("5", TypeError)])
def test_wait_timeout_is_seconds(cache, value, error):
    complains(error, "wait_timeout", value, cache.get_or_load, "k", str, wait_timeout=value)
    assert cache.flights() == []


@pytest.mark.parametrize("loader", [None, 5, "loader"])
def test_the_loader_is_callable_even_if_the_key_is_there(cache, loader):
    cache["k"] = 1
    complains(TypeError, "loader", loader, cache.get_or_load, "k", loader)
    complains(TypeError, "fn", loader, SingleFlight().do, "k", loader)


@pytest.mark.parametrize(("name", "value"), [("typed", 1), ("per_instance", None), ("key", "k")])
def test_the_decorators_own_options_are_checked(name, value):
    complains(TypeError, name, value, cached, **{name: value})


def test_the_decorator_needs_a_callable():
    complains(TypeError, "callable", "function", cached(10), "function")


@pytest.mark.parametrize(("value", "error"), [(-1, ValueError), (math.nan, ValueError), ("5", TypeError)])
def test_a_movable_clock_moves_forward_by_seconds(clock, value, error):
    complains(error, "seconds", value, clock.advance, value)
    complains(error, "start", value, MovableClock, value)
    assert clock.now == 1000.0


def test_durations_are_ints_floats_and_timedeltas(make, clock):
    for ttl in (60, 60.0, datetime.timedelta(minutes=1)):
        cache = make(ttl=ttl)
        cache["k"] = 1
        assert cache.get_entry("k").ttl_left == 60.0


def test_the_longest_ttl_is_a_century(make):
    cache = make(ttl=3_155_760_000, stale_if_error=3_155_760_000, stale_while_revalidate=3_155_760_000)
    cache["k"] = 1
    assert cache["k"] == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda cache: cache.get(),
        lambda cache: cache.get("k", 1, 2),
        lambda cache: cache.get(key="k"),
        lambda cache: cache.get("k", default=1),
        lambda cache: cache.get_or_load(),
        lambda cache: cache.get_or_load("k"),
        lambda cache: cache.get_or_load("k", str, 5),
        lambda cache: cache.get_or_load(key="k", loader=str),
        lambda cache: cache.get_or_load("k", str, tll=5),
        lambda cache: cache.set("k"),
        lambda cache: cache.set("k", 1, 5),
        lambda cache: cache.set("k", 1, tll=5),
        lambda cache: cache.setdefault(),
        lambda cache: cache.pop(),
        lambda cache: cache.pop("k", 1, 2),
        lambda cache: cache.delete(),
        lambda cache: cache.expire("k", 1),
        lambda cache: cache.clear(1),
        lambda cache: cache.update(1, 2),
    ],
)
def test_a_wrong_call_is_a_type_error_and_does_nothing(cache, call):
    with pytest.raises(TypeError):
        call(cache)
    assert (list(cache), cache.stats(), cache.flights()) == ([], Stats(), [])


@pytest.mark.parametrize(
    "name", ["get", "get_or_load", "set", "setdefault", "pop", "delete", "expire", "clear", "_check"]
)
def test_a_method_of_a_cache_takes_no_other_object(name):
    with pytest.raises(TypeError):
        getattr(Cache, name)(object(), "k", str)


def test_a_failed_init_leaves_a_cache_that_is_unbounded_and_harmless():
    cache = Cache.__new__(Cache)
    with pytest.raises(ValueError, match="maxsize"):
        cache.__init__(-1)
    cache["k"] = 1
    assert cache["k"] == 1


@pytest.mark.parametrize("policy", ["lru", "fifo"])
def test_an_exact_order_has_a_bound(policy):
    complains(ValueError, "maxsize", 16_000_001, Cache, 16_000_001, policy=policy)


def test_a_load_may_take_some_time():
    complains(ValueError, "max_load_time", 0, Cache, max_load_time=0)
