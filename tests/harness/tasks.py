"""Tasks stopped at named points and let go, on loops that a test drives; and what loops must not leave behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import threading
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Generic, TypeVar

from fastcache import Cache
from tests.harness.gates import LIMIT, Call

T = TypeVar("T")
LoopFactory = Callable[[], asyncio.AbstractEventLoop]

# Rounds of a loop after which whatever is ready in it has run, wherever that leads: the longest way here is that of a
# call whose load ends, is given up, and is begun anew by another.
ROUNDS = 25


async def settle() -> None:
    """Returns when everything that is ready in the running loop has run, and what that made ready."""
    for _ in range(ROUNDS):
        await asyncio.sleep(0)


async def until(true: Callable[[], Any], what: str = "") -> None:
    """Lets the loop run until something is true that another thread brings about; what hangs ends with its test."""
    while not true():
        await asyncio.sleep(0.0005)


class TaskGate:
    """A named point where tasks, of whatever loops, stop until any thread opens it."""

    def __init__(self, name: str = "gate") -> None:
        self.name = name
        self.arrived = 0
        self._opened = False
        self._stopped: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._lock = threading.Lock()

    async def stop(self) -> None:
        """In the task to be stopped: waits here until the gate is open."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._lock:
            self.arrived += 1
            if self._opened:
                return
            self._stopped.append((loop, future))
        await future

    def open(self) -> None:
        """Lets everybody through, now and later."""
        with self._lock:
            self._opened = True
            stopped, self._stopped = self._stopped, []
        for loop, future in stopped:
            # A loop that has been closed has nobody to let through.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_pass, future)


def _pass(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class AsyncHeldLoader(Generic[T]):
    """An async loader that stops at a gate, then returns ``result`` or raises it if it is an exception.

    ``calls`` are the keys it was called with, in order; ``cancelled`` counts those that were cancelled at the gate.
    """

    def __init__(self, result: T | BaseException, name: str = "loader") -> None:
        self.result = result
        self.gate = TaskGate(name)
        self.calls: list[object] = []
        self.cancelled = 0

    async def __call__(self, key: object = None) -> T:
        self.calls.append(key)
        try:
            await self.gate.stop()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


def play(scene: Callable[[], Coroutine[Any, Any, T]], factory: LoopFactory | None = None) -> T:
    """Runs a scene on a new loop in debug mode, in a thread of its own with a hard limit.

    AssertionError if it leaves a task pending, or anything for the loop's exception handler to tell.
    """
    told: list[dict[str, Any]] = []

    async def watched() -> T:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: told.append(context))
        # Scenes that stop their loop do so on purpose.
        loop.slow_callback_duration = LIMIT
        async with asyncio.timeout(LIMIT):
            result = await scene()
        await settle()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"pending: {left}"
        return result

    def run() -> T:
        with asyncio.Runner(debug=True, loop_factory=factory) as runner:
            return runner.run(watched())

    result = Call(run).result(2 * LIMIT)
    # What is told of exceptions that nobody asked for is told when they are collected.
    gc.collect()
    assert told == []
    return result


def on_loops(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """An async test: it is played on each kind of loop, with its fixtures as keyword arguments."""

    @wraps(test)
    def run(loop_factory: LoopFactory, **fixtures: Any) -> None:
        play(lambda: test(**fixtures), loop_factory)

    parameters = list(inspect.signature(test).parameters.values())
    mine = inspect.Parameter("loop_factory", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    run.__signature__ = inspect.Signature([mine, *parameters])  # type: ignore[attr-defined]
    return run


class Thread(Generic[T]):
    """A scene on a loop of its own in a thread of its own, under way."""

    def __init__(self, scene: Callable[[], Coroutine[Any, Any, T]], factory: LoopFactory | None = None) -> None:
        self.call: Call[T] = Call(play, scene, factory)

    async def result(self) -> T:
        """What it returned, while this loop runs on."""
        await until(self.call.ended)
        return self.call.result()


def start(awaitable: Any) -> asyncio.Task[Any]:
    """A task of the running loop that awaits something."""

    async def wait() -> Any:
        return await awaitable

    return asyncio.get_running_loop().create_task(wait())


async def started(*awaitables: Any) -> list[asyncio.Task[Any]]:
    """A task for each, after all have come as far as they can."""
    tasks = [start(awaitable) for awaitable in awaitables]
    await settle()
    return tasks


async def outcome(task: asyncio.Task[Any]) -> Any:
    """What a task came to: its result, or the exception that it raised."""
    await asyncio.wait([task])
    if task.cancelled():
        return asyncio.CancelledError
    return task.exception() or task.result()


class CacheOfTasks(Cache[Any, Any]):
    """A cache whose calls for many keys are made by a task of a new loop; of a loader of its own, by that itself."""

    def get_many_or_load(self, keys: Any, loader: Any, /, **options: Any) -> Any:
        if asyncio._get_running_loop() is not None:
            return super().get_many_or_load(keys, loader, **options)

        async def ask() -> Any:
            return await self.aget_many_or_load(keys, later(loader) if callable(loader) else loader, **options)

        return play(ask)


def later(loader: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """The same, async."""

    async def load(*args: Any) -> Any:
        await asyncio.sleep(0)
        return loader(*args)

    return load
