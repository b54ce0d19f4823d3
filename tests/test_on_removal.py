"""Removal listeners: each value that leaves is told of once, with its cause and nothing locked."""

import gc
import sys
import threading
import weakref

import pytest

from fastcache import Cache, cached
from tests.harness.gates import Call, HeldLoader, await_waiters, in_time
from tests.harness.keys import Key
from tests.harness.operations import DEEDS


class ListenerError(Exception):
    """What a listener of these tests raises."""


class Thing:
    """A value that can be weakly referenced."""


@pytest.fixture
def told():
    return []


@pytest.fixture
def listened(make, told):
    """Makes caches whose removals are in ``told``."""
    return lambda *args, **kwargs: make(*args, on_removal=lambda *event: told.append(event), **kwargs)


def write_over(cache):
    cache["k"] = "new"


def set_over(cache):
    cache.set("k", "new", ttl=5)


def set_to_nothing(cache):
    cache.set("k", "new", ttl=0)


def update(cache):
    cache.update(k="new")


def delete_item(cache):
    del cache["k"]


@pytest.mark.parametrize("write", [write_over, set_over, set_to_nothing, update])
def test_a_value_written_over_is_replaced(listened, told, write):
    cache = listened(ttl=60)
    cache["k"] = "old"
    write(cache)
    assert told == [("k", "old", "replaced")]


REMOVALS = {
    "delete": lambda cache: cache.delete("k"),
    "del": delete_item,
    "pop": lambda cache: cache.pop("k"),
    "popitem": lambda cache: cache.popitem(),
    "clear": lambda cache: cache.clear(),
}


@pytest.mark.parametrize("remove", REMOVALS.values(), ids=REMOVALS)
def test_a_value_removed_by_the_caller_leaves_explicitly(listened, told, remove):
    cache = listened(ttl=60)
    cache["k"] = "old"
    remove(cache)
    assert told == [("k", "old", "explicit")]


@pytest.mark.parametrize("policy", ["adaptive", "lru", "fifo"])
def test_an_evicted_value_leaves_for_size(listened, told, policy):
    cache = listened(3, policy=policy)
    cache.update((n, str(n)) for n in range(5))
    assert len(told) == 2
    assert {cause for _, _, cause in told} == {"size"}
    assert all(value == str(key) and key not in cache for key, value, _ in told)


def test_values_evicted_for_weight_leave_in_their_order(listened, told):
    cache = listened(max_weight=10, weigher=lambda key, value: value, policy="lru")
    cache.update(a=3, b=3, c=3)
    cache["d"] = 8
    assert told == [("a", 3, "size"), ("b", 3, "size"), ("c", 3, "size")]


NOTICES = {
    "get": lambda cache: cache.get("k"),
    "set": lambda cache: cache.set("k", "new"),
    "set_nothing": lambda cache: cache.set("k", "new", ttl=0),
    "delete": lambda cache: cache.delete("k"),
    "pop": lambda cache: cache.pop("k", None),
    "clear": lambda cache: cache.clear(),
    "len": lambda cache: len(cache),
    "sweep": lambda cache: cache.sweep(),
    "load": lambda cache: cache.get_or_load("k", lambda _: "new"),
    "another_write": lambda cache: [cache.set("another", 1) for _ in range(1000)],
}


@pytest.mark.parametrize("notice", NOTICES.values(), ids=NOTICES)
@pytest.mark.parametrize("weighed", [False, True])
def test_what_was_past_its_windows_has_expired_whoever_notices(listened, told, clock, notice, weighed):
    weights = {"max_weight": 100, "weigher": lambda key, value: 1} if weighed else {}
    cache = listened(ttl=10, stale_if_error=5, **weights)
    cache["k"] = "old"
    clock.advance(15)
    notice(cache)
    assert told == [("k", "old", "expired")]


def test_what_may_still_be_served_is_replaced_or_removed(listened, told, clock):
    cache = listened(ttl=10, stale_if_error=5)
    cache.update(a=1, b=2)
    clock.advance(12)
    cache["a"] = 3
    cache.delete("b")
    assert told == [("a", 1, "replaced"), ("b", 2, "explicit")]


def test_expire_is_no_removal_while_a_window_may_serve_the_value(listened, told, clock):
    cache = listened(ttl=10, stale_if_error=5)
    cache["k"] = 1
    cache.expire("k")
    assert told == []
    clock.advance(5)
    cache.sweep()
    assert told == [("k", 1, "expired")]


def test_expire_without_a_window_removes_at_once(listened, told):
    cache = listened(ttl=10)
    cache["k"] = 1
    cache.expire("k")
    assert told == [("k", 1, "expired")]


def test_the_very_same_object_written_again_has_not_left(listened, told):
    cache = listened(ttl=60)
    value = Thing()
    cache["k"] = value
    cache["k"] = value
    cache.set("k", value, ttl=5)
    assert told == []


def test_what_was_never_kept_never_left(listened, told):
    cache = listened(ttl=60, max_weight=1, weigher=lambda key, value: value)
    cache["k"] = 2
    cache.set("k", 1, ttl=0)
    assert cache.get_or_load("k", lambda _: 2) == 2
    assert cache.get_or_load("k", lambda _: 1, ttl=0) == 1
    with pytest.raises(ZeroDivisionError):
        cache.get_or_load("k", lambda _: 1 / 0)
    assert told == []


def test_a_result_discarded_never_left(listened, told):
    cache = listened(ttl=60)
    assert cache.get_or_load("k", lambda _: cache.set("k", "set")) is None
    assert (cache["k"], told) == ("set", [])


def test_reads_and_looks_remove_nothing(listened, told):
    cache = listened(ttl=60)
    cache["k"] = 1
    assert (cache.get("k"), cache["k"], "k" in cache, cache.setdefault("k", 2)) == (1, 1, True, 1)
    assert (len(cache), list(cache.items()), cache.get_entry("k").value) == (1, [("k", 1)], 1)
    assert cache.get_or_load("k", lambda _: 2) == 1
    assert told == []


def test_a_value_evicted_while_its_key_loads_is_told_of_once(listened, told, clock):
    cache = listened(2, ttl=10, policy="lru", stale_if_error=60)
    cache["k"] = "old"
    clock.advance(10)
    loader = HeldLoader("new")
    leader = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    follower = Call(cache.get_or_load, "k", loader)
    await_waiters(cache, 1)
    cache.update(a=1, b=2)
    assert told == [("k", "old", "size")]
    loader.gate.open()
    assert [leader.result(), follower.result()] == ["new", "new"]
    assert told == [("k", "old", "size"), ("a", 1, "size")]


def test_a_refresh_replaces(listened, told, clock):
    cache = listened(ttl=10, refresh_ahead=5, refresh_workers=1)
    cache["k"] = "old"
    clock.advance(6)
    loader = HeldLoader("new")
    assert cache.get_or_load("k", loader) == "old"
    loader.gate.open()
    cache.close()
    assert told in ([("k", "old", "replaced")], [])
    assert (told == []) == (cache.get("k") == "old")


def test_closing_and_collecting_remove_nothing(told):
    cache = Cache(on_removal=lambda *event: told.append(event))
    cache["k"] = 1
    cache.close()
    del cache
    gc.collect()
    assert told == []


def test_a_function_takes_a_listener(told):
    @cached(2, on_removal=lambda *event: told.append(event))
    def double(x):
        return 2 * x

    for n in range(3):
        double(n)
    double.cache_invalidate(2)
    assert sorted(told) == sorted([(min(told)[0], min(told)[1], "size"), (2, 4, "explicit")])


# ---- what a listener may do ----


@in_time
@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("remove", [*REMOVALS.values(), write_over], ids=[*REMOVALS, "write_over"])
def test_a_listener_may_use_the_cache(make, remove, deed):
    done = []

    def listen(key, value, cause):
        if not done:
            done.append(key)
            DEEDS[deed](cache)

    cache = make(100, ttl=60, on_removal=listen)
    cache["k"] = "old"
    remove(cache)
    assert done == ["k"]
    cache._check()


@in_time
def test_a_listener_may_load_the_key_that_was_just_loaded(make):
    seen = []

    def listen(key, value, cause):
        if cause == "size":
            seen.append(cache.get_or_load("heavy", lambda _: "another"))

    cache = make(max_weight=100, weigher=lambda key, value: 100 if value == "loaded" else 1, on_removal=listen)
    cache.update((n, n) for n in range(100))
    assert cache.get_or_load("heavy", lambda _: "loaded") == "loaded"
    # However many were evicted, the load had ended when the first of them was told of.
    assert seen == ["loaded"] * 100


def test_a_listener_may_put_back_what_was_evicted(make):
    back = []

    def listen(key, value, cause):
        if cause == "size" and len(back) < 50:
            back.append(key)
            cache[key] = value

    cache = make(10, on_removal=listen)
    cache.update((n, n) for n in range(20))
    assert (len(cache), len(back)) == (10, 50)
    cache._check()


def test_a_listener_that_always_puts_back_comes_to_an_end(make, monkeypatch):
    raised = []
    # A hook in Python could not run at the limit.
    monkeypatch.setattr(sys, "unraisablehook", raised.append)
    cache = make(2, on_removal=lambda key, value, cause: cache.__setitem__(key, value))
    cache.update(a=1, b=2, c=3)
    # Where not even that can be called there is nobody to tell.
    assert {unraisable.exc_type for unraisable in raised} <= {RecursionError}
    assert len(cache) == 2
    cache._check()


@pytest.mark.parametrize("error", [ListenerError, KeyboardInterrupt, SystemExit])
def test_what_a_listener_raises_goes_to_the_unraisable_hook(make, monkeypatch, error):
    raised = []
    monkeypatch.setattr(
        sys, "unraisablehook", lambda unraisable: raised.append((unraisable.exc_type, unraisable.object))
    )

    def listen(key, value, cause):
        raise error

    cache = make(1, ttl=60, on_removal=listen)
    cache["a"] = 1
    cache["b"] = 2
    assert (cache.pop("b"), cache.get_or_load("c", lambda _: 3)) == (2, 3)
    cache.clear()
    assert raised == [(error, listen)] * 3


def test_a_listener_is_called_in_the_thread_that_removed(make):
    threads = []
    cache = make(on_removal=lambda key, value, cause: threads.append(threading.get_ident()))
    cache["k"] = 1
    call = Call(cache.delete, "k")
    assert call.result() is True
    assert threads == [call.thread.ident]


def test_a_listener_sees_the_cache_without_the_value(make):
    seen = []
    cache = make(ttl=60, on_removal=lambda key, value, cause: seen.append(cache.get(key)))
    cache["k"] = 1
    cache["k"] = 2
    cache.delete("k")
    assert seen == [2, None]


def test_a_listener_gets_the_key_that_was_stored(listened, told):
    cache = listened()
    first, second = Key("k"), Key("k")
    cache[first] = 1
    cache[second] = 2
    cache.delete(second)
    assert [key is first for key, _, _ in told] == [True, True]


def test_of_many_that_leave_at_once_none_is_missed(listened, told, clock):
    cache = listened(ttl=10)
    cache.update((n, -n) for n in range(10_000))
    clock.advance(10)
    assert cache.sweep() == 10_000
    assert sorted(told) == [(n, -n, "expired") for n in range(10_000)]
    cache.update((n, -n) for n in range(10_000))
    told.clear()
    cache.clear()
    assert sorted(told) == [(n, -n, "explicit") for n in range(10_000)]


def test_each_value_of_many_threads_is_told_of_once():
    told = []
    cache = Cache(50, on_removal=lambda key, value, cause: told.append(value), seed=1)
    values = [[(thread, n) for n in range(2000)] for thread in range(4)]

    def work(own):
        for n, value in enumerate(own):
            cache[n * 7 % 100] = value
            if n % 5 == 0:
                cache.pop(n % 100, None)

    threads = [threading.Thread(target=work, args=(own,)) for own in values]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cache.clear()
    assert sorted(told) == sorted(value for own in values for value in own)


# ---- references ----


def test_a_listener_that_holds_the_cache_is_collected_with_it():
    class Listening(Cache):
        def __init__(self):
            super().__init__(10, on_removal=self.removed, max_weight=10, weigher=self.weigh)

        def removed(self, key, value, cause):
            pass

        def weigh(self, key, value):
            return 1

    cache = Listening()
    cache["k"] = Thing()
    dead = weakref.ref(cache)
    del cache
    gc.collect()
    assert dead() is None


def test_no_reference_to_what_left_is_kept(listened, told, clock):
    cache = listened(3, ttl=10)
    things = [(Thing(), Thing()) for _ in range(10)]
    for key, value in things:
        cache[key] = value
    cache[things[-1][0]] = 1
    cache.delete(things[-2][0])
    clock.advance(10)
    cache.sweep()
    told.clear()
    dead = [weakref.ref(thing) for pair in things for thing in pair]
    things.clear()
    key = value = None
    gc.collect()
    assert [ref() for ref in dead] == [None] * 20


@pytest.mark.parametrize("listener", ["print", 1, [print]])
def test_a_listener_is_callable(listener):
    with pytest.raises(TypeError, match="on_removal"):
        Cache(on_removal=listener)
