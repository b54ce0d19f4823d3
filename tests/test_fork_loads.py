"""fork amid loads: those of other threads are not the child's, those of the thread that forks go on in both."""

from __future__ import annotations

import os

import pytest

from tests.test_fork import check

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


def test_a_load_under_way_is_not_the_childs() -> None:
    check(
        """
cache = Cache()
held = HeldLoader("parent's")
calls = [Call(cache.get_or_load, "k", held) for _ in range(3)]
await_waiters(cache, 2)

def in_child():
    assert cache.flights() == []
    assert "k" not in cache
    value = Call(cache.get_or_load, "k", lambda key: "child's").result(5)
    cache._check()
    return value, cache["k"], cache.stats().entries

print(forked(in_child))
held.gate.open()
print(*[call.result() for call in calls], cache["k"], held.calls)
cache._check()
""",
        out="(\"child's\", \"child's\", 1)\nparent's parent's parent's parent's ['k']",
    )


def test_many_loads_under_way_are_not_the_childs() -> None:
    check(
        """
cache, single = Cache(), SingleFlight()
held = HeldLoader("parent's")
calls = [Call(cache.get_or_load, number, held) for number in range(100)]
calls += [Call(single.do, number, held) for number in range(100)]
held.gate.reached(200)

def in_child():
    assert cache.flights() == single.flights() == []
    assert [cache.get_or_load(number, lambda key: key) for number in range(100)] == list(range(100))
    assert single.do(1, lambda: 2) == (2, False)
    cache._check()
    single._store._check()

forked(in_child)
held.gate.open()
for call in calls:
    call.join()
print(len(cache))
""",
        out="100",
    )


def test_a_load_that_forks_goes_on_in_both() -> None:
    check(
        """
cache = Cache()
other = HeldLoader("other's")
call = Call(cache.get_or_load, "other", other)
other.gate.reached()

def load(key):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        return "child"
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return "parent"

for depth in 1, 50:
    def nested(key):
        return load(key) if key == (depth, 0) else cache.get_or_load((depth, key[1] - 1), nested)

    value = cache.get_or_load((depth, depth), nested)
    if value == "child":
        code = 1
        try:
            assert cache[depth, depth] == "child"
            assert cache.flights() == []
            assert cache.get_or_load("other", lambda key: "own") == "own"
            cache._check()
            code = 0
        finally:
            os._exit(code)
    print(value)
other.gate.open()
call.join()
""",
        out="parent\nparent",
    )


def test_a_fork_deep_in_nested_loads_drops_the_others() -> None:
    check(
        """
cache = Cache(1000, policy="lru")
late = HeldLoader("late")

def nested(depth):
    if depth:
        return cache.get_or_load(depth - 1, nested)
    call = Call(cache.get_or_load, "late", late)
    late.gate.reached()
    said = forked(lambda: Call(cache.get_or_load, "late", lambda key: "child's").result(5))
    late.gate.open()
    return said, call.result()

print(*cache.get_or_load(40, nested))
""",
        out="child's late",
    )


def test_a_fork_in_a_handler_amid_the_wait_for_a_deleted_key_ends_the_wait() -> None:
    check(
        """
cache = Cache()
held = HeldLoader("loaded")
leader = Call(cache.get_or_load, "k", held)
held.gate.reached()
parent = os.getpid()

def handle(number, frame):
    global child
    cache.delete("k")
    child = os.fork()
    if child == 0:
        signal.alarm(2)
    else:
        held.gate.open()

def send():
    await_waiters(cache, 1)
    os.kill(parent, signal.SIGUSR1)

signal.signal(signal.SIGUSR1, handle)
sender = Call(send)
value = cache.get_or_load("k", lambda key: "child's")
if os.getpid() != parent:
    os._exit(0 if value == "child's" else 1)
print(value, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""",
        out="loaded 0",
    )


def test_a_fork_in_a_handler_on_the_way_to_the_wait_begins_the_call_anew() -> None:
    check(
        """
import ctypes, functools

class Key:
    "Hashing it sends a signal, for which the interpreter looks at the next Python code that it runs."
    __hash__ = staticmethod(functools.partial(ctypes.pythonapi.PyErr_SetInterruptEx, int(signal.SIGUSR1)))

cache, key, armed = Cache(), Key(), False

def handle(number, frame):
    global child
    if armed:
        child = os.fork()
        if child == 0:
            signal.alarm(10)
        else:
            held.gate.open()

signal.signal(signal.SIGUSR1, handle)
held = HeldLoader("loaded")
leader = Call(cache.get_or_load, key, held)
held.gate.reached()
parent, armed = os.getpid(), True
value = cache.get_or_load(key, lambda key: "child's")
armed = False
if os.getpid() != parent:
    os._exit(0 if value == "child's" else 1)
print(value, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""",
        out="loaded 0",
    )


def test_a_fork_in_a_handler_amid_the_wait_for_a_place_begins_the_call_anew() -> None:
    check(
        """
from tests.harness.gates import await_until

cache = Cache(max_concurrent_loads=1)
held = HeldLoader("loaded")
leader = Call(cache.get_or_load, "other", held)
held.gate.reached()
parent = os.getpid()

def handle(number, frame):
    global child
    child = os.fork()
    if child == 0:
        signal.alarm(10)
    else:
        held.gate.open()

def send():
    await_until(lambda: cache._bulkhead.waiting)
    os.kill(parent, signal.SIGUSR1)

signal.signal(signal.SIGUSR1, handle)
sender = Call(send)
value = cache.get_or_load("k", lambda key: os.getpid())
if os.getpid() != parent:
    assert (value, cache._bulkhead.free, cache._bulkhead.waiting) == (os.getpid(), 1, 0)
    os._exit(0)
print(value == parent, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""",
        out="True 0",
    )


def test_a_load_in_another_thread_is_not_the_childs() -> None:
    check(
        """
cache = Cache()
held = HeldLoader("parent's")
call = Call(cache.get_or_load, "k", held, wait_timeout=60)
held.gate.reached()

def in_child():
    assert cache.flights() == []
    own = cache.get_or_load("k", lambda key: "child's", wait_timeout=5)
    cache._check()
    return own

print(forked(in_child))
held.gate.open()
print(call.result(), cache["k"], held.calls)
""",
        out="child's\nparent's parent's ['k']",
    )


def test_both_of_two_loads_of_a_key_are_the_parents() -> None:
    check(
        """
clock = MovableClock()
cache = Cache(clock=clock)
first, second = HeldLoader("first"), HeldLoader("second")
calls = [Call(cache.get_or_load, "k", first)]
first.gate.reached()
clock.advance(60)
calls.append(Call(cache.get_or_load, "k", second))
second.gate.reached()

def in_child():
    assert cache.flights() == []
    own = cache.get_or_load("k", lambda key: "child's")
    cache._check()
    return own

print(forked(in_child))
first.gate.open()
second.gate.open()
print(*[call.result() for call in calls], cache["k"])
""",
        out="child's\nfirst second second",
    )


def test_the_places_of_the_parents_loads_are_free_in_the_child() -> None:
    check(
        """
cache = Cache(max_concurrent_loads=2)
held = HeldLoader("parent's")
calls = [Call(cache.get_or_load, number, held) for number in range(2)]
held.gate.reached(2)
calls += [Call(cache.get_or_load, number, held) for number in range(2, 5)]
await_until(lambda: cache._bulkhead.waiting == 3)

def in_child():
    assert cache.flights() == []
    assert (cache._bulkhead.free, cache._bulkhead.waiting) == (2, 0)
    inside = Call(cache.get_or_load, "a", lambda key: cache._bulkhead.free).result(5)
    return inside, cache.get_or_load("b", str, wait_timeout=5), cache._bulkhead.free

print(forked(in_child))
held.gate.open()
print(*[call.result() for call in calls], cache._bulkhead.free)
""",
        out="(1, 'b', 2)\nparent's parent's parent's parent's parent's 2",
    )


def test_a_load_that_forks_keeps_its_place_in_both() -> None:
    check(
        """
cache = Cache(max_concurrent_loads=3)
held = HeldLoader("parent's")
other = Call(cache.get_or_load, "other", held)
held.gate.reached()

def load(key):
    return forked(in_child), cache._bulkhead.free

def in_child():
    nested = cache.get_or_load("nested", str)
    return cache._bulkhead.free, nested

def outer(key):
    return cache.get_or_load("inner", load)

print(cache.get_or_load("outer", outer), cache._bulkhead.free)
held.gate.open()
other.join()
""",
        out="(\"(2, 'nested')\", 1) 2",
    )
