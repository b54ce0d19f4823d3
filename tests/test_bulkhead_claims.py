"""Who loads a key when several wait for a place for it: one alone, and with a place."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from fastcache import Cache, _aio
from fastcache._bulkhead import Bulkhead
from fastcache.testing import MovableClock
from tests.harness.gates import Call, Gate, await_until, await_waiters, in_time
from tests.test_bulkhead_places import HeldBack, places_free, with_a_place


class Between:
    """A task's way to its answer, with something that happens after its step and before it enters."""

    def __init__(self, way: Any, act: Callable[[], object]) -> None:
        self._way = way
        self._act = act

    def __getattr__(self, name: str) -> Any:
        return getattr(self._way, name)

    def enter(self) -> Any:
        self._act()
        return self._way.enter()


class Overtaken(Cache[Any, Any]):
    act: Callable[[], object] = staticmethod(lambda: None)

    def _approach(self, approach: Any, /) -> Any:
        way: Any = Between(approach, self.act)
        return _aio.approach(way, self._task_refreshes())


@in_time
def test_a_task_that_a_thread_has_overtaken_waits_for_it() -> None:
    cache = Overtaken(max_concurrent_loads=1)
    gate = Gate()
    threads: list[Call[Any]] = []

    def load(key: str) -> str:
        gate.stop()
        return "thread's"

    def overtake() -> None:
        threads.append(Call(cache.get_or_load, "k", load))
        gate.reached()

    cache.act = overtake

    async def main() -> str:
        task = asyncio.ensure_future(cache.aget_or_load("k", lambda key: pytest.fail("a second load")))
        await asyncio.sleep(0)
        assert places_free(cache) == 0
        gate.open()
        return str(await task)

    assert asyncio.run(main()) == threads[0].result() == "thread's"
    assert places_free(cache) == 1


@in_time
def test_many_keys_that_another_thread_loads_have_the_place_of_the_load_that_asked() -> None:
    cache: Cache[str, str] = Cache(max_concurrent_loads=1)

    def deep(keys: list[str]) -> dict[str, str]:
        return {key: cache.get_or_load("deep", str.upper) for key in keys}

    def outer(key: str) -> str:
        return cache.get_many_or_load(["k"], deep, wait_timeout=60)["k"]

    assert cache.get_or_load("outer", outer) == "DEEP"
    assert places_free(cache) == 1


@pytest.mark.parametrize("many", [False, True])
@in_time
def test_so_has_what_a_task_begins_within_a_threads_load(many: bool) -> None:
    cache: Cache[str, Any] = Cache(max_concurrent_loads=1)

    async def load(key: str) -> str:
        return str(await asyncio.to_thread(cache.get_or_load, "deep", str.upper))

    async def load_many(keys: list[str]) -> dict[str, str]:
        return {key: await load(key) for key in keys}

    async def ask() -> Any:
        if many:
            return (await cache.aget_many_or_load(["k"], load_many))["k"]
        return await cache.aget_or_load("k", load)

    assert cache.get_or_load("outer", lambda key: asyncio.run(ask())) == "DEEP"
    assert places_free(cache) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@in_time
def test_the_child_of_a_fork_knows_of_each_place_of_a_call_for_many() -> None:
    cache = HeldBack(max_concurrent_loads=2)
    call = with_a_place(cache)
    children: list[int] = []

    def load(keys: list[str]) -> dict[str, str]:
        children.append(os.fork())
        return dict.fromkeys(keys, "many")

    cache.get_many_or_load(["k", "l"], load)
    if children == [0]:
        os._exit(places_free(cache))
    assert os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]) == 2
    cache.errands[0].run_to_end()
    assert call.result() == "many"


@pytest.mark.parametrize("limit", [None, 2])
@in_time
def test_later_keys_of_a_call_for_many_are_for_whoever_needs_them_first(limit: int | None) -> None:
    cache: Cache[str, str] = Cache(max_concurrent_loads=limit)
    first = Gate()

    def load(keys: list[str]) -> dict[str, str]:
        if keys == ["a"]:
            first.stop()
        return dict.fromkeys(keys, "many")

    many = Call(cache.get_many_or_load, ["a", "b"], load, max_batch=1)
    first.reached()
    assert cache.get_or_load("b", str.upper) == "B"
    first.open()
    assert many.result() == {"a": "many", "b": "B"}


@pytest.mark.parametrize("limit", [None, 2])
def test_also_for_the_load_of_the_first(limit: int | None) -> None:
    cache: Cache[str, str] = Cache(max_concurrent_loads=limit)

    def load(keys: list[str]) -> dict[str, str]:
        if keys == ["a"]:
            return cache.get_many_or_load(["b"], lambda keys: dict.fromkeys(keys, "nested")) | {"a": "many"}
        raise AssertionError(keys)

    assert cache.get_many_or_load(["a", "b"], load, max_batch=1) == {"a": "many", "b": "nested"}


class Asked(HeldBack):
    """Refreshes run when the test says so, too."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.behind: list[Any] = []

    def _schedule(self, errand: Any, /) -> bool:
        self.behind.append(errand)
        return True


@in_time
def test_a_worker_without_a_place_leaves_a_load_that_has_one_alone() -> None:
    clock = MovableClock()
    cache = Asked(ttl=10, stale_while_revalidate=100, max_concurrent_loads=1, clock=clock)
    cache["k"] = "old"
    clock.advance(11)
    assert cache.get_or_load("k", str.upper) == "old"
    call = Call(cache.get_or_load, "k", str.upper, max_age=1, wait_timeout=60)
    await_until(lambda: cache.errands, "the errand")
    cache.behind[0].run()
    cache.errands[0].run_to_end()
    assert call.result() == "K"
    assert (len(cache.errands), cache.stats().refreshes_dropped) == (1, 0)
    assert places_free(cache) == 1


@in_time
def test_a_place_too_many_is_for_the_next_in_line_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = MovableClock()
    cache = Asked(ttl=10, stale_while_revalidate=100, max_concurrent_loads=2, clock=clock)
    cache["k"] = "old"
    clock.advance(11)
    gate = Gate()
    calls: list[Call[Any]] = []
    try_enter = Bulkhead.try_enter

    def entering(bulkhead: Bulkhead) -> bool:
        entered = try_enter(bulkhead)
        monkeypatch.undo()
        calls.append(Call(cache.get_or_load, "k", str.upper, max_age=1, wait_timeout=60))
        await_until(lambda: cache.errands, "the errand")
        calls.append(Call(cache.get_or_load, "next", str.upper))
        await_until(lambda: bulkhead.waiting == 1, "the next in line")
        return entered

    def load(key: str) -> str:
        gate.stop()
        return "behind"

    assert cache.get_or_load("k", load) == "old"
    monkeypatch.setattr(Bulkhead, "try_enter", entering)
    behind = Call(cache.behind[0].run)
    gate.reached()
    assert calls[1].result() == "NEXT"
    gate.open()
    behind.result()
    assert calls[0].result() == "behind"
    assert places_free(cache) == 2


class InterruptedStart(Cache[Any, Any]):
    """Whoever has another thread load is interrupted when that has begun."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.gate = Gate()
        self.threads: list[Call[Any]] = []

    def _start(self, errand: Any, /) -> bool:
        self.threads.append(Call(errand.run_to_end))
        self.gate.reached()
        raise KeyboardInterrupt


@pytest.mark.parametrize("limit", [None, 1])
@in_time
def test_who_is_interrupted_as_another_thread_begins_many_loads_leaves_them_to_it(limit: int | None) -> None:
    cache = InterruptedStart(max_concurrent_loads=limit)

    def load(keys: list[str]) -> dict[str, str]:
        cache.gate.stop()
        return dict.fromkeys(keys, "many")

    with pytest.raises(KeyboardInterrupt):
        cache.get_many_or_load(["k", "l"], load, wait_timeout=60)
    assert {flight.key for flight in cache.flights()} == {"k", "l"}
    follower = Call(cache.get_or_load, "k", lambda key: pytest.fail("a second load"))
    await_waiters(cache, 1)
    cache.gate.open()
    assert follower.result() == "many"
    cache.threads[0].result()
    assert cache["l"] == "many"
    assert limit is None or places_free(cache) == limit


@in_time
def test_a_listener_holds_up_no_place() -> None:
    gate = Gate()
    cache: Cache[str, str] = Cache(maxsize=1, max_concurrent_loads=1, on_removal=lambda *_: gate.stop())
    cache["old"] = "old"
    told = Call(cache.get_or_load, "k", str.upper)
    gate.reached()
    assert cache.get_or_load("l", str.upper, ttl=0) == "L"
    gate.open()
    assert told.result() == "K"
    assert places_free(cache) == 1


class Telling(asyncio.SelectorEventLoop):
    """Does something else first, when it is called from another thread."""

    act: list[Callable[[], object]] = []

    def call_soon_threadsafe(self, *args: Any, **kwargs: Any) -> asyncio.Handle:
        if self.act:
            self.act.pop()()
        return super().call_soon_threadsafe(*args, **kwargs)


@in_time
def test_a_refresh_that_a_caller_has_claimed_is_his() -> None:
    clock = MovableClock()
    cache: Cache[str, str] = Cache(
        ttl=10, stale_while_revalidate=1000, max_load_time=5, max_concurrent_loads=2, clock=clock
    )
    cache["k"] = "old"
    clock.advance(11)
    loop, gate = Telling(), Gate()
    running: list[str] = []
    most = 0
    claimed: list[Call[str]] = []

    def held(name: str) -> Callable[[str], str]:
        def load(key: str) -> str:
            nonlocal most
            running.append(name)
            most = max(most, len(running))
            gate.stop()
            running.remove(name)
            return name

        return load

    def claim() -> None:
        claimed.append(Call(cache.get_or_load, "k", held("claimed"), max_age=1))
        await_until(lambda: "claimed" in running, "the claim")

    async def follow() -> str:
        return await cache.aget_or_load("k", lambda key: "task", max_age=1)

    superseded = Call(cache.get_or_load, "k", held("superseded"), force=True)
    gate.reached()
    task = Call(loop.run_until_complete, follow())
    await_waiters(cache, 1)
    clock.advance(6)
    loop.act.append(claim)
    assert cache.get_or_load("k", held("refresh")) == "old"
    others = [Call(cache.get_or_load, key, held(key)) for key in "xy"]
    await_until(lambda: cache._bulkhead.waiting == 2, "the others in line")
    gate.open()
    assert (superseded.result(), claimed[0].result(), task.result()) == ("superseded", "claimed", "claimed")
    assert [other.result() for other in others] == ["x", "y"]
    assert most == 2
    assert "refresh" not in running
    await_until(lambda: places_free(cache) == 2, "all places")
    loop.close()


@pytest.mark.parametrize("admitted", [False, True])
@in_time
def test_an_interrupt_as_a_task_leaves_the_line_loses_no_place(admitted: bool) -> None:
    cache: Cache[str, str] = Cache(max_concurrent_loads=1)
    bulkhead = cache._bulkhead
    assert bulkhead is not None
    loop = asyncio.new_event_loop()
    let = asyncio.Event()

    async def load(key: str) -> str:
        await let.wait()
        return key

    def interrupt(frame: FrameType, event: str, arg: object) -> None:
        left = event == "c_return" and getattr(arg, "__name__", "") == "discard"
        if left and frame.f_code is _aio.InLine.leave.__code__:
            sys.setprofile(None)
            raise KeyboardInterrupt

    async def main() -> None:
        first = asyncio.ensure_future(cache.aget_or_load("first", load))
        while places_free(cache):
            await asyncio.sleep(0)
        waits = asyncio.ensure_future(cache.aget_or_load("waits", load))
        while not bulkhead.waiting:
            await asyncio.sleep(0)
        if admitted:
            let.set()
            # It has a place, and has not run since.
            while bulkhead.waiting:
                await asyncio.sleep(0)
        sys.setprofile(interrupt)
        waits.cancel()
        await asyncio.wait([waits, first])

    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(main())
    sys.setprofile(None)
    let.set()

    async def rest() -> None:
        assert await cache.aget_or_load("next", load) == "next"
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()}, return_exceptions=True)

    loop.run_until_complete(rest())
    loop.close()
    assert (bulkhead.free, bulkhead.waiting) == (1, 0)
