"""The Django backend beyond what Django's own tests check, which ``make compat`` runs."""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("django")

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache

if not settings.configured:
    settings.configure()

from fastcache.compat import stores
from fastcache.django import FastCache
from tests.harness.gates import Call, HeldLoader, all_at_once, await_until


@pytest.fixture
def make(request: pytest.FixtureRequest) -> Iterator[Callable[..., FastCache]]:
    made: list[FastCache] = []

    def build(**options: Any) -> FastCache:
        params = {name: options.pop(name) for name in ("TIMEOUT", "KEY_PREFIX") if name in options}
        made.append(FastCache(request.node.name, {**params, "OPTIONS": options}))
        return made[-1]

    yield build
    for cache in made:
        assert cache._cache._flights() == []
        cache._cache._check()
        cache.clear()


Make = Callable[..., FastCache]


def left(cache: FastCache, key: str) -> float | None:
    look = cache._cache._look(cache.make_key(key))
    assert look is not None
    return look[2]


def test_all_threads_share_the_store_of_a_location(make: Make) -> None:
    make().set("key", "value")
    assert Call(lambda: make().get("key")).result() == "value"


def test_each_thread_of_a_django_process_sees_one_cache() -> None:
    named = {"default": {"BACKEND": "fastcache.django.FastCache", "LOCATION": "threads"}}
    handler = type(caches)(named)
    handler["default"].set("key", "value")
    other: list[Any] = []
    thread = threading.Thread(target=lambda: other.extend((handler["default"], handler["default"].get("key"))))
    thread.start()
    thread.join()
    assert other[0] is not handler["default"]
    assert other[1] == "value"


def test_closing_after_a_request_keeps_everything(make: Make) -> None:
    cache = make()
    cache.set("key", "value")
    cache.close()
    assert cache.get("key") == "value"


def test_one_call_for_all_who_get_or_set_at_once(make: Make) -> None:
    load = HeldLoader(["value"])
    cache = make()
    calls = all_at_once(8, cache.get_or_set, "key", lambda: load("key"))
    load.gate.reached()
    await_until(lambda: sum(flight[2] for flight in cache._cache._flights()) == 7)
    load.gate.open()
    values = [call.result() for call in calls]
    assert load.calls == ["key"]
    assert values == [["value"]] * 8
    assert len(set(map(id, values))) == 8
    assert left(cache, "key") == pytest.approx(300, abs=60)


def test_a_default_that_raises_reaches_all_and_is_not_kept(make: Make) -> None:
    load = HeldLoader(LookupError("none"))
    cache = make()
    calls = all_at_once(3, cache.get_or_set, "key", lambda: load("key"))
    load.gate.reached()
    await_until(lambda: sum(flight[2] for flight in cache._cache._flights()) == 2)
    load.gate.open()
    assert [type(call.error()) for call in calls] == [LookupError] * 3
    assert "key" not in cache


def test_get_or_set_takes_values_and_none(make: Make) -> None:
    cache = make()
    assert (cache.get_or_set("key", None), cache.get_or_set("key", 5)) == (None, None)
    assert (cache.get_or_set("none", 7, timeout=0), cache.get("none")) == (7, None)


def test_one_of_many_who_add_succeeds(make: Make) -> None:
    cache = make()
    calls = all_at_once(16, lambda: cache.add("key", threading.get_ident()))
    assert sorted(call.result() for call in calls) == [False] * 15 + [True]


def test_add_does_not_wait_for_who_computes(make: Make) -> None:
    load = HeldLoader("loaded")
    cache = make()
    call = Call(cache.get_or_set, "key", lambda: load())
    load.gate.reached()
    assert cache.add("key", "added") is True
    load.gate.open()
    assert (call.result(), cache.get("key")) == ("loaded", "added")


@pytest.mark.parametrize("copy", ["pickle", "none"])
def test_no_increment_is_lost(make: Make, copy: str) -> None:
    cache = make(COPY=copy)
    cache.set("key", 10**9)

    def count() -> None:
        for _ in range(500):
            cache.incr("key")

    for call in all_at_once(4, count):
        call.join()
    assert cache.get("key") == 10**9 + 2000


def test_an_increment_keeps_what_was_set_meanwhile(make: Make) -> None:
    class Interrupting(int):
        def __add__(self, other: int) -> int:
            if cache.get("key") == 1:
                cache.set("key", 10)
            return int(self) + other

    cache = make(COPY="none")
    cache.set("key", Interrupting(1))
    assert (cache.incr("key"), cache.get("key")) == (11, 11)


def test_incrementing_keeps_the_timeout(make: Make) -> None:
    cache = make()
    cache.set("key", 1, timeout=3000)
    assert (cache.incr("key"), cache.decr("key", 5)) == (2, -3)
    assert left(cache, "key") == pytest.approx(3000, abs=60)
    cache.set("lasting", 1, timeout=None)
    cache.incr("lasting")
    assert left(cache, "lasting") is None


def test_touching_changes_the_timeout_and_not_the_value(make: Make) -> None:
    cache = make(TIMEOUT=None)
    cache.set("key", ["value"], timeout=10)
    for timeout, expected in ((1000, 1000), (None, None), (5000, 5000)):
        assert cache.touch("key", timeout) is True
        assert left(cache, "key") == (None if expected is None else pytest.approx(expected, abs=60))
    assert (cache.touch("key"), left(cache, "key"), cache.get("key")) == (True, None, ["value"])
    assert (cache.touch("key", -1), cache.get("key"), cache.touch("key")) == (True, None, False)


def test_pickling_runs_with_nothing_locked(make: Make) -> None:
    class Reentrant:
        def __reduce__(self) -> tuple[type[int], tuple[int]]:
            cache.set("inner", 1)
            cache.add("added", 1)
            cache.get("outer")
            return int, (5,)

    cache = make()
    cache.set("outer", Reentrant())
    assert cache.add("outer", Reentrant()) is False
    assert (cache.get("outer"), cache.get_or_set("new", Reentrant())) == (5, 5)


def test_copies_are_each_callers_own_unless_none_are_asked_for(make: Make) -> None:
    value = [1]
    cache = make()
    cache.set("key", value)
    assert cache.get("key") == value
    assert cache.get("key") is not cache.get("key")
    identical = make(COPY="none")
    identical.set("key", value)
    assert identical.get("key") is value
    lock = threading.Lock()
    identical.set("lock", lock)
    assert identical.get("lock") is lock
    with pytest.raises((TypeError, pickle.PickleError)):
        cache.set("lock", lock)


def test_a_wrong_copy_option_is_told(make: Make) -> None:
    with pytest.raises(ValueError, match="COPY must be 'pickle' or 'none', not 'deep'"):
        make(COPY="deep")


def test_culling_removes_a_share_of_what_was_not_used(make: Make) -> None:
    cache = make(MAX_ENTRIES=30, CULL_FREQUENCY=3)
    for number in range(30):
        cache.set(f"key{number}", number)
    assert [cache.get(f"key{number}") for number in range(10)] == list(range(10))
    cache.set("key0", "again")
    assert cache._cache.held() == 30
    cache.set("more", 1)
    assert cache._cache.held() == 21
    assert all(f"key{number}" in cache for number in [*range(10), *range(20, 30)])


def test_a_century_is_the_longest_timeout(make: Make) -> None:
    cache = make()
    cache.set("key", 1, timeout=10**12)
    assert left(cache, "key") == pytest.approx(3_155_760_000, abs=60)


def test_the_methods_for_asyncio_start_no_thread(make: Make) -> None:
    cache = make()

    async def use() -> list[Any]:
        caller = threading.get_ident()
        seen: list[Any] = [
            await cache.aadd("n", 1),
            await cache.aincr("n", 5),
            await cache.adecr("n"),
            await cache.aget("n"),
            await cache.ahas_key("n"),
            await cache.atouch("n", 100),
            await cache.aset("m", 2),
            await cache.aget_many(["n", "m", "x"]),
            await cache.aget_or_set("own", threading.get_ident) == caller,
            await cache.aincr_version("m"),
            await cache.aget("m", version=2),
            await cache.aset_many({"o": 3}),
            await cache.adelete("o"),
            await cache.adelete_many(["n"]),
            await cache.aclear(),
            await cache.aget("m", "gone", 2),
        ]
        return seen

    before = threading.active_count()
    assert asyncio.run(use()) == [
        True, 6, 5, 5, True, True, None, {"n": 5, "m": 2}, True, 2, 2, [], True, None, None, "gone",
    ]  # fmt: skip
    assert threading.active_count() == before


def test_every_method_for_asyncio_is_native_or_made_of_such() -> None:
    composed = {"adecr", "aincr_version", "adecr_version", "aclose"}
    inherited = {
        name
        for name in dir(BaseCache)
        if name.startswith("a") and getattr(FastCache, name, None) is getattr(BaseCache, name)
    }
    assert inherited - {"add"} == composed


def test_stores_of_one_location_of_different_kinds_are_apart() -> None:
    assert stores.store_named("django", "x") is stores.store_named("django", "x")
    assert stores.store_named("django", "x") is not stores.store_named("flask", "x")
