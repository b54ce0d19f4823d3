"""copy=: callers are handed copies of values, so what they do to one changes it for nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from fastcache import Cache, NotFound, cached
from fastcache.testing import MovableClock
from tests.harness.gates import Call, HeldLoader, await_no_flights, await_waiters

Made = list[list[int]]
Reader = Callable[[Cache[str, Made]], Made]


def made(key: object = None) -> Made:
    return [[1], [2]]


def unexpected(key: object) -> Made:
    raise AssertionError(key)


async def aread(cache: Cache[str, Made]) -> Made:
    return await cache.aget_or_load("k", unexpected)


READERS: dict[str, Reader] = {
    "[]": lambda cache: cache["k"],
    "get": lambda cache: cache.get("k") or [],
    "get_or_load": lambda cache: cache.get_or_load("k", unexpected),
    "get_or_load, status": lambda cache: cache.get_or_load("k", unexpected, with_status=True)[0],
    "get_or_load, max_age": lambda cache: cache.get_or_load("k", unexpected, max_age=30),
    "get_many": lambda cache: cache.get_many(["k"])["k"],
    "get_many_or_load": lambda cache: cache.get_many_or_load(["k"], unexpected)["k"],
    "aget_or_load": lambda cache: asyncio.run(aread(cache)),
    "setdefault": lambda cache: cache.setdefault("k", []),
    "values": lambda cache: next(iter(cache.values())),
    "items": lambda cache: next(iter(cache.items()))[1],
    "get_entry": lambda cache: getattr(cache.get_entry("k"), "value", []),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize("ttl", [None, 60])
def test_each_reader_gets_a_copy_of_its_own(read: Reader, ttl: float | None) -> None:
    cache: Cache[str, Made] = Cache(ttl=ttl, copy="deep")
    cache["k"] = made()
    for _ in range(3):
        value = read(cache)
        assert value == made()
        value[0].append(3)
        value.clear()
    assert cache["k"] == made()


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_shallow_copy_shares_what_the_value_holds(read: Reader) -> None:
    cache: Cache[str, Made] = Cache(ttl=60, copy="shallow")
    cache["k"] = kept = made()
    value = read(cache)
    assert value is not kept
    assert value[0] is kept[0]


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_without_copy_all_get_the_value_that_is_kept(read: Reader) -> None:
    cache: Cache[str, Made] = Cache(ttl=60)
    cache["k"] = kept = made()
    assert read(cache) is kept


def test_who_loads_and_who_waits_get_copies_each() -> None:
    cache: Cache[str, Made] = Cache(copy="deep")
    loader = HeldLoader(made())
    calls = [Call(cache.get_or_load, "k", loader) for _ in range(3)]
    await_waiters(cache, 2)
    loader.gate.open()
    values = [call.result() for call in calls]
    assert values == [made()] * 3
    assert len({id(value) for value in [*values, loader.result]}) == 4
    assert cache.stats().loads == 1


def test_who_loads_many_gets_copies() -> None:
    cache: Cache[str, Made] = Cache(copy="deep")
    loaded = {"a": made(), "b": made()}
    found = cache.get_many_or_load(["a", "b"], lambda keys: loaded)
    assert found == loaded
    found["a"].clear()
    assert cache["a"] == made()


def test_a_served_stale_value_is_a_copy() -> None:
    clock = MovableClock()
    cache: Cache[str, Made] = Cache(ttl=10, stale_if_error=60, clock=clock, copy="deep")
    cache["k"] = made()
    clock.advance(20)
    for _ in range(2):
        value = cache.get_or_load("k", lambda key: [[1 // 0]])
        assert value == made()
        value.clear()


def test_a_cached_function_returns_copies() -> None:
    @cached(copy="deep")
    def numbers(n: int) -> list[int]:
        return [n]

    @cached(copy="deep")
    async def anumbers(n: int) -> list[int]:
        return [n]

    for _ in range(3):
        value = numbers(7)
        assert value == [7]
        value.clear()
        value = asyncio.run(anumbers(7))
        assert value == [7]
        value.clear()


def test_a_function_of_ones_own_makes_the_copies_with_nothing_locked() -> None:
    def copier(value: Any) -> Any:
        cache["copied"] = len(seen)
        seen.append(value)
        return [*value]

    seen: list[Any] = []
    cache: Cache[str, Any] = Cache(1, copy=copier)
    assert cache.get_or_load("k", lambda key: [1]) == [1]
    assert seen == [[1]]


def test_what_a_copier_raises_is_the_callers_and_the_value_stays() -> None:
    def copier(value: int) -> int:
        if failing:
            raise ZeroDivisionError
        return value

    failing = [1]
    cache: Cache[str, int] = Cache(copy=copier)
    with pytest.raises(ZeroDivisionError):
        cache.get_or_load("k", lambda key: 1)
    with pytest.raises(ZeroDivisionError):
        cache.get("k")
    assert cache.flights() == []
    failing.clear()
    assert cache.get("k") == 1


@pytest.mark.parametrize("view", ["values", "items"])
def test_a_walk_is_not_cut_short_by_a_copier_that_is_at_an_end(view: str) -> None:
    ends = iter([1])
    cache: Cache[str, int] = Cache(copy=lambda value: next(ends))
    cache.update(a=1, b=2, c=3)
    with pytest.raises(RuntimeError, match="StopIteration"):
        list(getattr(cache, view)())


def test_defaults_are_the_callers_own() -> None:
    def none(key: object) -> list[int]:
        raise NotFound

    cache: Cache[str, list[int]] = Cache(negative_ttl=60, copy="deep")
    default: list[int] = []
    assert cache.get("k", default) is default
    for _ in range(2):
        assert cache.get_or_load("k", none, default=default) is default
    assert cache.get_many_or_load(["k"], lambda keys: {}, default=default)["k"] is default


def test_what_is_removed_is_handed_over_itself() -> None:
    cache: Cache[str, Made] = Cache(copy="deep")
    kept = made()
    cache["k"] = kept
    assert cache.pop("k") is kept
    cache["k"] = kept
    assert cache.popitem()[1] is kept


def test_counters_and_order_are_those_of_any_cache() -> None:
    cache: Cache[int, list[int]] = Cache(2, policy="lru", copy="shallow")
    cache[1] = cache[2] = [1]
    assert cache[1] == [1]
    cache[3] = [3]
    assert set(cache) == {1, 3}
    assert (cache.stats().hits, cache.stats().misses) == (1, 0)


@pytest.mark.parametrize("copy", ["", "Deep", 1, True, ()])
def test_anything_else_is_refused(copy: Any) -> None:
    with pytest.raises(ValueError, match="copy must be None, 'shallow', 'deep' or a callable, not "):
        Cache(copy=copy)


ASKERS: dict[str, Reader] = {
    "get_or_load": lambda cache: cache.get_or_load("k", made),
    "aget_or_load": lambda cache: asyncio.run(aload(cache)),
    "get_many_or_load": lambda cache: cache.get_many_or_load(["k"], lambda keys: {key: made() for key in keys})["k"],
    "aget_many_or_load": lambda cache: asyncio.run(aload_many(cache))["k"],
}


async def aload(cache: Cache[str, Made]) -> Made:
    return await cache.aget_or_load("k", made)


async def aload_many(cache: Cache[str, Made]) -> dict[str, Made]:
    return await cache.aget_many_or_load(["k"], lambda keys: {key: made() for key in keys})


@pytest.mark.parametrize("ask", ASKERS.values(), ids=ASKERS)
def test_a_value_that_cannot_be_copied_keeps_no_reload_from_ending(clock: MovableClock, ask: Reader) -> None:
    def copier(value: Made) -> Made:
        raise ZeroDivisionError

    cache: Cache[str, Made] = Cache(ttl=10, refresh_ahead=5, copy=copier, clock=clock)
    cache["k"] = made()
    clock.advance(6)
    with pytest.raises(ZeroDivisionError):
        ask(cache)
    await_no_flights(cache)


def test_a_loader_sees_a_copy_of_the_old_value_and_keeps_the_value_by_saying_so() -> None:
    cache: Cache[str, list[int]] = Cache(ttl=60, copy="deep")
    kept = [1]
    cache["k"] = kept

    def spoils(key: str, ctx: Any) -> Any:
        ctx.stale_value.append(2)
        return ctx.not_modified()

    assert cache.get_or_load("k", spoils, with_context=True, force=True) == [1]
    assert (kept, cache.pop("k") is kept) == ([1], True)


@pytest.mark.parametrize("tasks", [False, True])
def test_who_tires_of_waiting_has_one_copy_made(clock: MovableClock, tasks: bool) -> None:
    copies: list[Made] = []

    def copying(value: Made) -> Made:
        copies.append(value)
        return list(value)

    cache: Cache[str, Made] = Cache(ttl=10, stale_if_error=60, copy=copying, clock=clock)
    cache["k"] = made()
    clock.advance(10)
    loader = HeldLoader(made())
    leader = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    if tasks:
        answer = asyncio.run(cache.aget_or_load("k", unexpected, soft_timeout=0.01))
    else:
        answer = cache.get_or_load("k", unexpected, soft_timeout=0.01)
    assert (answer, len(copies)) == (made(), 1)
    loader.gate.open()
    leader.result()
