"""Signals while the main thread waits for another's load: they get through, and may use the cache themselves."""

from __future__ import annotations

import sys

import pytest

from tests.harness.child import check_child

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")

WAITING = """
import os, signal, threading, time
from fastcache import Cache, SingleFlight
from fastcache.testing import MovableClock
from tests.harness.gates import Call, HeldLoader, await_no_flights, await_until, await_waiters

cache = Cache()
held = HeldLoader("loaded")
leader = Call(cache.get_or_load, "k", held)
held.gate.reached()
sent = []

def send(number, count=1):
    "Sends a signal once the main thread waits."
    await_waiters(cache, count)
    sent.append(time.monotonic())
    os.kill(os.getpid(), number)

def wait():
    return cache.get_or_load("k", lambda key: "not loaded here")
"""


def test_ctrl_c_ends_the_wait_at_once_and_not_the_load() -> None:
    check_child(
        WAITING
        + """
sender = Call(send, signal.SIGINT)
try:
    wait()
except KeyboardInterrupt:
    took = time.monotonic() - sent[0]
    assert took < 10, took
    print("interrupted")
assert [flight.waiters for flight in cache.flights()] == [0]
held.gate.open()
print(leader.result(), cache["k"], held.calls)
sender.join()
cache._check()
""",
        out="interrupted\nloaded loaded ['k']",
    )


def test_ctrl_c_in_the_loader_lets_a_follower_take_over() -> None:
    check_child(
        """
import os, signal, threading, time
from fastcache import Cache
from tests.harness.gates import Call, await_waiters
cache = Cache()

def load(key):
    followers.extend(Call(cache.get_or_load, "k", lambda key: "taken over") for _ in range(3))
    await_waiters(cache, 3)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(10)

followers = []
try:
    cache.get_or_load("k", load)
except KeyboardInterrupt:
    print("interrupted")
print(*[call.result() for call in followers], cache["k"], cache.stats().loads)
cache._check()
""",
        out="interrupted\ntaken over taken over taken over taken over 1",
    )


def test_a_handler_may_use_the_cache_while_the_wait_goes_on() -> None:
    check_child(
        WAITING
        + """
def handle(number, frame):
    cache["set"] = 1
    cache.delete("set")
    print(cache.get("k"), cache.get_or_load("other", lambda key: "other"), len(cache), cache.flights()[0].waiters)
    held.gate.open()

signal.signal(signal.SIGUSR1, handle)
sender = Call(send, signal.SIGUSR1)
print(wait(), leader.result())
sender.join()
cache._check()
""",
        out="None other 1 1\nloaded loaded",
    )


def test_a_handler_may_wait_for_the_same_load_and_for_another() -> None:
    check_child(
        WAITING
        + """
inner = HeldLoader("inner")
other = Call(cache.get_or_load, "inner", inner)
inner.gate.reached()

def handle(number, frame):
    if number == signal.SIGUSR1:
        print(cache.get_or_load("inner", None or print))
        print(wait())
    else:
        inner.gate.open()
        held.gate.open()

signal.signal(signal.SIGUSR1, handle)
signal.signal(signal.SIGUSR2, handle)
senders = [Call(send, signal.SIGUSR1, 1), Call(send, signal.SIGUSR2, 2)]
print(wait(), leader.result(), other.result())
for sender in senders:
    sender.join()
cache._check()
""",
        out="inner\nloaded\nloaded loaded inner",
    )


def test_a_handler_that_closes_a_circle_is_refused() -> None:
    check_child(
        WAITING
        + """
from fastcache import LoadCycleError
mine = threading.Event()

def load(key):
    # This thread leads "mine", waits for "k", and in the midst of that for who waits for "mine".
    mine.set()
    return wait()

def ask(key):
    return cache.get_or_load("mine", print)

def handle(number, frame):
    try:
        cache.get_or_load("theirs", print)
    except LoadCycleError:
        print("refused")
    held.gate.open()

def take_part():
    mine.wait()
    await_waiters(cache, 1)
    theirs = Call(cache.get_or_load, "theirs", ask)
    send(signal.SIGUSR1, 2)
    return theirs

signal.signal(signal.SIGUSR1, handle)
part = Call(take_part)
print(cache.get_or_load("mine", load), part.result().result())
cache._check()
""",
        out="refused\nloaded loaded",
    )


def test_a_handlers_exception_ends_the_wait_alone() -> None:
    check_child(
        WAITING
        + """
def handle(number, frame):
    raise ZeroDivisionError

signal.signal(signal.SIGUSR1, handle)
follower = Call(wait)
sender = Call(send, signal.SIGUSR1, 2)
try:
    wait()
except ZeroDivisionError:
    print("handled")
held.gate.open()
print(leader.result(), follower.result(), held.calls)
sender.join()
cache._check()
""",
        out="handled\nloaded loaded ['k']",
    )


def test_handlers_amid_all_operations_leave_a_sound_cache() -> None:
    check_child(
        """
import random, signal, time
from fastcache import Cache, RecursiveLoadError
from tests.harness.gates import await_no_flights
from tests.harness.keys import Key

caches = [Cache(20, 0.01, policy="lru"), Cache(20, 0.02, refresh_ahead=0.015, stale_while_revalidate=0.01)]
keys = [*range(10), *map(str, range(10)), *(Key(number) for number in range(10))]
draw = random.Random(5)
busy = handled = 0

def act():
    cache, key = draw.choice(caches), draw.choice(keys)
    try:
        match draw.randrange(8):
            case 0 | 1 | 2: cache.get_or_load(key, lambda key: act() if draw.random() < 0.3 else key)
            case 3: cache[key] = key
            case 4: cache.delete(key)
            case 5: list(cache.items()), len(cache)
            case 6: cache.get(key), key in cache
            case 7: cache.expire(key), cache.clear() if draw.random() < 0.1 else None
    except RecursiveLoadError:
        pass

def handle(number, frame):
    global busy, handled
    if busy < 3:
        busy += 1
        handled += 1
        act()
        busy -= 1

signal.signal(signal.SIGALRM, handle)
signal.setitimer(signal.ITIMER_REAL, 0.0003, 0.0003)
until = time.monotonic() + 1.5
while time.monotonic() < until:
    act()
signal.setitimer(signal.ITIMER_REAL, 0)
for cache in caches:
    await_no_flights(cache)
    cache.close()
    cache._check()
print(handled > 100)
""",
        out="True",
    )


def test_a_signal_at_the_very_beginning_of_a_wait_is_not_lost() -> None:
    check_child(
        """
import os, signal, sys, threading, time
from fastcache import Cache
from tests.harness.gates import Call, HeldLoader

class Stop(Exception):
    pass

def handle(number, frame):
    raise Stop

def send(ended):
    while not cache.flights()[0].waiters:
        pass
    sent.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGUSR1)
    # A lost signal: the load ends the wait instead.
    if not ended.wait(20):
        held.gate.open()

sys.setswitchinterval(5e-4)
signal.signal(signal.SIGUSR1, handle)
cache, sent, late = Cache(), [], []
for number in range(250):
    held, ended = HeldLoader(number), threading.Event()
    leader = Call(cache.get_or_load, number, held)
    held.gate.reached()
    sender = Call(send, ended)
    try:
        cache.get_or_load(number, print)
        while True:
            pass
    except Stop:
        took = time.monotonic() - sent[-1]
    ended.set()
    held.gate.open()
    leader.join()
    sender.join()
    if took > 10:
        late.append((number, took))
        break
print(late)
""",
        out="[]",
    )
