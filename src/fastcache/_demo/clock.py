"""Told time: the clock of a cache whose seconds pass faster than the wall's, so that a ttl of a minute fits a play."""

from __future__ import annotations

import threading
import time

from fastcache.testing import MovableClock


class FastClock:
    """Moved by those who use the cache, so that it is exact whenever they do; it stands still until it is begun."""

    def __init__(self, scale: float) -> None:
        self.movable = MovableClock(0.0)
        self._scale = scale
        self._moving = threading.Lock()  # between reading the clock and moving it
        self._begin: float | None = None

    def begin(self, instant: float) -> None:
        """Let it run from 0 at that perf_counter instant, which may lie ahead."""
        self._begin = instant

    def catch_up(self) -> None:
        if self._begin is None:
            return
        told = (time.perf_counter() - self._begin) * self._scale
        with self._moving:
            self.movable.advance(max(0.0, told - self.movable.now))
