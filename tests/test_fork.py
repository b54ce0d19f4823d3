"""fork: the child has no loads of threads that are gone, no held locks, other random numbers, and refreshes anew."""

from __future__ import annotations

import os

import pytest

from tests.harness.child import check_child

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

# Python 3.12 and later warn of any fork with threads.
OPTIONS = ("-W", "error", "-W", "ignore::DeprecationWarning")

# forked(check): what check() returns in a child, as text; it has ten seconds.
FORKED = """
import os, random, signal, sys, threading, traceback
from fastcache import Cache, SingleFlight
from fastcache.testing import MovableClock
from tests.harness.gates import Call, Gate, HeldLoader, await_no_flights, await_until, await_waiters
from tests.harness.keys import Key

def forked(check):
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(10)
            os.write(theirs, str(check()).encode())
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(theirs)
    with open(ours) as pipe:
        said = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == 0, f"the child ended with {code}"
    return said
"""


def check(snippet: str, out: str = "") -> None:
    check_child(FORKED + snippet, out=out, options=OPTIONS, limit=60)


def test_deleted_and_refreshing_keys_come_through() -> None:
    check(
        """
clock = MovableClock()
cache = Cache(ttl=10, refresh_ahead=5, refresh_workers=1, clock=clock)
cache.update(dict.fromkeys(("running", "queued"), "old"))
clock.advance(6)
held = HeldLoader("new")
for key in "running", "queued":
    cache.get_or_load(key, held)
held.gate.reached()
detached = HeldLoader("detached")
call = Call(cache.get_or_load, "deleted", detached)
detached.gate.reached()
cache.delete("deleted")

def in_child():
    assert cache.flights() == []
    clock.advance(1)
    for key in "running", "queued":
        assert cache.get_or_load(key, lambda key: f"child's {key}") == "old"
    await_no_flights(cache, 5)
    cache.close()
    cache._check()
    return cache["running"], cache["queued"], cache.get_or_load("deleted", lambda key: 1)

print(forked(in_child))
held.gate.open()
detached.gate.open()
call.join()
await_no_flights(cache)
print(cache["running"], cache["queued"])
""",
        out='("child\'s running", "child\'s queued", 1)\nnew new',
    )


def test_refreshing_works_in_the_child_of_a_process_that_refreshed() -> None:
    check(
        """
clock = MovableClock()
cache = Cache(ttl=10, refresh_ahead=5, clock=clock)

def refresh():
    cache["k"] = "old"
    clock.advance(6)
    assert cache.get_or_load("k", lambda key: "new") == "old"
    await_no_flights(cache, 5)
    return cache["k"]

print(refresh(), forked(refresh), forked(lambda: forked(refresh)), refresh())
""",
        out="new new new new",
    )


@pytest.mark.parametrize("seed", ["None", "1"])
def test_the_child_draws_other_lifetimes(seed: str) -> None:
    check(
        f"""
cache = Cache(ttl=60, jitter=5, clock=MovableClock(), seed={seed})

def lifetimes():
    cache.update(dict.fromkeys(range(5), 0))
    return [cache.get_entry(key).ttl_left for key in range(5)]

drawn = [forked(lifetimes), forked(lifetimes), str(lifetimes())]
print(len(set(drawn)))
""",
        out="3",
    )


def test_forks_amid_hammering_threads_come_out_sound() -> None:
    check(
        """
sys.setswitchinterval(1e-5)
caches = [Cache(), Cache(20, 0.01, jitter=0.005, policy="lru"), Cache(40_000, 0.01, stale_while_revalidate=0.01)]
keys = [*range(15), *map(str, range(15)), *(Key(number) for number in range(10))]
stop = threading.Event()

def hammer(seed):
    draw = random.Random(seed)
    while not stop.is_set():
        cache, key = draw.choice(caches), draw.choice(keys)
        act = draw.randrange(8)
        if act < 4:
            cache.get_or_load(key, lambda key: key)
        elif act == 4:
            cache.set(key, key)
        elif act == 5:
            cache.delete(key)
        elif act == 6:
            cache.get(key)
        else:
            cache.clear()

def in_child():
    for cache in caches:
        assert cache.flights() == []
        assert cache.get_or_load("new", lambda key: key) == "new"
        assert Call(cache.get_or_load, "newer", lambda key: key).result(5) == "newer"
        cache.set(1, 2)
        cache.close()
        cache._check()

threads = [Call(hammer, seed) for seed in range(4)]
for _ in range(20):
    forked(in_child)
stop.set()
for thread in threads:
    thread.result()
for cache in caches:
    await_no_flights(cache)
    cache._check()
""",
    )
