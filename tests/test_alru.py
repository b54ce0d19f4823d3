"""async-lru's stand-in beyond what its own tests ask for (``make compat`` runs those)."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
from datetime import timedelta
from typing import Any

import pytest

from fastcache import CacheInfo
from fastcache.compat.alru import AlruCacheLoopResetWarning, alru_cache


class Service:
    """What has a method."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    @alru_cache
    async def doubled(self, number: int) -> int:
        """Twice as much."""
        self.calls.append(number)
        return 2 * number

    @staticmethod
    @alru_cache(5)
    async def tripled(number: int) -> int:
        return 3 * number


class Pickled:
    """What only one test uses, for each runs an event loop of its own."""

    @alru_cache
    async def doubled(self, number: int) -> int:
        return 2 * number


@alru_cache
async def squared(number: int) -> int:
    return number * number


class Held:
    """An async function that stops until it is let go."""

    def __init__(self) -> None:
        self.calls = 0
        self.go = asyncio.Event()

    async def __call__(self, key: str) -> int:
        self.calls += 1
        await self.go.wait()
        return self.calls


async def begun(call: Any, count: int = 1) -> list[asyncio.Task[Any]]:
    """Tasks of so many calls, which have come as far as they do."""
    tasks = [asyncio.create_task(call()) for _ in range(count)]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


def held_function(**options: Any) -> tuple[Held, Any]:
    held = Held()

    async def function(key: str) -> int:
        return await held(key)

    return held, alru_cache(**options)(function)


def test_a_bound_methods_cache_functions_need_no_self() -> None:
    async def main() -> None:
        service, other = Service(), Service()
        assert [await service.doubled(2), await service.doubled(2), await other.doubled(2)] == [4, 4, 4]
        assert (service.calls, other.calls) == ([2], [2])
        assert (service.doubled.cache_contains(2), service.doubled.cache_contains(3)) == (True, False)
        assert (service.doubled.cache_invalidate(2), service.doubled.cache_invalidate(2)) == (True, False)
        assert other.doubled.cache_contains(2)
        assert Service.doubled.cache_info() == service.doubled.cache_info() == CacheInfo(1, 2, 128, 1)
        assert await Service.doubled(other, 2) == 4
        assert [await service.tripled(1), await Service.tripled(1)] == [3, 3]
        service.doubled.cache_clear()
        assert Service.doubled.cache_info() == CacheInfo(0, 0, 128, 0)

    asyncio.run(main())
    assert (Service().doubled.__name__, Service().doubled.__doc__) == ("doubled", "Twice as much.")
    assert inspect.iscoroutinefunction(squared)


def test_copies_and_pickles_are_the_function_itself() -> None:
    for function in (squared, Service.doubled, Service.tripled):
        same = [copy.copy(function), copy.deepcopy(function), pickle.loads(pickle.dumps(function))]
        assert same == [function] * 3
    bound = pickle.loads(pickle.dumps(Pickled().doubled))
    assert asyncio.run(bound(4)) == 8


def test_results_of_another_event_loop_are_forgotten_and_that_is_told_once() -> None:
    @alru_cache
    async def function(key: str) -> object:
        return object()

    first = asyncio.run(function("k"))
    with pytest.warns(AlruCacheLoopResetWarning, match="event loop change"):
        assert asyncio.run(function("k")) is not first
    assert asyncio.run(function("k")) is not first
    assert function.cache_info() == CacheInfo(0, 1, 128, 1)


def test_calls_that_join_another_are_hits_and_take_its_place() -> None:
    async def main() -> None:
        held, function = held_function(maxsize=2)
        tasks = await begun(lambda: function("k"), 3)
        assert function.cache_info() == CacheInfo(2, 1, 2, 1)
        assert function.cache_parameters() == {"maxsize": 2, "typed": False, "tasks": 1, "closed": False}
        assert function.cache_contains("k")
        held.go.set()
        assert await asyncio.gather(*tasks) == [1, 1, 1]
        assert function.cache_info() == CacheInfo(2, 1, 2, 1)

    asyncio.run(main())


def test_what_is_invalidated_while_it_is_made_is_not_kept() -> None:
    async def main() -> None:
        held, function = held_function()
        tasks = await begun(lambda: function("k"))
        assert function.cache_invalidate("k")
        held.go.set()
        assert await asyncio.gather(*tasks) == [1]
        assert not function.cache_contains("k")
        assert await function("k") == 2

    asyncio.run(main())


def test_jitter_only_lengthens_lives() -> None:
    @alru_cache(None, ttl=100, jitter=50)
    async def function(number: int) -> int:
        return number

    async def main() -> None:
        for number in range(100):
            await function(number)

    asyncio.run(main())
    entries = [function._store.get_entry(number) for number in range(100)]
    lives = [entry.ttl_left + entry.age for entry in entries if entry is not None]  # type: ignore[operator]
    assert 100 <= min(lives) + 1e-3 < 110
    assert 140 < max(lives) < 150 + 1e-3


def test_closing_cancels_all_who_wait_and_takes_no_more() -> None:
    async def main() -> None:
        held, function = held_function()
        tasks = await begun(lambda: function("k"), 3)
        await function.cache_close()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(end) for end in ends] == [asyncio.CancelledError] * 3
        assert (held.calls, function.cache_parameters()["tasks"]) == (1, 0)
        with pytest.raises(RuntimeError, match="closed"):
            await function("k")

    asyncio.run(main())


def test_closing_can_wait_for_calls_under_way() -> None:
    async def main() -> None:
        held, function = held_function()
        tasks = await begun(lambda: function("k"), 3)
        closing = asyncio.create_task(function.cache_close(wait=True))
        await asyncio.sleep(0)
        held.go.set()
        await closing
        assert await asyncio.gather(*tasks) == [1, 1, 1]

    asyncio.run(main())


def test_without_room_nobody_waits_for_anothers_call() -> None:
    async def main() -> None:
        for maxsize in (0, -1):
            held, function = held_function(maxsize=maxsize)
            tasks = await begun(lambda function=function: function("k"), 2)
            held.go.set()
            await asyncio.gather(*tasks)
            assert held.calls == 2
            assert function.cache_info() == CacheInfo(0, 2, maxsize, 0)

    asyncio.run(main())


def test_options_are_checked_where_they_are_written() -> None:
    for error, text, options in (
        (ValueError, "ttl", {"ttl": -1}), (ValueError, "jitter", {"jitter": 1}),
        (ValueError, "jitter", {"ttl": 5, "jitter": timedelta(seconds=-1)}), (TypeError, "key", {"key": 1}),
        (ValueError, "typed", {"key": len, "typed": True}),
    ):  # fmt: skip
        with pytest.raises(error, match=text):
            alru_cache(**options)  # type: ignore[call-overload]
    alru_cache(ttl=timedelta(seconds=5), jitter=timedelta(seconds=10))
