"""Namespaces: keys of their own in one cache, cleared in one step."""

from __future__ import annotations

from typing import Any

import pytest

from fastcache import Cache, NotFound
from fastcache.testing import MovableClock
from tests.harness.gates import Call, HeldLoader


def test_the_same_key_in_two_namespaces_is_two_keys(cache: Cache[Any, Any]) -> None:
    users, orders = cache.namespace("users"), cache.namespace("orders")
    users[1], orders[1], cache[1] = "user", "order", "plain"
    assert (users[1], orders[1], cache[1], len(users), list(orders)) == ("user", "order", "plain", 1, [1])
    del users[1]
    assert (users.get(1), orders.get(1), 1 in users, 1 in orders) == (None, "order", False, True)


def test_clearing_one_leaves_the_others(cache: Cache[Any, Any]) -> None:
    users, orders = cache.namespace("users"), cache.namespace("orders")
    for number in range(100):
        users[number] = orders[number] = number
    users.clear()
    assert (len(users), len(orders), len(cache), users.get(5), cache.get_entry(("users", 5))) == (
        0,
        100,
        100,
        None,
        None,
    )
    users[5] = "again"
    assert (users[5], len(users)) == ("again", 1)


def test_clearing_reaches_loads_under_way(cache: Cache[Any, Any]) -> None:
    users = cache.namespace("users")
    loader = HeldLoader("loaded")
    call = Call(users.get_or_load, 1, loader)
    loader.gate.reached()
    users.clear()
    loader.gate.open()
    assert (call.result(), loader.calls, users.get(1)) == ("loaded", [1], None)


def test_a_loader_is_given_the_namespaces_key_and_its_context(cache: Cache[Any, Any]) -> None:
    def load(key: int, ctx: Any) -> int:
        ctx.ttl = 5
        ctx.tags = "also"
        return key + 1

    users = cache.namespace("users")
    assert users.get_or_load(1, load, with_context=True) == 2
    entry = cache.get_entry(("users", 1))
    assert entry is not None
    assert (entry.ttl_left, entry.tags) == (5.0, ("namespace:users", "also"))


def test_expiring_all_leaves_it_to_the_windows(clock: MovableClock) -> None:
    cache: Cache[Any, Any] = Cache(ttl=60, stale_if_error=60, clock=clock)
    users = cache.namespace("users")
    users[1] = "old"
    users.expire_all()
    assert 1 not in users

    def fail(key: int) -> str:
        raise OSError

    assert users.get_or_load(1, fail) == "old"
    assert users.expire(1) is False
    assert users.delete(1) is False


def test_absences_are_the_namespaces(clock: MovableClock) -> None:
    cache: Cache[Any, Any] = Cache(ttl=60, negative_ttl=5, clock=clock)
    users = cache.namespace("users")

    def missing(key: int) -> str:
        raise NotFound(key)

    assert users.get_or_load(1, missing, default="none") == "none"
    assert cache.get_or_load(1, lambda key: "plain") == "plain"


def test_a_namespace_is_named_by_a_str(cache: Cache[Any, Any]) -> None:
    with pytest.raises(TypeError, match="name must be a str, not 1"):
        cache.namespace(1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="loader must be callable, not 1"):
        cache.namespace("n").get_or_load(1, 1)  # type: ignore[arg-type]


def test_tags_are_a_str_or_several_as_everywhere(cache: Cache[Any, Any]) -> None:
    users = cache.namespace("users")
    users.set(1, "one", tags="user:1")
    users.get_or_load(2, str, tags="user:1")
    users.set(3, "three", tags=["user:1", "other"])
    assert cache.get_entry(("users", 1)).tags == ("namespace:users", "user:1")  # type: ignore[union-attr]
    cache.invalidate_tag("user:1")
    assert len(users) == 0
    with pytest.raises(TypeError, match="tags must be a str or several, not 5"):
        users.set(1, "one", tags=5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="tags must be str, not 5"):
        users.set(1, "one", tags=[5])  # type: ignore[list-item]
