"""fork: what is lost with other threads and with loops is the parent's; in the child nobody is told of it."""

from __future__ import annotations

import os

import pytest

from tests.test_fork import check as check_forks

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

# A Resident adds its name to ``told`` when it is lost.
RESIDENTS = """
import _thread, asyncio, gc
from fastcache._core.greenlet import residents_here
from fastcache._home import home_of
from tests.harness.tasks import AsyncHeldLoader, settle, start, until

told = []

class Resident:
    def __init__(self, name):
        self.name = name

    def lost(self):
        told.append(self.name)
"""


def check(snippet: str, out: str) -> None:
    check_forks(RESIDENTS + snippet, out=out)


def test_those_of_another_thread_are_told_in_the_parent_alone() -> None:
    check(
        """
gate = Gate()

def live():
    residents_here().add(Resident("other"))
    gate.stop()

thread = Call(live)
gate.reached()
print(forked(lambda: (gc.collect(), told)[1]))
gate.open()
thread.join()
await_until(lambda: told)
print(told)
""",
        out="[]\n['other']",
    )


def test_those_of_the_thread_that_forks_are_told_in_both() -> None:
    check(
        """
def live():
    ours, theirs = os.pipe()
    residents_here().add(Resident("mine"))
    child = os.fork()
    if child == 0:
        # This thread ends; another one stays until that is known.
        _thread.start_new_thread(stay, (theirs,))
        return
    os.close(theirs)
    with open(ours) as pipe:
        said.append(pipe.read())
    os.waitpid(child, 0)

def stay(pipe):
    signal.alarm(10)
    try:
        await_until(lambda: told)
        os.write(pipe, str(told).encode())
    finally:
        os._exit(0)

said = []
_thread.start_new_thread(live, ())
await_until(lambda: told)
print(said, told)
""",
        out="[\"['mine']\"] ['mine']",
    )


def test_those_of_a_loop_are_told_where_they_came_to_it() -> None:
    check(
        """
loop = asyncio.new_event_loop()

async def live(name):
    home_of(asyncio.get_running_loop()).residents.add(Resident(name))

def in_child():
    loop.run_until_complete(live("child's"))
    loop.close()
    gc.collect()
    return told

loop.run_until_complete(live("parent's"))
print(forked(in_child))
loop.close()
print(told)
""",
        out='["child\'s"]\n["parent\'s"]',
    )


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("how", ["goes on", "is cancelled", "is closed"])
def test_the_places_of_a_loops_loads_are_not_given_back_in_the_child(many: bool, ended: bool, how: str) -> None:
    """Be they held, or have been given to one that has not run since."""
    check(
        f"""
cache = Cache(max_concurrent_loads=1)
held = AsyncHeldLoader("loaded")
loop = asyncio.new_event_loop()
# Of tasks that are left behind.
loop.set_exception_handler(lambda *_: None)

async def load_many(keys):
    await held()
    return dict.fromkeys(keys, "loaded")

def ask(key):
    return cache.aget_many_or_load([key], load_many) if {many} else cache.aget_or_load(key, held)

async def begin():
    tasks.extend(map(start, map(ask, "ab")))
    await settle()

async def end_the_first():
    held.gate.open()
    while cache._bulkhead.waiting:
        await asyncio.sleep(0)

async def go_on(cancelled):
    held.gate.open()
    for task in tasks if cancelled else ():
        task.cancel()
    await settle()
    await settle()

def in_child():
    free = [cache._bulkhead.free]
    if {how!r} == "is closed":
        loop.close()
        tasks.clear()
        gc.collect()
    else:
        loop.run_until_complete(go_on({how!r} == "is cancelled"))
    free.append(cache._bulkhead.free)
    free.append(cache.get_or_load("c", lambda key: cache._bulkhead.free))
    free.append(cache._bulkhead.free)
    return free

tasks = []
loop.run_until_complete(begin())
if {ended}:
    loop.run_until_complete(end_the_first())
print(cache._bulkhead.free, cache._bulkhead.waiting, forked(in_child))
loop.run_until_complete(go_on(False))
print(cache._bulkhead.free, cache.flights())
loop.close()
""",
        out=f"0 {int(not ended)} [1, 1, 0, 1]\n1 []",
    )


def test_refreshes_of_the_parents_loops_leave_the_child_its_own() -> None:
    check(
        """
clock = MovableClock()
cache = Cache(ttl=10, stale_while_revalidate=100, refresh_workers=2, clock=clock)
cache.update(dict.fromkeys("abcd", "old"))
clock.advance(11)
held = AsyncHeldLoader("parent's")

async def refresh():
    for key in "ab":
        assert await cache.aget_or_load(key, held) == "old"
    await until(lambda: [*map(cache.get, "ab")] == ["parent's", "parent's"])

async def refresh_in_child():
    async def load(key):
        return "child's"

    for key in "cd":
        assert await cache.aget_or_load(key, load) == "old"
    await until(lambda: [*map(cache.get, "cd")] == ["child's", "child's"])
    return cache.stats().refreshes_ok

thread = Call(asyncio.run, refresh())
await_until(lambda: len(held.calls) == 2)
print(forked(lambda: asyncio.run(refresh_in_child())))
held.gate.open()
thread.join()
print(cache.get("a"), cache.get("c", "none"))
""",
        out="2\nparent's none",
    )


def test_what_a_task_loads_in_the_child_has_no_place_of_the_parents() -> None:
    check(
        """
cache = Cache(max_concurrent_loads=1)
loop = asyncio.new_event_loop()
go, leaves = asyncio.Event(), []

async def load(key):
    leaves.append(key)
    await settle()
    leaves.append(key)
    return key

async def outer(key):
    await go.wait()
    return await cache.aget_or_load("nested", load)

async def begin():
    global task
    task = start(cache.aget_or_load("outer", outer))
    await settle()

async def go_on():
    go.set()
    await asyncio.gather(task, cache.aget_or_load("other", load))
    # One after the other.
    return len({*leaves[:2]}), len({*leaves[2:]})

loop.run_until_complete(begin())
print(forked(lambda: loop.run_until_complete(go_on())))
print(loop.run_until_complete(go_on()))
loop.close()
""",
        out="(1, 1)\n(1, 1)",
    )


@pytest.mark.parametrize("entering", ["try_enter()", "enter(None)"])
def test_a_place_that_was_taken_as_a_fork_came_is_the_parents(entering: str) -> None:
    check(
        f"""
from fastcache._bulkhead import Bulkhead

cache = Cache(max_concurrent_loads=1)
bulkhead = cache._bulkhead
take = Bulkhead._take
parent = os.getpid()

def take_and_fork(self, *args):
    global child
    take(self, *args)
    Bulkhead._take = take
    child = os.fork()
    signal.alarm(10)

Bulkhead._take = take_and_fork
entered = bulkhead.{entering}
within = bulkhead.free
bulkhead.leave()
said = entered, within, bulkhead.free
if os.getpid() != parent:
    os._exit(0 if said == (True, 0, 1) else 1)
print(*said, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""",
        out="True 0 1 0",
    )


def test_an_interrupt_as_the_child_begins_leaves_nothing_unmended() -> None:
    check(
        """
from fastcache import _fork

cache = Cache(max_concurrent_loads=1)
held = HeldLoader("parent's")
call = Call(cache.get_or_load, "k", held)
held.gate.reached()
places_held = _fork.places_held

def interrupted(bulkhead):
    _fork.places_held = places_held
    raise KeyboardInterrupt

def in_child():
    return cache.flights(), cache.get_or_load("k", lambda key: "child's"), cache._bulkhead.free, ignored

ignored = []
sys.unraisablehook = lambda unraisable: ignored.append(unraisable.exc_type.__name__)
_fork.places_held = interrupted
print(forked(in_child))
held.gate.open()
call.join()
""",
        out="([], \"child's\", 1, ['KeyboardInterrupt'])",
    )


def test_a_fork_as_the_child_begins_leaves_nothing_half_mended() -> None:
    check(
        """
from fastcache import _bulkhead

cache = Cache(max_concurrent_loads=1)
partial = _bulkhead.partial

def forking(*args):
    global grandchild
    _bulkhead.partial = partial
    grandchild = os.fork()
    return partial(*args)

def in_child():
    said = cache.get_or_load("k", str), cache._bulkhead.free
    if not grandchild:
        os._exit(0 if said == ("k", 1) else 1)
    return *said, os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1])

_bulkhead.partial = forking
print(forked(in_child))
""",
        out="('k', 1, 0)",
    )


def test_what_is_gathered_as_a_fork_comes_is_joined_by_nobody_in_the_child() -> None:
    check(
        """
clock = MovableClock()
cache = Cache(ttl=10, stale_while_revalidate=100, refresh_batch_delay=100_000, clock=clock)
cache.update(dict.fromkeys("abcd", "old"))
clock.advance(11)
parent = os.getpid()
start_thread = threading.Thread.start

def start_and_fork(self):
    global child
    threading.Thread.start = start_thread
    start_thread(self)
    child = os.fork()
    signal.alarm(10)

def load(keys):
    return dict.fromkeys(keys, "new")

threading.Thread.start = start_and_fork
def ask(*keys):
    for key in keys:
        assert cache.get_many_or_load([key], load, max_batch=3) == {key: "old"}

ask("a")
# Three keys are not waited for any longer.
ask(*("bc" if os.getpid() == parent else "bcd"))
await_no_flights(cache, 5)
if os.getpid() != parent:
    os._exit(0 if [*map(cache.get, "bcd")] == ["new"] * 3 else 1)
print(*map(cache.get, "abc"), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""",
        out="new new new 0",
    )
