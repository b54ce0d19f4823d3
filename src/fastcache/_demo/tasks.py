"""The hot key's story told with asyncio: tasks of one event loop, which ask the database through its threads."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .arrivals import MARGIN, Arrival, Served
from .pool import Answer, PoolClosedError
from .strategies import Load

AskAsync = Callable[[int], Awaitable[Answer]]


class Tasks:
    """One schedule, played by a task for each arrival, in one event loop with so many threads for what blocks."""

    def __init__(self, arrivals: Sequence[Arrival], ask: AskAsync, threads: int, freshest: float) -> None:
        self.served: list[Served] = []
        self.begin = 0.0  # perf_counter instant of the start
        self._arrivals = arrivals
        self._ask = ask
        self._threads = threads
        self._freshest = freshest
        self._failure: BaseException | None = None
        self._stop: Callable[[], object] | None = None  # from any thread; None before the loop runs
        self._running = threading.Event()
        self._thread = threading.Thread(target=self._work, name="users' loop", daemon=True)

    def start(self, just_before: Callable[[], None]) -> None:
        """Start the loop, after calling just_before."""
        just_before()
        self._thread.start()
        self._running.wait()

    def wait(self, while_waiting: Callable[[], None], every: float = 0.1) -> None:
        """Return when every request has been answered; a surprise in a task is raised here."""
        while self._thread.is_alive():
            self._thread.join(every)
            while_waiting()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Let no further request begin, and cancel those that wait."""
        if self._stop is not None and self._thread.is_alive():
            self._stop()

    def join(self) -> None:
        if self._thread.ident is not None:
            self._thread.join()

    def _work(self) -> None:
        try:
            asyncio.run(self._play())
        except (PoolClosedError, asyncio.CancelledError):
            return
        except BaseException as error:
            self._failure = error

    async def _play(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(self._threads, "users' thread"))
        stopped = asyncio.Event()
        self._stop = lambda: loop.call_soon_threadsafe(stopped.set)
        # Time for the tasks to be made.
        self.begin = time.perf_counter() + MARGIN + 1e-5 * len(self._arrivals)
        self._running.set()
        tasks = [asyncio.ensure_future(self._serve(arrival)) for arrival in self._arrivals]
        everybody = asyncio.gather(*tasks)
        stopping = asyncio.ensure_future(stopped.wait())
        either: list[asyncio.Future[Any]] = [everybody, stopping]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if stopped.is_set():
                everybody.cancel()
            await everybody
        finally:
            stopping.cancel()

    async def _serve(self, arrival: Arrival) -> None:
        due = self.begin + arrival.at
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        started = time.perf_counter()
        answer = await self._ask(arrival.key)
        saw = "miss" if answer.loaded > started else "hit"
        self.served.append(Served(arrival.at, time.perf_counter() - due, saw))


def check_then_await(cache: Any, load: Load) -> AskAsync:
    """What everybody writes first, with the query in a thread so that the loop goes on."""

    async def ask(key: int) -> Answer:
        answer: Answer | None = cache.get(key)
        if answer is None:
            answer = await asyncio.to_thread(load, key)
            cache.set(key, answer)
        return answer

    return ask


def shared_await(cache: Any, load: Load) -> AskAsync:
    async def load_in_thread(key: int) -> Answer:
        return await asyncio.to_thread(load, key)

    async def ask(key: int) -> Answer:
        answer: Answer = await cache.aget_or_load(key, load_in_thread)
        return answer

    return ask
