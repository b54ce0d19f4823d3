"""Several event loops on one cache, one after the other and at once; loops that end under a load."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import Any

import pytest

from fastcache import Cache, cached
from fastcache.testing import MovableClock
from tests.harness.gates import Call, await_no_flights, await_waiters
from tests.harness.tasks import AsyncHeldLoader, LoopFactory, Thread, on_loops, play, settle, start, started, until


async def unexpected(key: object) -> Any:
    raise AssertionError(f"{key!r} was loaded again")


async def quick(key: object) -> str:
    return "anew"


calls: list[int] = []


@cached(ttl=60)
async def doubled(number: int) -> int:
    calls.append(number)
    await asyncio.sleep(0)
    return 2 * number


def test_a_function_made_at_import_serves_one_loop_after_the_other(loop_factory: LoopFactory) -> None:
    doubled.cache_clear()
    calls.clear()

    async def three(number: int) -> list[int]:
        return await asyncio.gather(doubled(1), doubled(1), doubled(number))

    assert [play(lambda n=n: three(n), loop_factory) for n in range(3)] == [[2, 2, 0], [2, 2, 2], [2, 2, 4]]
    assert calls == [1, 0, 2]


def test_a_call_that_failed_before_it_had_a_key_binds_no_loop(loop_factory: LoopFactory) -> None:
    doubled.cache_clear()

    async def fail() -> None:
        with pytest.raises(TypeError, match="unhashable"):
            await doubled([])  # type: ignore[arg-type]

    async def call() -> int:
        return await doubled(4)

    play(fail, loop_factory)
    assert play(call, loop_factory) == 8


@on_loops
async def test_loops_in_two_threads_share_a_load(cache: Cache[Any, Any]) -> None:
    loader = AsyncHeldLoader("loaded")
    mine = await started(*[cache.aget_or_load("k", loader) for _ in range(2)])

    async def join() -> list[Any]:
        return await asyncio.gather(*[cache.aget_or_load("k", unexpected) for _ in range(3)])

    others = [Thread(join) for _ in range(3)]
    await until(lambda: [flight.waiters for flight in cache.flights()] == [11])
    loader.gate.open()
    assert await asyncio.gather(*mine) == ["loaded"] * 2
    assert [await other.result() for other in others] == [["loaded"] * 3] * 3
    assert (loader.calls, cache.stats().loads) == (["k"], 1)


@on_loops
async def test_cancelling_a_loads_last_waiter_on_another_loop_cancels_it_on_its_own(cache: Cache[Any, Any]) -> None:
    loader = AsyncHeldLoader("loaded")
    leader = (await started(cache.aget_or_load("k", loader)))[0]

    async def join_until_cancelled() -> None:
        task = start(cache.aget_or_load("k", unexpected))
        await until(lambda: not waiting_here)
        task.cancel()
        await asyncio.wait([task])

    waiting_here = [leader]
    other = Thread(join_until_cancelled)
    await until(lambda: [flight.waiters for flight in cache.flights()] == [2])
    leader.cancel()
    await settle()
    assert loader.cancelled == 0
    waiting_here.clear()
    await other.result()
    await until(lambda: loader.cancelled == 1)
    assert await cache.aget_or_load("k", quick) == "anew"


@on_loops
async def test_a_load_whose_program_ends_is_taken_over_by_who_waits_elsewhere(cache: Cache[Any, Any]) -> None:
    hanging = AsyncHeldLoader("never")

    async def lead_and_end() -> None:
        tasks = await started(cache.aget_or_load("k", hanging))
        await until(lambda: [flight.waiters for flight in cache.flights()] == [2])
        tasks[0].cancel()
        # The load goes on for the others; then the loop ends.
        await asyncio.wait(tasks)

    def run() -> None:
        # As programs do, which leaves it to the runner to cancel what there still is.
        asyncio.run(lead_and_end())

    ending = Call(run)
    await until(lambda: hanging.calls)
    assert await cache.aget_or_load("k", quick) == "anew"
    await until(ending.ended)
    assert (ending.result(), hanging.cancelled) == (None, 1)


class Abandoned:
    """A loop that is closed with whatever is under way in it: nothing is cancelled."""

    def __init__(self, factory: LoopFactory, *awaitables: Any) -> None:
        self.loop = factory()
        self.told: list[Any] = []
        self.loop.set_exception_handler(lambda _, context: self.told.append(context["message"]))
        self.tasks = self.loop.run_until_complete(started(*awaitables))

    def close(self) -> None:
        self.loop.close()

    def forget(self) -> None:
        """The tasks go as they are, of which asyncio tells; but nothing else is to be told."""
        with contextlib.suppress(AttributeError):
            del self.tasks
        gc.collect()
        assert set(self.told) <= {"Task was destroyed but it is pending!"}


@pytest.mark.parametrize("by", ["a thread", "a task"])
def test_a_loop_closed_under_a_load_lets_others_take_over(
    cache: Cache[Any, Any], loop_factory: LoopFactory, by: str
) -> None:
    closed = Abandoned(loop_factory, cache.aget_or_load("k", AsyncHeldLoader("never")))
    if by == "a thread":
        other: Call[Any] = Call(cache.get_or_load, "k", lambda key: "anew")
    else:
        other = Call(lambda: asyncio.run(cache.aget_or_load("k", quick)))
    await_waiters(cache, 2)
    closed.close()
    assert other.result() == "anew"
    assert cache["k"] == "anew"
    closed.forget()


def test_a_loop_closed_under_a_load_leaves_no_flight(cache: Cache[Any, Any], loop_factory: LoopFactory) -> None:
    loader = AsyncHeldLoader("never")
    closed = Abandoned(loop_factory, *[cache.aget_or_load("k", loader) for _ in range(3)])
    closed.close()
    assert (cache.flights(), cache.stats().entries) == ([], 0)
    assert cache.get_or_load("k", lambda key: "anew") == "anew"
    closed.forget()
    assert cache["k"] == "anew"


def test_who_waited_on_a_loop_that_was_closed_is_not_missed(cache: Cache[Any, Any], loop_factory: LoopFactory) -> None:
    loader = AsyncHeldLoader("loaded")
    stands_still: list[bool] = []

    async def lead() -> Any:
        task = start(cache.aget_or_load("k", loader))
        await until(lambda: stands_still)
        assert [flight.waiters for flight in cache.flights()] == [3]
        await asyncio.to_thread(closed.close)
        loader.gate.open()
        return await task

    closed = Abandoned(loop_factory)
    leader = Call(lambda: asyncio.run(lead()))
    closed.tasks = closed.loop.run_until_complete(join_two(cache, loader))
    stands_still.append(True)
    assert leader.result() == "loaded"
    closed.forget()


def test_a_refresh_whose_loop_is_closed_before_it_begins_is_told_to_nobody(loop_factory: LoopFactory) -> None:
    def serve() -> None:
        with contextlib.suppress(StopIteration):
            cache.aget_or_load("k", quick).send(None)

    async def end() -> None:
        # In the loop's last round, which has none left for what begins in it.
        closed.loop.call_soon(serve)

    clock = MovableClock()
    cache: Cache[Any, Any] = Cache(ttl=10, stale_while_revalidate=60, clock=clock)
    cache["k"] = "old"
    clock.advance(11)
    closed = Abandoned(loop_factory)
    closed.loop.run_until_complete(end())
    closed.close()
    closed.forget()
    assert (cache.flights(), closed.told) == ([], [])


async def join_two(cache: Cache[Any, Any], loader: AsyncHeldLoader[Any]) -> list[asyncio.Task[Any]]:
    await until(lambda: loader.calls)
    return await started(*[cache.aget_or_load("k", unexpected) for _ in range(2)])


def test_a_loop_that_stands_still_meanwhile_goes_on_where_it_was(
    cache: Cache[Any, Any], loop_factory: LoopFactory
) -> None:
    loop = loop_factory()
    loader = AsyncHeldLoader("loaded")
    tasks = loop.run_until_complete(started(*[cache.aget_or_load("k", loader) for _ in range(2)]))
    thread = Call(cache.get_or_load, "k", lambda key: "by the thread")
    await_waiters(cache, 3)
    loader.gate.open()
    # In another thread than before.
    assert Call(loop.run_until_complete, asyncio.gather(*tasks)).result() == ["loaded"] * 2
    assert thread.result() == "loaded"
    loop.close()


def test_two_loops_that_take_turns_in_one_thread_share_a_load(
    cache: Cache[Any, Any], loop_factory: LoopFactory
) -> None:
    first, second = loop_factory(), loop_factory()
    loader = AsyncHeldLoader("loaded")
    tasks = first.run_until_complete(started(cache.aget_or_load("k", loader)))
    tasks += second.run_until_complete(started(cache.aget_or_load("k", unexpected)))
    loader.gate.open()
    assert first.run_until_complete(tasks[0]) == "loaded"
    assert second.run_until_complete(tasks[1]) == "loaded"
    first.close()
    second.close()


def test_refreshes_lost_with_their_loops_do_not_use_up_the_places(
    make: Any, clock: MovableClock, loop_factory: LoopFactory
) -> None:
    cache = make(ttl=10, stale_while_revalidate=600, refresh_workers=1)
    cache["k"] = "old"
    clock.advance(10)
    for _ in range(3):
        hanging = AsyncHeldLoader("never")
        closed = Abandoned(loop_factory, cache.aget_or_load("k", hanging))
        assert (closed.tasks[0].result(), hanging.calls) == ("old", ["k"])
        closed.close()
        assert cache.flights() == []
        closed.forget()
        # A refresh that came to nothing is not tried again at once.
        clock.advance(1)

    async def read() -> Any:
        value = await cache.aget_or_load("k", quick)
        await settle()
        return value

    assert play(read, loop_factory) == "old"
    await_no_flights(cache)
    assert cache["k"] == "anew"
