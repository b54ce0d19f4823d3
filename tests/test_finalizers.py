"""Finalizers of keys and values that use the cache, whatever it was doing when it let go of them."""

import weakref

import pytest

from fastcache import Cache
from tests.harness.gates import in_time
from tests.harness.keys import Dying, Key, Reentry
from tests.harness.operations import DEEDS


def replace(cache, clock):
    cache["k"] = "new"


def replace_by_load(cache, clock):
    clock.advance(60)
    assert cache.get_or_load("k", lambda _: "new") == "new"


def delete(cache, clock):
    assert cache.delete("k") is True


def pop(cache, clock):
    cache.pop("k")


def expire(cache, clock):
    cache.expire("k")


def clear(cache, clock):
    cache.clear()


def evict(cache, clock):
    # Keys that come back, so that a policy which resists scans lets them in.
    for _ in range(4):
        cache.update((n, n) for n in range(20))


def evict_by_load(cache, clock):
    for n in 4 * [*range(20)]:
        cache.get_or_load(n, str)


def read_after_expiry(cache, clock):
    clock.advance(60)
    assert cache.get("k") is None


def count_after_expiry(cache, clock):
    clock.advance(60)
    len(cache)


def sweep_after_expiry(cache, clock):
    clock.advance(60)
    for n in range(9):
        cache[n] = n


def refuse(cache, clock):
    cache.set("k", 1, ttl=0)


ENDS = [
    replace,
    replace_by_load,
    delete,
    pop,
    expire,
    clear,
    evict,
    evict_by_load,
    read_after_expiry,
    count_after_expiry,
    sweep_after_expiry,
    refuse,
]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("policy", ["adaptive", "lru", "fifo"])
@in_time
def test_a_values_finalizer_may_use_the_cache(make, clock, end, deed, policy):
    cache = make(10, ttl=60, policy=policy)
    act = Reentry(lambda: DEEDS[deed](cache))
    cache["k"] = Dying(act)
    end(cache, clock)
    assert act.times == 1
    assert len(cache) <= 10
    cache._check()


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("end", [Cache.clear, lambda cache: cache.delete(7), lambda cache: cache.popitem()])
@in_time
def test_a_keys_finalizer_may_use_the_cache(make, end, deed):
    cache = make(10, ttl=60)
    act = Reentry(lambda: DEEDS[deed](cache))
    # The hash of a small int is itself, so 7 may be asked for in its place.
    cache[Twin(on_del=act)] = 1
    end(cache)
    assert act.times == 1
    cache._check()


class Twin(Key):
    """A key equal to the int 7."""

    __hash__ = Key.__hash__

    def __eq__(self, other):
        return other == 7


@pytest.mark.parametrize("deed", DEEDS)
@in_time
def test_a_weak_references_callback_may_use_the_cache(make, deed):
    cache = make(10, ttl=60)
    act = Reentry(lambda: DEEDS[deed](cache))
    cache["k"] = value = Dying(int)
    watch = weakref.ref(value, lambda _: act())
    del value
    cache["k"] = "new"
    assert (watch(), act.times) == (None, 1)


@in_time
def test_a_finalizer_may_write_the_key_that_is_being_written(cache):
    cache["k"] = Dying(lambda: cache.set("k", "last words"))
    cache["k"] = "new"
    assert cache["k"] == "last words"


@in_time
def test_a_chain_of_finalizers_comes_to_its_end(cache):
    def chain(n):
        return Dying(lambda: cache.update(k=chain(n - 1)) or cache.delete("k") if n else cache.update(k="end"))

    cache["k"] = chain(20)
    cache.delete("k")
    assert cache["k"] == "end"


@in_time
def test_a_finalizer_may_ask_for_the_key_whose_load_replaced_it(cache, clock):
    seen = []
    cache["k"] = Dying(lambda: seen.append(cache.get_or_load("k", lambda _: "never")))
    clock.advance(60)
    assert cache.get_or_load("k", lambda _: "loaded") == "loaded"
    assert seen == ["loaded"]


@in_time
def test_finalizers_of_a_cleared_cache_fill_it_again(make):
    cache = make(200)
    for n in range(100):
        cache[n] = Dying(lambda n=n: cache.set(-n, n))
    cache.clear()
    assert sorted(cache) == list(range(-99, 1))


@in_time
def test_a_dying_cache_runs_the_finalizers_of_what_it_held():
    other = Cache()
    cache = Cache()
    for n in range(10):
        cache[Key(n, on_del=lambda n=n: other.set(("key", n), n))] = Dying(lambda n=n: other.set(("value", n), n))
    del cache
    assert sorted(other) == [(kind, n) for kind in ("key", "value") for n in range(10)]


@in_time
def test_finalizers_run_in_the_thread_that_let_go_and_outlive_errors(cache, monkeypatch):
    raised = []
    monkeypatch.setattr("sys.unraisablehook", lambda caught: raised.append(caught.exc_type))
    cache["k"] = Dying(lambda: 1 / 0)
    cache["k"] = "new"
    assert (cache["k"], raised) == ("new", [ZeroDivisionError])
