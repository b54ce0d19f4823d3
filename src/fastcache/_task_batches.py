"""Reloads behind values served to tasks: gathered by the loop for a moment, and loaded together in a task of it."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Hashable
from typing import Any

from fastcache._batches import Gathering, Open
from fastcache._core.batch import Batch
from fastcache._core.batch_errand import BatchErrand
from fastcache._home import Home, home_of


class TaskGathering(Gathering):
    """Batches of the running loop, which begins to load them; if it is closed before, they are given up."""

    __slots__ = ("_home", "_loop", "_start", "_timers")

    def __init__(self, like: Hashable, first: Batch, delay: float, listed: Open[Any]) -> None:
        super().__init__(like, first, delay, listed)
        self._loop = asyncio.get_running_loop()
        self._start: Callable[[BatchErrand], None] | None = None
        self._home: weakref.ref[Home] | None = None
        self._timers: list[asyncio.TimerHandle] = []

    def leave_to(self, start: Callable[[BatchErrand], None]) -> bool:
        """``start`` begins a load in a task of the running loop, or drops it."""
        self._start = start
        home = home_of(self._loop)
        self._home = weakref.ref(home)
        home.residents.add(self)
        self._run_in(self._time_left())
        return True

    def run(self) -> None:
        """In a callback of the loop: begins to load, unless it was dropped.  Does nothing the second time."""
        try:
            timers, self._timers = self._timers, []
            home = None if self._home is None else self._home()
            if home is not None:
                home.residents.discard(self)
            if self.closed and timers:
                # An interrupt may have kept whoever closed it from dropping all.
                self.drop()
            elif timers and self._start is not None:
                self._start(BatchErrand(self.taken()))
            for timer in timers:
                timer.cancel()
        except BaseException:
            self.drop()
            raise

    def _run_in(self, seconds: float) -> None:
        # Twice: what an interrupt as the first begins keeps it from is left to the second.
        for _ in range(2):
            self._timers.append(self._loop.call_later(seconds, self.run))

    def _wake(self) -> None:
        # Of one that was dropped, perhaps in another thread, the timers come to nothing.
        if not self.closed and self._timers:
            self._run_in(0)
