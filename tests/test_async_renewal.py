"""Warming a cache up from tasks."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fastcache import BulkLoadError, Cache
from fastcache.testing import MovableClock
from tests.harness.tasks import AsyncHeldLoader, on_loops, outcome, settle, started


@on_loops
async def test_warming_loads_what_is_missing_once(cache: Cache[Any, Any]) -> None:
    cache[1] = "here"
    calls: list[int] = []

    async def load(key: int) -> int:
        calls.append(key)
        await asyncio.sleep(0)
        return key * 10

    warmed = await cache.awarm([0, 1, 2, 3, 2], load, concurrency=3)
    assert (warmed.loaded, warmed.present, warmed.errors) == (3, 1, {})
    assert (sorted(calls), cache[1], cache[3]) == ([0, 2, 3], "here", 30)
    assert await cache.awarm([], load) == (0, 0, {})


@on_loops
async def test_a_loader_that_warms_need_not_be_async(cache: Cache[Any, Any]) -> None:
    assert (await cache.awarm(range(5), lambda key: key)).loaded == 5


@on_loops
async def test_warming_runs_no_more_loads_at_a_time_than_asked(cache: Cache[Any, Any]) -> None:
    running, most = 0, 0
    together = asyncio.Barrier(3)

    async def load(key: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await together.wait()
        running -= 1
        return key

    assert (await cache.awarm(range(9), load, concurrency=3)).loaded == 9
    assert most == 3


@on_loops
async def test_first_lifetimes_of_what_is_warmed_are_spread(clock: MovableClock) -> None:
    cache: Cache[Any, Any] = Cache(ttl=100, clock=clock)
    await cache.awarm(range(200), lambda key: key, spread=0.5)
    lifetimes = [cache.get_entry(key).ttl_left for key in range(200)]  # type: ignore[union-attr]
    assert all(50 <= left <= 100 for left in lifetimes)
    assert max(lifetimes) - min(lifetimes) > 25


@on_loops
async def test_what_fails_to_warm_is_told_and_keeps_nobody_back(cache: Cache[Any, Any]) -> None:
    async def load(key: int) -> int:
        if key == 1:
            raise OSError("one")
        return key

    warmed = await cache.awarm(range(3), load, ttl=5)
    assert (warmed.loaded, list(warmed.errors), repr(warmed.errors[1])) == (2, [1], "OSError('one')")


@on_loops
async def test_warming_shares_the_loads_of_others(cache: Cache[Any, Any]) -> None:
    loader = AsyncHeldLoader("loaded")
    first, warming = await started(cache.aget_or_load(1, loader), cache.awarm([1, 2], loader))
    loader.gate.open()
    assert (await first, (await warming).loaded, sorted(loader.calls)) == ("loaded", 2, [1, 2])


@on_loops
async def test_with_who_warms_all_is_cancelled_that_nobody_else_wants(cache: Cache[Any, Any]) -> None:
    loader = AsyncHeldLoader("loaded")
    [warming] = await started(cache.awarm(range(9), loader, concurrency=3))
    [other] = await started(cache.aget_or_load(1, loader))
    warming.cancel()
    await settle()
    assert (loader.calls, loader.cancelled, [flight.key for flight in cache.flights()]) == ([0, 1, 2], 2, [1])
    loader.gate.open()
    assert (await other, await outcome(warming)) == ("loaded", asyncio.CancelledError)


@on_loops
async def test_a_load_that_is_cancelled_from_within_ends_the_warming(cache: Cache[Any, Any]) -> None:
    async def load(key: int) -> int:
        if key == 1:
            raise asyncio.CancelledError
        return key

    [warming] = await started(cache.awarm(range(4), load, concurrency=2))
    assert (await outcome(warming), 1 in cache) == (asyncio.CancelledError, False)


@pytest.mark.parametrize(
    ("options", "named"),
    [({"concurrency": 0}, "concurrency"), ({"spread": 1}, "spread"), ({"spread": "x"}, "spread"), ({"ttl": -1}, "ttl")],
)
@on_loops
async def test_bad_options_of_warming_are_named(cache: Cache[Any, Any], options: dict[str, Any], named: str) -> None:
    with pytest.raises((TypeError, ValueError), match=named):
        await cache.awarm([1], lambda key: key, **options)
    with pytest.raises((TypeError, ValueError), match=named):
        cache.warm([1], lambda key: key, **options)
    assert len(cache) == 0


@on_loops
async def test_keys_are_refreshed_together_while_their_values_are_served(cache: Cache[Any, Any]) -> None:
    cache.update({1: "old", 2: "old"})
    calls: list[list[int]] = []
    gate = asyncio.Event()

    async def load(keys: list[int]) -> dict[int, Any]:
        calls.append(keys)
        await gate.wait()
        return dict.fromkeys(keys, "new")

    many, other, single = await started(
        cache.arefresh_many(iter([1, 2, 3, 1]), load), cache.arefresh_many([3, 1], load), cache.arefresh(2, load)
    )
    assert (calls, cache[1], await cache.aget_many_or_load([2, 1], load)) == ([[1, 2, 3]], "old", {2: "old", 1: "old"})
    gate.set()
    assert await many == dict.fromkeys([1, 2, 3], "new")
    assert (await other, await single, cache[1]) == ({3: "new", 1: "new"}, "new", "new")


@on_loops
async def test_a_refresh_of_many_keys_that_fails_says_so_and_leaves_the_values(cache: Cache[Any, Any]) -> None:
    cache[1] = "old"

    async def fail(keys: list[int]) -> Any:
        raise OSError("down")

    with pytest.raises(BulkLoadError, match="down"):
        await cache.arefresh_many([1, 2], fail)
    assert (cache[1], set(map(type, (await cache.arefresh_many([1], fail, errors="return")).values()))) == (
        "old",
        {OSError},
    )
    assert await cache.arefresh_many([], fail) == {}
    for options in ({"max_batch": 0}, {"force": 1}, {"nonsense": 1}):
        with pytest.raises((TypeError, ValueError), match=next(iter(options))):
            await cache.arefresh_many([1], fail, **options)
    with pytest.raises(TypeError, match="loader must be callable, not 1"):
        await cache.arefresh_many([1], 1)  # type: ignore[arg-type]


@on_loops
async def test_a_namespace_loads_its_own_keys_for_tasks_and_is_cleared_amid_that(cache: Cache[Any, Any]) -> None:
    users = cache.namespace("users")
    loader = AsyncHeldLoader("loaded")
    tasks = await started(*[users.aget_or_load(1, loader) for _ in range(2)])
    users.clear()
    loader.gate.open()
    assert await asyncio.gather(*tasks) == ["loaded", "loaded"]
    assert (loader.calls, users.get(1)) == ([1], None)

    async def load(key: int, ctx: Any) -> int:
        ctx.ttl = 5
        return key + 1

    assert await users.aget_or_load(1, load, with_context=True) == 2
    entry = cache.get_entry(("users", 1))
    assert entry is not None
    assert (entry.ttl_left, entry.tags, users[1]) == (5.0, ("namespace:users",), 2)
    with pytest.raises(TypeError, match="loader must be callable, not 1"):
        users.aget_or_load(1, 1)  # type: ignore[arg-type]
