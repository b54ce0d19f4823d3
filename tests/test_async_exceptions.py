"""Threads that an exception from without hits at any moment, as they lead, follow, refresh and load many keys."""

from __future__ import annotations

import sys

import pytest

from tests.harness.child import check_child
from tests.harness.effort import EFFORT

KILLS = """
import ctypes, random, sys, threading, time
from fastcache import Cache, SingleFlight
from fastcache.testing import MovableClock
from tests.harness.gates import Call, HeldLoader, await_no_flights, await_until, await_waiters

class Killed(BaseException):
    pass

def kill(thread):
    return ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(Killed))
"""


@pytest.mark.skipif(
    sys.version_info < (3, 12) and sys.gettrace() is not None,
    reason="under a tracer CPython 3.11 stands still once a waiting thread is sent an exception, without a cache too",
)
def test_a_follower_that_is_killed_leaves_the_load_and_the_others_alone() -> None:
    # It sees the exception when its wait has ended.
    check_child(
        KILLS
        + """
cache = Cache()
held = HeldLoader("value")
leader = Call(cache.get_or_load, "k", held)
held.gate.reached()
ended = []
def follow():
    try:
        cache.get_or_load("k", held)
        while True:
            time.sleep(0)
    finally:
        ended.append(1)
victim, other = Call(follow), Call(cache.get_or_load, "k", held)
await_waiters(cache, 2)
print(kill(victim.thread))
held.gate.open()
print(type(victim.error()).__name__, leader.result(), other.result(), len(held.calls), cache.flights())
cache._check()
""",
        out="1\nKilled value value 1 []",
    )


def test_a_worker_that_is_killed_amid_a_refresh_ends_it_and_goes_on() -> None:
    check_child(
        KILLS
        + """
clock = MovableClock()
cache = Cache(ttl=10, refresh_ahead=5, refresh_workers=1, clock=clock, name="victims")
workers = []
def spin(key):
    workers.append(threading.current_thread())
    while True:
        time.sleep(0.0001)
for round in range(3):
    cache["k"] = "old"
    clock.advance(6)
    assert cache.get_or_load("k", spin) == "old"
    await_until(lambda: len(workers) > round)
    assert kill(workers[round]) == 1
    await_no_flights(cache)
    assert cache["k"] == "old"
    assert cache.get_entry("k").failures == 0
cache["k"] = "old"
clock.advance(6)
assert cache.get_or_load("k", lambda key: "new") == "old"
await_no_flights(cache)
cache.close()
cache._check()
print(cache["k"], len(set(workers)), cache.stats().refreshes_dropped)
""",
        out="new 1 3",
    )


def test_a_leader_of_many_keys_that_is_killed_gives_up_all_of_them() -> None:
    check_child(
        KILLS
        + """
cache, leading = Cache(), threading.Event()
def spin(keys):
    leading.set()
    while True:
        time.sleep(0.0001)
leader = Call(cache.get_many_or_load, range(5), spin, max_batch=2)
leading.wait()
followers = [Call(cache.get_or_load, key, str) for key in range(2)]
await_waiters(cache, 2)
kill(leader.thread)
print(type(leader.error()).__name__, [call.result() for call in followers], cache.flights())
cache._check()
""",
        out="Killed ['0', '1'] []",
    )


@pytest.mark.parametrize(
    "options", ["", "policy='lru', max_concurrent_loads=2", "ttl=0.002, stale_while_revalidate=60"]
)
def test_threads_that_are_killed_again_and_again_leave_a_cache_that_works(options: str) -> None:
    check_child(
        KILLS
        + f"""
from fastcache import _refresh
sys.setswitchinterval(1e-5)
cache, single = Cache(20, refresh_workers=2, {options}), SingleFlight()
kills = 0

# Both workers there may be, and they stay: where 3.11 starts a thread, an exception that is sent to the one that starts
# it may go to the other, which then never tells that it has started.
_refresh.IDLE = 600
if {"stale" in options}:
    held = HeldLoader(0)
    cache.update(dict.fromkeys("ab", 0))
    time.sleep(0.003)
    assert [cache.get_or_load(key, held) for key in "ab"] == [0, 0]
    await_until(lambda: len(held.calls) == 2, "both workers")
    held.gate.open()
    await_no_flights(cache)

def work(seed, victim):
    draw = random.Random(seed)
    if victim:
        ready.release()
    until = time.monotonic() + 20
    while time.monotonic() < until and (victim or not stop):
        key = draw.randrange(12)
        act = draw.randrange(6)
        if act == 0:
            cache.set(key, [key])
        elif act == 1:
            cache.delete(key)
        elif act == 2:
            assert set(cache.get_many_or_load(range(key, key + 3), lambda keys: {{k: [k] for k in keys}})) \\
                == set(range(key, key + 3))
        elif act == 3:
            assert single.do(key, lambda: (time.sleep(0), key)[1]).value == key
        else:
            assert cache.get_or_load(key, lambda key: (time.sleep(0), [key])[1]) == [key]

stop, ready = [], threading.Semaphore(0)
steady = [Call(work, seed, False) for seed in range(2)]
draw = random.Random(7)
for number in range({60 * EFFORT}):
    victim = Call(work, number, True)
    ready.acquire()
    for _ in range(draw.randrange(200)):
        time.sleep(0)
    if kill(victim.thread):
        kills += 1
        assert type(victim.error()) is Killed, victim.error()
stop.append(1)
for call in steady:
    call.result()
await_no_flights(cache)
await_no_flights(single)
cache.close()
cache._check()
assert cache._bulkhead is None or cache._bulkhead.free == 2
for key in range(40):
    assert cache.get_or_load(key, lambda key: [key]) == [key]
    assert single.do(key, lambda: key).value == key
print(kills)
""",
        out=str(60 * EFFORT),
        limit=90 * EFFORT,
    )
