"""The end of a process amid whatever its threads do with caches: soon, and without a word."""

from __future__ import annotations

import time

import pytest

from tests.harness.child import check_child, run_child

# Seconds, of which a busy machine takes most.
SOON = 20.0

AMID = """
import atexit, random, sys, threading, time
from fastcache import Cache, SingleFlight, cached
from fastcache.testing import MovableClock

cache = Cache(50, 0.001, stale_while_revalidate=60, refresh_workers=2, on_removal=lambda *removed: None)
single, begun = SingleFlight(), threading.Semaphore(0)

def daemon(function, *args):
    threading.Thread(target=function, args=args, daemon=True).start()

def lead():
    def load(key):
        begun.release()
        time.sleep(60)
    cache.get_or_load("held", load)

def follow():
    begun.release()
    cache.get_or_load("held", str)

def fly():
    single.do("held", lambda: begun.release() or time.sleep(60))

def hammer(seed):
    draw = random.Random(seed)
    for number in range(10**9):
        key = draw.randrange(100)
        if draw.random() < 0.5:
            cache.get_or_load(key, lambda key: [key])
        elif draw.random() < 0.5:
            cache[key] = [key]
        else:
            cache.get_many_or_load(range(key, key + 3), lambda keys: dict.fromkeys(keys, 1))
        if number == 10:
            begun.release()

def wait_in_time():
    begun.release()
    cache.get_or_load("held", str, wait_timeout=60)
"""


def ended(snippet: str) -> None:
    child = run_child(AMID + snippet)
    assert (child.code, child.err) == (0, ""), child
    assert time.monotonic() - float(child.out) < SOON


def test_daemon_threads_that_lead_and_follow_hold_up_no_end() -> None:
    ended(
        """
for function in (lead, follow, follow, wait_in_time, fly):
    daemon(function)
for _ in range(5):
    begun.acquire()
print(time.monotonic())
"""
    )


@pytest.mark.parametrize("round_", range(3))
def test_daemon_threads_that_use_caches_to_the_very_end_hold_up_no_end(round_: int) -> None:
    ended(
        f"""
sys.setswitchinterval(1e-4)
for seed in range(4):
    daemon(hammer, 10 * {round_} + seed)
for _ in range(4):
    begun.acquire()
print(time.monotonic())
"""
    )


def test_a_cache_may_be_used_as_the_interpreter_goes() -> None:
    # By what atexit calls, and by finalizers after modules are gone.
    check_child(
        AMID
        + """
import weakref

class Last:
    def __init__(self, cache):
        self.cache = cache

    def __del__(self):
        self.cache.get_or_load("last", str)
        self.cache["more"] = self.cache.get("last")
        self.cache.clear()

atexit.register(lambda: cache.get_or_load("exit", str))
atexit.register(lambda: cache.refresh("exit", str).result())
last, kept = Last(Cache(10, 60)), Last(cache)
sys.last_kept = Last(Cache(10, 0.001, stale_while_revalidate=60))
cache["cycle"] = kept
print("end")
""",
        out="end",
    )
