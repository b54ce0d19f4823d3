"""Loads of many keys in tasks that ask for each other, for themselves, or on a loop that is stopped or closed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from fastcache import BulkLoadError, Cache, LoadCycleError, RecursiveLoadError
from tests.harness.bulk import AsyncHeldBulk, squares, unexpected
from tests.harness.gates import Call, await_waiters, waiting
from tests.harness.tasks import (
    LoopFactory,
    TaskGate,
    on_loops,
    started,
    until,
)


@on_loops
async def test_a_loader_that_asks_for_a_key_of_its_own_is_told_at_once(cache: Cache[int, Any]) -> None:
    async def ask_for_one(keys: list[int]) -> Any:
        return await cache.aget_or_load(2, unexpected)

    async def ask_for_several(keys: list[int]) -> Any:
        return await cache.aget_many_or_load([8, 3], unexpected)

    async def ask_in_a_thread(keys: list[int]) -> Any:
        return await asyncio.to_thread(cache.get_or_load, 1, lambda key: "never")

    for load in (ask_for_one, ask_for_several, ask_in_a_thread):
        found = await cache.aget_many_or_load([1, 2, 3], load, errors="return")
        assert {type(error) for error in found.values()} == {RecursiveLoadError}
    assert cache.flights() == []


@on_loops
async def test_batches_that_ask_for_each_others_keys_do_not_hang(cache: Cache[str, Any]) -> None:
    """Each asks for the first key of the other."""
    line = asyncio.Barrier(2)

    def load(other: str) -> Callable[[list[str]], Any]:
        async def run(keys: list[str]) -> dict[str, Any]:
            await line.wait()
            return {**dict.fromkeys(keys, "value"), **await cache.aget_many_or_load([other], unexpected)}

        return run

    results = await asyncio.gather(
        cache.aget_many_or_load(["a1", "a2", "a3"], load("b1"), errors="return"),
        cache.aget_many_or_load(["b1", "b2", "b3"], load("a1"), errors="return"),
    )
    refused = [error for result in results for error in result.values() if isinstance(error, LoadCycleError)]
    # Each that is refused fails with it; who waited for that gets a copy.
    assert {type(value) for result in results for value in result.values()} <= {LoadCycleError, BulkLoadError}
    assert set(refused[0].keys) == {"a1", "b1"}


@on_loops
async def test_a_batch_in_a_circle_with_a_thread_does_not_hang(cache: Cache[str, Any]) -> None:
    begun = threading.Event()
    gate = TaskGate()

    async def load(keys: list[str]) -> Any:
        await gate.stop()
        return dict.fromkeys(keys, await cache.aget_or_load("t", unexpected))

    def load_in_thread(key: str) -> Any:
        begun.set()
        return cache.get_many_or_load(["b", "a"], unexpected)

    [task] = await started(cache.aget_many_or_load(["a", "b"], load, errors="return"))
    thread = Call(cache.get_or_load, "t", load_in_thread)
    await until(lambda: begun.is_set() and waiting(cache, "b") == 2)
    gate.open()
    found = await task
    await until(thread.ended)
    assert {type(error) for error in found.values()} == {LoadCycleError}
    assert type(thread.error()) is BulkLoadError


@on_loops
async def test_a_load_may_load_other_keys(cache: Cache[Any, Any]) -> None:
    async def load(keys: list[tuple[str, int]]) -> dict[Any, int]:
        below = await cache.aget_many_or_load([(name, n - 1) for name, n in keys if n], load)
        return {(name, n): n + below.get((name, n - 1), 0) for name, n in keys}

    assert await cache.aget_many_or_load([("a", 5), ("b", 9)], load) == {("a", 5): 15, ("b", 9): 45}
    assert len(cache) == 16


@on_loops
async def test_a_sync_call_for_a_batch_of_its_own_loop_raises_at_once(cache: Cache[int, Any]) -> None:
    bulk = AsyncHeldBulk()
    [task] = await started(cache.aget_many_or_load([1, 2], bulk))
    with pytest.raises(RuntimeError, match="runs on the event loop of this very thread"):
        cache.get_or_load(2, lambda key: "never")
    with pytest.raises(RuntimeError, match="runs on the event loop of this very thread"):
        cache.get_many_or_load([3, 1], lambda keys: dict.fromkeys(keys, "sync"))
    bulk.gate.open()
    assert await task == {1: "1", 2: "2"}


@on_loops
async def test_an_async_loader_is_refused_by_sync_calls(cache: Cache[int, Any]) -> None:
    found = cache.get_many_or_load([1, 2], squares, errors="return")
    assert {str(error) for error in found.values()} == {
        "the loader is async: its values are to be had by aget_many_or_load, not get_many_or_load"
    }


# ---- loops that end ----


def test_a_loop_closed_under_a_batch_lets_others_take_over(cache: Cache[int, Any], loop_factory: LoopFactory) -> None:
    loop = loop_factory()
    bulk = AsyncHeldBulk()
    [task] = loop.run_until_complete(started(cache.aget_many_or_load([1, 2], bulk)))
    thread = Call(cache.get_many_or_load, [2, 1], lambda keys: dict.fromkeys(keys, "taken over"))
    await_waiters(cache, 3)
    loop.close()
    assert thread.result() == {2: "taken over", 1: "taken over"}
    # As the collector would; asyncio tells of tasks that go so.
    task.get_coro().close()  # type: ignore[union-attr]
    task._log_destroy_pending = False  # type: ignore[attr-defined]


# ---- behind served values ----
