"""What is remembered without a value: that there is none, that loading failed, that a value may not be kept."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import Any

import pytest

import fastcache
from fastcache import Cache, NotFound
from fastcache.testing import MovableClock
from tests.harness.gates import Call, HeldLoader, await_idle, await_waiters
from tests.harness.loaders import Counting, unexpected

DOWN = ConnectionError("down")


def absent(cache: Cache[Any, Any], *keys: Any) -> None:
    """The loader says of each key that there is none."""
    for key in keys:
        with pytest.raises(NotFound):
            cache.get_or_load(key, Counting(NotFound(key)))


def is_remembered(cache: Cache[Any, Any], key: Any) -> bool:
    """Whether the next caller would be told without a load; it removes what it finds."""
    loader = Counting("loaded")
    with contextlib.suppress(Exception):
        cache.get_or_load(key, loader)
    cache.delete(key)
    return not loader.calls


# ---- not found ----


def test_what_is_not_found_is_asked_for_once_in_its_ttl(make: Any, clock: MovableClock) -> None:
    cache = make(negative_ttl=5)
    loader = Counting(NotFound("k"))
    for _ in range(50):
        with pytest.raises(NotFound, match="k"):
            cache.get_or_load("k", loader)
        clock.advance(1)
    assert len(loader.calls) == 10
    stats = cache.stats()
    assert (stats.loads, stats.load_errors, stats.misses, stats.negative_hits) == (10, 0, 10, 40)


def test_who_is_told_of_a_remembered_absence_gets_a_copy_marked_as_cached(make: Any) -> None:
    cache = make(negative_ttl=5)
    original = NotFound("k", 7)
    with pytest.raises(NotFound) as first:
        cache.get_or_load("k", Counting(original))
    assert first.value is original
    told = []
    for _ in range(2):
        with pytest.raises(NotFound) as later:
            cache.get_or_load("k", unexpected)
        told.append(later.value)
    assert [(error.args, error.cached) for error in told] == [(("k", 7), True)] * 2  # type: ignore[attr-defined]
    assert len({id(original), *map(id, told)}) == 3
    assert not hasattr(original, "cached")


def test_all_who_wait_are_told_and_nobody_loads_again(make: Any) -> None:
    for negative_ttl in (0, 5):
        cache = make(negative_ttl=negative_ttl)
        loader: HeldLoader[Any] = HeldLoader(NotFound("k"))
        leader = Call(cache.get_or_load, "k", loader, default="none")
        loader.gate.reached()
        followers = [Call(cache.get_or_load, "k", unexpected) for _ in range(3)]
        patient = Call(cache.get_or_load, "k", unexpected, default="none")
        await_waiters(cache, 4)
        loader.gate.open()
        assert (leader.result(), patient.result()) == ("none", "none")
        assert {type(call.error()) for call in followers} == {NotFound}
        assert loader.calls == ["k"]


def test_without_a_negative_ttl_each_asks_anew(cache: Cache[Any, Any]) -> None:
    absent(cache, "k")
    assert cache.get_or_load("k", lambda key: "found") == "found"


@pytest.mark.parametrize("negative_ttl", [0, 5])
@pytest.mark.parametrize("window", ["stale_while_revalidate", "stale_if_error"])
def test_what_is_not_found_any_more_is_not_served_stale(
    make: Any, clock: MovableClock, negative_ttl: float, window: str
) -> None:
    removed: list[Any] = []
    cache = make(ttl=10, negative_ttl=negative_ttl, on_removal=lambda *event: removed.append(event), **{window: 1000})
    cache["k"] = "old"
    clock.advance(11)
    gone = Counting(NotFound("k"))
    if window == "stale_while_revalidate":
        assert cache.get_or_load("k", gone) == "old"
        await_idle(cache)
        assert cache.stats().refreshes_ok == 1
    else:
        with pytest.raises(NotFound):
            cache.get_or_load("k", gone)
    assert (cache.get_entry("k"), removed) == (None, [("k", "old", "replaced")])
    if negative_ttl:
        with pytest.raises(NotFound):
            cache.get_or_load("k", unexpected)


def test_which_exceptions_say_so_is_the_caches_to_choose(make: Any) -> None:
    cache = make(negative_ttl=5, negative=(KeyError, FileNotFoundError))
    for key, error in (("a", KeyError("a")), ("b", FileNotFoundError(2, "none", "b"))):
        with pytest.raises(type(error)):
            cache.get_or_load(key, Counting(error))
        with pytest.raises(type(error)) as caught:
            cache.get_or_load(key, unexpected)
        assert str(caught.value) == str(error)
    with pytest.raises(NotFound):
        cache.get_or_load("c", Counting(NotFound("c")))
    assert cache.get_or_load("c", lambda key: "found") == "found"


@pytest.mark.parametrize("negative", [NotFound, KeyError])
def test_a_default_is_returned_instead_remembered_or_not(make: Any, negative: type[Exception]) -> None:
    cache = make(negative_ttl=5, negative=negative)
    default = object()
    assert cache.get_or_load("k", Counting(negative("k")), default=default) is default
    assert cache.get_or_load("k", unexpected, default=default) is default
    assert cache.get_or_load("k", unexpected, default=None) is None
    with pytest.raises(negative):
        cache.get_or_load("k", unexpected)
    assert "k" not in cache


def test_a_default_stands_for_nothing_else(make: Any) -> None:
    cache = make(error_ttl=5)
    for loader in (Counting(DOWN), unexpected):
        with pytest.raises(ConnectionError):
            cache.get_or_load("k", loader, default="none")


def test_the_mapping_knows_nothing_of_absences(make: Any) -> None:
    cache = make(negative_ttl=60, error_ttl=60)
    absent(cache, "k")
    assert (len(cache), list(cache), list(cache.items()), "k" in cache, cache.get("k")) == (0, [], [], False, None)
    assert (cache.get_entry("k"), cache.pop("k", "none"), cache.stats().entries) == (None, "none", 0)
    absent(cache, "k")
    with pytest.raises(KeyError):
        cache.popitem()
    with pytest.raises(KeyError):
        del cache["k"]


@pytest.mark.parametrize("what", ["set", "[]", "setdefault", "update"])
def test_a_write_ends_an_absence(make: Any, what: str) -> None:
    cache = make(negative_ttl=60)
    absent(cache, "k")
    writes: dict[str, Any] = {
        "set": lambda: cache.set("k", 1),
        "[]": lambda: cache.__setitem__("k", 1),
        "setdefault": lambda: cache.setdefault("k", 1),
        "update": lambda: cache.update(k=1),
    }
    writes[what]()
    assert (cache["k"], cache.get_or_load("k", unexpected), len(cache)) == (1, 1, 1)


@pytest.mark.parametrize("what", ["delete", "pop", "expire", "clear", "set for no time"])
def test_a_removal_ends_an_absence(make: Any, what: str) -> None:
    cache = make(negative_ttl=60)
    absent(cache, "k")
    removals: dict[str, Any] = {
        "delete": lambda: cache.delete("k"),
        "pop": lambda: cache.pop("k", None),
        "expire": lambda: cache.expire("k"),
        "clear": lambda: cache.clear(),
        "set for no time": lambda: cache.set("k", 1, ttl=0),
    }
    assert not (removals[what]() and what != "pop")
    assert cache.get_or_load("k", lambda key: "found") == "found"


def test_a_decorated_function_remembers_too(clock: MovableClock) -> None:
    calls = Counter[int]()

    @fastcache.cached(negative_ttl=5, clock=clock)
    def user(number: int) -> str:
        calls[number] += 1
        raise NotFound(number)

    for _ in range(3):
        with pytest.raises(NotFound):
            user(1)
    assert calls == {1: 1}


def test_jitter_spreads_the_ends_of_absences_too(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=60, jitter=(-30, 0), negative_ttl=10, negative_maxsize=1000, seed=5)
    absent(cache, *range(1000))
    ended = []
    for step in (5 - 1e-6, 2.5, 2.5):
        clock.advance(step)
        loader = Counting("found")
        for key in range(1000):
            cache.get_or_load(key, loader, default=None)
        ended.append(len(loader.calls))
    assert ended[0] == 0
    assert 400 < ended[1] < 600
    assert sum(ended) == 1000


# ---- the quota ----


@pytest.mark.parametrize(("maxsize", "quota"), [(1000, 100), (5, 1)])
def test_a_tenth_of_maxsize_is_remembered_and_the_oldest_leaves_first(make: Any, maxsize: Any, quota: int) -> None:
    cache = make(maxsize, policy="lru", negative_ttl=60)
    absent(cache, *range(quota + 3))
    assert cache.stats().negative_evictions == 3
    cache._check()
    # From the youngest on: what turns out to be forgotten becomes a value.
    remembered = [key for key in reversed(range(quota + 3)) if is_remembered(cache, key)]
    assert remembered == list(range(quota + 2, 2, -1))


def test_without_a_maxsize_ten_thousand_are_remembered(make: Any) -> None:
    cache = make(negative_ttl=60)
    for key in range(10_100):
        cache.get_or_load(key, Counting(NotFound(key)), default=None)
    remembered = sum(is_remembered(cache, key) for key in reversed(range(10_100)))
    # Nearly: the oldest leaves of the same stripe, of which there are many, and one that has none keeps no more.
    assert 9900 <= remembered <= 10_000
    assert cache.stats().negative_evictions <= 100
    cache._check()


def test_which_absence_is_oldest_is_when_it_was_found_not_used(make: Any) -> None:
    cache = make(100, policy="lru", negative_ttl=60, negative_maxsize=3)
    absent(cache, "a", "b", "c")
    cache.get_or_load("a", unexpected, default=None)
    # Found anew, "a" is the youngest.
    cache.get_or_load("b", Counting(NotFound("b")), default=None, force=True)
    absent(cache, "d")
    assert [is_remembered(cache, key) for key in "abcd"] == [False, True, True, True]


@pytest.mark.parametrize("maxsize", [10, 1000, 100_000])
@pytest.mark.parametrize("policy", ["adaptive", "lru", "fifo"])
def test_a_flood_of_unknown_keys_evicts_no_value(make: Any, maxsize: int, policy: str) -> None:
    cache = make(maxsize, policy=policy, negative_ttl=60)
    values = dict.fromkeys(range(min(maxsize, 1000)), "value")
    cache.update(values)
    for number in range(3 * maxsize // 10 + 200):
        cache.get_or_load(("unknown", number), Counting(NotFound(number)), default=None)
    assert dict(cache.items()) == values
    assert cache.stats().evictions == 0
    assert cache._counts()[0]["negative_evictions"] >= 100
    cache._check()


def test_a_flood_of_values_leaves_absences_alone(make: Any) -> None:
    cache = make(100, negative_ttl=60, negative_maxsize=10)
    absent(cache, *"abcdefghij")
    cache.update(dict.fromkeys(range(10_000)))
    assert (len(cache), [is_remembered(cache, key) for key in "abcdefghij"]) == (100, [True] * 10)


def test_expired_absences_are_swept_out(make: Any, clock: MovableClock) -> None:
    cache = make(negative_ttl=5, negative_maxsize=50)
    absent(cache, *range(50))
    clock.advance(5)
    cache.sweep()
    absent(cache, *range(50, 100))
    assert cache.stats().negative_evictions == 0


@pytest.mark.parametrize(("value", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError)])
def test_the_quota_is_a_positive_int(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="negative_maxsize"):
        Cache(negative_maxsize=value)


@pytest.mark.parametrize("name", ["negative_ttl", "error_ttl", "uncacheable_ttl", "none_ttl", "max_load_time"])
@pytest.mark.parametrize(("value", "error"), [(-1, ValueError), (float("nan"), ValueError), ("5", TypeError)])
def test_a_wrong_duration_is_refused(name: str, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=name):
        Cache(**{name: value})


@pytest.mark.parametrize("name", ["negative", "stale_on", "fatal"])
@pytest.mark.parametrize("value", [None, "KeyError", KeyError(), (KeyError, 1), KeyboardInterrupt, [KeyError]])
def test_exceptions_are_named_by_classes(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=name):
        Cache(**{name: value})
