"""Policy: ready choices, spread into a cache and combined."""

from datetime import timedelta

import pytest

from fastcache import Cache, Policy, cached


def test_hot_key_is_reloaded_in_the_last_fifth_of_its_life(clock):
    assert dict(Policy.hot_key(60)) == {"ttl": 60, "refresh_ahead": 12}
    cache = Cache(1000, **Policy.hot_key(60), clock=clock)
    cache["k"] = 1
    clock.advance(47)
    assert cache.get_entry("k").state == "fresh"
    clock.advance(1)
    assert cache.get_entry("k").state == "due"


def test_bulk_spreads_lifetimes_by_a_twelfth(clock):
    assert dict(Policy.bulk(60)) == {"ttl": 60, "jitter": 5}
    cache = Cache(1000, **Policy.bulk(60), clock=clock)
    cache.update((n, n) for n in range(1000))
    lives = [cache.get_entry(n).ttl_left for n in range(1000)]
    assert (55 <= min(lives) < 56, 64 < max(lives) <= 65) == (True, True)


def test_always_available_serves_the_old_value_while_it_loads_and_if_loads_fail():
    assert dict(Policy.always_available(60)) == {"ttl": 60, "stale_while_revalidate": 60, "stale_if_error": 3600}
    assert isinstance(Cache(**Policy.always_available(60)), Cache)


def test_the_later_of_two_wins_where_it_says_something():
    both = Policy.hot_key(60) | Policy.bulk(120)
    assert dict(both) == {"ttl": 120, "refresh_ahead": 12, "jitter": 10}
    assert dict(Policy.bulk(120) | Policy.hot_key(60)) == {"ttl": 60, "refresh_ahead": 12, "jitter": 10}


def test_all_three_combine_into_one_cache():
    all_three = Policy.always_available(60) | Policy.bulk(60) | Policy.hot_key(60)
    assert sorted(all_three.keys()) == ["jitter", "refresh_ahead", "stale_if_error", "stale_while_revalidate", "ttl"]
    assert isinstance(Cache(**all_three), Cache)


def test_a_policy_of_ones_own_says_only_what_was_chosen():
    assert dict(Policy(ttl=5, jitter=1) | Policy(stale_if_error=3)) == {"ttl": 5, "jitter": 1, "stale_if_error": 3}
    assert dict(Policy()) == {}


def test_spreads_into_the_decorator():
    @cached(10, **Policy.bulk(60))
    def double(n):
        return 2 * n

    assert (double(2), double.cache_parameters()["jitter"]) == (4, 5)


@pytest.mark.parametrize("ready", [Policy.hot_key, Policy.bulk, Policy.always_available, Policy])
def test_a_duration_is_checked_where_the_policy_is_made(ready):
    with pytest.raises(TypeError, match=r"ttl.*'60'"):
        ready("60")
    with pytest.raises(ValueError, match=r"ttl.*-1"):
        ready(-1)


def test_each_option_is_checked_and_named():
    for name in ("jitter", "refresh_ahead", "stale_while_revalidate", "stale_if_error"):
        with pytest.raises(TypeError, match=f"{name}.*'5'"):
            Policy(60, **{name: "5"})
    assert dict(Policy(60, refresh_ahead="auto")) == {"ttl": 60, "refresh_ahead": "auto"}


def test_durations_may_be_timedeltas():
    minute = timedelta(minutes=1)
    assert dict(Policy.hot_key(minute)) == {"ttl": minute, "refresh_ahead": timedelta(seconds=12)}
    for ready in (Policy.bulk, Policy.always_available):
        cache = Cache(**ready(minute))
        cache["k"] = 1
        assert 55 <= cache.get_entry("k").ttl_left <= 65


def test_only_policies_combine():
    with pytest.raises(TypeError, match="unsupported operand"):
        Policy.bulk(60) | {"ttl": 5}


def test_a_policy_does_not_change():
    with pytest.raises(AttributeError):
        Policy.bulk(60).ttl = 5


def test_policies_that_say_the_same_are_equal_and_show_what_they_say():
    one, same = Policy.bulk(60), Policy(ttl=60, jitter=5)
    assert (one == same, hash(one) == hash(same)) == (True, True)
    assert (one == Policy.bulk(61), one == dict(one)) == (False, False)
    assert repr(one) == "Policy(ttl=60, jitter=5.0)"


def test_a_policy_tells_each_option_as_a_cache_would_have_it():
    policy = Policy.bulk(60)
    assert (policy.ttl, policy.jitter, policy.refresh_ahead) == (60, 5, 0)
    with pytest.raises(AttributeError):
        policy.no_such_option  # noqa: B018 - it is to be asked for
