"""Cancelling one caller hurts nobody else; the load is cancelled with the last."""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import Any

import pytest

from fastcache import Cache
from tests.harness.gates import Call, await_waiters
from tests.harness.tasks import (
    AsyncHeldLoader,
    LoopFactory,
    TaskGate,
    on_loops,
    outcome,
    play,
    settle,
    start,
    started,
    until,
)


async def unexpected(key: object) -> Any:
    raise AssertionError(f"{key!r} was loaded again")


async def quick(key: object) -> str:
    return "anew"


@pytest.mark.parametrize("which", [0, 1, 4])
@on_loops
async def test_who_is_cancelled_leaves_alone(cache: Cache[Any, Any], which: int) -> None:
    loader = AsyncHeldLoader("loaded")
    tasks = await started(*[cache.aget_or_load("k", loader) for _ in range(5)])
    tasks[which].cancel()
    await settle()
    loader.gate.open()
    outcomes = [await outcome(task) for task in tasks]
    assert outcomes.pop(which) is asyncio.CancelledError
    assert (outcomes, loader.calls, loader.cancelled) == (["loaded"] * 4, ["k"], 0)
    assert cache["k"] == "loaded"


@on_loops
async def test_the_load_is_cancelled_with_the_last_who_waited_and_the_next_begins_anew(cache: Cache[Any, Any]) -> None:
    loader = AsyncHeldLoader("loaded")
    tasks = await started(*[cache.aget_or_load("k", loader) for _ in range(3)])
    for task in tasks:
        task.cancel()
    # The first has left, the last not yet.
    await settle()
    assert (loader.cancelled, cache.flights(), cache.stats().entries) == (1, [], 0)
    assert await cache.aget_or_load("k", quick) == "anew"
    assert [await outcome(task) for task in tasks] == [asyncio.CancelledError] * 3


@on_loops
async def test_a_load_that_is_being_cancelled_is_joined_by_nobody(cache: Cache[Any, Any]) -> None:
    cleanup = TaskGate()
    calls = []

    async def slow_to_end(key: object) -> Any:
        calls.append(key)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await cleanup.stop()

    first = (await started(cache.aget_or_load("k", slow_to_end)))[0]
    first.cancel()
    await settle()
    assert (cleanup.arrived, cache.flights()) == (1, [])
    assert await cache.aget_or_load("k", quick) == "anew"
    cleanup.open()
    await settle()
    assert (calls, cache["k"], await outcome(first)) == (["k"], "anew", asyncio.CancelledError)


@on_loops
async def test_a_load_that_will_not_be_cancelled_keeps_its_value_to_itself(cache: Cache[Any, Any]) -> None:
    async def stubborn(key: object) -> Any:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            return "all the same"

    first = (await started(cache.aget_or_load("k", stubborn)))[0]
    first.cancel()
    assert await outcome(first) is asyncio.CancelledError
    await settle()
    assert ("k" in cache, cache.flights()) == (False, [])


@on_loops
async def test_a_loader_that_cleans_up_is_disturbed_once(cache: Cache[Any, Any]) -> None:
    cleanup = TaskGate()
    ended = []

    async def load(key: object) -> Any:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await cleanup.stop()
            ended.append(key)

    caller = (await started(cache.aget_or_load("k", load)))[0]
    # As at the end of a program: all tasks at once, the load's own and its caller's.
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await settle()
    assert (cleanup.arrived, ended) == (1, [])
    cleanup.open()
    await settle()
    assert (ended, await outcome(caller)) == (["k"], asyncio.CancelledError)


@on_loops
async def test_who_is_cancelled_as_the_load_ends_leaves_no_trace(cache: Cache[Any, Any]) -> None:
    for result in ("loaded", ValueError("late")):
        loader: AsyncHeldLoader[Any] = AsyncHeldLoader(result)
        tasks = await started(*[cache.aget_or_load("k", loader) for _ in range(2)])
        loader.gate.open()
        # The load ends in the first round, and wakes its callers for the second or third.
        for _ in range(3):
            await asyncio.sleep(0)
            if not cache.flights():
                break
        tasks[0].cancel()
        assert await outcome(tasks[0]) in (asyncio.CancelledError, result)
        cache.delete("k")
        assert await cache.aget_or_load("k", quick) == "anew"
        await outcome(tasks[1])
        cache.delete("k")


@on_loops
async def test_a_load_cancelled_from_without_is_its_leaders_alone(cache: Cache[Any, Any]) -> None:
    loader = AsyncHeldLoader("loaded")
    leader = (await started(cache.aget_or_load("k", loader)))[0]
    second = AsyncHeldLoader("second")
    others = await started(*[cache.aget_or_load("k", second) for _ in range(3)])
    [load] = [task for task in asyncio.all_tasks() if task.get_name() == "fastcache-load"]
    load.cancel()
    await settle()
    assert second.calls == ["k"]
    second.gate.open()
    assert await asyncio.gather(*others) == ["second"] * 3
    assert await outcome(leader) is asyncio.CancelledError


@on_loops
async def test_a_loader_that_raises_cancelled_error_does_so_to_its_leader_alone(cache: Cache[Any, Any]) -> None:
    loader: AsyncHeldLoader[Any] = AsyncHeldLoader(asyncio.CancelledError("by the loader"))
    leader = (await started(cache.aget_or_load("k", loader)))[0]
    other = (await started(cache.aget_or_load("k", quick)))[0]
    loader.gate.open()
    with pytest.raises(asyncio.CancelledError, match="by the loader"):
        await leader
    assert await other == "anew"


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
@on_loops
async def test_an_interrupt_reaches_its_leader_who_may_catch_it(
    cache: Cache[Any, Any], error: type[BaseException]
) -> None:
    loader: AsyncHeldLoader[Any] = AsyncHeldLoader(error())

    async def lead() -> str:
        try:
            return await cache.aget_or_load("k", loader)  # type: ignore[no-any-return]
        except error:
            return "caught"

    leader = (await started(lead()))[0]
    other = (await started(cache.aget_or_load("k", quick)))[0]
    loader.gate.open()
    assert (await leader, await other) == ("caught", "anew")


@on_loops
async def test_a_cancelled_task_leaves_a_threads_load_alone(cache: Cache[Any, Any]) -> None:
    begun, go_on = asyncio.Event(), TaskGate()
    loop = asyncio.get_running_loop()

    def load(key: object) -> str:
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(go_on.stop(), loop).result(10)
        return "loaded"

    thread = Call(cache.get_or_load, "k", load)
    await begun.wait()
    follower = (await started(cache.aget_or_load("k", unexpected)))[0]
    follower.cancel()
    assert await outcome(follower) is asyncio.CancelledError
    assert [flight.waiters for flight in cache.flights()] == [0]
    go_on.open()
    await until(thread.ended)
    assert (thread.result(), cache["k"]) == ("loaded", "loaded")


@on_loops
async def test_a_thread_that_waits_keeps_the_load_of_cancelled_tasks_alive(cache: Cache[Any, Any]) -> None:
    loader = AsyncHeldLoader("loaded")
    task = (await started(cache.aget_or_load("k", loader)))[0]
    thread = Call(cache.get_or_load, "k", lambda key: "by the thread")
    await asyncio.to_thread(await_waiters, cache, 2)
    task.cancel()
    assert await outcome(task) is asyncio.CancelledError
    loader.gate.open()
    await until(thread.ended)
    assert (thread.result(), loader.cancelled) == ("loaded", 0)


@on_loops
async def test_a_task_thrown_away_amid_its_wait_counts_no_more(cache: Cache[Any, Any]) -> None:
    loader = AsyncHeldLoader("loaded")
    leader = (await started(cache.aget_or_load("k", loader)))[0]
    thrown = cache.aget_or_load("k", unexpected)
    thrown.send(None)
    assert [flight.waiters for flight in cache.flights()] == [2]
    thrown.close()
    assert [flight.waiters for flight in cache.flights()] == [1]
    leader.cancel()
    await settle()
    assert (loader.cancelled, cache.flights()) == (1, [])


@on_loops
async def test_a_call_that_is_never_awaited_does_nothing(cache: Cache[Any, Any]) -> None:
    call = cache.aget_or_load("k", unexpected)
    call.close()
    del call
    gc.collect()
    assert (cache.flights(), cache.stats().misses) == ([], 0)


def test_without_an_event_loop_a_miss_is_refused_and_nothing_stays(cache: Cache[Any, Any]) -> None:
    call = cache.aget_or_load("k", unexpected)
    with pytest.raises(RuntimeError, match="no running event loop"):
        call.send(None)
    assert (cache.flights(), cache.stats().entries) == ([], 0)
    assert cache.get_or_load("k", lambda key: 1) == 1


@on_loops
async def test_a_loop_that_makes_no_task_leaves_nothing(cache: Cache[Any, Any]) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise MemoryError("no task")

    loop = asyncio.get_running_loop()
    call = start(cache.aget_or_load("k", unexpected))
    loop.set_task_factory(refuse)
    try:
        with pytest.raises(MemoryError, match="no task"):
            await call
    finally:
        loop.set_task_factory(None)
    assert (cache.flights(), cache.stats().entries) == ([], 0)
    assert await cache.aget_or_load("k", quick) == "anew"


@pytest.mark.skipif(not hasattr(asyncio, "eager_task_factory"), reason="new in Python 3.12")
def test_loads_may_run_in_eager_tasks(cache: Cache[Any, Any], loop_factory: LoopFactory) -> None:
    if loop_factory is not asyncio.new_event_loop and sys.version_info[:2] == (3, 13):
        pytest.skip("uvloop calls its task factory as only later versions of Python 3.13 do")
    play(lambda: load_in_eager_tasks(cache), loop_factory)


async def load_in_eager_tasks(cache: Cache[Any, Any]) -> None:
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]
    assert await cache.aget_or_load("k", quick) == "anew"
    loader = AsyncHeldLoader("loaded")
    tasks = [start(cache.aget_or_load("held", loader)) for _ in range(3)]
    tasks[0].cancel()
    await settle()
    loader.gate.open()
    assert [await outcome(task) for task in tasks] == [asyncio.CancelledError, "loaded", "loaded"]
    cache.delete("k")
    with pytest.raises(ValueError, match="at once"):
        await cache.aget_or_load("k", fail_at_once)


async def fail_at_once(key: object) -> Any:
    raise ValueError("at once")
