"""Scenes of greenlets, each played in a process of its own, with gevent's patches made or not."""

from __future__ import annotations

import textwrap

import pytest

from tests.harness.child import check_child

PATCHED = "from gevent import monkey; monkey.patch_all()"
BOTH = pytest.mark.parametrize("first", [PATCHED, ""], ids=["patched", "unpatched"])
SCENE = """
FIRST
import gevent
from gevent.event import Event
from fastcache import Cache, LoadCycleError, LoadTimeout, RecursiveLoadError

cache = Cache(ttl=60)
begun, go = Event(), Event()
calls = []

def load(key):
    calls.append(key)
    begun.set()
    assert go.wait(30)
    return key * 2

def unexpected(key):
    raise AssertionError(key)

def attempt(function, *args, **options):
    try:
        return function(*args, **options)
    except BaseException as error:
        return type(error).__name__

def start(*call, **options):
    return gevent.spawn(attempt, *call, **options)

def lead():
    "A greenlet that is loading k, until ``go`` is set."
    leader = start(cache.get_or_load, "k", load)
    assert begun.wait(30)
    return leader

def outcome(greenlet):
    greenlet.join(30)
    assert greenlet.ready(), "hangs"
    return greenlet.value
"""


def play(first: str, snippet: str, out: str, before: str = "") -> None:
    """Runs a snippet after the scene and ``before``; it is to print ``out``."""
    check_child(SCENE.replace("FIRST", first) + before + textwrap.dedent(snippet), out=out)


# What is never patched: real threads, and what they wait by.
REAL = """
import gc, os, signal, sys, _thread
from gevent.monkey import get_original
start_thread, new_lock = get_original("_thread", ["start_new_thread", "allocate_lock"])
nap = get_original("time", "sleep")
# Needs no hub to be told of the child's end.
await_child = get_original("os", "waitpid")

def real_thread(function, *args):
    "The list to which what it returns is added when the thread has ended its work."
    said = []
    start_thread(lambda: said.append(attempt(function, *args)), ())
    return said

def await_here(true):
    "Stops the whole thread."
    for _ in range(3000):
        if true():
            return
        nap(0.01)
    raise AssertionError(true)

def await_with_others(true):
    for _ in range(3000):
        if true():
            return
        gevent.sleep(0.01)
    raise AssertionError(true)
"""

# Caches whose values have expired, and may be served.
STALE = """
from fastcache.testing import MovableClock
clock = MovableClock()

def stale(keys, **options):
    cache = Cache(ttl=10, stale_while_revalidate=1000, clock=clock, **options)
    cache.set_many(dict.fromkeys(keys, "old"))
    clock.advance(11)
    return cache
"""
