"""``fastcache.compat.cachetools`` beyond what cachetools' own tests check, which ``make compat`` runs."""

from __future__ import annotations

import contextlib
import copy
import gc
import pickle
import statistics
import timeit
import weakref
from datetime import datetime, timedelta
from typing import Any

import pytest

from fastcache import RecursiveLoadError
from fastcache.compat.cachetools import (
    Cache,
    FIFOCache,
    LRUCache,
    TLRUCache,
    TTLCache,
    cached,
    cachedmethod,
    func,
    keys,
)
from tests.harness.gates import HeldLoader, all_at_once, await_until
from tests.harness.keys import Key


class Hands:
    """A timer that stands still until it is moved."""

    def __init__(self, now: Any = 0) -> None:
        self.now = now

    def __call__(self) -> Any:
        return self.now


KINDS = (Cache, FIFOCache, LRUCache, lambda n, **kw: TTLCache(n, 60, **kw), lambda n, **kw: TLRUCache(n, later, **kw))


def later(key: object, value: object, now: float) -> float:
    return now + 60


def seconds(key: object, value: float, now: float) -> float:
    return now + value


@pytest.mark.parametrize("make", KINDS)
def test_the_bound_of_items_and_of_sizes_holds_at_all_times(make: Any) -> None:
    counted, sized = make(10), make(10, getsizeof=lambda value: value % 4)
    for number in range(1000):
        counted[number] = number
        sized[number % 37] = number
        assert len(counted) <= 10
        assert sized.currsize <= 10
        assert sized.currsize == sum(value % 4 for value in sized.values())
    counted._check()
    sized._check()


@pytest.mark.parametrize("make", KINDS)
def test_values_of_no_size_are_many(make: Any) -> None:
    cache = make(1, getsizeof=lambda value: 0)
    cache.update((number, None) for number in range(100))
    assert (len(cache), cache.currsize) == (100, 0)


def test_a_size_is_asked_for_once_for_each_write() -> None:
    asked = []

    def size(value: int) -> int:
        asked.append(value)
        return 1

    cache = LRUCache[str, int](2, getsizeof=size)
    cache["a"] = 1
    cache.setdefault("a", 2)
    cache.setdefault("b", 3)
    assert asked == [1, 3]


@pytest.mark.parametrize("make", KINDS)
def test_room_is_made_by_the_popitem_of_a_subclass(make: Any) -> None:
    gone = []

    class Telling(type(make(1))):  # type: ignore[misc]
        def popitem(self) -> Any:
            pair = super().popitem()
            gone.append(pair)
            return pair

    more = {"ttl": 60} if issubclass(Telling, TTLCache) else {"ttu": later} if issubclass(Telling, TLRUCache) else {}
    cache = Telling(2, **more)
    for number in range(4):
        cache[number] = number
    cache[3] = "again"
    assert gone == [(0, 0), (1, 1)]
    assert dict(cache) == {2: 2, 3: "again"}


def test_get_goes_through_what_a_subclass_has_replaced() -> None:
    class Doubling(LRUCache[str, int]):
        def __getitem__(self, key: str, /) -> int:
            return 2 * super().__getitem__(key)

    cache = Doubling(3)
    cache["a"] = 1
    assert (cache.get("a"), cache.get("b", 7)) == (2, 7)


def test_views_leave_the_order_of_use_alone() -> None:
    cache = LRUCache[str, int](2)
    cache.update(a=1, b=2)
    assert (list(cache.values()), list(cache.items()), "a" in cache) == ([1, 2], [("a", 1), ("b", 2)], True)
    cache["c"] = 3
    assert "a" not in cache


def test_reading_while_iterating_never_raises() -> None:
    cache = LRUCache[int, int](5)
    cache.update((number, number) for number in range(5))
    assert [cache[key] for key in cache] == [0, 1, 2, 3, 4]


def test_a_fifo_cache_forgets_what_was_written_first_whatever_is_read() -> None:
    cache = FIFOCache[str, int](2)
    cache.update(a=1, b=2)
    assert (cache["a"], cache.get("a"), cache.setdefault("a", 9)) == (1, 1, 1)
    cache["c"] = 3
    assert sorted(cache) == ["b", "c"]


@pytest.mark.parametrize(("unit", "ttl"), [(1, 0.5), (1, 60), (1, 10**7), (1000, 60_000), (10**9, 60 * 10**9)])
def test_a_timer_may_count_in_any_unit_for_years(unit: int, ttl: float) -> None:
    hands = Hands(1_700_000_000 * unit)
    cache = TTLCache[str, int](10, ttl, timer=hands)
    hands.now += 100 * 365 * 86_400 * unit
    cache["a"] = 1
    hands.now += ttl * 0.99
    assert cache.get("a") == 1
    hands.now += ttl * 0.02
    assert cache.get("a") is None


def test_an_item_is_gone_at_the_very_instant_of_its_expiry() -> None:
    hands = Hands(0.1)
    cache = TTLCache[str, int](10, 0.2, timer=hands)
    cache["a"] = 1
    hands.now = 0.1 + 0.2
    assert "a" not in cache


@pytest.mark.parametrize("view", ["__iter__", "keys", "values", "items"])
def test_a_walk_asks_the_timer(view: str) -> None:
    hands = Hands()
    cache = TTLCache[str, int](10, 5, timer=hands)
    cache.update(a=1, b=2)
    hands.now = 100
    assert [one for one in getattr(cache, view)()] == []  # noqa: C416 - list() would ask for the length


def test_a_timer_that_goes_back_brings_items_back_that_nobody_removed() -> None:
    hands = Hands(100)
    cache = TTLCache[str, int](10, 10, timer=hands)
    cache["a"] = 1
    hands.now = 50
    assert cache["a"] == 1
    hands.now = 110
    assert "a" not in list(cache)


def test_a_timer_may_tell_dates() -> None:
    hands = Hands(datetime(2026, 1, 1))
    cache = TLRUCache[str, timedelta](10, lambda key, value, now: now + value, timer=hands)
    cache.update(short=timedelta(hours=1), long=timedelta(days=400))
    hands.now += timedelta(days=399)
    assert list(cache) == ["long"]


@pytest.mark.parametrize("ttl", [0, -1, timedelta(0)])
@pytest.mark.parametrize("timer", [{}, {"timer": Hands()}])
def test_a_ttl_of_nothing_keeps_nothing(ttl: Any, timer: dict[str, Any]) -> None:
    if timer and isinstance(ttl, timedelta):
        timer = {"timer": Hands(datetime(2026, 1, 1))}
    cache = TTLCache[str, int](10, ttl, **timer)
    cache["a"] = 1
    assert (len(cache), cache.get("a"), cache.setdefault("a", 2), "a" in cache) == (0, None, 2, False)


@pytest.mark.parametrize("wrong", ["1", None, True])
def test_a_ttl_that_is_no_duration_raises_type_error(wrong: Any) -> None:
    with pytest.raises(TypeError, match=f"ttl must be .*, not {wrong!r}"):
        TTLCache(10, wrong)


def test_the_default_timer_is_the_systems_clock() -> None:
    cache = TTLCache[str, int](10, 0.05)
    cache["a"] = 1
    assert cache["a"] == 1
    await_until(lambda: "a" not in cache)
    lasting = TTLCache[str, int](10, 60)
    lasting["b"] = 2
    assert lasting.expire() == []
    assert lasting.expire(lasting.timer() + 61) == [("b", 2)]


def test_expire_tells_all_that_has_expired_by_age() -> None:
    hands = Hands()
    cache = TLRUCache[int, float](1000, seconds, timer=hands)
    cache.update((number, 1000.0 - number) for number in range(500))
    hands.now = 600
    assert [key for key, _ in cache.expire()] == list(range(499, 399, -1))
    assert len(cache) == 400
    cache._check()


def test_a_copy_leaves_and_expires_as_its_original() -> None:
    hands = Hands(1000)
    cache = TTLCache[str, int](3, 60, timer=hands)
    cache["a"] = 1
    hands.now += 50
    cache.update(b=2, c=3)
    assert cache["a"] == 1
    copied = copy.copy(cache)
    copied["d"] = 4
    assert (sorted(copied), sorted(cache)) == (["a", "c", "d"], ["a", "b", "c"])
    hands.now += 10
    assert sorted(cache) == ["b", "c"]


def test_a_pickle_counts_from_its_own_timer_when_it_is_loaded() -> None:
    cache = TTLCache[str, int](3, 3600)
    cache["a"] = 1
    other = pickle.loads(pickle.dumps(cache))
    ((_, _, left),) = other._leavers()
    assert 3590e9 < left <= 3600e9


def test_a_cache_in_a_cycle_is_collected() -> None:
    class Value:
        cache: Any

    def cycle() -> weakref.ref[Value]:
        value = Value()
        value.cache = TTLCache(10, 60, timer=lambda: 0 if value else 1, getsizeof=lambda _: 1 if value else 2)
        value.cache["a"] = value
        return weakref.ref(value)

    watched = cycle()
    gc.collect()
    assert watched() is None


def test_keys_that_compare_in_python_may_use_the_cache() -> None:
    cache = LRUCache[Any, int](2)
    key = Key("a", on_eq=lambda: cache.get("b"))
    cache[key] = 1
    assert (cache[Key("a")], cache.pop(Key("a"))) == (1, 1)
    cache._check()


@pytest.mark.parametrize("cache", [LRUCache(10), TTLCache(10, 60), {}], ids=["LRUCache", "TTLCache", "dict"])
def test_one_call_for_all_who_ask_at_once(cache: Any) -> None:
    load = HeldLoader("value")
    function = cached(cache, info=True)(load)
    calls = all_at_once(8, function, 1)
    load.gate.reached()
    await_until(lambda: sum(flight.waiters for flight in function._flights.flights()) == 7)
    load.gate.open()
    assert [call.result() for call in calls] == ["value"] * 8
    assert load.calls == [1]
    assert function.cache_info()[:2] == (0, 8)
    assert cache[keys.hashkey(1)] == "value"


def test_objects_that_share_a_mapping_share_one_call() -> None:
    shared = LRUCache[Any, str](10)
    load = HeldLoader("value")

    class Reader:
        @cachedmethod(lambda self: shared)
        def read(self, number: int) -> str:
            return load(number)

    calls = [*all_at_once(1, Reader().read, 1)]
    load.gate.reached()
    calls += all_at_once(3, Reader().read, 1)
    descriptor = vars(Reader)["read"]
    await_until(lambda: sum(flight.waiters for flight in descriptor.flights.flights()) == 3)
    load.gate.open()
    assert [call.result() for call in calls] == ["value"] * 4
    assert load.calls == [1]


def test_a_function_that_needs_its_own_result_raises() -> None:
    @cached(LRUCache(10))
    def endless(number: int) -> int:
        return endless(number)

    with pytest.raises(RecursiveLoadError):
        endless(1)


@pytest.mark.parametrize("timer", [{}, {"timer": lambda: 0}], ids=["monotonic", "own timer"])
def test_threads_that_do_everything_at_once_leave_it_sound(timer: dict[str, Any]) -> None:
    cache = TTLCache[int, int](50, 0.01 if not timer else 10, getsizeof=lambda value: value % 3, **timer)

    def run() -> None:
        for number in range(400):
            key = number * 7 % 97
            cache[key] = number
            cache.get(key)
            cache.setdefault(key + 1, 1)
            cache.pop(key + 2, None)
            if number % 20 == 0:
                cache.expire()
                dict(cache.items())
                copy.copy(cache)
                with contextlib.suppress(KeyError):
                    cache.popitem()

    for call in all_at_once(4, run):
        call.result()
    assert cache.currsize <= 50
    cache._check()


def test_what_is_too_large_is_returned_and_not_kept() -> None:
    cache = LRUCache[Any, str](3, getsizeof=len)
    function = cached(cache)(lambda text: text)
    assert (function("long"), function("ab"), len(cache)) == ("long", "ab", 1)


@pytest.mark.parametrize("decorator", [func.fifo_cache, func.lru_cache, func.ttl_cache])
def test_the_functions_of_func_share_one_call(decorator: Any) -> None:
    load = HeldLoader("value")
    function = decorator(maxsize=10)(load)
    calls = all_at_once(4, function, 1)
    load.gate.reached()
    await_until(lambda: sum(flight[2] for flight in function.cache._flights()) == 3)
    load.gate.open()
    assert [call.result() for call in calls] == ["value"] * 4
    assert (load.calls, function.cache_info()) == ([1], (0, 4, 10, 1))


def test_func_counts_by_a_timer_of_its_own() -> None:
    hands = Hands()
    function = func.ttl_cache(ttl=10, timer=hands)(lambda number: object())
    first = function(1)
    hands.now = 9.5
    assert function(1) is first
    hands.now = 10
    assert function(1) is not first


def test_a_tlru_cache_does_not_load_without_a_lifetime() -> None:
    with pytest.raises(TypeError, match="TLRUCache has no lifetime"):
        TLRUCache[int, int](10, seconds).get_or_load(1, lambda key: key)


def test_a_hit_is_thirty_times_as_fast_as_the_originals() -> None:
    original = pytest.importorskip("cachetools")
    theirs, ours = original.TTLCache(1000, 60), TTLCache(1000, 60)
    theirs["key"] = ours["key"] = 1
    ratios = []
    for _ in range(15):
        pair = [timeit.timeit('cache.get("key")', globals={"cache": cache}, number=20_000) for cache in (theirs, ours)]
        ratios.append(pair[0] / pair[1])
    print(f"{statistics.median(ratios):.1f}")
    assert statistics.median(ratios) >= 30
