"""Weights: ``max_weight`` bounds their sum at all times, and a weigher that fails changes nothing."""

import random
import sys
import threading

import pytest

from fastcache import Cache, NotFound, cached, sizeof
from tests.harness.gates import Call, HeldLoader, await_waiters
from tests.harness.keys import Key
from tests.harness.loaders import Counting, unexpected
from tests.harness.operations import DEEDS, WRITES


class WeigherError(Exception):
    """What a weigher of these tests raises."""


def by_value(key, value):
    return value


def fail(key, value):
    raise WeigherError(key)


NONSENSE = [
    (-1, ValueError),
    (2**62, ValueError),
    (2**64, ValueError),
    (10**30, ValueError),
    (True, TypeError),
    (1.0, TypeError),
    ("1", TypeError),
    (None, TypeError),
]


@pytest.fixture
def heavy(make):
    """Holds 10, each value weighing what it says, the least recently used leaving first."""
    return make(max_weight=10, weigher=by_value, policy="lru", ttl=60)


def test_values_leave_until_the_new_one_fits(heavy):
    heavy.update(a=3, b=3, c=3)
    heavy["d"] = 5
    assert (sorted(heavy), heavy.stats().weight, heavy.stats().evictions) == (["c", "d"], 8, 2)


def test_one_write_may_evict_any_number(make):
    cache = make(max_weight=1000, weigher=by_value)
    cache.update((n, 1) for n in range(1000))
    assert (len(cache), cache.stats().weight) == (1000, 1000)
    cache["heavy"] = 900
    assert (len(cache), cache.stats().weight, cache.stats().evictions) == (101, 1000, 900)


def test_one_load_may_evict_any_number(make):
    cache = make(max_weight=1000, weigher=by_value)
    cache.update((n, 1) for n in range(1000))
    assert cache.get_or_load("heavy", lambda _: 1000) == 1000
    assert (list(cache), cache.stats().evictions) == (["heavy"], 1000)


def test_expired_values_leave_before_live_ones(heavy, clock):
    heavy["live"] = 4
    heavy.set("short", 4, ttl=5)
    heavy["live"]
    clock.advance(5)
    heavy["new"] = 6
    assert (sorted(heavy), heavy.stats().evictions, heavy.stats().expirations) == (["live", "new"], 0, 1)


def test_a_heavier_value_evicts_others_and_never_itself(heavy):
    heavy.update(a=3, b=3, c=3)
    heavy["a"] = 6
    assert dict(heavy.items()) == {"a": 6, "c": 3}
    heavy["a"] = 10
    assert dict(heavy.items()) == {"a": 10}


@pytest.mark.parametrize("policy", ["adaptive", "lru", "fifo"])
def test_the_only_value_of_a_cache_grows_in_its_place(make, policy):
    cache = make(1, max_weight=10, weigher=by_value, policy=policy)
    for weight in range(11):
        cache["k"] = weight
        assert (cache["k"], cache.stats().weight) == (weight, weight)
    assert cache.stats().evictions == 0


def test_a_lighter_value_gives_weight_back(heavy):
    heavy["a"] = 9
    heavy["a"] = 1
    heavy["b"] = 9
    assert dict(heavy.items()) == {"a": 1, "b": 9}


def test_an_expired_value_is_no_weight_to_its_own_successor(heavy, clock):
    heavy.update(a=5, b=5)
    heavy.set("a", 5, ttl=1)
    clock.advance(1)
    heavy["a"] = 5
    assert (dict(heavy.items()), heavy.stats().evictions) == ({"a": 5, "b": 5}, 0)
    clock.advance(60)
    assert heavy.get_or_load("a", lambda _: 10) == 10
    assert (dict(heavy.items()), heavy.stats().weight) == ({"a": 10}, 10)


def test_count_and_weight_are_both_bounds(make):
    cache = make(3, max_weight=10, weigher=by_value, policy="lru")
    cache.update(a=1, b=1, c=1, d=1)
    assert sorted(cache) == ["b", "c", "d"]
    cache["e"] = 9
    assert sorted(cache) == ["d", "e"]


def test_a_value_of_no_weight_takes_a_place_and_no_weight(make):
    cache = make(3, max_weight=1, weigher=lambda key, value: 0)
    cache.update((n, n) for n in range(5))
    assert (len(cache), cache.stats().weight) == (3, 0)


def test_removing_gives_the_weight_back(heavy):
    removals = [heavy.delete, heavy.pop, heavy.expire, heavy.__delitem__]
    for n, remove in enumerate(removals):
        heavy[n] = 2
        remove(n)
        assert heavy.stats().weight == 0
    heavy.update(a=1, b=2)
    heavy.popitem()
    heavy.clear()
    assert heavy.stats().weight == 0


# ---- one too heavy ----


def test_a_value_too_heavy_is_not_kept_and_evicts_nothing(heavy):
    heavy.update(a=3, b=3)
    heavy["c"] = 11
    assert (dict(heavy.items()), heavy.stats().oversized, heavy.stats().evictions) == ({"a": 3, "b": 3}, 1, 0)


def test_a_value_too_heavy_removes_the_one_it_was_written_over(heavy):
    heavy["a"] = 3
    heavy["a"] = 11
    assert ("a" in heavy, heavy.stats().weight) == (False, 0)


def test_a_value_too_heavy_is_handed_to_all_who_waited_for_it(heavy):
    loader = HeldLoader(11)
    leader = Call(heavy.get_or_load, "k", loader)
    loader.gate.reached()
    followers = [Call(heavy.get_or_load, "k", loader) for _ in range(3)]
    await_waiters(heavy, 3)
    loader.gate.open()
    assert [call.result() for call in (leader, *followers)] == [11] * 4
    assert ("k" in heavy, heavy.stats().weight) == (False, 0)


def test_setdefault_returns_a_value_too_heavy(heavy):
    assert heavy.setdefault("k", 11) == 11
    assert "k" not in heavy


def test_a_function_may_return_what_is_too_heavy():
    calls = []

    @cached(max_weight=10, weigher=by_value)
    def weighing(weight):
        calls.append(weight)
        return weight

    assert [weighing(11), weighing(11), weighing(10), weighing(10)] == [11, 11, 10, 10]
    assert calls == [11, 11, 10]


# ---- the weigher ----


@pytest.mark.parametrize("write", WRITES)
def test_a_written_value_is_weighed_once_with_its_key(make, write):
    weighed = []
    cache = make(max_weight=10, weigher=lambda key, value: weighed.append((key, value)) or 1, ttl=60)
    WRITES[write](cache, "k")
    assert weighed == [("k", "new")]


@pytest.mark.parametrize("write", ["set", "setitem", "setdefault", "get_or_load"])
def test_weighing_takes_nothing_from_a_life(make, clock, write):
    cache = make(max_weight=10, weigher=lambda key, value: clock.advance(50) or 1, ttl=60)
    WRITES[write](cache, "k")
    assert cache.get_entry("k").ttl_left == 60


def test_what_is_not_to_be_kept_is_not_weighed(make):
    cache = make(max_weight=10, weigher=fail, ttl=60)
    cache.set("k", 1, ttl=0)
    assert cache.get_or_load("k", lambda _: 1, ttl=0) == 1
    assert (cache.get("k"), "k" in cache, cache.delete("k")) == (None, False, False)


def test_setdefault_weighs_only_what_it_writes(make):
    weights = iter([1])
    cache = make(max_weight=10, weigher=lambda key, value: next(weights))
    assert [cache.setdefault("k", 1), cache.setdefault("k", 2)] == [1, 1]


@pytest.mark.parametrize("write", sorted(set(WRITES) - {"setdefault", "get_or_load"}))
@pytest.mark.parametrize(("said", "error"), [*NONSENSE, (None, WeigherError)])
def test_a_weigher_that_fails_changes_nothing(make, write, said, error):
    weighers = [lambda key, value: 3, fail if error is WeigherError else lambda key, value: said]
    cache = make(max_weight=10, weigher=lambda key, value: weighers[0](key, value), ttl=60)
    cache["k"] = "old"
    del weighers[0]
    with pytest.raises(error) as raised:
        WRITES[write](cache, "k")
    assert (cache["k"], cache.stats().weight) == ("old", 3)
    if error is not WeigherError:
        assert "weigher" in str(raised.value)
        assert repr(said) in str(raised.value)


def test_a_weigher_that_fails_ends_no_load_of_a_value_that_expired(make, clock):
    cache = make(max_weight=10, weigher=lambda key, value: fail(key, value) if value == 5 else 1, ttl=60)
    cache["k"] = 1
    clock.advance(60)
    loader = HeldLoader(2)
    leader = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    with pytest.raises(WeigherError):
        cache.setdefault("k", 5)
    loader.gate.open()
    assert (leader.result(), cache.get("k"), cache.stats().discarded) == (2, 2, 0)


def test_a_weigher_that_fails_leaves_an_absence(make):
    cache = make(max_weight=10, weigher=fail, ttl=60, negative_ttl=60)
    with pytest.raises(NotFound):
        cache.get_or_load("k", Counting(NotFound("k")))
    with pytest.raises(WeigherError):
        cache.setdefault("k", 5)
    with pytest.raises(NotFound):
        cache.get_or_load("k", unexpected)


@pytest.mark.parametrize(("said", "error"), [*NONSENSE, (None, WeigherError)])
def test_a_weigher_that_fails_is_a_load_that_failed(make, said, error):
    cache = make(max_weight=10, weigher=fail if error is WeigherError else lambda key, value: said, ttl=60)
    with pytest.raises(error):
        cache.get_or_load("k", lambda _: 1)
    assert (cache.flights(), len(cache), cache.stats().load_errors) == ([], 0, 1)


def test_followers_of_a_load_get_the_weighers_exception(make):
    cache = make(max_weight=10, weigher=fail, ttl=60)
    loader = HeldLoader(1)
    leader = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    follower = Call(cache.get_or_load, "k", loader)
    await_waiters(cache, 1)
    loader.gate.open()
    for call in (leader, follower):
        with pytest.raises(WeigherError):
            call.result()


def test_an_old_value_is_served_where_a_weigher_fails(make, clock):
    weighers = [by_value, fail]
    cache = make(max_weight=10, weigher=lambda key, value: weighers[0](key, value), ttl=1, stale_if_error=60)
    cache["k"] = 1
    del weighers[0]
    clock.advance(1)
    assert cache.get_or_load("k", lambda _: 2) == 1
    assert isinstance(cache.get_entry("k").last_error, WeigherError)


@pytest.mark.parametrize("deed", DEEDS)
def test_a_weigher_may_use_the_cache(make, deed):
    weights = [1]

    def weigh(key, value):
        if key == "k":
            DEEDS[deed](cache)
        return weights[0]

    cache = make(max_weight=100, weigher=weigh, ttl=60)
    cache[Key("k")] = 0
    cache["k"] = 1
    assert cache.get_or_load("k", lambda _: 2) == 1
    cache._check()


# ---- bytes ----


def test_without_a_weigher_weights_are_bytes(make):
    cache = make(max_weight=100_000)
    cache.update((n, bytes(1000)) for n in range(200))
    assert len(cache) == 100_000 // sizeof(199, bytes(1000))
    assert cache.stats().weight == sum(sizeof(key, value) for key, value in cache.items())


@pytest.mark.parametrize("o", [b"x" * 1000, "x" * 1000, bytearray(1000), 2**8000, None, 1.5, ("a", b"b" * 1000)])
def test_sizeof_counts_what_the_interpreter_does(o):
    parts = sum(map(sys.getsizeof, o)) if isinstance(o, tuple) else 0
    assert sizeof(o, o) == 64 + 2 * (sys.getsizeof(o) + parts)


def test_sizeof_counts_what_a_memoryview_shows():
    assert sizeof(0, memoryview(bytes(1000))[:500]) - sizeof(0, memoryview(b"")) == 500


@pytest.mark.parametrize("o", [[1], {"a": 1}, {1}, Key("k"), (1, [2])])
def test_sizeof_says_so_of_what_it_cannot_measure(o):
    with pytest.raises(TypeError, match=r"weigher"):
        sizeof("k", o)


# ---- options ----


def test_a_weigher_needs_a_max_weight():
    with pytest.raises(ValueError, match=r"weigher=.*max_weight"):
        Cache(weigher=by_value)


def test_the_decorator_drops_its_default_count_for_a_weight():
    @cached(max_weight=10_000, weigher=lambda key, value: 1)
    def double(x):
        return 2 * x

    for n in range(1000):
        double(n)
    assert (double.cache_info().currsize, double.cache_parameters()["maxsize"]) == (1000, None)
    assert double.cache_parameters()["max_weight"] == 10_000


# ---- threads and stripes ----


@pytest.mark.parametrize("maxsize", [None, 200_000])
def test_weights_add_up_over_many_stripes(maxsize):
    cache = Cache(maxsize, max_weight=50_000, weigher=by_value, seed=1)
    rng = random.Random(1)
    for _ in range(20_000):
        key = rng.randrange(5000)
        cache[key] = rng.choice([1, 2, 10, 300])
        if rng.random() < 0.1:
            cache.delete(rng.randrange(5000))
    assert 40_000 < cache.stats().weight <= 50_000
    assert sum(cache.values()) == cache.stats().weight
    cache["whole"] = 50_000
    assert (list(cache), cache.stats().weight) == (["whole"], 50_000)


def test_threads_never_see_more_than_the_maximum():
    cache = Cache(max_weight=1000, weigher=by_value, seed=1)
    most = []

    def work(seed):
        rng = random.Random(seed)
        for _ in range(3000):
            cache[rng.randrange(300)] = rng.randrange(200)
            most.append(cache.stats().weight)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) <= 1000
    assert sum(cache.values()) == cache.stats().weight
