"""The store of backends: single steps on one key, lifetimes by key, room on demand."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import pytest

from fastcache.compat.backend_store import BackendStore
from fastcache.compat.copying import Packed, pack, unpack
from fastcache.compat.stores import cull, make_room, store_named
from fastcache.testing import MovableClock
from tests.harness.gates import Call, HeldLoader, all_at_once, await_until
from tests.harness.keys import Dying, Key


@pytest.fixture
def store(clock: MovableClock) -> Any:
    made = BackendStore(clock)
    yield made
    assert made._flights() == []
    made._check()


def left(store: Any, key: Any) -> float | None:
    look = store._look(key)
    assert look is not None
    return look[2]


def test_add_writes_only_where_nothing_is(store: Any, clock: MovableClock) -> None:
    assert (store.add("key", 1, 10), store.add("key", 2, 10), store.get("key")) == (True, False, 1)
    clock.advance(10)
    assert (store.add("key", 3, None), store.get("key"), left(store, "key")) == (True, 3, None)
    assert (store.add("none", 4, 0), "none" in store) == (True, False)


def test_an_exchange_needs_the_very_object_and_keeps_its_lifetime(store: Any, clock: MovableClock) -> None:
    former, equal = [1], [1]
    store.set("key", former, ttl=10)
    clock.advance(4)
    assert (store.exchange("key", equal, 2), store.get("key")) == (False, former)
    assert (store.exchange("key", former, 2), store.get("key"), left(store, "key")) == (True, 2, 6)
    clock.advance(6)
    assert store.exchange("key", 2, 3) is False
    assert store.exchange("other", None, 3) is False


def test_a_touch_begins_another_life(store: Any, clock: MovableClock) -> None:
    store.set("key", 1, ttl=10)
    clock.advance(9)
    assert (store.touch("key", ttl=100), left(store, "key")) == (True, 100)
    assert (store.touch("key", ttl=None), left(store, "key")) == (True, None)
    assert (store.touch("key", ttl=5), left(store, "key")) == (True, 5)
    clock.advance(5)
    assert (store.touch("key", ttl=5), store.touch("other", ttl=5)) == (False, False)
    store.set("key", 1)
    assert (store.touch("key", ttl=0), "key" in store) == (True, False)


def test_a_discard_needs_the_very_object(store: Any) -> None:
    former, equal = [1], [1]
    store.set("key", former)
    assert (store.discard("key", equal), store.discard("key", former), store.discard("key", former)) == (
        False, True, False,
    )  # fmt: skip


@pytest.mark.parametrize("step", ["exchange", "discard"])
def test_a_step_beside_a_load_leaves_both_sound(store: Any, step: str) -> None:
    load = HeldLoader("loaded")
    call = Call(store.get_or_load, "key", load)
    load.gate.reached()
    # There is no value yet.
    assert (store.exchange("key", None, 1), store.touch("key", ttl=5), store.discard("key", None)) == (False,) * 3
    load.gate.open()
    assert (call.result(), store.get("key")) == ("loaded", "loaded")
    steps = {"exchange": ("key", "loaded", 1), "discard": ("key", "loaded")}
    assert getattr(store, step)(*steps[step]) is True


def test_keys_that_compare_in_python_are_found(store: Any) -> None:
    store.set(Key("a"), 1, ttl=10)
    store.set(Key("b", on_eq=lambda: store.get("c")), 2, ttl=10)
    assert store.exchange(Key("b"), 2, 3) is True
    assert store.touch(Key("a"), ttl=20) is True
    assert (store.add(Key("a"), 5, None), store.discard(Key("b"), 3), len(store)) == (False, True, 1)


def test_a_finalizer_may_use_the_store(store: Any) -> None:
    for number in range(100):
        store.set(number, Dying(lambda: store.set("dead", store.held())))
    dying = store.get(0)
    assert store.exchange(0, dying, 1)
    del dying
    store.evict(50)
    assert store.get("dead") is not None
    assert 50 <= store.held() <= 52


def test_evicting_removes_the_expired_then_what_was_not_used(store: Any, clock: MovableClock) -> None:
    for number in range(100):
        store.set(number, number, ttl=5 if number % 10 == 9 else 50)
    assert store.get(0) == 0
    clock.advance(5)
    store.evict(11)
    assert (store.held(), 0 in store, 1 in store) == (89, True, False)
    store.evict(1000)
    assert store.held() == 0
    store.evict(1)


def test_values_in_a_cycle_are_collected() -> None:
    store = BackendStore()
    dying = Dying(lambda: None)
    store.set("key", [store, dying])
    watched = weakref.ref(dying)
    del store, dying
    gc.collect()
    assert watched() is None


def test_many_threads_that_exchange_lose_nothing(store: Any) -> None:
    store.set("key", 10**6)

    def count() -> None:
        for _ in range(1000):
            while True:
                value = store.get("key")
                if store.exchange("key", value, value + 1):
                    break

    for call in all_at_once(4, count):
        call.join()
    assert store.get("key") == 10**6 + 4000


def test_one_of_many_threads_that_add_and_discard_wins_each_time(store: Any) -> None:
    won: list[int] = []

    def run() -> None:
        token = object()
        for number in range(300):
            if store.add("key", token, None):
                won.append(number)
                assert store.get("key") is token
                assert store.discard("key", token)

    for call in all_at_once(4, run):
        call.result()
    assert won


def test_culling_by_a_share_and_making_room_for_one(store: Any) -> None:
    for number in range(30):
        store.set(number, number)
    cull(store, 29, 30, 3)
    assert store.held() == 30
    cull(store, 30, 30, 3)
    assert store.held() == 20
    make_room(store, 30, 15)
    assert store.held() == 14
    make_room(store, 30, None)
    cull(store, 30, 14, 0)
    assert store.held() == 0


def test_a_named_store_is_one_for_all_threads() -> None:
    found = [call.result() for call in all_at_once(16, store_named, "tests", "a name")]
    assert len(set(map(id, found))) == 1


def test_constants_are_kept_and_all_else_is_pickled_or_kept_as_asked() -> None:
    for value in ("text", b"bytes", 1, 1.5, 1j, True, None):
        assert pack("pickle", value) is value
    value = [1]
    packed = pack("pickle", value)
    assert type(packed) is Packed
    assert unpack(packed) == value
    assert unpack(packed) is not unpack(packed)
    assert unpack(pack("none", value)) is value
    lock = threading.Lock()
    assert pack("none", lock) is lock


def test_who_waits_for_a_load_is_not_disturbed_by_steps_on_other_keys(store: Any) -> None:
    load = HeldLoader("value")
    calls = all_at_once(3, store.get_or_load, "key", load)
    load.gate.reached()
    await_until(lambda: sum(flight[2] for flight in store._flights()) == 2)
    store.set("other", 1)
    store.touch("other", ttl=5)
    store.evict(1)
    load.gate.open()
    assert [call.result() for call in calls] == ["value"] * 3
