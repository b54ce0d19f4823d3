"""Copies and pickles of caches and of what is decorated: values travel with what is left of their lives."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fastcache import Cache, cached, lru_cache, percent
from fastcache.testing import MovableClock
from tests.harness.child import check_child

WAYS: list[Callable[[Any], Any]] = [copy.copy, copy.deepcopy, lambda cache: pickle.loads(pickle.dumps(cache))]
ALL_WAYS = pytest.mark.parametrize("duplicate", WAYS, ids=["copy", "deepcopy", "pickle"])
# Those that keep the clock; a pickle is of caches with the system's.
COPIES = pytest.mark.parametrize("duplicate", WAYS[:2], ids=["copy", "deepcopy"])


def weigh(key: Any, value: Any) -> int:
    return len(value)


class Named(Cache[str, int]):
    """A subclass with an ``__init__`` and an attribute of its own."""

    def __init__(self, label: str) -> None:
        super().__init__(5, 60)
        self.label = label


class Owner:
    """What has a cached method."""

    @cached(per_instance=True)
    def method(self, number: int) -> int:
        return number

    @lru_cache
    def shared(self, number: int) -> int:
        return number


@ALL_WAYS
def test_a_duplicate_has_the_items_and_the_options(duplicate: Callable[[Any], Any]) -> None:
    options: dict[str, Any] = {
        "maxsize": 7, "ttl": 60.0, "jitter": percent(5), "refresh_ahead": 5, "stale_if_error": 9, "policy": "lru",
        "max_weight": 1000, "weigher": weigh, "negative_ttl": 5, "max_concurrent_loads": 3, "none_ttl": None,
        "name": "n",
    }  # fmt: skip
    cache = Cache(**options)
    cache.update({"k": "v", ("t", 1): "vv"})
    made = duplicate(cache)
    assert type(made) is Cache
    assert (dict(made.items()), made.stats().weight, repr(made)) == (dict(cache.items()), 3, repr(cache))
    assert made._options == options
    made["k"] = "other"
    assert (cache["k"], made["k"]) == ("v", "other")


@COPIES
def test_values_go_on_with_their_lives_and_jitter_is_not_drawn_anew(
    duplicate: Callable[[Any], Any], clock: MovableClock
) -> None:
    cache = Cache[int, int](ttl=100, jitter=50, refresh_ahead=10, clock=clock, seed=1)
    for number in range(50):
        cache[number] = number
    cache.set("forever", 1, ttl=None)
    clock.advance(20)
    made = duplicate(cache)
    for key in cache:
        was, is_now = cache.get_entry(key), made.get_entry(key)
        assert was is not None
        assert is_now is not None
        assert (is_now.ttl_left, is_now.age) == pytest.approx((was.ttl_left, was.age), abs=1e-3)
    clock.advance(60)
    assert sorted(map(str, made)) == sorted(map(str, cache))
    assert 1 < len(made) < 51
    assert {key for key in made if made.get_entry(key).state == "due"} == {
        key for key in cache if cache.get_entry(key).state == "due"
    }


def test_a_pickle_holds_durations_for_another_process(tmp_path: Any) -> None:
    cache = Cache[str, int](10, 1000)
    cache["k"] = 1
    cache.set("long", 2, ttl=None)
    path = tmp_path / "pickle"
    path.write_bytes(pickle.dumps(cache))
    check_child(
        """
        import pickle, sys
        with open(sys.argv[1], "rb") as file:
            cache = pickle.load(file)
        print(990 < cache.get_entry("k").ttl_left <= 1000, cache.get_entry("long").ttl_left, cache["k"], cache["long"])
        """,
        str(path),
        out="True None 1 2",
    )


@COPIES
def test_what_is_expired_stays_behind(duplicate: Callable[[Any], Any], clock: MovableClock) -> None:
    cache = Cache[str, int](ttl=10, stale_if_error=100, clock=clock)
    cache["old"] = 1
    clock.advance(10)
    cache["new"] = 2
    assert dict(duplicate(cache).items()) == {"new": 2}


@ALL_WAYS
def test_tags_travel(duplicate: Callable[[Any], Any]) -> None:
    cache = Cache[str, int](ttl=60)
    cache.set("k", 1, tags=("a", "b"))
    cache.set("other", 2)
    made = duplicate(cache)
    assert made.get_entry("k").tags == ("a", "b")
    made.invalidate_tag("a")
    assert (dict(made.items()), dict(cache.items())) == ({"other": 2}, {"k": 1, "other": 2})


def test_a_copy_holds_the_same_objects_and_a_deep_copy_others() -> None:
    cache = Cache[str, list[int]]()
    cache["k"] = [1]
    assert copy.copy(cache)["k"] is cache["k"]
    made = copy.deepcopy(cache)
    assert made["k"] == [1]
    assert made["k"] is not cache["k"]


@pytest.mark.parametrize("duplicate", WAYS[1:], ids=["deepcopy", "pickle"])
def test_a_cache_that_holds_itself_holds_its_duplicate_then(duplicate: Callable[[Any], Any]) -> None:
    cache = Cache[str, Any]()
    cache["me"] = [cache]
    made = duplicate(cache)
    assert made["me"][0] is made
    for one in (cache, made):
        one.clear()


@ALL_WAYS
def test_a_subclass_keeps_its_attributes_and_is_not_initialised(duplicate: Callable[[Any], Any]) -> None:
    cache = Named("label")
    cache["k"] = 1
    made = duplicate(cache)
    assert (type(made), made.label, made["k"], made.cache_info().maxsize) == (Named, "label", 1, 5)


@COPIES
def test_copies_share_executors_clocks_and_listeners(duplicate: Callable[[Any], Any], clock: MovableClock) -> None:
    told: list[Any] = []
    with ThreadPoolExecutor(1) as pool:
        cache = Cache[str, int](5, 60, clock=clock, executor=pool, on_removal=lambda *what: told.append(what))
        cache["k"] = 1
        made = duplicate(cache)
        assert made.clock is clock
        assert made._executor is pool
        # To be copied is not to leave.
        assert told == []
        made.clear()
        assert told == [("k", 1, "explicit")]


@ALL_WAYS
def test_duplicating_leaves_no_trace_and_counts_begin_anew(duplicate: Callable[[Any], Any]) -> None:
    cache = Cache[str, int](5, 60)
    cache["k"] = 1
    assert cache["k"] == 1
    before = cache.stats()
    made = duplicate(cache)
    assert cache.stats() == before
    assert made.stats().hits == 0


def test_what_cannot_be_pickled_of_the_options_says_so() -> None:
    with ThreadPoolExecutor(1) as pool, pytest.raises(TypeError, match="pickle"):
        pickle.dumps(Cache(executor=pool))
    with pytest.raises(Exception, match="lambda"):
        pickle.dumps(Cache(on_removal=lambda *_: None))


@pytest.mark.parametrize("function", [Owner.method, Owner.shared])
def test_what_is_decorated_is_pickled_by_its_place(function: Any) -> None:
    assert [copy.copy(function), copy.deepcopy(function), pickle.loads(pickle.dumps(function))] == [function] * 3


def test_bound_methods_are_pickled_with_their_instance() -> None:
    owner = Owner()
    assert (owner.method(1), owner.shared(1)) == (1, 1)
    for bound in (owner.method, owner.shared):
        assert pickle.loads(pickle.dumps(bound))(2) == 2


def test_the_copy_of_a_cache_that_hands_out_copies_holds_what_the_cache_held() -> None:
    cache: Cache[str, Any] = Cache(ttl=60, copy=pickle.loads)
    cache["k"] = pickle.dumps([1])
    for other in (copy.copy(cache), copy.deepcopy(cache), pickle.loads(pickle.dumps(cache))):
        assert other["k"] == [1]
