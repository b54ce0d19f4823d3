"""``@cached`` on async functions and methods, and what a hit is to asyncio."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import sys
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from fastcache import cached
from tests.harness.tasks import AsyncHeldLoader, on_loops, outcome, settle, start, started

calls: list[object] = []


@pytest.fixture(autouse=True)
def _no_calls() -> None:
    calls.clear()


async def plain(key: object, *, more: int = 0) -> Any:
    """Doubles."""
    calls.append(key)
    await asyncio.sleep(0)
    return [key, more]


class Callable_:  # noqa: N801 - the pair of the class of the name without it
    async def __call__(self, key: object, *, more: int = 0) -> Any:
        return await plain(key, more=more)


class Service:
    def __init__(self, name: str) -> None:
        self.name = name

    @cached
    async def method(self, key: object, *, more: int = 0) -> Any:
        return [self.name, *await plain(key, more=more)]

    @cached(per_instance=True)
    async def own(self, key: object, *, more: int = 0) -> Any:
        return [self.name, *await plain(key, more=more)]

    @classmethod
    @cached
    async def of_class(cls, key: object, *, more: int = 0) -> Any:
        return [cls.__name__, *await plain(key, more=more)]

    @staticmethod
    @cached
    async def static(key: object, *, more: int = 0) -> Any:
        return await plain(key, more=more)


KINDS: dict[str, Callable[[], Callable[..., Any]]] = {
    "function": lambda: cached(plain),
    "with options": lambda: cached(ttl=60, typed=True)(plain),
    "partial": lambda: cached(functools.partial(plain, more=0)),
    "partial of a partial": lambda: cached(functools.partial(functools.partial(plain), more=0)),
    "callable object": lambda: cached(Callable_()),
    "bound method of an object": lambda: cached(Callable_().__call__),
    "static method": lambda: cached(staticmethod(plain)),
    "method": lambda: Service("s").method,
    "method of each instance": lambda: Service("s").own,
    "class method": lambda: Service.of_class,
    "static method of a class": lambda: Service.static,
}


@pytest.mark.parametrize("kind", KINDS)
@on_loops
async def test_each_kind_of_async_function_is_called_once_for_all_who_ask(kind: str) -> None:
    function = KINDS[kind]()
    results = await asyncio.gather(function(1), function(1), function(1, more=5), function(1))
    assert (results[0][-2:], results[2][-2:]) == ([1, 0], [1, 5])
    assert results[0] is results[1] is results[3] is await function(1)
    assert calls == [1, 1]
    if hasattr(function, "cache_clear"):
        function.cache_clear()
    elif hasattr(Service, "static"):
        Service.static.cache_clear()


@pytest.mark.parametrize("kind", KINDS)
def test_inspect_still_sees_an_async_function(kind: str) -> None:
    function = KINDS[kind]()
    assert inspect.iscoroutinefunction(function)
    if sys.version_info < (3, 14):
        assert asyncio.iscoroutinefunction(function)
    assert list(inspect.signature(function).parameters) == ["key", "more"]
    assert not inspect.isasyncgenfunction(function)


def test_a_sync_function_is_not_taken_for_one() -> None:
    assert not inspect.iscoroutinefunction(cached(lambda key: key))
    assert not inspect.iscoroutinefunction(cached(functools.partial(int, base=8)))


async def generate(key: object) -> AsyncIterator[object]:
    yield key


class Generating:
    async def __call__(self, key: object) -> AsyncIterator[object]:
        yield key


@pytest.mark.parametrize(
    "function",
    [generate, functools.partial(generate, 1), Generating(), Generating().__call__, staticmethod(generate)],
    ids=["function", "partial", "callable object", "bound method", "static method"],
)
@pytest.mark.parametrize("per_instance", [False, True])
def test_async_generators_are_refused(function: Any, per_instance: bool) -> None:
    with pytest.raises(TypeError, match="async generators"):
        cached(per_instance=per_instance)(function)


@on_loops
async def test_a_sync_function_that_returns_a_coroutine_is_refused_when_called() -> None:
    inner = cached(plain)

    @cached
    def returning(key: object) -> Awaitable[Any]:
        return inner(key)

    for _ in range(2):
        with pytest.raises(TypeError, match="is async"):
            returning(1)
        await inner(1)
    assert calls == [1]


@on_loops
async def test_errors_are_not_kept() -> None:
    results: list[Any] = [ValueError("once"), "loaded"]

    @cached
    async def function(key: object) -> Any:
        result = results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    with pytest.raises(ValueError, match="once"):
        await function(1)
    assert await function(1) == "loaded"


@on_loops
async def test_instances_have_their_own_values_and_flights() -> None:
    a, b = Service("a"), Service("b")
    results = await asyncio.gather(a.own(1), b.own(1), a.method(1), b.method(1))
    assert [result[0] for result in results] == ["a", "b", "a", "b"]
    assert calls == [1] * 4
    Service.method.cache_clear()


@on_loops
async def test_a_loading_instance_is_kept_by_its_load_and_by_nothing_after_it() -> None:
    service = Service("s")
    gone = []
    import weakref

    weakref.finalize(service, gone.append, True)
    task = (await started(service.own(1)))[0]
    del service
    assert await task == ["s", 1, 0]
    await settle()
    gc.collect()
    assert gone == [True]


@on_loops
async def test_the_helpers_of_a_cached_function_work() -> None:
    function = cached(plain)
    first = await function(1)
    assert (function.cache_contains(1), function.cache_info().currsize) == (True, 1)
    refreshed = await function.cache_refresh(1)
    assert refreshed == first
    assert refreshed is await function(1)
    assert function.cache_invalidate(1)
    assert not function.cache_contains(1)
    await function(1)
    assert calls == [1, 1, 1]
    assert (function.__name__, function.__doc__, function.__wrapped__) == ("plain", "Doubles.", plain)


@on_loops
async def test_cancelling_one_caller_hurts_nobody_else() -> None:
    loader = AsyncHeldLoader("loaded")

    @cached
    async def function(key: object) -> Any:
        return await loader(key)

    tasks = await started(*[function(1) for _ in range(3)])
    tasks[0].cancel()
    await settle()
    loader.gate.open()
    assert [await outcome(task) for task in tasks] == [asyncio.CancelledError, "loaded", "loaded"]


# ---- what a hit is ----


@pytest.fixture
def hit(cache: Any) -> Callable[[], Any]:
    cache["k"] = ("value",)
    return lambda: cache.aget_or_load("k", plain)


@on_loops
async def test_a_hit_goes_wherever_a_coroutine_does(hit: Callable[[], Any]) -> None:
    value = ("value",)
    assert await hit() == value
    assert await asyncio.create_task(hit()) == value
    assert await asyncio.gather(hit(), hit()) == [value, value]
    assert await asyncio.wait_for(hit(), 10) == value
    assert await asyncio.shield(hit()) == value
    assert await asyncio.ensure_future(hit()) == value
    assert await start(hit()) == value
    async with asyncio.TaskGroup() as group:
        task = group.create_task(hit())
    assert task.result() == value
    assert inspect.isawaitable(hit())
    assert asyncio.iscoroutine(hit())
    assert "Ready" in repr(asyncio.create_task(hit()))
    assert await asyncio.to_thread(lambda: asyncio.run(hit())) == value
    loop = asyncio.get_running_loop()
    threadsafe = asyncio.run_coroutine_threadsafe(hit(), loop)
    assert await asyncio.wrap_future(threadsafe) == value


@on_loops
async def test_a_hit_may_be_awaited_twice_or_never(hit: Callable[[], Any]) -> None:
    ready = hit()
    assert [await ready, await ready] == [("value",)] * 2
    hit()
    hit().close()
    gc.collect()


@pytest.mark.parametrize("thrown", [(OSError,), (OSError("a"),), (OSError, "a"), (OSError("a"), 3), (5,)])
@pytest.mark.filterwarnings("ignore:the .type, exc, tb. signature:DeprecationWarning")
def test_what_is_thrown_into_a_hit_is_raised_as_by_a_coroutine(hit: Callable[[], Any], thrown: tuple[Any, ...]) -> None:
    async def trivial() -> None:
        pass

    def raised(awaitable: Any) -> tuple[Any, ...]:
        with pytest.raises((OSError, TypeError)) as caught:
            awaitable.throw(*thrown)
        awaitable.close()
        return caught.type, caught.value.args if caught.type is OSError else ()

    assert raised(hit()) == raised(trivial())


def test_what_ends_the_wait_for_a_hit_is_kept_by_nothing_and_belongs_to_who_caught_it(cache: Any) -> None:
    class Value:
        pass

    def ended(hit: Any) -> StopIteration:
        try:
            next(hit.__await__())
        except StopIteration as stop:
            return stop.with_traceback(None)
        pytest.fail("a hit waited")

    cache["k"], cache["other"] = Value(), Value()
    kept = ended(cache.aget_or_load("k", plain))
    noted = ended(cache.aget_or_load("k", plain))
    noted.add_note("mine")
    del noted
    for _ in range(100):
        one = ended(cache.aget_or_load("other", plain))
        assert (one.value, one.args) == (cache["other"], (cache["other"],))
        assert not hasattr(one, "__notes__")
    assert kept.value is kept.args[0] is cache["k"]
    del one
    gone = weakref.ref(cache.pop("other"))
    assert gone() is None

    # A circle through a hit that was awaited, and its value; what ends waits has been looked at by the collector.
    value = kept.value
    gc.collect()
    value.hit = cache.aget_or_load("k", plain)
    ended(value.hit)
    gone = weakref.ref(value)
    del kept, value, cache["k"]
    gc.collect()
    assert gone() is None


@on_loops
async def test_a_task_of_a_hit_may_be_cancelled(hit: Callable[[], Any]) -> None:
    task = asyncio.create_task(hit())
    task.cancel()
    assert await outcome(task) is asyncio.CancelledError


@pytest.mark.parametrize("value", [None, (), (1, 2), StopIteration(3), ValueError("a value")], ids=repr)
@on_loops
async def test_a_hit_is_whatever_the_value_is(cache: Any, value: Any) -> None:
    cache["k"] = value
    assert await cache.aget_or_load("k", plain) is value

    class ByHand:
        def __await__(self) -> Any:
            return (yield from cache.aget_or_load("k", plain).__await__())

    assert await ByHand() is value


@on_loops
async def test_a_hit_costs_no_task_no_future_and_no_turn_of_the_loop(
    cache: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = cached(plain)
    value = await function(1)
    cache["k"] = value
    made: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_task_factory(lambda *_, **__: made.append("task") or pytest.fail("a task was made"))
    for module, name in ((asyncio, "Future"), (asyncio, "Task"), (asyncio, "Lock"), (asyncio, "Event")):
        monkeypatch.setattr(module, name, lambda *_, **__: made.append(name) or pytest.fail("made"))  # noqa: B023
    turned: list[object] = []
    handle = loop.call_soon(turned.append, True)
    ran: list[str] = []

    def trace(frame: Any, event: str, _: Any) -> None:
        ran.append(frame.f_code.co_qualname)

    async def both() -> list[Any]:
        return [await function(1), await cache.aget_or_load("k", plain)]

    one = both()
    sys.setprofile(trace)
    try:
        one.send(None)
    except StopIteration as stop:
        results = stop.value
    finally:
        sys.setprofile(None)
    handle.cancel()
    loop.set_task_factory(None)
    monkeypatch.undo()
    assert (results[0] is results[1] is value, made, turned) == (True, [], [])
    # No Python code but the caller's own: so neither a future nor a lock that is not counted above.
    assert {name for name in ran if "both" not in name and "test_a_hit" not in name} <= {"setprofile"}
