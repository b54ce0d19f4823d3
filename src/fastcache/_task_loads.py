"""Loads in tasks of event loops: those that callers wait for, and those behind served values.

A load has a task of its own, so that cancelling a caller takes one waiter away and nothing else.  Every way out of it
ends its flight, also that its loop is closed under it.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import weakref
from asyncio import _get_running_loop
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from fastcache._batches import Batches
from fastcache._core.batch import Batch
from fastcache._core.batch_errand import BatchErrand
from fastcache._core.errand import Errand
from fastcache._home import Home, home_of
from fastcache._registry import Registry
from fastcache._task_batches import TaskGathering

if TYPE_CHECKING:
    from fastcache._bulkhead import Bulkhead

# Seconds that closing waits for refreshes which it has cancelled.
CLEANUP = 1.0


class Load:
    """A load in a task of a running loop, whose home keeps it until it has ended.

    :param refreshes: of which it is one: it may be taken over until it runs; None: its flights are its own.
    """

    __slots__ = ("_begun", "_errand", "_home", "_idle", "_refreshes", "_taken", "attended", "loop", "task")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, errand: Errand | BatchErrand, refreshes: Refreshes | None = None
    ) -> None:
        self.loop = loop
        self.task: asyncio.Task[None] | None = None
        # Whether the caller who began it waits for it, and so will raise what ends it.
        self.attended = refreshes is None
        self._begun = refreshes is None
        self._taken = False
        self._errand: Errand | BatchErrand | None = errand
        self._refreshes = refreshes
        self._home: weakref.ref[Home] | None = None
        # What is yet to run, of a refresh.
        self._idle: Coroutine[Any, Any, None] | None = None
        try:
            self._begin(errand)
        except BaseException:
            self._leave()
            if self.task is not None:
                self.task.cancel()
            elif self._idle is not None:
                self._idle.close()
            raise

    def _begin(self, errand: Errand | BatchErrand) -> None:
        refreshes = self._refreshes
        if refreshes is not None and not refreshes.take_on(self):
            self._leave()
            return
        home = home_of(self.loop)
        self._home = weakref.ref(home)
        errand.led_by(self)
        home.residents.add(self)
        running = self._idle = self._run()
        # A refresh is nobody's in particular.
        context = contextvars.copy_context() if refreshes is None else contextvars.Context()
        self.task = context.run(self.loop.create_task, running, name="fastcache-load")
        if refreshes is None:
            self._idle = None
        else:
            # Nobody waits for it, so there is nothing to tell of a loop that ends before it has.
            self.task._log_destroy_pending = False  # type: ignore[attr-defined]
        self.task.add_done_callback(self._ended)

    async def _run(self) -> None:
        self._idle = None
        errand = self._errand
        result = None
        if errand is None:
            return
        try:
            self._begun = more = errand.begin(self._begun)
            # If not, another sees to the flights, or they were dropped.
            self._taken = not more
            while more:
                try:
                    result = errand.call()
                    if inspect.isawaitable(result):
                        result = await result
                    more = errand.take_in(result)
                except Exception as error:
                    more = errand.fail(error)
        except asyncio.CancelledError as error:
            errand.give_up(error)
        except BaseException as error:
            errand.interrupted(error)
            if not self.attended or isinstance(error, GeneratorExit):
                raise
        finally:
            self._leave()
            # An error's traceback knows this frame, and the flight the error.
            del errand, result

    def takes(self, bulkhead: Bulkhead) -> bool:
        """Whether it has a place of its own in a bulkhead."""
        errand = self._errand
        return errand is not None and errand.has_place(bulkhead)

    def forsake(self) -> None:
        """From any thread: the last who waited has been cancelled; so is the load, unless it is wanted otherwise."""
        errand = self._errand
        if errand is not None and errand.forsake():
            with contextlib.suppress(RuntimeError):
                self.loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        # Once: a loader that is cleaning up is not to be disturbed.
        if self.task is not None and not self.task.cancelling():
            self.task.cancel()

    def lost(self) -> None:
        self._leave()
        if self._idle is not None:
            self._idle.close()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._leave()
        # Its context knows the flight, which knows this.
        self.task = None
        if not task.cancelled():
            # It was raised where it was to be; nobody else will ask for it.
            task.exception()

    def _leave(self) -> None:
        """Leaves home; a flight that has not ended never will, and is given up."""
        errand = self._errand
        if errand is None:
            return
        home = None if self._home is None else self._home()
        if home is not None:
            home.residents.discard(self)
        if self._refreshes is not None:
            self._refreshes.left(self)
        if self._begun:
            errand.give_up(asyncio.CancelledError())
        elif not self._taken:
            errand.drop()
        # Not before: what an interrupt prevented is done when the task has ended.
        self._errand = None


_all: Registry[Refreshes] = Registry()


class Refreshes:
    """The loads behind values that tasks make for one cache: so many at a time; one more is dropped.

    :param delay: seconds for which those of several keys that share a loader are gathered.
    """

    __slots__ = ("__weakref__", "_batches", "_limit", "closed", "loads")

    def __init__(self, limit: int, delay: float) -> None:
        self.closed = False
        self._limit = limit
        self._batches = Batches(delay, TaskGathering)
        self.reset_after_fork()
        _all.add(self)

    def reset_after_fork(self) -> None:
        """In the child: the loops of the parent load nothing here."""
        self.loads: set[Load] = set()

    def start(self, errand: Errand | BatchErrand) -> None:
        loop = _get_running_loop()
        if loop is None or self.closed:
            errand.drop()
            return
        try:
            Load(loop, errand, self)
        except Exception:
            # The value that was served is good without it.
            errand.drop()

    def start_many(self, batch: Batch) -> None:
        """The same for several keys, after a moment in which others may join them."""
        loop = _get_running_loop()
        if loop is None or not self._batches.submit(batch, self._leave_to_loop, where=id(loop)):
            batch.drop()

    def _leave_to_loop(self, gathering: TaskGathering) -> bool:
        return gathering.leave_to(self.start)

    def close(self) -> None:
        """Refuses further ones, and drops those that have not begun."""
        self.closed = True
        self._batches.close()

    def take_on(self, load: Load) -> bool:
        """Whether there is a place for one more; of several that loops begin at once, perhaps for none of them."""
        self.loads.add(load)
        return len(self.loads) <= self._limit

    def left(self, load: Load) -> None:
        self.loads.discard(load)

    async def drain(self, patience: float) -> None:
        """Waits up to ``patience`` seconds for those of the running loop, and cancels what is left of them."""
        loop, me = asyncio.get_running_loop(), asyncio.current_task()
        tasks = [load.task for load in list(self.loads) if load.loop is loop]
        mine = [task for task in tasks if task is not None and task is not me]
        if not mine:
            return
        _, late = await asyncio.wait(mine, timeout=patience)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=CLEANUP)


def reset_after_fork() -> None:
    for refreshes in _all.living():
        refreshes.reset_after_fork()
