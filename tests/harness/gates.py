"""Threads stopped at named points and let go, so that a test chooses its schedule instead of hoping for it.

Nothing here waits for ever: every wait has a hard limit and fails loudly at it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Generic, ParamSpec, Protocol, TypeVar

from fastcache import Cache

P = ParamSpec("P")
T = TypeVar("T")

# Seconds after which a wait in a test has failed.
LIMIT = 60.0


class HasFlights(Protocol):
    def flights(self) -> Sequence[Any]: ...


def await_until(true: Callable[[], Any], what: str = "", limit: float = LIMIT) -> None:
    """Polls until ``true()``; AssertionError names ``what`` has not come."""
    until = time.monotonic() + limit
    polls = 0
    while not true():
        assert time.monotonic() < until, f"{what or true} has not come in {limit} s"
        # Most of what is awaited comes as soon as other threads may run.
        polls += 1
        time.sleep(0 if polls < 20 else 0.0005)


def waiting(cache: HasFlights, key: object = ...) -> int:
    """How many callers wait for loads, of one key if given."""
    return sum(flight.waiters for flight in cache.flights() if key is ... or flight.key == key)


def await_waiters(cache: HasFlights, count: int, key: object = ..., limit: float = LIMIT) -> None:
    """Returns once exactly ``count`` callers wait for a load."""
    await_until(lambda: waiting(cache, key) == count, f"{count} waiters", limit)


def await_no_flights(cache: HasFlights, limit: float = LIMIT) -> None:
    await_until(lambda: not cache.flights(), "the end of all flights", limit)


def await_idle(cache: Cache[Any, Any], limit: float = LIMIT) -> None:
    """No flights, and no refresh worker between the end of one and its next wait: that is where it calls hooks."""

    def idle() -> bool:
        # In this order: a worker belongs to the pool before it ends a flight.
        if cache.flights():
            return False
        pool = cache._pool
        return pool is None or (not pool._queued and len(pool._idle) == len(pool._threads))

    await_until(idle, "the end of all work", limit)


class Gate:
    """A named point where threads stop until it is opened."""

    def __init__(self, name: str = "gate", limit: float = LIMIT) -> None:
        self.name = name
        self.limit = limit
        self.arrived = 0
        self._changed = threading.Condition()
        self._opened = False

    def stop(self) -> None:
        """In the thread to be stopped: waits here until the gate is open."""
        with self._changed:
            self.arrived += 1
            self._changed.notify_all()
            opened = self._changed.wait_for(lambda: self._opened, self.limit)
        assert opened, f"{self.name} was not opened in {self.limit} s"

    def reached(self, count: int = 1) -> None:
        """Returns once ``count`` threads in all have come here."""
        with self._changed:
            reached = self._changed.wait_for(lambda: self.arrived >= count, self.limit)
        assert reached, f"{self.arrived} of {count} threads came to {self.name} in {self.limit} s"

    def open(self) -> None:
        """Lets everybody through, now and later."""
        with self._changed:
            self._opened = True
            self._changed.notify_all()


class HeldLoader(Generic[T]):
    """A loader that stops at a gate, then returns ``result`` or raises it if it is an exception.

    ``calls`` are the keys it was called with, in order.
    """

    def __init__(self, result: T | BaseException, name: str = "loader") -> None:
        self.result = result
        self.gate = Gate(name)
        self.calls: list[object] = []

    def __call__(self, key: object = None) -> T:
        self.calls.append(key)
        self.gate.stop()
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


class Call(Generic[T]):
    """A call under way in a thread of its own."""

    def __init__(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> None:
        self._error: BaseException | None = None
        self._value: list[T] = []
        self._call = function, args, kwargs
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        function, args, kwargs = self._call
        del self._call
        try:
            self._value.append(function(*args, **kwargs))
        except BaseException as error:
            self._error = error

    def ended(self) -> bool:
        return not self.thread.is_alive()

    def join(self, limit: float = LIMIT) -> None:
        self.thread.join(limit)
        assert self.ended(), f"the call has not ended in {limit} s"

    def result(self, limit: float = LIMIT) -> T:
        """What it returned; raises what it raised."""
        self.join(limit)
        if self._error is not None:
            raise self._error
        return self._value[0]

    def error(self, limit: float = LIMIT) -> BaseException | None:
        """What it raised, if anything."""
        self.join(limit)
        return self._error


def all_at_once(count: int, function: Callable[..., T], *args: Any, **kwargs: Any) -> list[Call[T]]:
    """Starts ``count`` threads that call ``function`` from one line; ended or not, their calls."""
    line = threading.Barrier(count, timeout=LIMIT)

    def run() -> T:
        line.wait()
        return function(*args, **kwargs)

    return [Call(run) for _ in range(count)]


def in_time(test: Callable[P, T]) -> Callable[P, T]:
    """A test that could hang: it runs in a thread, and fails at the limit."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return Call(test, *args, **kwargs).result()

    return run
