"""What each call of a task may ask for, and what is remembered of loads that gave it nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fastcache import Cache, NotFound
from fastcache.testing import MovableClock
from tests.harness.tasks import AsyncHeldLoader, on_loops, outcome, settle, started


async def unexpected(key: object) -> Any:
    raise AssertionError(f"{key!r} was loaded")


async def new(key: object) -> str:
    return "new"


async def down(key: object) -> Any:
    raise ConnectionError("down")


async def status(cache: Cache[Any, Any], loader: Any = unexpected, **options: Any) -> Any:
    return await cache.aget_or_load("k", loader, with_status=True, **options)


@on_loops
async def test_what_is_older_than_the_caller_accepts_is_loaded_for_it(
    cache: Cache[Any, Any], clock: MovableClock
) -> None:
    cache["k"] = "old"
    clock.advance(5)
    loader = AsyncHeldLoader("new")
    choosy, other = await started(
        cache.aget_or_load("k", loader, max_age=1), cache.aget_or_load("k", unexpected, max_age=2)
    )
    # Others are served meanwhile.
    assert await status(cache, max_age=6) == ("old", "hit")
    loader.gate.open()
    assert await asyncio.gather(choosy, other) == ["new", "new"]


@pytest.mark.parametrize("window", ["stale_while_revalidate", "stale_if_error"])
@on_loops
async def test_what_is_staler_than_the_caller_accepts_is_no_value_for_it(
    make: Any, clock: MovableClock, window: str
) -> None:
    cache = make(ttl=10, **{window: 1000})
    cache["k"] = "old"
    clock.advance(15)
    with pytest.raises(ConnectionError):
        await cache.aget_or_load("k", down, max_stale=5)
    clock.advance(cache.get_entry("k").retry_in)
    assert await status(cache, down, max_stale=7) == ("old", "stale_error")
    await settle()
    assert await status(cache, new, max_stale=0) == ("new", "miss")


@on_loops
async def test_force_takes_no_load_that_had_begun_and_that_one_is_not_kept(cache: Cache[Any, Any]) -> None:
    before, after = AsyncHeldLoader("before"), AsyncHeldLoader("after")
    old, forced, later = await started(
        cache.aget_or_load("k", before),
        cache.aget_or_load("k", after, force=True),
        cache.aget_or_load("k", unexpected),
    )
    before.gate.open()
    assert (await old, "k" in cache) == ("before", False)
    after.gate.open()
    assert [await forced, await later, cache["k"]] == ["after"] * 3


@pytest.mark.parametrize("per", ["cache", "call"])
@on_loops
async def test_without_coalescing_each_runs_its_own_loader_and_the_first_value_stays(make: Any, per: str) -> None:
    cache = make(ttl=60, coalesce=per == "call")
    options = {"coalesce": False} if per == "call" else {}
    first, second = AsyncHeldLoader("first"), AsyncHeldLoader("second")
    tasks = await started(cache.aget_or_load("k", first, **options), cache.aget_or_load("k", second, **options))
    second.gate.open()
    assert (await tasks[1], cache["k"]) == ("second", "second")
    first.gate.open()
    assert (await tasks[0], cache["k"]) == ("first", "second")


@on_loops
async def test_no_store_hands_the_value_to_all_who_wait_and_keeps_it_for_nobody(cache: Cache[Any, Any]) -> None:
    gate = asyncio.Event()

    async def load(key: object, ctx: Any) -> str:
        await gate.wait()
        ctx.no_store()
        return "shared"

    tasks = await started(*[cache.aget_or_load("k", load, with_context=True) for _ in range(5)])
    gate.set()
    assert await asyncio.gather(*tasks) == ["shared"] * 5
    assert "k" not in cache


@on_loops
async def test_after_a_value_that_may_not_be_kept_tasks_do_not_wait_for_each_other(make: Any) -> None:
    cache = make(ttl=0, uncacheable_ttl=60)
    assert await cache.aget_or_load("k", new) == "new"
    loader = AsyncHeldLoader("each its own")
    tasks = await started(*[cache.aget_or_load("k", loader) for _ in range(3)])
    assert loader.calls == ["k"] * 3
    loader.gate.open()
    assert await asyncio.gather(*tasks) == ["each its own"] * 3


@on_loops
async def test_a_flood_of_unknown_keys_evicts_no_value(make: Any) -> None:
    cache = make(100, negative_ttl=60)
    values = dict.fromkeys(range(100), "value")
    cache.update(values)

    async def missing(key: object) -> Any:
        raise NotFound(key)

    for number in range(300):
        assert await cache.aget_or_load(("unknown", number), missing, default=None) is None
    assert (dict(cache.items()), cache.stats().evictions) == (values, 0)
    assert cache.stats().negative_evictions >= 100


@on_loops
async def test_a_remembered_failure_is_raised_as_a_copy_marked_as_cached(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=60, error_ttl=1)
    loader: AsyncHeldLoader[Any] = AsyncHeldLoader(ConnectionError("down"))
    tasks = await started(*[cache.aget_or_load("k", loader) for _ in range(3)])
    loader.gate.open()
    errors = [await outcome(task) for task in tasks]
    assert [hasattr(error, "cached") for error in errors] == [False] * 3
    with pytest.raises(ConnectionError) as caught:
        await cache.aget_or_load("k", unexpected)
    assert (caught.value in errors, caught.value.cached) == (False, True)  # type: ignore[attr-defined]
    clock.advance(1)
    assert await cache.aget_or_load("k", new) == "new"


@pytest.mark.parametrize(("fatal", "got"), [((), "old"), (ConnectionError, ConnectionError)], ids=["hidden", "fatal"])
@on_loops
async def test_which_errors_an_old_value_stands_in_for(make: Any, clock: MovableClock, fatal: Any, got: Any) -> None:
    cache = make(ttl=10, stale_if_error=60, fatal=fatal)
    cache["k"] = "old"
    clock.advance(10)
    loader: AsyncHeldLoader[Any] = AsyncHeldLoader(ConnectionError("down"))
    tasks = await started(*[cache.aget_or_load("k", loader) for _ in range(2)])
    loader.gate.open()
    answers = [await outcome(task) for task in tasks]
    assert [answer if isinstance(answer, str) else type(answer) for answer in answers] == [got, got]


@on_loops
async def test_each_caller_gets_a_copy_where_the_cache_is_told_to(make: Any) -> None:
    cache = make(ttl=60, copy="deep")
    loader = AsyncHeldLoader([["loaded"]])
    tasks = await started(*[cache.aget_or_load("k", loader) for _ in range(2)])
    many = (await started(cache.aget_many_or_load(["k"], unexpected)))[0]
    loader.gate.open()
    for value in [*await asyncio.gather(*tasks), (await many)["k"], await cache.aget_or_load("k", unexpected)]:
        assert value == [["loaded"]]
        value[0].clear()
    found = await cache.aget_many_or_load(["k"], unexpected)
    found["k"][0].clear()
    assert cache["k"] == [["loaded"]]
