"""The lifespan of an application on ASGI ends the background work of its caches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from fastcache import Cache, cached
from fastcache.asgi import lifespan
from fastcache.testing import MovableClock
from tests.harness.tasks import on_loops

APP = object()


@on_loops
async def test_refreshes_under_way_end_before_the_application_does() -> None:
    clock = MovableClock()
    cache: Cache[str, str] = Cache(ttl=10, stale_while_revalidate=100, clock=clock)
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def load(key: str) -> str:
        begun.set()
        await may_end.wait()
        return "new"

    async with lifespan(cache)(APP) as state:
        assert state is None
        cache["k"] = "old"
        clock.advance(20)
        assert await cache.aget_or_load("k", load) == "old"
        await begun.wait()
        asyncio.get_running_loop().call_soon(may_end.set)
    assert cache["k"] == "new"
    # It stays usable, and takes on nothing behind what it serves.
    clock.advance(20)
    assert await cache.aget_or_load("k", load) == "new"
    assert cache.flights() == []


@on_loops
async def test_cached_functions_have_their_caches_closed() -> None:
    clock = MovableClock()
    calls: list[int] = []

    @cached(ttl=10, stale_while_revalidate=100, clock=clock)
    async def double(n: int) -> int:
        calls.append(n)
        return 2 * n

    async with lifespan(double)(APP):
        assert await double(4) == 8
    clock.advance(20)
    assert (await double(4), calls) == (8, [4])


@on_loops
async def test_a_lifespan_of_ones_own_runs_within() -> None:
    told: list[Any] = []

    @asynccontextmanager
    async def own(app: Any) -> AsyncIterator[dict[str, int]]:
        told.append(app)
        yield {"state": 1}
        told.append("ended")

    async with lifespan(Cache(), inner=own)(APP) as state:
        assert (state, told) == ({"state": 1}, [APP])
    assert told == [APP, "ended"]


@on_loops
async def test_caches_are_closed_though_the_application_fails() -> None:
    cache: Cache[str, str] = Cache(ttl=10, stale_while_revalidate=10)
    with pytest.raises(ZeroDivisionError):
        async with lifespan(cache)(APP):
            raise ZeroDivisionError
    assert cache._closed


@pytest.mark.parametrize("given", [None, "cache", dict, {}])
def test_anything_else_is_refused_at_once(given: Any) -> None:
    with pytest.raises(TypeError, match="caches must be caches or cached functions, not "):
        lifespan(given)
