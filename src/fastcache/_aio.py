"""How tasks wait: for a load to end, for a place in the bulkhead; and the tasks that loads run in.

What is to be done is decided by ``Approach``, as for threads.  A load has a task of its own, so that cancelling a
caller takes one waiter away and nothing else.  Whoever ends a flight calls its watchers, perhaps in another thread;
from there a loop is reached by ``call_soon_threadsafe`` alone, and one that has been closed is left alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
import time
from typing import Any

from fastcache._bulkhead import Bulkhead
from fastcache._core.approach import ENTERED, IN_LINE, LEADS, LOADS_ALONE, REFRESHED, SERVED, Approach
from fastcache._core.errand import Errand
from fastcache._core.watch import Watch

# The tasks of loads under way: a loop refers to its tasks weakly.
_tasks: set[asyncio.Task[None]] = set()


class Call:
    """A future of one loop that threads may wake."""

    __slots__ = ("_thread", "future", "loop")

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[bool] = self.loop.create_future()
        self._thread = threading.get_ident()

    def wake(self) -> None:
        """From any thread: what was waited for has come."""
        if threading.get_ident() == self._thread:
            self.settle(True)
            return
        # A loop that has been closed has nobody to wake.
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.settle, True)

    def settle(self, come: bool) -> None:
        if not self.future.done():
            with contextlib.suppress(RuntimeError):
                self.future.set_result(come)

    def renew(self) -> None:
        """To wait once more; what comes between the two waits is not noticed."""
        self.future = self.loop.create_future()

    async def wait(self, seconds: float | None) -> bool:
        """Whether it came in time."""
        if seconds is None:
            return await self.future
        timer = self.loop.call_later(seconds, self.settle, False)
        try:
            return await self.future
        finally:
            timer.cancel()


class InLine(Call):
    """A task's place in the line of a bulkhead."""

    __slots__ = ()

    def admit(self) -> bool:
        if self.loop.is_closed():
            return False
        self.wake()
        return True


class Load:
    """A load in a task of the running loop; thrown away before it has run, it gives its flight up.

    :param claimed: whether the flight is this load's already; one behind a value may be taken over until it runs.
    """

    __slots__ = ("__weakref__", "_claimed", "_errand", "loop", "task")

    def __init__(self, errand: Errand, claimed: bool) -> None:
        self.loop = asyncio.get_running_loop()
        self._claimed = claimed
        self._errand: Errand | None = errand
        errand.led_by(self)
        self.task = self.loop.create_task(self._run(), name="fastcache-load")
        _tasks.add(self.task)
        self.task.add_done_callback(self._ended)

    async def _run(self) -> None:
        errand, self._errand = self._errand, None
        if errand is None or not errand.begin(self._claimed):
            return
        try:
            result = errand.call()
            if inspect.isawaitable(result):
                result = await result
            errand.take_in(result)
        except Exception as error:
            errand.fail(error)
        except asyncio.CancelledError as error:
            errand.give_up(error)
        except BaseException as error:
            errand.give_up(error)
            raise

    def cancel(self) -> None:
        """From any thread."""
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.task.cancel)

    def _ended(self, task: asyncio.Task[None]) -> None:
        _tasks.discard(task)
        self._not_begun()

    def _not_begun(self) -> None:
        errand, self._errand = self._errand, None
        if errand is not None:
            if self._claimed:
                errand.give_up(asyncio.CancelledError())
            else:
                errand.drop()

    def __del__(self) -> None:
        self._not_begun()


class Refreshes:
    """The loads behind values that tasks make for one cache: so many at a time; one more is dropped."""

    __slots__ = ("_places", "_tasks")

    def __init__(self, limit: int) -> None:
        self._places = Bulkhead(limit)
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, errand: Errand) -> None:
        if not self._places.try_enter():
            errand.drop()
            return
        task = Load(errand, False).task
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._places.leave()

    async def drain(self, patience: float) -> None:
        """Waits up to ``patience`` seconds for those of the running loop, and cancels what is left of them."""
        loop = asyncio.get_running_loop()
        mine = [task for task in list(self._tasks) if task.get_loop() is loop]
        if mine:
            _, late = await asyncio.wait(mine, timeout=patience)
            for task in late:
                task.cancel()


async def approach(way: Approach, refreshes: Refreshes) -> Any:
    """Takes a call to its answer."""
    while True:
        step = way.step()
        errand = None
        if step == REFRESHED:
            refreshes.start(way.errand())
        if step in (SERVED, REFRESHED):
            return way.result
        if step in (LEADS, LOADS_ALONE):
            entering = way.enter()
            if entering == IN_LINE:
                if way.old():
                    way.turn_back(False)
                    return way.result
                if await stand_in_line(way):
                    entering = ENTERED
            if entering == ENTERED:
                errand = way.errand()
                Load(errand, True)
        if await follow(way, errand):
            return way.result


async def follow(way: Approach, led: Errand | None) -> bool:
    """Waits for the flight; True: the call is answered; False: it is to take another step.

    :param led: the load, if it is this call's own.
    """
    began = time.monotonic()
    call = Call()
    watch = Watch(way.flight, call.wake)
    try:
        if not await wait_for_end(way, call):
            watch.leave()
            way.out_of_time()
            return True
    except asyncio.CancelledError:
        if watch.leave() == 0:
            way.abandon()
        raise
    way.waited(time.monotonic() - began)
    if led is not None and led.interrupt is not None:
        raise led.interrupt
    return way.answer(led is not None)


async def wait_for_end(way: Approach, call: Call) -> bool:
    """Whether the flight ended while the caller was willing to wait."""
    soft, left = way.patience, way.time_left
    if soft is not None and way.old():
        if await call.wait(soft if left is None else min(soft, left)):
            return True
        if way.old():
            return False
        call.renew()
        if way.over:
            return True
    return await call.wait(way.time_left)


async def stand_in_line(way: Approach) -> bool:
    """Waits for a place in the bulkhead; False: another has taken the load over, which is then to be waited for."""
    bulkhead = way.bulkhead
    line = InLine()
    bulkhead.queue(line)
    try:
        come = await line.wait(way.time_left)
    except asyncio.CancelledError:
        if not bulkhead.withdraw(line):
            bulkhead.leave()
        way.turn_back(False)
        raise
    if come or not bulkhead.withdraw(line):
        return way.entered(False)
    way.turn_back(True)
    return False
