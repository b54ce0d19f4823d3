"""One load for each key, however many tasks ask for it at the same time."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from fastcache import Cache, LoadCycleError, NotFound, RecursiveLoadError
from fastcache.testing import MovableClock
from tests.harness.tasks import AsyncHeldLoader, on_loops, outcome, settle, start, started


async def unexpected(key: object) -> Any:
    raise AssertionError(f"{key!r} was loaded again")


def returning(value: Any) -> Callable[[object], Any]:
    async def load(key: object) -> Any:
        return value

    return load


@on_loops
async def test_a_thousand_tasks_on_a_cold_key_share_one_load(cache: Cache[Any, Any]) -> None:
    loader = AsyncHeldLoader(object())
    tasks = await started(*[cache.aget_or_load("k", loader) for _ in range(1000)])
    assert not any(task.done() for task in tasks)
    loader.gate.open()
    assert {id(loader.result)} == {id(value) for value in await asyncio.gather(*tasks)}
    assert loader.calls == ["k"]
    stats = cache.stats()
    assert (stats.misses, stats.coalesced, stats.loads, stats.hits) == (1000, 999, 1, 0)


@on_loops
async def test_a_task_that_joins_never_runs_its_own_loader(cache: Cache[Any, Any]) -> None:
    loader = AsyncHeldLoader("loaded")
    first, *others = await started(
        cache.aget_or_load("k", loader), *[cache.aget_or_load("k", unexpected) for _ in range(9)]
    )
    loader.gate.open()
    assert await asyncio.gather(first, *others) == ["loaded"] * 10


@on_loops
async def test_an_error_is_the_leaders_own_and_a_copy_for_each_other(cache: Cache[Any, Any]) -> None:
    original = ValueError("bad", 5)
    loader: AsyncHeldLoader[Any] = AsyncHeldLoader(original)
    tasks = await started(*[cache.aget_or_load("k", loader) for _ in range(20)])
    loader.gate.open()
    leader, *others = [await outcome(task) for task in tasks]
    assert leader is original
    assert [(type(error), error.args, error.__cause__) for error in others] == [(ValueError, ("bad", 5), original)] * 19
    assert len({id(error) for error in others}) == 19
    assert loader.calls == ["k"]
    assert "k" not in cache


@on_loops
async def test_a_failure_is_not_kept(cache: Cache[Any, Any]) -> None:
    failing: AsyncHeldLoader[Any] = AsyncHeldLoader(ValueError("once"))
    failing.gate.open()
    with pytest.raises(ValueError, match="once"):
        await cache.aget_or_load("k", failing)
    assert await cache.aget_or_load("k", returning("loaded")) == "loaded"


@on_loops
async def test_an_error_keeps_nothing_of_its_load_alive(cache: Cache[Any, Any]) -> None:
    class Local:
        pass

    seen: list[weakref.ref[Local]] = []

    async def load(key: object) -> None:
        local = Local()
        seen.append(weakref.ref(local))
        await asyncio.sleep(0)
        raise ValueError("as asked for")

    gc.disable()
    try:
        for _ in range(2):
            with pytest.raises(ValueError, match="as asked for"):
                await cache.aget_or_load("k", load)
        await settle()
        assert [reference() for reference in seen] == [None, None]
    finally:
        gc.enable()


@on_loops
async def test_a_load_leaves_nothing_that_only_the_collector_could_free(cache: Cache[Any, Any]) -> None:
    class Value:
        pass

    async def load(key: object) -> Value:
        await asyncio.sleep(0)
        return Value()

    gc.disable()
    try:
        tasks = await started(*[cache.aget_or_load("k", load) for _ in range(3)])
        value = weakref.ref(await tasks[0])
        del tasks
        await settle()
        cache.delete("k")
        assert value() is None
    finally:
        gc.enable()


@on_loops
async def test_each_failing_load_has_a_traceback_of_its_own_length(cache: Cache[Any, Any]) -> None:
    async def load(key: object) -> None:
        raise ValueError("again")

    lengths = set()
    for _ in range(20):
        error = await outcome(start(cache.aget_or_load("k", load)))
        length, at = 0, error.__traceback__
        while at is not None:
            length, at = length + 1, at.tb_next
        lengths.add(length)
    assert len(lengths) == 1


@pytest.mark.parametrize("how", ["delete", "expire", "clear"])
@on_loops
async def test_what_is_removed_while_it_loads_reaches_who_waited_and_is_not_kept(
    cache: Cache[Any, Any], how: str
) -> None:
    loader = AsyncHeldLoader("old")
    tasks = await started(*[cache.aget_or_load("k", loader) for _ in range(2)])
    getattr(cache, how)(*["k"] * (how != "clear"))
    later = (await started(cache.aget_or_load("k", returning("new"))))[0]
    loader.gate.open()
    assert await asyncio.gather(*tasks) == ["old", "old"]
    assert (await later, cache["k"]) == ("new", "new")


@pytest.mark.parametrize("how", ["invalidate_tag", "expire_tag"])
@on_loops
async def test_what_bears_a_tag_that_is_invalidated_while_it_loads_is_not_kept(
    cache: Cache[Any, Any], how: str
) -> None:
    loader = AsyncHeldLoader("old")
    tasks = await started(*[cache.aget_or_load("k", loader, tags="t") for _ in range(2)])
    getattr(cache, how)("t")
    loader.gate.open()
    assert await asyncio.gather(*tasks) == ["old", "old"]
    assert "k" not in cache
    assert await cache.aget_or_load("k", returning("new")) == "new"


@on_loops
async def test_what_is_written_while_it_loads_stays(cache: Cache[Any, Any]) -> None:
    loader = AsyncHeldLoader("loaded")
    tasks = await started(*[cache.aget_or_load("k", loader) for _ in range(2)])
    cache["k"] = "written"
    loader.gate.open()
    assert await asyncio.gather(*tasks) == ["loaded", "loaded"]
    assert cache["k"] == "written"


@pytest.mark.parametrize("value", [None, 0, "", NotImplemented, float("nan"), ValueError("a value"), ()], ids=repr)
@on_loops
async def test_every_value_is_cached(cache: Cache[Any, Any], value: Any) -> None:
    assert value is await cache.aget_or_load("k", returning(value))
    assert value is await cache.aget_or_load("k", unexpected)


@on_loops
async def test_that_there_is_none_is_remembered(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=60, negative_ttl=5)
    calls = []

    async def load(key: object) -> None:
        calls.append(key)
        raise NotFound(key)

    for _ in range(3):
        with pytest.raises(NotFound):
            await cache.aget_or_load("k", load)
    assert await cache.aget_or_load("k", load, default="none") == "none"
    assert calls == ["k"]
    clock.advance(5)
    with pytest.raises(NotFound):
        await cache.aget_or_load("k", load)
    assert calls == ["k", "k"]


@on_loops
async def test_with_a_ttl_of_zero_a_load_is_shared_and_not_kept(make: Any) -> None:
    cache = make(ttl=0)
    loader = AsyncHeldLoader("loaded")
    tasks = await started(*[cache.aget_or_load("k", loader) for _ in range(5)])
    loader.gate.open()
    assert await asyncio.gather(*tasks) == ["loaded"] * 5
    assert (loader.calls, len(cache)) == (["k"], 0)
    assert await cache.aget_or_load("k", returning("again")) == "again"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"ttl": -1}, ValueError),
        ({"ttl": float("nan")}, ValueError),
        ({"ttl": True}, TypeError),
        ({"wait_timeout": -1}, ValueError),
        ({"force": 1}, TypeError),
        ({"tags": 3}, TypeError),
        ({"unknown": 3}, TypeError),
    ],
    ids=repr,
)
@on_loops
async def test_wrong_options_are_refused_before_anything_is_loaded(
    cache: Cache[Any, Any], options: dict[str, Any], error: type[Exception]
) -> None:
    name = next(iter(options))
    with pytest.raises(error, match=name):
        await cache.aget_or_load("k", unexpected, **options)
    if name in ("ttl", "wait_timeout", "tags", "unknown"):
        with pytest.raises(error, match=name):
            await cache.arefresh("k", unexpected, **options)
    assert (cache.flights(), cache.stats().misses) == ([], 0)


@on_loops
async def test_a_loader_need_not_be_async(cache: Cache[Any, Any]) -> None:
    assert await cache.aget_or_load("k", lambda key: key * 2) == "kk"
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    future.set_result("from a future")
    assert await cache.aget_or_load("f", lambda key: future) == "from a future"
    assert cache["f"] == "from a future"


@on_loops
async def test_a_loader_that_is_no_loader_is_refused(cache: Cache[Any, Any]) -> None:
    with pytest.raises(TypeError, match="loader must be callable, not 3"):
        await cache.aget_or_load("k", 3)  # type: ignore[call-overload]


@on_loops
async def test_a_context_tells_an_async_loader_what_there_was(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_if_error=60)
    cache["k"] = "old"
    clock.advance(10)

    async def load(key: object, ctx: Any) -> Any:
        await asyncio.sleep(0)
        ctx.ttl = 100
        return ctx.stale_value + " and new"

    assert await cache.aget_or_load("k", load, with_context=True) == "old and new"
    clock.advance(99)
    assert cache["k"] == "old and new"


@on_loops
async def test_the_status_tells_how_a_call_was_answered(cache: Cache[Any, Any]) -> None:
    loader = AsyncHeldLoader("loaded")
    tasks = await started(*[cache.aget_or_load("k", loader, with_status=True) for _ in range(3)])
    loader.gate.open()
    answers = await asyncio.gather(*tasks)
    later = await cache.aget_or_load("k", unexpected, with_status=True)
    sync = Cache[Any, Any]()
    statuses = [sync.get_or_load("k", lambda key: "loaded", with_status=True)[1] for _ in range(2)]
    assert [answers[0][1], later[1]] == statuses
    assert answers[1] == answers[2]
    assert len({status for _, status in [*answers, later]}) == 3


@on_loops
async def test_other_keys_do_not_wait(cache: Cache[Any, Any]) -> None:
    loader = AsyncHeldLoader("slow")
    slow = (await started(cache.aget_or_load("slow", loader)))[0]
    assert await cache.aget_or_load("other", returning("quick")) == "quick"
    assert not slow.done()
    loader.gate.open()
    assert await slow == "slow"


@on_loops
async def test_loads_whose_keys_are_evicted_meanwhile_reach_their_callers(make: Any) -> None:
    cache = make(1, ttl=60)
    loader = AsyncHeldLoader("loaded")
    tasks = await started(*[cache.aget_or_load(key, loader) for key in range(20) for _ in range(2)])
    loader.gate.open()
    assert await asyncio.gather(*tasks) == ["loaded"] * 40
    assert sorted(loader.calls) == list(range(20))
    assert len(cache) == 1


@on_loops
async def test_a_load_that_hangs_is_superseded_once_and_its_waiters_move(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=600, max_load_time=60)
    hanging, second = AsyncHeldLoader("late"), AsyncHeldLoader("second")
    first = await started(*[cache.aget_or_load("k", hanging) for _ in range(3)])
    clock.advance(60)
    later = await started(cache.aget_or_load("k", second), cache.aget_or_load("k", unexpected))
    clock.advance(60)
    latest = await started(cache.aget_or_load("k", unexpected))
    assert (hanging.calls, second.calls) == (["k"], ["k"])
    second.gate.open()
    assert await asyncio.gather(*first, *later, *latest) == ["second"] * 6
    hanging.gate.open()
    await settle()
    assert (cache["k"], cache.flights(), cache.stats().superseded) == ("second", [], 1)


# ---- loads that could only wait for themselves ----


@on_loops
async def test_a_load_that_asks_for_its_own_key_is_refused(cache: Cache[Any, Any]) -> None:
    async def load(key: object) -> Any:
        return await cache.aget_or_load(key, unexpected)

    error = await outcome(start(cache.aget_or_load("k", load)))
    assert type(error) is RecursiveLoadError
    assert "'k'" in str(error)
    assert cache.stats().entries == 0


@on_loops
async def test_so_it_is_across_other_keys_tasks_and_threads(cache: Cache[Any, Any]) -> None:
    async def load(number: int) -> Any:
        if number == 0:
            return await asyncio.create_task(load_next(0))
        if number == 1:
            return await asyncio.to_thread(cache.get_or_load, 2, lambda number: cache.get_or_load(0, unexpected))
        raise AssertionError(number)

    async def load_next(number: int) -> Any:
        return await cache.aget_or_load(number + 1, load)

    assert type(await outcome(start(cache.aget_or_load(0, load)))) is RecursiveLoadError
    assert cache.stats().entries == 0


@on_loops
async def test_a_load_may_load_other_keys(cache: Cache[Any, Any]) -> None:
    async def load(n: int) -> int:
        return 1 if n == 0 else n * await cache.aget_or_load(n - 1, load)

    assert await cache.aget_or_load(10, load) == 3628800
    assert len(cache) == 11


@pytest.mark.parametrize("count", [2, 3, 10])
@on_loops
async def test_tasks_in_a_circle_all_end_with_an_error(cache: Cache[Any, Any], count: int) -> None:
    begun = 0
    line = asyncio.Event()

    async def load(number: int) -> Any:
        nonlocal begun
        begun += 1
        if begun == count:
            line.set()
        await line.wait()
        return await cache.aget_or_load((number + 1) % count, unexpected)

    tasks = await started(*[cache.aget_or_load(number, load) for number in range(count)])
    errors = [await outcome(task) for task in tasks]
    assert [type(error) for error in errors] == [LoadCycleError] * count
    for error in errors:
        first = error.keys[0]
        # It names eight at most.
        assert [(first + step) % count for step in range(min(count, 8))] == list(error.keys)
    assert cache.stats().entries == 0


@on_loops
async def test_if_one_in_the_circle_does_without_all_complete(cache: Cache[Any, Any]) -> None:
    both = asyncio.Barrier(2)

    async def load(number: int) -> Any:
        await both.wait()
        try:
            return await cache.aget_or_load(1 - number, unexpected)
        except LoadCycleError:
            return "without"

    assert await asyncio.gather(*await started(*[cache.aget_or_load(n, load) for n in range(2)])) == ["without"] * 2
