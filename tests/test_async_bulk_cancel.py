"""Tasks that want many keys and are cancelled: alone, or with the load if nobody else wants any of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fastcache import Cache
from tests.harness.bulk import AsyncHeldBulk, HeldBulk, squares, unexpected
from tests.harness.gates import Call, waiting
from tests.harness.tasks import (
    AsyncHeldLoader,
    on_loops,
    outcome,
    settle,
    start,
    started,
    until,
)


@on_loops
async def test_who_is_cancelled_leaves_alone(cache: Cache[int, Any]) -> None:
    bulk = AsyncHeldBulk()
    leader, other, single = await started(
        cache.aget_many_or_load([1, 2], bulk),
        cache.aget_many_or_load([2, 1], unexpected),
        cache.aget_or_load(2, unexpected),
    )
    leader.cancel()
    other.cancel()
    await settle()
    assert (bulk.cancelled, waiting(cache)) == (0, 1)
    bulk.gate.open()
    # It was wanted for one of its keys; all are kept.
    assert (await single, cache.get_many([1, 2])) == ("2", {1: "1", 2: "2"})


@pytest.mark.parametrize("last", ["leader", "joined", "single"])
@on_loops
async def test_the_load_is_cancelled_with_the_last_who_waited_and_the_next_begins_anew(
    cache: Cache[int, Any], last: str
) -> None:
    bulk = AsyncHeldBulk()
    names = ["leader", "joined", "single"]
    tasks = dict(
        zip(
            names,
            await started(
                cache.aget_many_or_load([1, 2, 3], bulk),
                cache.aget_many_or_load([2, 1], unexpected),
                cache.aget_or_load(3, unexpected),
            ),
            strict=True,
        )
    )
    for name in sorted(names, key=lambda name: name == last):
        assert bulk.cancelled == 0
        tasks[name].cancel()
        await settle()
    assert (bulk.cancelled, cache.flights()) == (1, [])
    assert await cache.aget_many_or_load([1, 2, 3], squares) == {1: 1, 2: 4, 3: 9}


@on_loops
async def test_a_batch_that_is_being_cancelled_is_joined_by_nobody(cache: Cache[int, Any]) -> None:
    cleaning, gate = asyncio.Event(), asyncio.Event()

    async def load(keys: list[int]) -> dict[int, Any]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cleaning.set()
            await gate.wait()
        return dict.fromkeys(keys, "too late")

    [first] = await started(cache.aget_many_or_load([1, 2], load))
    first.cancel()
    await cleaning.wait()
    assert await cache.aget_many_or_load([1, 2], squares) == {1: 1, 2: 4}
    gate.set()
    await settle()
    assert (await outcome(first), cache.get_many([1, 2])) == (asyncio.CancelledError, {1: 1, 2: 4})


@on_loops
async def test_a_thread_that_waits_for_one_key_keeps_a_batch_of_cancelled_tasks_alive(cache: Cache[int, Any]) -> None:
    bulk = AsyncHeldBulk()
    [task] = await started(cache.aget_many_or_load([1, 2], bulk))
    thread = Call(cache.get_or_load, 2, unexpected)
    await until(lambda: waiting(cache, 2) == 2)
    task.cancel()
    await settle()
    bulk.gate.open()
    await until(thread.ended)
    assert (thread.result(), bulk.cancelled, cache.get(1)) == ("2", 0, "1")


@on_loops
async def test_a_task_cancelled_amid_its_wait_for_others_leaves_their_loads_alone(cache: Cache[int, Any]) -> None:
    single, bulk = AsyncHeldLoader("single"), HeldBulk()
    one, other = await started(cache.aget_or_load(1, single), cache.aget_or_load(1, unexpected))
    thread = Call(cache.get_many_or_load, [2, 3], bulk)
    await until(lambda: bulk.gate.arrived)
    [task] = await started(cache.aget_many_or_load([1, 2, 3, 4], squares))
    task.cancel()
    await settle()
    assert waiting(cache) == 2
    one.cancel()
    bulk.gate.open()
    single.gate.open()
    assert (await other, await outcome(task)) == ("single", asyncio.CancelledError)
    await until(thread.ended)
    assert (thread.result(), cache.get(4)) == ({2: "2", 3: "3"}, 16)


@on_loops
async def test_loads_that_a_cancelled_task_was_the_last_to_want_are_cancelled_too(cache: Cache[int, Any]) -> None:
    bulk = AsyncHeldBulk()
    [first] = await started(cache.aget_many_or_load([1, 2], bulk))
    [second] = await started(cache.aget_many_or_load([2, 1, 3], squares))
    first.cancel()
    await settle()
    assert (bulk.cancelled, second.done()) == (0, False)
    second.cancel()
    await settle()
    assert (bulk.cancelled, cache.flights()) == (1, [])


@on_loops
async def test_a_call_that_is_never_awaited_does_nothing(cache: Cache[int, Any]) -> None:
    cache.aget_many_or_load([1, 2], unexpected).close()
    assert (cache.flights(), cache.stats().misses) == ([], 0)


def test_without_an_event_loop_a_miss_is_refused_and_nothing_stays(cache: Cache[int, Any]) -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        cache.aget_many_or_load([1, 2], squares).send(None)
    assert cache.flights() == []
    assert cache.get_many_or_load([1, 2], lambda keys: dict.fromkeys(keys, "anew")) == {1: "anew", 2: "anew"}


@on_loops
async def test_a_loop_that_makes_no_task_leaves_nothing(cache: Cache[int, Any]) -> None:
    loop = asyncio.get_running_loop()
    call = cache.aget_many_or_load([1, 2], unexpected)
    task = start(call)

    def refuse(loop: object, coroutine: Any, **options: Any) -> Any:
        coroutine.close()
        raise MemoryError

    loop.set_task_factory(refuse)
    assert type(await outcome(task)) is MemoryError
    loop.set_task_factory(None)
    assert await cache.aget_many_or_load([1, 2], squares) == {1: 1, 2: 4}


# ---- time limits ----
