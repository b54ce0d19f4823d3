"""The collector: cycles through a cache are found, and collecting at the worst moment does no harm."""

import gc
import weakref

import pytest

from fastcache import Cache, cached
from tests.harness.child import check_child
from tests.harness.gates import Call, HeldLoader, in_time
from tests.harness.keys import Dying, Key, Reentry
from tests.harness.operations import ALL, attempt


class Node:
    """Something of a collected type that can be weakly referenced."""


class Named(Cache):
    """A subclass, with a dict of its own."""


@pytest.fixture
def every_allocation():
    """The collector runs as often as it can."""
    thresholds = gc.get_threshold()
    gc.set_threshold(1)
    yield
    gc.set_threshold(*thresholds)


def value_holds_cache(cache, node):
    cache["k"] = node
    node.cache = cache


def key_holds_cache(cache, node):
    cache[node] = 1
    node.cache = cache


def both_in_a_tuple(cache, node):
    node.cache = cache
    cache[(1, node)] = (2, node)


def cache_holds_itself(cache, node):
    cache["self"] = cache
    cache["node"] = node


def cache_holds_its_views(cache, node):
    node.views = cache.keys(), cache.items(), cache.values(), iter(cache)
    cache["k"] = node


def loaded_value_holds_cache(cache, node):
    node.cache = cache
    cache.get_or_load("k", lambda _: node)


def kept_error_holds_cache(cache, node):
    error = ValueError("kept beside the value")
    error.node, node.cache = node, cache
    cache["k"] = 1
    cache.expire("k")

    def load(key):
        raise error

    assert cache.get_or_load("k", load) == 1


TIES = [
    value_holds_cache,
    key_holds_cache,
    both_in_a_tuple,
    cache_holds_itself,
    cache_holds_its_views,
    loaded_value_holds_cache,
    kept_error_holds_cache,
]


@pytest.mark.parametrize("tie", TIES)
@pytest.mark.parametrize("make_cache", [Cache, Named])
def test_a_cycle_through_a_cache_is_collected(tie, make_cache):
    cache, node = make_cache(ttl=60, stale_if_error=60), Node()
    tie(cache, node)
    died = weakref.ref(cache), weakref.ref(node)
    del cache, node
    gc.collect()
    assert [reference() for reference in died] == [None, None]


def test_a_cycle_through_a_decorated_function_is_collected():
    def tied():
        @cached(10)
        def same(node):
            return node, same

        node = Node()
        same(node)
        return weakref.ref(same), weakref.ref(same.cache), weakref.ref(node)

    died = tied()
    gc.collect()
    assert [reference() for reference in died] == [None, None, None]


def test_a_cache_with_refreshing_threads_is_collected():
    cache, node = Cache(ttl=60, refresh_ahead=10), Node()
    node.cache = cache
    cache["k"] = node
    died = weakref.ref(cache)
    del cache, node
    gc.collect()
    assert died() is None


def test_a_cache_is_freed_with_its_last_reference():
    cache, node = Cache(ttl=60), Node()
    cache[node] = node
    died = weakref.ref(cache), weakref.ref(node)
    del cache, node
    assert [reference() for reference in died] == [None, None]


def test_the_collector_sees_keys_values_and_flights():
    cache, key, value = Cache(), Node(), Node()
    cache[key] = value
    assert {id(key), id(value)} <= set(map(id, gc.get_referents(cache)))
    loader = HeldLoader(1)
    call = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    assert "Flight" in {type(held).__name__ for held in gc.get_referents(cache)}
    loader.gate.open()
    assert call.result() == 1


def test_entries_of_plain_values_give_the_collector_nothing_to_follow():
    cache = Cache()
    gc.collect()
    before = len(gc.get_objects())
    cache.update((number, str(number)) for number in range(100_000))
    assert len(gc.get_objects()) - before < 100
    assert len(gc.get_referents(cache)) < 100
    cache["k"] = value = []
    assert value in gc.get_referents(cache)


def test_the_collector_sees_a_kept_error(make):
    cache = make(ttl=60, stale_if_error=60)
    kept_error_holds_cache(cache, Node())
    error = cache.get_entry("k").last_error
    assert id(error) in set(map(id, gc.get_referents(cache)))


def test_what_is_held_is_not_collected():
    cache = Cache()
    cache["k"] = node = Node()
    node.itself, died = node, weakref.ref(node)
    del node
    gc.collect()
    assert died() is cache["k"]


@pytest.mark.parametrize("policy", ["adaptive", "lru", "fifo"])
def test_collecting_at_every_allocation_does_no_harm(make, clock, every_allocation, policy):
    cache = make(20, ttl=5, stale_if_error=5, policy=policy)
    for n in range(400):
        key = (n % 30, Node) if n % 2 else Key(n % 30)
        cache[key] = [cache]
        for operation in ALL:
            attempt(operation, cache, key)
        if n % 10 == 0:
            clock.advance(1)
        if n % 100 == 0:
            cache.clear()
    cache._check()


@pytest.mark.parametrize("operation", ALL)
@pytest.mark.parametrize("moment", ["on_eq", "on_hash"])
@in_time
def test_collecting_during_a_comparison_or_hash_does_no_harm(cache, operation, moment):
    act = Reentry(gc.collect)
    for _ in range(3):
        node = Node()
        node.cache = cache
        cache[node] = cache[Key("k")] = node
    cache[Key("other")] = 1
    attempt(operation, cache, Key("k", **{moment: act}))
    assert act.times > 0


@in_time
def test_collecting_during_a_load_does_no_harm(cache):
    cache["node"] = Node()
    assert cache.get_or_load("k", lambda _: (gc.collect(), "value")[1]) == "value"


@in_time
def test_a_finalizer_in_a_cycle_may_use_the_cache_that_dies_with_it():
    seen = []

    def last_words(cache):
        seen.append(sorted(cache))
        cache["new"] = 1
        cache.get_or_load("loaded", str)
        cache.clear()
        seen.append(len(cache))

    cache = Cache(10, ttl=60)
    cache["dying"] = Dying(lambda cache=cache: last_words(cache))
    died = weakref.ref(cache)
    del cache
    gc.collect()
    gc.collect()
    assert (seen, died()) == ([["dying"], 0], None)


def test_an_uninitialised_cache_is_collected_and_freed():
    cache = Cache.__new__(Cache)
    cache["self"] = cache
    died = weakref.ref(cache)
    del cache
    gc.collect()
    assert died() is None


def test_collecting_in_one_thread_while_others_write_does_no_harm():
    # In a process with few objects, for each collection looks at all of them while nobody else runs.
    check_child(
        """
        import gc, threading
        from fastcache import Cache
        from tests.harness.gates import Call

        cache = Cache(200)
        done = threading.Event()

        # Collections are counted, not writes: a collector that never pauses leaves writers little time without a GIL.
        def collect():
            for _ in range(100):
                gc.collect(0)
            done.set()

        def write(start):
            n = start
            while not done.is_set():
                n += 1
                cache[(n,)] = [cache]
                cache.get((n - 5,))
            return n - start

        writers = [Call(write, n * 10_000_000) for n in range(3)]
        Call(collect).join()
        assert min(writer.result() for writer in writers) > 0
        cache._check()
        """,
    )
