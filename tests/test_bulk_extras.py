"""Values that a loader of several keys brings unasked: kept, unless their key was removed or written meanwhile."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any

import pytest

from fastcache import Cache
from fastcache.testing import MovableClock
from tests.harness.gates import LIMIT, Call, HeldLoader, await_idle, await_until
from tests.harness.keys import Key, Reentry
from tests.harness.loaders import Counting
from tests.harness.tasks import CacheOfTasks, settle
from tests.test_invalidation import REMOVALS, WRITES, Act, each

# Of keys of which there is something.
ENDS: dict[str, Act] = {
    "popitem": lambda cache: cache.popitem(),
    "touch for no time": lambda cache: cache.touch("k", ttl=0),
    "set too heavy": lambda cache: cache.set("k", "heavy" * 100),
}


@pytest.fixture(params=[Cache, CacheOfTasks], ids=["by threads", "by tasks"])
def make(request: pytest.FixtureRequest, clock: MovableClock) -> Callable[..., Cache[Any, Any]]:
    """Makes caches whose calls for many keys are made by threads, or by tasks."""
    return functools.partial(request.param, clock=clock)


def held(extra: Any = "read before", key: Any = "k") -> HeldLoader[dict[Any, Any]]:
    """A loader that brings a value of ``k`` beside that of ``a``, and stops before it returns."""
    return HeldLoader({"a": "asked for", key: extra})


def bring(cache: Cache[Any, Any], meanwhile: Act) -> None:
    loader = held()
    call = Call(cache.get_many_or_load, ["a"], loader)
    loader.gate.reached()
    meanwhile(cache)
    loader.gate.open()
    assert call.result() == {"a": "asked for"}


@each(REMOVALS)
@pytest.mark.parametrize("there", [True, False], ids=["with a value", "without"])
def test_a_value_brought_unasked_is_not_kept_after_a_removal(make: Any, act: Act, there: bool) -> None:
    cache = make(ttl=60)
    if there:
        cache["k"] = "old"
    bring(cache, act)
    assert ("k" in cache, cache.get_entry("k")) == (False, None)


@each(ENDS)
def test_nor_after_what_else_ends_a_value(make: Any, act: Act) -> None:
    cache = make(ttl=60, max_weight=20, weigher=lambda key, value: len(value))
    cache["k"] = "old"
    bring(cache, act)
    assert "k" not in cache


def test_an_expired_value_that_may_be_served_stays_instead(make: Any) -> None:
    cache = make(ttl=60, stale_if_error=600)
    cache["k"] = "old"
    bring(cache, lambda cache: cache.expire("k"))
    entry = cache.get_entry("k")
    assert (entry.value, entry.state, entry.loading) == ("old", "stale", False)


@each(WRITES)
def test_what_was_written_meanwhile_stays(make: Any, act: Act) -> None:
    cache = make(ttl=60)
    bring(cache, act)
    assert cache["k"] == "written"


def test_what_was_removed_before_the_loader_was_called_is_kept(make: Any) -> None:
    cache = make(ttl=60)
    for act in REMOVALS.values():
        cache["k"] = "old"
        act(cache)
        cache.pop("a", None)
        bring(cache, lambda cache: None)
        assert cache.pop("k") == "read before"


def test_what_leaves_by_itself_is_no_reason_to_keep_nothing(make: Any, clock: MovableClock) -> None:
    cache = make(100, ttl=60)

    def crowd(cache: Cache[Any, Any]) -> None:
        cache.update(dict.fromkeys(range(300)))
        clock.advance(60)
        cache.sweep()

    bring(cache, crowd)
    assert (cache["k"], cache.stats().evictions >= 200, cache.stats().expirations) == ("read before", True, 100)


def test_each_portion_counts_from_its_own_call_of_the_loader(make: Any) -> None:
    cache = make(ttl=60)
    extras = {1: "first", 2: "second"}

    def load(keys: list[int]) -> dict[Any, Any]:
        if keys == [1]:
            cache.delete("first")
        return {keys[0]: "asked for", extras[keys[0]]: "extra"}

    cache.get_many_or_load([1, 2], load, max_batch=1)
    assert (cache.get("first"), cache.get("second")) == (None, "extra")


@pytest.mark.parametrize("how", ["refresh_many", "behind values"])
def test_reloads_keep_nothing_that_was_removed_either(clock: MovableClock, how: str) -> None:
    cache: Cache[Any, Any] = Cache(ttl=60, stale_while_revalidate=600, refresh_batch_delay=0, clock=clock)
    cache["a"] = "old"
    clock.advance(60)
    loader = held()
    if how == "refresh_many":
        future = cache.refresh_many(["a"], loader)
    else:
        assert cache.get_many_or_load(["a"], loader) == {"a": "old"}
    loader.gate.reached()
    cache.clear() if how == "refresh_many" else cache.delete("k")
    loader.gate.open()
    if how == "refresh_many":
        assert future.result(LIMIT) == {"a": "asked for"}
    else:
        await_until(lambda: cache.get("a") == "asked for", "the reload")
    await_idle(cache)
    assert "k" not in cache


@pytest.mark.parametrize(
    ("act", "left"),
    [
        (lambda cache: cache.delete(Key("k")), None),
        (lambda cache: cache.clear(), None),
        (lambda cache: cache.set(Key("k"), "written"), "written"),
    ],
    ids=["delete", "clear", "set"],
)
@pytest.mark.parametrize("moment", range(1, 6))
def test_whatever_comes_while_it_is_being_kept_wins(make: Any, act: Act, left: Any, moment: int) -> None:
    """The key is compared with one of the same hash, and acts at each comparison in turn."""
    cache = make(ttl=60)
    comparisons = 0

    def compared() -> None:
        nonlocal comparisons
        comparisons += 1
        if comparisons == moment:
            acted()

    acted = Reentry(lambda: act(cache))
    cache[Key("other")] = "other"
    cache.get_many_or_load(["a"], lambda keys: {"a": "asked for", Key("k", on_eq=compared): "read before"})
    assert cache.get(Key("k")) == (left if acted.times else "read before")
    assert acted.times or moment > 2


def test_a_value_that_waits_to_be_weighed_is_loaded_by_nobody_else() -> None:
    """The call that brought it had its place: a caller who finds a free one joins it."""
    weighing = HeldLoader(1, "weigher")
    cache: Cache[Any, Any] = Cache(
        max_weight=100, max_concurrent_loads=2, weigher=lambda key, value: weighing() if key == "k" else 1
    )
    call = Call(cache.get_many_or_load, ["a"], lambda keys: {"a": "asked for", "k": "brought"})
    weighing.gate.reached()
    loads: list[Any] = []
    other = Call(cache.get_or_load, "k", lambda key: loads.append(key) or "loaded")
    await_until(lambda: other.ended() or any(f.key == "k" and f.waiters for f in cache.flights()), "the other")
    weighing.gate.open()
    assert (call.result(), other.result(), loads) == ({"a": "asked for"}, "brought", [])


def test_who_forced_a_load_that_came_to_nothing_is_given_nothing_that_was_read_before() -> None:
    """A task stands in line for its place when another load takes its flight over, and is interrupted."""
    cache: Cache[Any, Any] = Cache(max_concurrent_loads=2)
    batch, outer = held(), HeldLoader(None, "outer")

    def load(key: str) -> None:
        outer(key)
        with pytest.raises(KeyboardInterrupt):
            cache.get_or_load("k", Counting(KeyboardInterrupt()))

    first = Call(cache.get_many_or_load, ["a"], batch)
    batch.gate.reached()
    second = Call(cache.get_or_load, "outer", load)
    outer.gate.reached()

    async def forced() -> Any:
        task = asyncio.create_task(cache.aget_or_load("k", Counting("loaded anew"), force=True))
        await settle()
        assert [flight.key for flight in cache.flights() if flight.key == "k"] == ["k"]
        for loader, call in ((outer, second), (batch, first)):
            # The loop stands still meanwhile.
            loader.gate.open()
            call.result()
        return await task

    assert asyncio.run(forced()) == "loaded anew"
