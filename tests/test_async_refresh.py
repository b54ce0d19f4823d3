"""Loads behind values that tasks were served: one for each key, few at a time, never in anybody's way."""

from __future__ import annotations

import asyncio
import gc
import itertools
from typing import Any

import pytest

from fastcache import Cache
from fastcache.testing import MovableClock
from tests.harness.tasks import AsyncHeldLoader, TaskGate, on_loops, outcome, settle, start, started


async def unexpected(key: object) -> Any:
    raise AssertionError(f"{key!r} was loaded")


def loads() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if task.get_name() == "fastcache-load"]


def stale(make: Any, clock: MovableClock, *keys: str, **options: Any) -> Cache[Any, Any]:
    """A cache with old values, within their window."""
    cache: Cache[Any, Any] = make(**{"ttl": 10, "stale_while_revalidate": 600, **options})
    cache.update(dict.fromkeys(keys, "old"))
    clock.advance(10)
    return cache


@on_loops
async def test_an_old_value_is_served_at_once_and_one_load_made_behind_it(make: Any, clock: MovableClock) -> None:
    cache = stale(make, clock, "k")
    loader = AsyncHeldLoader("new")
    assert await asyncio.gather(*[cache.aget_or_load("k", loader) for _ in range(100)]) == ["old"] * 100
    await settle()
    assert (loader.calls, await cache.aget_or_load("k", unexpected)) == (["k"], "old")
    loader.gate.open()
    await settle()
    assert (cache["k"], cache.stats().refreshes_ok) == ("new", 1)


@on_loops
async def test_a_value_in_use_is_refreshed_before_it_expires(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, refresh_ahead=5)

    async def load(key: object) -> float:
        return clock.now

    for second in range(100):
        assert clock.now - await cache.aget_or_load("k", load) <= 6, f"in second {second}"
        await settle()
        clock.advance(1)
    stats = cache.stats()
    assert (stats.misses, stats.stale_hits) == (1, 0)
    assert 15 <= stats.refreshes_ok <= 20


@on_loops
async def test_a_failing_refresh_is_tried_again_with_growing_pauses(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=60, stale_if_error=3600, stale_while_revalidate=3600, seed=1)
    cache["k"] = "old"
    clock.advance(60)
    tries: list[float] = []

    async def fail(key: object) -> None:
        tries.append(clock.now)
        raise ConnectionError("down")

    for _ in range(4 * 600):
        assert await cache.aget_or_load("k", fail) == "old"
        await settle()
        clock.advance(0.25)
    pauses = [after - before for before, after in itertools.pairwise(tries)]
    for number, pause in enumerate(pauses):
        longest = min(60, 2**number)
        assert longest / 2 <= pause <= longest + 0.25, pauses
    assert len(pauses) >= 10
    clock.advance(3600)
    with pytest.raises(ConnectionError):
        await cache.aget_or_load("k", fail)


@on_loops
async def test_ten_thousand_keys_written_together_expire_apart_and_refresh_few_at_a_time(
    make: Any, clock: MovableClock
) -> None:
    cache = make(ttl=60, jitter=6, refresh_ahead=10, refresh_workers=2, seed=4)
    count = 10_000

    async def load(key: object) -> str:
        return "old"

    for key in range(count):
        await cache.aget_or_load(key, load)
    ends = sorted(cache.get_entry(key).ttl_left for key in range(count))
    assert 11.9 < ends[-1] - ends[0] <= 12
    # None has expired.
    clock.advance(53.9)
    loader = AsyncHeldLoader("new")
    for key in range(count):
        assert await cache.aget_or_load(key, loader) == "old"
    await settle()
    assert (len(loader.calls), len(cache.flights())) == (2, 2)
    loader.gate.open()
    await settle()
    assert (cache.flights(), cache.stats().misses) == ([], count)


@on_loops
async def test_a_failed_early_refresh_is_tried_again_before_the_value_expires(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=60, refresh_ahead=30)
    cache["k"] = "old"
    clock.advance(31)
    results = iter([ConnectionError("down"), "new"])

    async def load(key: object) -> Any:
        result = next(results)
        if isinstance(result, Exception):
            raise result
        return result

    for _ in range(3):
        assert await cache.aget_or_load("k", load) == "old"
        await settle()
    clock.advance(1)
    assert await cache.aget_or_load("k", load) == "old"
    await settle()
    assert (cache["k"], cache.stats().stale_hits) == ("new", 0)


@on_loops
async def test_an_old_value_stands_in_for_an_error(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_if_error=60)
    cache["k"] = "old"
    clock.advance(10)
    failing: AsyncHeldLoader[Any] = AsyncHeldLoader(ConnectionError("down"))
    tasks = await started(*[cache.aget_or_load("k", failing) for _ in range(3)])
    failing.gate.open()
    assert await asyncio.gather(*tasks) == ["old"] * 3
    # In the pause nobody tries.
    assert await cache.aget_or_load("k", unexpected) == "old"
    clock.advance(60)
    with pytest.raises(ConnectionError):
        await cache.aget_or_load("k", failing)


@on_loops
async def test_a_refresh_is_kept_alive_by_the_loop_alone(make: Any, clock: MovableClock) -> None:
    cache = stale(make, clock, "k")
    waiting: list[asyncio.Future[str]] = []

    async def load(key: object) -> str:
        # Nothing but the load itself knows this future, and nothing but that the load.
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.01, future.set_result, "new")
        waiting.append(future)
        return await future

    assert await cache.aget_or_load("k", load) == "old"
    await settle()
    future = waiting.pop()
    gc.collect()
    assert len(loads()) == 1
    await asyncio.wait([future])
    await settle()
    assert cache["k"] == "new"


@on_loops
async def test_so_many_refreshes_at_a_time_and_one_more_is_dropped_and_tried_later(
    make: Any, clock: MovableClock
) -> None:
    cache = stale(make, clock, "a", "b", "c", refresh_workers=2)
    loader = AsyncHeldLoader("new")
    for key in ("a", "b", "c"):
        assert await cache.aget_or_load(key, loader) == "old"
    await settle()
    assert (loader.calls, cache.stats().refreshes_dropped) == (["a", "b"], 1)
    assert await cache.aget_or_load("c", unexpected) == "old"
    loader.gate.open()
    await settle()
    clock.advance(0.05)
    assert await cache.aget_or_load("c", loader) == "old"
    await settle()
    assert [cache[key] for key in ("a", "b", "c")] == ["new"] * 3


@pytest.mark.parametrize("how", ["delete", "set", "clear"])
@on_loops
async def test_a_refresh_whose_value_has_gone_brings_nothing_back(make: Any, clock: MovableClock, how: str) -> None:
    cache = stale(make, clock, "k")
    loader = AsyncHeldLoader("new")
    assert await cache.aget_or_load("k", loader) == "old"
    await settle()
    cache.set("k", "written") if how == "set" else getattr(cache, how)(*["k"] * (how == "delete"))
    loader.gate.open()
    await settle()
    assert (cache.get("k"), cache.stats().discarded) == ("written" if how == "set" else None, 1)


@on_loops
async def test_a_refresh_whose_value_was_evicted_brings_nothing_back(make: Any, clock: MovableClock) -> None:
    cache = stale(make, clock, "k", maxsize=1)
    loader = AsyncHeldLoader("new")
    assert await cache.aget_or_load("k", loader) == "old"
    await settle()
    cache["other"] = "other"
    assert "k" not in cache
    loader.gate.open()
    await settle()
    assert (cache.get("k"), cache.flights()) == (None, [])


@on_loops
async def test_a_cancelled_reader_leaves_the_refresh_alone(make: Any, clock: MovableClock) -> None:
    cache = stale(make, clock, "k", stale_while_revalidate=5, stale_if_error=600)
    loader = AsyncHeldLoader("new")
    cache["k"] = "old"
    clock.advance(10)
    assert await cache.aget_or_load("k", loader) == "old"
    await settle()
    clock.advance(5)
    # Now it is waited for.
    reader = (await started(cache.aget_or_load("k", unexpected)))[0]
    reader.cancel()
    assert await outcome(reader) is asyncio.CancelledError
    loader.gate.open()
    await settle()
    assert (cache["k"], loader.cancelled) == ("new", 0)


@on_loops
async def test_arefresh_loads_anew_and_joins_a_load_under_way(cache: Cache[Any, Any]) -> None:
    cache["k"] = "old"
    loader = AsyncHeldLoader("new")
    tasks = await started(*[cache.arefresh("k", loader) for _ in range(3)])
    assert await cache.aget_or_load("k", unexpected) == "old"
    loader.gate.open()
    assert await asyncio.gather(*tasks) == ["new"] * 3
    assert (loader.calls, cache["k"]) == (["k"], "new")


@on_loops
async def test_arefresh_raises_what_the_loader_does_where_no_value_may_stand_in(cache: Cache[Any, Any]) -> None:
    failing: AsyncHeldLoader[Any] = AsyncHeldLoader(ConnectionError("down"))
    failing.gate.open()
    with pytest.raises(ConnectionError):
        await cache.arefresh("k", failing)
    with pytest.raises(TypeError, match="loader must be callable, not 3"):
        await cache.arefresh("k", 3)  # type: ignore[arg-type]


# ---- closing ----


@on_loops
async def test_aclose_waits_for_refreshes_under_way(make: Any, clock: MovableClock) -> None:
    cache = stale(make, clock, "k")
    loader = AsyncHeldLoader("new")
    assert await cache.aget_or_load("k", loader) == "old"
    closing = (await started(cache.aclose()))[0]
    assert not closing.done()
    loader.gate.open()
    await closing
    assert cache["k"] == "new"


@on_loops
async def test_aclose_cancels_what_takes_too_long(
    make: Any, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastcache._background.CLOSE_PATIENCE", 0.01)
    cache = stale(make, clock, "k")
    loader = AsyncHeldLoader("never")
    assert await cache.aget_or_load("k", loader) == "old"
    await cache.aclose()
    assert (loader.cancelled, cache.flights(), loads()) == (1, [], [])


@pytest.mark.parametrize("how", ["aclose", "close"])
@on_loops
async def test_a_closed_cache_serves_old_values_and_refreshes_none(make: Any, clock: MovableClock, how: str) -> None:
    cache = stale(make, clock, "k", "used before")

    async def quick(key: object) -> str:
        return "new"

    assert await cache.aget_or_load("used before", quick) == "old"
    await settle()
    if how == "aclose":
        await cache.aclose()
    else:
        cache.close()
    for _ in range(2):
        assert await cache.aget_or_load("k", unexpected) == "old"
        await settle()
        clock.advance(1)
    assert (await cache.aget_or_load("cold", quick), cache.flights()) == ("new", [])


@on_loops
async def test_a_refresh_may_close_its_cache(make: Any, clock: MovableClock) -> None:
    cache = stale(make, clock, "k")
    closed = []

    async def load(key: object) -> str:
        await cache.aclose()
        closed.append(key)
        return "new"

    assert await cache.aget_or_load("k", load) == "old"
    await settle()
    assert (closed, cache["k"]) == (["k"], "new")


@on_loops
async def test_a_loop_that_makes_no_task_serves_the_old_value(make: Any, clock: MovableClock) -> None:
    cache = stale(make, clock, "k", refresh_workers=1)

    def refuse(*_: Any, **__: Any) -> Any:
        raise MemoryError("no task")

    loop = asyncio.get_running_loop()
    for _ in range(2):
        loop.set_task_factory(refuse)
        try:
            assert await cache.aget_or_load("k", unexpected) == "old"
        finally:
            loop.set_task_factory(None)
        assert cache.flights() == []
        clock.advance(1)
    loader = AsyncHeldLoader("new")
    loader.gate.open()
    assert await cache.aget_or_load("k", loader) == "old"
    await settle()
    assert cache["k"] == "new"


@on_loops
async def test_a_refresh_that_is_cancelled_before_it_began_is_tried_again(make: Any, clock: MovableClock) -> None:
    cache = stale(make, clock, "k")
    assert await cache.aget_or_load("k", unexpected) == "old"
    [load] = loads()
    load.cancel()
    await settle()
    assert cache.flights() == []
    clock.advance(0.05)
    gate = TaskGate()

    async def quick(key: object) -> str:
        await gate.stop()
        return "new"

    assert await cache.aget_or_load("k", quick) == "old"
    await settle()
    gate.open()
    await settle()
    assert cache["k"] == "new"


def test_without_an_event_loop_an_old_value_is_served(make: Any, clock: MovableClock) -> None:
    cache = stale(make, clock, "k")
    with pytest.raises(StopIteration) as stopped:
        cache.aget_or_load("k", unexpected).send(None)
    assert (stopped.value.value, cache.flights()) == ("old", [])


@on_loops
async def test_a_forced_call_claims_a_refresh_that_has_not_begun(make: Any, clock: MovableClock) -> None:
    cache = stale(make, clock, "k")
    assert await cache.aget_or_load("k", unexpected) == "old"
    loader = AsyncHeldLoader("new")
    task = start(cache.arefresh("k", loader))
    loader.gate.open()
    assert await task == "new"
    assert (loader.calls, cache["k"]) == (["k"], "new")
