"""A loader that stops until the test lets it go on."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")

# Seconds between two looks.
_PAUSE = 0.001


class HeldLoader(Generic[T]):
    """A loader whose calls stop, in whatever threads they are made, until ``release`` says how they end.

    :param timeout: seconds after which a call that is not released raises TimeoutError, so that no test hangs.

    ``calls`` are the keys it was called with, in order; an entry appears as soon as its call begins.  Further arguments
    of a call are ignored.
    """

    def __init__(self, *, timeout: float = 60.0) -> None:
        self.calls: list[object] = []
        self._timeout = timeout
        # The last is what a call ends with.
        self._outcomes: list[T | BaseException] = []
        # Of the calls that have stopped, each closed by its own.
        self._doors: deque[threading.Lock] = deque()

    def __call__(self, key: object = None, /, *more: object, **named: object) -> T:
        door = threading.Lock()
        door.acquire()
        # In this order: who releases opens the doors after setting the outcome.
        self._doors.append(door)
        self.calls.append(key)
        if not self._outcomes and not door.acquire(timeout=self._timeout):
            raise TimeoutError(f"the load of {key!r} was not released in {self._timeout} s")
        outcome = self._outcomes[-1]
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def reached(self, count: int = 1, timeout: float = 60.0) -> None:
        """Returns once ``count`` calls in all have begun; AssertionError if they have not in ``timeout`` seconds."""
        until = time.monotonic() + timeout
        while len(self.calls) < count:
            if time.monotonic() >= until:
                raise AssertionError(f"{len(self.calls)} of {count} loads have begun in {timeout} s")
            time.sleep(_PAUSE)

    def release(self, outcome: T | BaseException, /) -> None:
        """Lets the calls that have stopped, and all later ones, return ``outcome``, or raise it if it is an exception.

        A second release changes it for those to come.
        """
        self._outcomes.append(outcome)
        with contextlib.suppress(IndexError):
            while True:
                self._doors.popleft().release()
