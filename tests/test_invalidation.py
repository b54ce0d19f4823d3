"""A key that is written or removed while it loads: who waited gets what was loaded, and it is not stored."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from fastcache import Cache
from tests.harness.gates import Call, HeldLoader, await_no_flights, await_until, await_waiters
from tests.harness.keys import Key

Act = Callable[[Cache[Any, Any]], object]


def remove_item(cache: Cache[Any, Any]) -> None:
    with contextlib.suppress(KeyError):
        del cache["k"]


REMOVALS: dict[str, Act] = {
    "delete": lambda cache: cache.delete("k"),
    "del": remove_item,
    "pop": lambda cache: cache.pop("k", None),
    "expire": lambda cache: cache.expire("k"),
    "clear": lambda cache: cache.clear(),
    "set for no time": lambda cache: cache.set("k", "never kept", ttl=0),
}
WRITES: dict[str, Act] = {
    "set": lambda cache: cache.set("k", "written"),
    "[]": lambda cache: cache.__setitem__("k", "written"),
    "setdefault": lambda cache: cache.setdefault("k", "written"),
    "update": lambda cache: cache.update(k="written"),
}
ALL = {**REMOVALS, **WRITES}
# An unexpired value is a setdefault's answer, and no write.
ON_A_VALUE = {name: act for name, act in ALL.items() if name != "setdefault"}
EVICTION: dict[str, Act] = {"eviction": lambda cache: cache.set("other", 1)}


def each(acts: dict[str, Act]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("act", acts.values(), ids=acts)


class Joined:
    """A held load of ``k`` with two callers behind it."""

    def __init__(self, cache: Cache[Any, Any], result: Any = "loaded", **options: Any) -> None:
        self.loader: HeldLoader[Any] = HeldLoader(result)
        self.calls = [Call(cache.get_or_load, "k", self.loader, **options)]
        self.loader.gate.reached()
        self.calls += [Call(cache.get_or_load, "k", self.loader) for _ in range(2)]
        await_waiters(cache, 2)

    def end(self) -> list[Any]:
        """What its callers got."""
        self.loader.gate.open()
        return [call.error() or call.result() for call in self.calls]


@each(REMOVALS)
def test_what_was_loaded_before_a_removal_is_not_stored(cache: Cache[Any, Any], act: Act) -> None:
    joined = Joined(cache)
    act(cache)
    assert joined.end() == ["loaded"] * 3
    assert ("k" in cache, cache.get_entry("k"), cache.stats().entries) == (False, None, 0)
    assert (cache.stats().discarded, cache.stats().loads) == (1, 1)


@each(WRITES)
def test_what_was_written_meanwhile_wins(cache: Cache[Any, Any], act: Act) -> None:
    joined = Joined(cache)
    act(cache)
    assert cache["k"] == "written"
    assert joined.end() == ["loaded"] * 3
    assert cache["k"] == "written"
    assert cache.stats().discarded == 1


@each(REMOVALS)
def test_callers_after_a_removal_begin_anew(cache: Cache[Any, Any], act: Act) -> None:
    joined = Joined(cache)
    act(cache)
    assert Call(cache.get_or_load, "k", lambda key: "anew").result() == "anew"
    assert joined.end() == ["loaded"] * 3
    assert (cache["k"], cache.stats().loads, cache.stats().discarded) == ("anew", 2, 1)


@each(REMOVALS)
def test_two_loads_of_a_key_end_in_either_order(cache: Cache[Any, Any], act: Act) -> None:
    joined = Joined(cache)
    act(cache)
    later = HeldLoader("later")
    calls = [Call(cache.get_or_load, "k", later) for _ in range(2)]
    await_waiters(cache, 1)
    assert joined.end() == ["loaded"] * 3
    assert "k" not in cache
    later.gate.open()
    assert [call.result() for call in calls] == ["later", "later"]
    assert cache["k"] == "later"


@each(ALL)
def test_a_failure_after_it_is_handed_out_and_changes_nothing(cache: Cache[Any, Any], act: Act) -> None:
    joined = Joined(cache, ValueError("failed"))
    act(cache)
    before = cache.get_entry("k")
    results = joined.end()
    # Where a value has been written meanwhile, that is served instead.
    if before is None:
        assert [ValueError] * 3 == [type(error) for error in results]
    else:
        assert [before.value] * 3 == results
    assert before == cache.get_entry("k")


@each(ALL)
def test_an_interrupted_load_after_it_leaves_its_followers_to_the_cache(cache: Cache[Any, Any], act: Act) -> None:
    interrupted: HeldLoader[Any] = HeldLoader(KeyboardInterrupt())
    leader = Call(cache.get_or_load, "k", interrupted)
    interrupted.gate.reached()
    follower = Call(cache.get_or_load, "k", lambda key: "taken over")
    await_waiters(cache, 1)
    act(cache)
    expected = cache.get("k", "taken over")
    interrupted.gate.open()
    assert expected == follower.result() == cache["k"]
    assert isinstance(leader.error(), KeyboardInterrupt)


@each(ALL)
def test_other_keys_loads_are_stored(cache: Cache[Any, Any], act: Act) -> None:
    other = HeldLoader("other")
    call = Call(cache.get_or_load, "other", other)
    other.gate.reached()
    act(cache)
    other.gate.open()
    assert call.result() == "other"
    assert (act is not REMOVALS["clear"]) is ("other" in cache)


@each(ALL)
def test_a_key_loaded_for_a_time_of_its_own_is_no_exception(cache: Cache[Any, Any], act: Act) -> None:
    joined = Joined(cache, ttl=None)
    act(cache)
    before = cache.get_entry("k")
    assert joined.end() == ["loaded"] * 3
    assert before == cache.get_entry("k")


@each(REMOVALS)
def test_an_old_value_does_not_come_back(make: Any, clock: Any, act: Act) -> None:
    cache = make(ttl=10, stale_if_error=100)
    cache["k"] = "old"
    clock.advance(11)
    joined = Joined(cache, ValueError("failed"))
    act(cache)
    results = joined.end()
    left = cache.get_entry("k")
    if act is REMOVALS["expire"]:
        # That alone leaves the old value to its windows.
        assert (results, left and left.value) == (["old"] * 3, "old")
    else:
        assert ([type(error) for error in results], left) == ([ValueError] * 3, None)


def refreshing(cache: Cache[Any, Any], clock: Any, result: Any = "refreshed") -> HeldLoader[Any]:
    """A held refresh of ``k``, behind its old value."""
    loader: HeldLoader[Any] = HeldLoader(result)
    cache["k"] = "old"
    clock.advance(6)
    assert cache.get_or_load("k", loader) == "old"
    loader.gate.reached()
    return loader


@each({**ON_A_VALUE, **EVICTION})
def test_a_refresh_of_what_is_gone_or_new_is_dropped(make: Any, clock: Any, act: Act) -> None:
    cache = make(1, 10, refresh_ahead=5)
    loader = refreshing(cache, clock)
    act(cache)
    before = cache.get_entry("k")
    loader.gate.open()
    await_until(lambda: cache.stats().loads == 1, "the end of the refresh")
    assert (before, 1) == (cache.get_entry("k"), cache.stats().discarded)


@each({**ON_A_VALUE, **EVICTION})
def test_a_failing_refresh_of_what_is_gone_or_new_leaves_no_error(make: Any, clock: Any, act: Act) -> None:
    cache = make(1, 10, refresh_ahead=5)
    loader = refreshing(cache, clock, ValueError("failed"))
    act(cache)
    before = cache.get_entry("k")
    loader.gate.open()
    await_until(lambda: cache.stats().refreshes_failed == 1, "the end of the refresh")
    assert before == cache.get_entry("k")


def test_reading_during_a_refresh_leaves_it_alone(make: Any, clock: Any) -> None:
    cache = make(1, 10, refresh_ahead=5)
    loader = refreshing(cache, clock)
    assert (cache.setdefault("k", "written"), cache["k"], "k" in cache) == ("old", "old", True)
    loader.gate.open()
    await_no_flights(cache)
    assert (cache["k"], cache.stats().discarded) == ("refreshed", 0)


def test_what_took_the_place_of_an_evicted_key_is_safe_from_its_refresh(make: Any, clock: Any) -> None:
    cache = make(1, 10, refresh_ahead=5)
    loader = refreshing(cache, clock)
    for number in range(20):
        cache[Key(number)] = number
    loader.gate.open()
    await_until(lambda: cache.stats().discarded == 1, "the end of the refresh")
    assert list(cache.values()) == [19]


def test_deleting_says_whether_there_was_a_value_not_a_load(cache: Cache[Any, Any]) -> None:
    joined = Joined(cache)
    assert (cache.delete("k"), cache.expire("k")) == (False, False)
    joined.end()
