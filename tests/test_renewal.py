"""Refreshing a key on demand, warming a cache up, and touching what is there."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from fastcache import BulkLoadError, Cache, _renewal, _threads
from fastcache.testing import MovableClock
from tests.harness.child import check_child
from tests.harness.gates import LIMIT, Call, Gate, HeldLoader, await_no_flights, await_until, await_waiters
from tests.harness.interrupts import everywhere


def test_a_refresh_loads_anew_while_the_old_value_is_served(cache: Cache[Any, Any]) -> None:
    cache["k"] = "old"
    loader = HeldLoader("new")
    future = cache.refresh("k", loader)
    loader.gate.reached()
    assert (cache["k"], cache.get_or_load("k", HeldLoader("none")), future.done()) == ("old", "old", False)
    loader.gate.open()
    assert (future.result(LIMIT), cache["k"]) == ("new", "new")


def test_refreshes_at_the_same_time_are_one_load(cache: Cache[Any, Any]) -> None:
    loader = HeldLoader("new")
    futures = [cache.refresh("k", loader) for _ in range(5)]
    loader.gate.reached()
    await_waiters(cache, 4)
    loader.gate.open()
    assert [future.result(LIMIT) for future in futures] == ["new"] * 5
    assert loader.calls == ["k"]


def test_a_failing_refresh_says_so_and_leaves_the_value(cache: Cache[Any, Any]) -> None:
    cache["k"] = "old"
    loader = HeldLoader(OSError("down"))
    loader.gate.open()
    with pytest.raises(OSError, match="down"):
        cache.refresh("k", loader).result(LIMIT)
    assert cache["k"] == "old"


def test_a_refresh_has_the_callers_context(cache: Cache[Any, Any]) -> None:
    variable = contextvars.ContextVar("variable", default="none")
    variable.set("the caller's")
    assert cache.refresh("k", lambda key: variable.get()).result(LIMIT) == "the caller's"


@pytest.mark.parametrize("options", [{"ttl": -1}, {"tags": 1}, {"nonsense": 1}])
def test_bad_options_of_a_refresh_are_named(cache: Cache[Any, Any], options: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError), match=next(iter(options))):
        cache.refresh("k", lambda key: 1, **options).result(LIMIT)
    assert "k" not in cache


def test_a_refresh_needs_a_loader(cache: Cache[Any, Any]) -> None:
    with pytest.raises(TypeError, match="loader must be callable, not 1"):
        cache.refresh("k", 1)  # type: ignore[arg-type]


def test_keys_are_refreshed_together_by_one_call_while_their_values_are_served(cache: Cache[Any, Any]) -> None:
    cache["a"] = cache["b"] = "old"
    calls: list[list[str]] = []
    gate = Gate()

    def load(keys: list[str]) -> dict[str, str]:
        calls.append(list(keys))
        gate.stop()
        return dict.fromkeys(keys, "new")

    future = cache.refresh_many(iter(["a", "b", "c", "a"]), load)
    gate.reached()
    assert (cache["a"], cache.get_or_load("b", HeldLoader("none"))) == ("old", "old")
    gate.open()
    assert future.result(LIMIT) == {"a": "new", "b": "new", "c": "new"}
    assert calls == [["a", "b", "c"]]
    assert cache["c"] == "new"


def test_a_refresh_of_many_joins_what_is_loading(cache: Cache[Any, Any]) -> None:
    loader = HeldLoader("single")
    single = cache.refresh("a", loader)
    loader.gate.reached()
    loaded: list[str] = []

    def load(keys: list[str]) -> dict[str, str]:
        loaded.extend(keys)
        return dict.fromkeys(keys, "together")

    many = cache.refresh_many(["a", "b"], load)
    await_waiters(cache, 1, "a")
    loader.gate.open()
    assert many.result(LIMIT) == {"a": "single", "b": "together"}
    assert (single.result(LIMIT), loaded) == ("single", ["b"])


def test_a_failing_refresh_of_many_leaves_the_values_and_says_so(cache: Cache[Any, Any]) -> None:
    def load(keys: list[str]) -> dict[str, str]:
        raise OSError("down")

    cache["a"] = "old"
    with pytest.raises(BulkLoadError, match="2 keys could not be loaded"):
        cache.refresh_many(["a", "b"], load).result(LIMIT)
    assert cache["a"] == "old"
    errors = cache.refresh_many(["a"], load, errors="return").result(LIMIT)
    assert isinstance(errors["a"], OSError)


def test_what_is_wrong_with_a_refresh_of_many_is_named(cache: Cache[Any, Any]) -> None:
    with pytest.raises(TypeError, match="loader must be callable, not 1"):
        cache.refresh_many(["a"], 1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="keys must be an iterable, not 1"):
        cache.refresh_many(1, dict)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="max_batch must be at least 1"):
        cache.refresh_many(["a"], dict, max_batch=0).result(LIMIT)


def test_warming_loads_what_is_missing_once(cache: Cache[Any, Any]) -> None:
    cache[1] = "here"
    calls: list[int] = []

    def load(key: int) -> int:
        calls.append(key)
        return key * 10

    warmed = cache.warm([0, 1, 2, 3, 2], load, concurrency=3)
    assert (warmed.loaded, warmed.present, warmed.errors) == (3, 1, {})
    assert (sorted(calls), cache[1], cache[3]) == ([0, 2, 3], "here", 30)


def test_warming_runs_no_more_loads_at_a_time_than_asked(cache: Cache[Any, Any]) -> None:
    running, most = 0, 0
    lock = threading.Lock()
    together = threading.Barrier(3, timeout=LIMIT)

    def load(key: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait()
        with lock:
            running -= 1
        return key

    assert cache.warm(range(9), load, concurrency=3).loaded == 9
    assert most == 3


def test_what_is_only_old_is_loaded_by_warming_and_its_failure_told(clock: MovableClock) -> None:
    cache: Cache[str, str] = Cache(ttl=10, clock=clock, stale_while_revalidate=60, stale_if_error=60)
    cache["k"], cache["failing"] = "old", "old"
    clock.advance(11)

    def load(key: str) -> str:
        if key == "failing":
            raise ConnectionError("down")
        return "new"

    warmed = cache.warm(["k", "failing"], load)
    assert (warmed.loaded, warmed.present, list(warmed.errors)) == (1, 0, ["failing"])
    assert (cache.get("k"), cache.get("failing", allow_stale=True), cache.flights()) == ("new", "old", [])


def test_a_ttl_of_nothing_keeps_nothing(cache: Cache[Any, Any]) -> None:
    assert (cache.warm([1, 2], str, ttl=0).loaded, len(cache)) == (2, 0)


@pytest.mark.parametrize("options", ["", ", max_concurrent_loads=1"])
def test_a_load_may_warm_what_waits_for_it(options: str) -> None:
    """Its own key, and more keys than there are places, of which it has one."""
    check_child(
        f"""
        from fastcache import Cache
        cache = Cache(ttl=60{options})
        def outer(key):
            warmed = cache.warm([1, 2, 3, 4, "outer"], str, concurrency=4)
            print(warmed.loaded, [type(e).__name__ for e in warmed.errors.values()])
            return "value"
        print(cache.get_or_load("outer", outer))
        """,
        out="4 ['RecursiveLoadError']\nvalue",
    )


def test_an_interrupt_of_warming_begins_no_more_loads() -> None:
    cache: Cache[int, int] = Cache(ttl=60)
    inside = Gate()
    main = threading.get_ident()
    loads: list[int] = []

    def load(key: int) -> int:
        loads.append(key)
        if threading.get_ident() == main:
            inside.reached()
            raise KeyboardInterrupt
        inside.stop()
        return key

    with pytest.raises(KeyboardInterrupt):
        cache.warm(range(100), load, concurrency=2)
    inside.open()
    await_no_flights(cache)
    assert sorted(loads) == [0, 1]


def test_who_helps_to_warm_begins_no_more_loads_wherever_an_interrupt_comes() -> None:
    def scene(act: Callable[[Callable[[], object]], None]) -> None:
        cache: Cache[int, int] = Cache()
        caller, gate = threading.get_ident(), Gate()
        helped: list[int] = []
        warmed: list[object] = []

        def load(key: int) -> int:
            if threading.get_ident() != caller:
                helped.append(key)
                gate.stop()
            elif len(cache) == 8:
                # All but this one and the helper's.
                gate.open()
            return key

        act(lambda: warmed.append(cache.warm(range(10), load, concurrency=2)))
        gate.open()
        await_until(lambda: len(_threads._idle) == len(_threads._threads), "the end of the help")
        assert len(cache) == 10 if warmed else len(helped) <= 1

    assert everywhere(_renewal, scene) > 20


async def awarmed(cache: Cache[Any, Any], load: Any) -> weakref.ref[BaseException]:
    return weakref.ref((await cache.awarm([1, 2, 3], load)).errors[1])


# The errors are held by no name: a frame that they hold may be that of the caller, or of an event loop.
AHEAD: dict[str, Callable[[Cache[Any, Any], Any], Any]] = {
    "refresh": lambda cache, load: weakref.ref(cache.refresh(1, load).exception()),
    "refresh_many": lambda cache, load: weakref.ref(cache.refresh_many([1], load).exception()),
    "warm": lambda cache, load: weakref.ref(cache.warm([1], load).errors[1]),
    "warm in threads": lambda cache, load: weakref.ref(cache.warm([1, 2, 3], load).errors[1]),
    "awarm": lambda cache, load: asyncio.run(awarmed(cache, load)),
}


@pytest.mark.parametrize("ahead", AHEAD)
def test_a_failure_is_kept_by_no_circle(cache: Cache[Any, Any], ahead: str) -> None:
    class MarkError(ConnectionError):
        pass

    def load(key: Any) -> Any:
        raise MarkError

    gc.disable()
    try:
        gone = AHEAD[ahead](cache, load)
        await_no_flights(cache)
        await_until(lambda: gone() is None)
    finally:
        gc.enable()


def test_first_lifetimes_of_what_is_warmed_are_spread(clock: MovableClock) -> None:
    cache: Cache[Any, Any] = Cache(ttl=100, clock=clock)
    cache.warm(range(200), lambda key: key, spread=0.5, concurrency=1)
    lifetimes = [cache.get_entry(key).ttl_left for key in range(200)]  # type: ignore[union-attr]
    assert all(50 <= left <= 100 for left in lifetimes)
    assert max(lifetimes) - min(lifetimes) > 25


def test_what_fails_to_warm_is_told_and_keeps_nobody_back(cache: Cache[Any, Any]) -> None:
    def load(key: int) -> int:
        if key == 1:
            raise OSError("one")
        return key

    warmed = cache.warm(range(3), load, ttl=5)
    assert (warmed.loaded, list(warmed.errors), repr(warmed.errors[1])) == (2, [1], "OSError('one')")


def test_a_key_that_cannot_be_compared_keeps_no_other_from_being_warmed(cache: Cache[Any, Any]) -> None:
    class Broken:
        def __hash__(self) -> int:
            return hash("k")

        def __eq__(self, other: object) -> bool:
            raise OSError("compared")

    broken = Broken()
    cache["k"] = 1
    warmed = cache.warm([0, broken, 2], str, concurrency=1)
    assert (warmed.loaded, {*cache}, list(warmed.errors)) == (2, {"k", 0, 2}, [broken])


@pytest.mark.parametrize(
    ("options", "named"), [({"concurrency": 0}, "concurrency"), ({"spread": 1}, "spread"), ({"spread": "x"}, "spread")]
)
def test_bad_options_of_warming_are_named(cache: Cache[Any, Any], options: dict[str, Any], named: str) -> None:
    with pytest.raises((TypeError, ValueError), match=named):
        cache.warm([1], lambda key: key, **options)
    assert len(cache) == 0


def test_touching_begins_a_life_anew(cache: Cache[Any, Any], clock: MovableClock) -> None:
    cache["k"] = "v"
    clock.advance(59)
    assert cache.touch("k")
    clock.advance(59)
    assert cache["k"] == "v"
    assert cache.touch("k", ttl=5)
    clock.advance(5)
    assert (cache.touch("k"), cache.touch("none"), "k" in cache) == (False, False, False)


def test_touching_with_no_ttl_keeps_for_ever_and_with_zero_ends(cache: Cache[Any, Any], clock: MovableClock) -> None:
    cache["k"] = "v"
    assert cache.touch("k", ttl=None)
    clock.advance(10**6)
    assert cache["k"] == "v"
    assert cache.touch("k", ttl=0)
    assert "k" not in cache


def test_touching_leaves_a_load_under_way_alone(cache: Cache[Any, Any], clock: MovableClock) -> None:
    cache["k"] = "old"
    loader = HeldLoader("new")
    call = Call(cache.get_or_load, "k", loader, force=True)
    loader.gate.reached()
    clock.advance(30)
    assert cache.touch("k")
    loader.gate.open()
    assert call.result() == "new"
    await_until(lambda: cache["k"] == "new", "the load")
