"""How long tasks wait: ``wait_timeout``, ``soft_timeout``, and asyncio's own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fastcache import Cache, LoadTimeout, _aio
from fastcache._patience import wait_on
from fastcache.testing import MovableClock
from tests.harness.gates import LIMIT
from tests.harness.tasks import AsyncHeldLoader, on_loops, outcome, settle, started


async def unexpected(key: object) -> Any:
    raise AssertionError(f"{key!r} was loaded again")


@on_loops
async def test_who_is_out_of_patience_leaves_alone_and_runs_nothing(cache: Cache[Any, Any]) -> None:
    loader = AsyncHeldLoader("loaded")
    patient = await started(*[cache.aget_or_load("k", loader) for _ in range(2)])
    for wait in (0, 0.01):
        with pytest.raises(LoadTimeout) as raised:
            await cache.aget_or_load("k", unexpected, wait_timeout=wait)
        assert isinstance(raised.value, TimeoutError)
    loader.gate.open()
    assert await asyncio.gather(*patient) == ["loaded"] * 2
    assert (cache["k"], loader.calls, cache.stats().timeouts) == ("loaded", ["k"], 2)


@on_loops
async def test_a_load_goes_on_without_its_impatient_leader(cache: Cache[Any, Any]) -> None:
    loader = AsyncHeldLoader("loaded")
    with pytest.raises(LoadTimeout):
        await cache.aget_or_load("k", loader, wait_timeout=0)
    assert loader.cancelled == 0
    loader.gate.open()
    await settle()
    assert (cache["k"], loader.calls, cache.flights()) == ("loaded", ["k"], [])


@on_loops
async def test_and_its_failure_is_nobodys(cache: Cache[Any, Any]) -> None:
    loader: AsyncHeldLoader[Any] = AsyncHeldLoader(ValueError("late"))
    with pytest.raises(LoadTimeout):
        await cache.aget_or_load("k", loader, wait_timeout=0)
    loader.gate.open()
    await settle()
    assert (cache.stats().load_errors, cache.flights()) == (1, [])


class Quit(BaseException):
    pass


@on_loops
async def test_so_is_what_ends_it_otherwise(cache: Cache[Any, Any]) -> None:
    loader: AsyncHeldLoader[Any] = AsyncHeldLoader(Quit())
    with pytest.raises(LoadTimeout):
        await cache.aget_or_load("k", loader, wait_timeout=0)
    loader.gate.open()
    # The loop's exception handler is told nothing, which is checked for every test.
    await settle()
    assert (cache.flights(), len(cache)) == ([], 0)


@on_loops
async def test_a_timeout_of_asyncio_cancels_the_load_of_the_last_who_waited(cache: Cache[Any, Any]) -> None:
    loader = AsyncHeldLoader("loaded")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await cache.aget_or_load("k", loader)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(cache.aget_or_load("k", loader), 0.01)
    await settle()
    assert (loader.cancelled, cache.flights()) == (len(loader.calls), [])


@on_loops
async def test_a_timeout_of_asyncio_hurts_nobody_else(cache: Cache[Any, Any]) -> None:
    loader = AsyncHeldLoader("loaded")
    patient = (await started(cache.aget_or_load("k", loader)))[0]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(cache.aget_or_load("k", unexpected), 0.01)
    loader.gate.open()
    assert await patient == "loaded"


@pytest.mark.parametrize("option", ["wait_timeout", "soft_timeout"])
@on_loops
async def test_an_old_value_ends_the_wait(make: Any, clock: MovableClock, option: str) -> None:
    cache = make(ttl=10, stale_if_error=60)
    cache["k"] = "old"
    clock.advance(10)
    loader = AsyncHeldLoader("new")
    options: Any = {option: 0.001}
    assert await cache.aget_or_load("k", loader, **options) == "old"
    assert await cache.aget_or_load("k", unexpected, **options) == "old"
    loader.gate.open()
    await settle()
    assert (cache["k"], loader.calls) == ("new", ["k"])


@on_loops
async def test_a_soft_timeout_does_not_begin_again_when_a_load_comes_to_nothing(
    make: Any, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = make(ttl=10, stale_if_error=60)
    cache["k"] = "old"
    clock.advance(10)
    waits: list[float | None] = []

    def note_and_wait(seat: Any, seconds: float | None) -> Any:
        waits.append(seconds)
        return wait_on(seat, seconds)

    monkeypatch.setattr(_aio, "wait_on", note_and_wait)
    interrupted: AsyncHeldLoader[Any] = AsyncHeldLoader(asyncio.CancelledError())
    second = AsyncHeldLoader("second")
    leader, follower = await started(
        cache.aget_or_load("k", interrupted), cache.aget_or_load("k", second, soft_timeout=LIMIT)
    )
    interrupted.gate.open()
    await settle()
    second.gate.open()
    assert [await outcome(leader), await follower] == [asyncio.CancelledError, "second"]
    [before, after] = waits
    assert before is not None
    assert after is not None
    assert after < before <= LIMIT


@on_loops
async def test_where_there_is_no_old_value_a_soft_timeout_ends_nothing(cache: Cache[Any, Any]) -> None:
    loader = AsyncHeldLoader("loaded")
    task = (await started(cache.aget_or_load("k", loader, soft_timeout=0)))[0]
    assert not task.done()
    loader.gate.open()
    assert await task == "loaded"


@on_loops
async def test_an_old_value_that_has_gone_meanwhile_is_waited_for_longer(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_if_error=60)
    cache["k"] = "old"
    clock.advance(10)
    loader = AsyncHeldLoader("new")
    # Long enough that the old value is gone by then, however busy the machine is.
    task = (await started(cache.aget_or_load("k", loader, soft_timeout=0.3)))[0]
    clock.advance(60)
    await asyncio.wait([task], timeout=0.4)
    assert not task.done()
    loader.gate.open()
    assert await outcome(task) == "new"
