"""Tasks that wait for one load are woken together, each as if it had waited for a future of its own."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any

import pytest

from fastcache import Cache
from fastcache._core.seat import Seat
from tests.harness.gates import LIMIT, Call, HeldLoader, all_at_once, await_waiters
from tests.harness.tasks import AsyncHeldLoader, LoopFactory, on_loops, play, settle, start, started

# More than are woken in one callback of their loop.
CROWD = 300


async def unexpected(key: object) -> Any:
    raise AssertionError(f"{key!r} was loaded again")


# ---- a seat alone ----


async def sit(seat: Seat) -> bool:
    await seat
    return seat.come


@on_loops
async def test_a_task_goes_on_when_its_seat_is_woken_in_its_loop_or_from_a_thread() -> None:
    for from_thread in (False, True):
        seat = Seat()
        (task,) = await started(sit(seat))
        assert not seat.done()
        if from_thread:
            await asyncio.to_thread(seat.wake)
        else:
            seat.wake()
        assert await task is True


@on_loops
async def test_what_has_come_is_not_waited_for() -> None:
    seat = Seat()
    seat.settle(False)
    assert await sit(seat) is False
    seat.settle(True)
    assert await sit(seat) is False
    seat.renew()
    seat.settle(True)
    assert await sit(seat) is True


@on_loops
async def test_a_cancelled_task_raises_with_the_message_that_was_given() -> None:
    seat = Seat()
    (task,) = await started(sit(seat))
    assert task.cancel("enough")
    with pytest.raises(asyncio.CancelledError, match="enough"):
        await task
    assert seat.cancelled()
    assert not seat.cancel()
    # Too late.
    seat.wake()
    await settle()
    assert seat.cancelled()


@on_loops
async def test_who_has_been_woken_is_not_cancelled_by_what_comes_after() -> None:
    seat = Seat()
    (task,) = await started(sit(seat))
    loop = asyncio.get_running_loop()
    loop.call_soon(seat.settle, True)
    loop.call_soon(task.cancel)
    assert await task is True


@on_loops
async def test_one_task_sits_on_a_seat() -> None:
    seat = Seat()
    first, second = await started(sit(seat), sit(seat))
    seat.wake()
    assert await first is True
    with pytest.raises(RuntimeError, match="one task"):
        await second


def test_a_seat_needs_a_running_loop() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        Seat()


def test_a_closed_loop_has_nobody_to_wake(loop_factory: LoopFactory) -> None:
    async def scene() -> Seat:
        return Seat()

    seat = play(scene, loop_factory)
    assert seat.loop.is_closed()
    seat.wake()
    assert not seat.done()


# ---- a crowd that waits for one load ----


@on_loops
async def test_each_of_a_crowd_goes_on_in_its_own_context(cache: Cache[Any, Any]) -> None:
    number: contextvars.ContextVar[int] = contextvars.ContextVar("number")
    loader = AsyncHeldLoader("loaded")

    async def ask(mine: int) -> tuple[int, str]:
        number.set(mine)
        value = await cache.aget_or_load("k", loader)
        return number.get(), value

    tasks = await started(*map(ask, range(CROWD)))
    loader.gate.open()
    assert await asyncio.gather(*tasks) == [(n, "loaded") for n in range(CROWD)]
    assert loader.calls == ["k"]


@on_loops
async def test_cancelling_some_of_a_crowd_leaves_the_others_their_answer(cache: Cache[Any, Any]) -> None:
    loader = AsyncHeldLoader("loaded")
    tasks = await started(*[cache.aget_or_load("k", loader) for _ in range(CROWD)])
    for task in tasks[::3]:
        task.cancel()
    loader.gate.open()
    while cache.flights():
        await asyncio.sleep(0)
    # They have been told of the end, and have not gone on yet.
    for task in tasks[1::3]:
        assert task.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(answer) for answer in answers[::3] + answers[1::3]} == {asyncio.CancelledError}
    assert set(answers[2::3]) == {"loaded"}
    assert loader.calls == ["k"]


def test_an_interrupt_of_one_task_does_not_keep_the_others_asleep(
    cache: Cache[Any, Any], loop_factory: LoopFactory
) -> None:
    loader = AsyncHeldLoader("loaded")
    loop = loop_factory()

    async def ask(interrupted: bool) -> Any:
        value = await cache.aget_or_load("k", loader)
        if interrupted:
            raise KeyboardInterrupt
        return value

    async def scene() -> None:
        tasks.extend(await started(*[ask(n == CROWD // 2) for n in range(CROWD)]))
        loader.gate.open()
        await asyncio.wait(tasks, timeout=LIMIT)

    tasks: list[asyncio.Task[Any]] = []
    everything = loop.create_task(scene())
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(everything)
    loop.run_until_complete(everything)
    loop.close()
    assert isinstance(tasks.pop(CROWD // 2).exception(), KeyboardInterrupt)
    assert [task.result() for task in tasks] == ["loaded"] * (CROWD - 1)


def test_crowds_of_two_loops_and_of_threads_are_all_told(cache: Cache[Any, Any], loop_factory: LoopFactory) -> None:
    loader = HeldLoader("loaded")

    async def crowd() -> list[Any]:
        return await asyncio.gather(*[start(cache.aget_or_load("k", unexpected)) for _ in range(CROWD)])

    leader = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    loops = [Call(play, crowd, loop_factory) for _ in range(2)]
    threads = all_at_once(5, cache.get_or_load, "k", unexpected)
    await_waiters(cache, 2 * CROWD + 5, "k")
    loader.gate.open()
    assert [call.result() for call in (leader, *threads)] == ["loaded"] * 6
    assert [call.result() for call in loops] == [["loaded"] * CROWD] * 2
    assert loader.calls == ["k"]
