"""In whose context async loads run."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any

import pytest

from fastcache import Cache, RecursiveLoadError
from fastcache.testing import MovableClock
from tests.harness.tasks import AsyncHeldLoader, on_loops, settle, started

request: ContextVar[str] = ContextVar("request", default="none")


@on_loops
async def test_a_load_runs_in_a_copy_of_its_leaders_context(cache: Cache[Any, Any]) -> None:
    gate = AsyncHeldLoader("")

    async def load(key: object) -> str:
        await gate()
        seen = request.get()
        request.set("changed by the load")
        return seen

    async def call(name: str) -> tuple[str, str]:
        request.set(name)
        return await cache.aget_or_load("k", load), request.get()

    tasks = await started(call("first"), call("second"))
    gate.gate.open()
    assert await asyncio.gather(*tasks) == [("first", "first"), ("first", "second")]


@on_loops
async def test_a_refresh_runs_in_nobodys(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_while_revalidate=60)
    cache["k"] = "old"
    clock.advance(10)

    async def load(key: object) -> str:
        return request.get()

    request.set("of one caller")
    assert await cache.aget_or_load("k", load) == "old"
    await settle()
    assert cache["k"] == "none"


@on_loops
async def test_a_refresh_that_a_load_began_may_wait_for_that_load(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_while_revalidate=60)
    cache["stale"] = "old"
    clock.advance(10)
    go_on = AsyncHeldLoader("")

    async def load(key: object) -> Any:
        served = await cache.aget_or_load("stale", refresh)
        await go_on()
        return served

    async def refresh(key: object) -> Any:
        return "refreshed after " + await cache.aget_or_load("k", load)

    task = (await started(cache.aget_or_load("k", load)))[0]
    go_on.gate.open()
    assert await task == "old"
    await settle()
    assert cache["stale"] == "refreshed after old"


@on_loops
async def test_what_a_load_begins_knows_whose_it_is(cache: Cache[Any, Any]) -> None:
    async def load(key: object) -> str:
        with pytest.raises(RecursiveLoadError):
            await asyncio.gather(cache.aget_or_load("k", load))
        with pytest.raises(RecursiveLoadError):
            await asyncio.to_thread(cache.get_or_load, "k", lambda key: "by a thread")
        return "loaded"

    assert await cache.aget_or_load("k", load) == "loaded"


@on_loops
async def test_a_task_that_has_loaded_is_loading_no_more(cache: Cache[Any, Any]) -> None:
    async def load(key: object) -> str:
        return "loaded"

    for _ in range(2):
        assert await cache.aget_or_load("k", load) == "loaded"
        cache.delete("k")
