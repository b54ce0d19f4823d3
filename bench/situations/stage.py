"""What a situation is played with: loads that are counted, and callers in threads of their own.

No cache says how many callers wait in it, so a state counts as reached when nothing has happened for a while.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

# Seconds without any event after which nothing more will happen by itself.
QUIET = 0.2


class Loads:
    """Counts loads: how many began, and the most that were under way at once."""

    def __init__(self) -> None:
        self.begun = 0
        self.running = 0
        self.most = 0
        self._lock = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[int]:
        """Around one load; its number, from 1."""
        with self._lock:
            self.begun += 1
            number = self.begun
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            yield number
        finally:
            with self._lock:
                self.running -= 1

    def count(self) -> str:
        return "1 load" if self.begun == 1 else f"{self.begun} loads"

    def __str__(self) -> str:
        if self.begun < 2:
            return self.count()
        if self.most == 1:
            return f"{self.count()} one after the other"
        return f"{self.count()}, at most {self.most} at once" if self.most < self.begun else f"{self.count()} at once"


class Call(threading.Thread):
    """A call under way: what it returned or raised, and when."""

    def __init__(self, function: Callable[..., Any], *args: Any, line: threading.Barrier | None = None) -> None:
        super().__init__(daemon=True)
        self._function, self._args, self._line = function, args, line
        # Instants of time.monotonic.
        self.began: float | None = None
        self.ended: float | None = None
        self.value: Any = None
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        if self._line is not None:
            self._line.wait()
        self.began = time.monotonic()
        try:
            self.value = self._function(*self._args)
        except BaseException as error:
            self.error = error
        self.ended = time.monotonic()

    def result(self) -> Any:
        """Waits for it."""
        self.join()
        if self.error is not None:
            raise self.error
        return self.value

    def took(self) -> float:
        """Seconds; waits for it."""
        self.join()
        assert self.began is not None
        assert self.ended is not None
        return self.ended - self.began


def together(count: int, function: Callable[..., Any], *args: Any) -> list[Call]:
    """As many calls, from one line."""
    line = threading.Barrier(count)
    return [Call(function, *args, line=line) for _ in range(count)]


def finish(calls: Sequence[Call]) -> float:
    """The instant at which the last of them has ended; waits for them."""
    return max((call.began or 0) + call.took() for call in calls)


def await_load(loads: Loads, count: int = 1) -> None:
    while loads.begun < count:
        time.sleep(0.001)


def settle(calls: Sequence[Call], loads: Loads) -> None:
    """Returns once each call has begun, and none has begun a load or ended for a while."""
    seen, since = None, time.monotonic()
    while time.monotonic() - since < QUIET:
        state = loads.begun, loads.running, [(call.began is None, call.ended is None) for call in calls]
        if state != seen or any(call.began is None for call in calls):
            seen, since = state, time.monotonic()
        time.sleep(0.005)


def name(error: BaseException | None) -> str:
    return type(error).__name__ if error is not None else "a value"
