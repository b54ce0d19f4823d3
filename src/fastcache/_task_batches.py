"""Reloads behind values served to tasks: gathered by the loop for a moment, and loaded together in a task of it."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Hashable
from typing import Any

from fastcache._batches import Gathering
from fastcache._core.batch import Batch
from fastcache._core.batch_errand import BatchErrand
from fastcache._home import home_of


class TaskGathering(Gathering):
    """Batches of the running loop, which begins to load them; if it is closed before, they are given up."""

    __slots__ = ("_home", "_loop", "_start", "_timer")

    def __init__(self, like: Hashable, first: Batch, delay: float, listed: dict[Hashable, Any]) -> None:
        self._start: Callable[[BatchErrand], None] | None = None
        self._loop = asyncio.get_running_loop()
        home = home_of(self._loop)
        self._home = weakref.ref(home)
        self._timer = self._loop.call_later(delay, self.run)
        home.residents.add(self)
        super().__init__(like, first, delay, listed)

    def leave_to(self, start: Callable[[BatchErrand], None]) -> bool:
        """``start`` begins a load in a task of the running loop, or drops it."""
        self._start = start
        return True

    def run(self) -> None:
        """In a callback of the loop: begins to load, unless it was dropped."""
        home = self._home()
        if home is not None:
            home.residents.discard(self)
        if not self.closed and self._start is not None:
            self._start(BatchErrand(self.taken()))

    def _wake(self) -> None:
        # Of one that was dropped, perhaps in another thread, the timer comes to nothing.
        if not self.closed:
            self._timer.cancel()
            self._timer = self._loop.call_later(0, self.run)

    def lost(self) -> None:
        self.drop()
