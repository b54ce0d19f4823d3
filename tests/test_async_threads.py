"""Tasks and threads on one cache: one load for both, and no wait that could never end."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from fastcache import Cache, LoadCycleError, cached
from fastcache.testing import MovableClock
from tests.harness.child import check_child
from tests.harness.gates import Call, HeldLoader, await_until, await_waiters
from tests.harness.interrupts import Interrupt, everywhere
from tests.harness.tasks import AsyncHeldLoader, on_loops, outcome, settle, start, started, until


async def unexpected(key: object) -> Any:
    raise AssertionError(f"{key!r} was loaded again")


def unexpected_here(key: object) -> Any:
    raise AssertionError(f"{key!r} was loaded again")


async def quick(key: object) -> str:
    return "anew"


@on_loops
async def test_threads_wait_for_the_load_of_a_task(cache: Cache[Any, Any]) -> None:
    loader = AsyncHeldLoader(object())
    task = (await started(cache.aget_or_load("k", loader)))[0]
    threads = [Call(cache.get_or_load, "k", unexpected_here) for _ in range(5)]
    await asyncio.to_thread(await_waiters, cache, 6)
    loader.gate.open()
    value = await task
    for thread in threads:
        await until(thread.ended)
        assert thread.result() is value
    assert cache.stats().loads == 1


@on_loops
async def test_tasks_wait_for_the_load_of_a_thread(cache: Cache[Any, Any]) -> None:
    loader = HeldLoader(object())
    thread = Call(cache.get_or_load, "k", loader)
    await until(lambda: loader.gate.arrived)
    tasks = await started(*[cache.aget_or_load("k", unexpected) for _ in range(5)])
    loader.gate.open()
    assert {id(value) for value in await asyncio.gather(*tasks)} == {id(loader.result)}
    assert thread.result() is loader.result


@on_loops
async def test_a_failure_reaches_both_kinds(cache: Cache[Any, Any]) -> None:
    original = ValueError("bad")
    loader: AsyncHeldLoader[Any] = AsyncHeldLoader(original)
    task = (await started(cache.aget_or_load("k", loader)))[0]
    thread = Call(cache.get_or_load, "k", unexpected_here)
    await asyncio.to_thread(await_waiters, cache, 2)
    loader.gate.open()
    assert await outcome(task) is original
    await until(thread.ended)
    error = thread.error()
    assert error is not None
    assert (type(error), error.__cause__) == (ValueError, original)


@pytest.mark.parametrize("leads", ["thread", "task"])
@on_loops
async def test_an_interrupted_leader_of_one_kind_hands_over_to_the_other(cache: Cache[Any, Any], leads: str) -> None:
    if leads == "thread":
        held: HeldLoader[Any] = HeldLoader(KeyboardInterrupt())
        leader: Any = Call(cache.get_or_load, "k", held)
        await until(lambda: held.gate.arrived)
        follower = (await started(cache.aget_or_load("k", quick)))[0]
        held.gate.open()
        assert await follower == "anew"
        assert isinstance(leader.error(), KeyboardInterrupt)
        return
    loader: AsyncHeldLoader[Any] = AsyncHeldLoader(asyncio.CancelledError())
    leader = (await started(cache.aget_or_load("k", loader)))[0]
    thread = Call(cache.get_or_load, "k", lambda key: "anew")
    await asyncio.to_thread(await_waiters, cache, 2)
    loader.gate.open()
    await until(thread.ended)
    assert (thread.result(), await outcome(leader)) == ("anew", asyncio.CancelledError)


# ---- calls that would block the loop that they wait for ----


@on_loops
async def test_a_sync_call_for_a_load_of_its_own_loop_raises_at_once(cache: Cache[Any, Any]) -> None:
    loader = AsyncHeldLoader("loaded")
    task = (await started(cache.aget_or_load("k", loader)))[0]
    with pytest.raises(RuntimeError, match="aget_or_load"):
        cache.get_or_load("k", unexpected_here)
    loader.gate.open()
    assert (await task, cache.get_or_load("k", unexpected_here)) == ("loaded", "loaded")


@on_loops
async def test_a_sync_call_for_a_load_that_has_not_begun_raises_too(cache: Cache[Any, Any]) -> None:
    task = start(cache.aget_or_load("k", quick))
    await asyncio.sleep(0)
    # The caller waits, and its load's task has yet to run.
    assert len(cache.flights()) == 1
    with pytest.raises(RuntimeError, match="aget_or_load"):
        cache.get_or_load("k", unexpected_here)
    assert await task == "anew"


@on_loops
async def test_a_sync_call_for_a_load_that_stands_in_line_on_its_own_loop_raises_too(make: Any) -> None:
    cache = make(ttl=60, max_concurrent_loads=1)
    loader = AsyncHeldLoader("first")
    tasks = await started(cache.aget_or_load("first", loader), cache.aget_or_load("k", quick))
    with pytest.raises(RuntimeError, match="aget_or_load"):
        cache.get_or_load("k", unexpected_here)
    loader.gate.open()
    assert await asyncio.gather(*tasks) == ["first", "anew"]


@on_loops
async def test_a_sync_call_takes_over_a_refresh_that_has_not_begun(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_while_revalidate=60)
    cache["k"] = "old"
    clock.advance(10)
    assert await cache.aget_or_load("k", unexpected) == "old"
    assert cache.get_or_load("k", lambda key: "new", force=True) == "new"
    await settle()
    assert (cache["k"], cache.flights()) == ("new", [])


@on_loops
async def test_an_async_loader_is_refused_by_sync_calls(cache: Cache[Any, Any]) -> None:
    @cached
    async def kept(key: object) -> str:
        return "kept"

    with pytest.raises(TypeError, match="is async"):
        cache.get_or_load("k", quick)
    with pytest.raises(TypeError, match="is async"):
        cache.get_or_load("k", kept)
    assert await kept("k") == "kept"
    # What is found is no coroutine, but to be awaited as well.
    with pytest.raises(TypeError, match="is async"):
        cache.get_or_load("k", kept)
    assert (cache.flights(), cache.stats().entries) == ([], 0)


# ---- circles ----


@pytest.mark.parametrize("last", ["task", "thread", "thread on the task's behalf", "call in the task"])
def test_a_circle_through_a_task_and_a_thread_is_refused(last: str) -> None:
    check_child(
        """
import asyncio, sys, threading
from fastcache import Cache, LoadCycleError
from tests.harness.gates import Call, Gate, await_waiters
from tests.harness.tasks import TaskGate, play, until

cache, last = Cache(), sys.argv[1]
task_is_in, thread_is_in, thread_may_ask = Gate(), Gate(), Gate()

def by_thread(key):
    thread_is_in.stop()
    thread_may_ask.stop()
    return cache.get_or_load("task's", lambda key: "unexpected")

def unexpected(key):
    raise AssertionError(key)

async def by_task(key):
    await until(lambda: thread_is_in.arrived)
    thread_is_in.open()
    if last == "task":
        thread_may_ask.open()
        await until(lambda: [flight.waiters for flight in cache.flights() if flight.key == "task's"] == [2])
        return await cache.aget_or_load("thread's", unexpected)
    opener = Call(open_when_task_waits)
    if last == "thread":
        return await cache.aget_or_load("thread's", unexpected)
    if last == "call in the task":
        return cache.get_or_load("between", lambda key: cache.get_or_load("thread's", unexpected))
    return await asyncio.to_thread(cache.get_or_load, "between", lambda key: cache.get_or_load("thread's", unexpected))

def open_when_task_waits():
    await_waiters(cache, 1, "thread's")
    thread_may_ask.open()

async def main():
    thread = Call(cache.get_or_load, "thread's", by_thread)
    try:
        await cache.aget_or_load("task's", by_task)
    except LoadCycleError as error:
        print("refused", sorted({"task's", "thread's"} - set(error.keys)))
    await until(thread.ended)
    assert isinstance(thread.error(), LoadCycleError)

play(main)
assert cache.flights() == []
cache._check()
""",
        last,
        out="refused []",
    )


def test_a_circle_through_a_loop_that_runs_within_a_load_is_refused() -> None:
    check_child(
        """
import asyncio
from fastcache import Cache, LoadCycleError
from tests.harness.gates import Call, Gate, await_waiters
from tests.harness.tasks import until

cache = Cache()
other_is_in, other_may_ask = Gate(), Gate()

def by_other(key):
    other_is_in.stop()
    await_waiters(cache, 1, "other")
    return cache.get_or_load("inner", lambda key: "unexpected")

async def inner(key):
    await until(lambda: other_is_in.arrived)
    other_is_in.open()
    return await cache.aget_or_load("other", by_other)

def outer(key):
    async def main():
        return await cache.aget_or_load("inner", inner)
    return asyncio.run(main())

other = Call(cache.get_or_load, "other", by_other)
mine = Call(cache.get_or_load, "outer", outer)
print(type(mine.error()).__name__, type(other.error()).__name__)
assert cache.flights() == []
cache._check()
""",
        out="LoadCycleError LoadCycleError",
    )


@pytest.mark.parametrize("last", ["loop", "thread"])
def test_a_circle_through_a_sync_call_that_stops_a_loop_is_refused(last: str) -> None:
    check_child(
        """
import asyncio, sys
from fastcache import Cache, LoadCycleError
from tests.harness.gates import Call, Gate, await_waiters
from tests.harness.tasks import TaskGate, play, settle, start, until

cache, last = Cache(), sys.argv[1]
thread_may_ask, task_may_end = Gate(), TaskGate()

def by_thread(key):
    thread_may_ask.stop()
    return cache.get_or_load("task's", lambda key: "unexpected")

async def by_task(key):
    await task_may_end.stop()
    return "task's"

async def main():
    task = start(cache.aget_or_load("task's", by_task))
    await settle()
    thread = Call(cache.get_or_load, "thread's", by_thread)
    await until(lambda: thread_may_ask.arrived)
    if last == "loop":
        thread_may_ask.open()
        await until(lambda: [flight.waiters for flight in cache.flights() if flight.key == "task's"] == [2])
    else:
        opener = Call(lambda: (await_waiters(cache, 1, "thread's"), thread_may_ask.open()))
    try:
        # Stops the loop, while the thread waits for a task of it.
        cache.get_or_load("thread's", lambda key: "unexpected")
    except LoadCycleError as error:
        print("refused")
    task_may_end.open()
    print(await task)
    await until(thread.ended)
    print(type(thread.error()).__name__ if last == "thread" else thread.result())

play(main)
assert cache.flights() == []
cache._check()
""",
        last,
        out="refused\ntask's\n" + ("LoadCycleError" if last == "thread" else "task's"),
    )


def test_a_wait_looks_at_each_load_once_however_many_ways_lead_to_it() -> None:
    check_child(
        """
import asyncio
from fastcache import Cache
from tests.harness.tasks import AsyncHeldLoader, play, settle, start, until

cache, leaf = Cache(), AsyncHeldLoader(1)

async def load(n):
    if n == 0:
        return await leaf()
    return (await asyncio.gather(cache.aget_or_load(n - 1, load), cache.aget_or_load(n - 1, load)))[0]

async def main():
    tasks = [start(cache.aget_or_load(60, load))]
    await until(lambda: leaf.calls)
    async def ask(key):
        return await cache.aget_or_load(60, load)
    tasks.append(start(cache.aget_or_load("last", ask)))
    await settle()
    leaf.gate.open()
    print(*await asyncio.gather(*tasks))

play(main)
cache._check()
""",
        out="1 1",
    )


def test_a_long_chain_of_loads_is_walked_without_a_long_stack() -> None:
    check_child(
        """
import asyncio, threading
from fastcache import Cache
from tests.harness.tasks import AsyncHeldLoader, settle, start

cache, leaf, asked = Cache(), AsyncHeldLoader(1), []

async def load(n):
    return await leaf() if n == 0 else await cache.aget_or_load(n - 1, load)

async def ask(key):
    asked.append(key)
    return await cache.aget_or_load(10_000, load)

async def main():
    task = start(cache.aget_or_load(10_000, load))
    while not leaf.calls:
        await asyncio.sleep(0)
    last = start(cache.aget_or_load("last", ask))
    await settle()
    assert asked == ["last"]
    leaf.gate.open()
    print(await task, await last)

# A stack that is much shorter than the chain.
threading.stack_size(256 * 1024)
thread = threading.Thread(target=lambda: asyncio.run(main()))
thread.start()
thread.join()
""",
        out="1 1",
    )


@on_loops
async def test_a_chain_through_tasks_and_threads_is_no_circle(cache: Cache[Any, Any]) -> None:
    async def load(n: int) -> int:
        if n == 0:
            return 1
        if n % 2:
            return n * await asyncio.to_thread(cache.get_or_load, n - 1, load_here)
        return n * await cache.aget_or_load(n - 1, load)

    def load_here(n: int) -> int:
        return 1 if n == 0 else n * cache.get_or_load(n - 1, load_here)

    assert await cache.aget_or_load(6, load) == 720


def test_a_fork_amid_a_load_leaves_the_child_none() -> None:
    check_child(
        """
import asyncio, os, warnings
from fastcache import Cache
from tests.harness.tasks import AsyncHeldLoader, settle, start

cache = Cache()
warnings.simplefilter("ignore")

async def main():
    loader = AsyncHeldLoader("by the parent")
    task = start(cache.aget_or_load("k", loader))
    await settle()
    child = os.fork()
    if child == 0:
        try:
            assert cache.flights() == []
            assert cache.get_or_load("k", lambda key: "by the child") == "by the child"
            cache._check()
            os._exit(0)
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    loader.gate.open()
    print(await task)

asyncio.run(main())
""",
        out="by the parent",
    )


def test_many_tasks_and_threads_load_each_key_once(cache: Cache[Any, Any]) -> None:
    loads: list[int] = []
    keys = range(200)
    line = threading.Barrier(8, timeout=60)

    async def load(key: int) -> int:
        loads.append(key)
        await asyncio.sleep(0)
        return key

    def load_here(key: int) -> int:
        loads.append(key)
        return key

    async def tasks(start_at: int) -> list[int]:
        line.wait()
        return await asyncio.gather(*[cache.aget_or_load((start_at + key) % 200, load) for key in keys])

    def walk(start_at: int) -> list[int]:
        line.wait()
        return [cache.get_or_load((start_at + key) % 200, load_here) for key in keys]

    calls = [Call(lambda n=n: asyncio.run(tasks(50 * n))) for n in range(4)]
    calls += [Call(walk, 50 * n) for n in range(4)]
    for number, call in enumerate(calls):
        assert call.result() == [(50 * (number % 4) + key) % 200 for key in keys]
    assert sorted(loads) == list(keys)
    await_until(lambda: not cache.flights())


@on_loops
async def test_a_circle_is_told_to_who_closes_it_and_the_other_completes(cache: Cache[Any, Any]) -> None:
    held = HeldLoader("")

    def by_thread(key: object) -> str:
        held()
        return "thread's with " + cache.get_or_load("task's", unexpected_here)

    async def by_task(key: object) -> str:
        await until(lambda: [flight.waiters for flight in cache.flights() if flight.key == key] == [2])
        with pytest.raises(LoadCycleError):
            await cache.aget_or_load("thread's", unexpected)
        return "task's"

    task = (await started(cache.aget_or_load("task's", by_task)))[0]
    thread = Call(cache.get_or_load, "thread's", by_thread)
    held.gate.open()
    assert await task == "task's"
    await until(thread.ended)
    assert thread.result() == "thread's with task's"


def test_an_interrupt_amid_telling_tasks_leaves_none_of_them_waiting(
    cache: Cache[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: told.append(unraisable.exc_type))

    async def join() -> list[Any]:
        return await asyncio.gather(*[cache.aget_or_load("k", unexpected) for _ in range(2)])

    def scene(act: Callable[[Callable[[], object]], None]) -> None:
        others: list[Call[list[Any]]] = []

        def load(key: object) -> str:
            others.append(Call(lambda: asyncio.run(join())))
            await_waiters(cache, 2)
            return "loaded"

        act(lambda: cache.get_or_load("k", load))
        assert others[0].result() == ["loaded"] * 2
        cache.delete("k")

    points = everywhere(asyncio.base_events, scene)
    assert told == [Interrupt] * points
    assert points >= 4
