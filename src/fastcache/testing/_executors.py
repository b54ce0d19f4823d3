"""Executors without threads: one that runs a task at once, one that keeps it until the test says so."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def _run(call: Callable[[], Any], future: Future[Any]) -> bool:
    """Makes a call for its future, in this thread; False if it was cancelled."""
    if not future.set_running_or_notify_cancel():
        return False
    try:
        future.set_result(call())
    except BaseException as error:
        future.set_exception(error)
        if isinstance(error, KeyboardInterrupt):
            raise
    finally:
        # The exception knows this frame and those that called it, and the future the exception.
        del future
    return True


class InlineExecutor(Executor):
    """Runs each task within ``submit``, in the thread that calls it, and returns a future that is done.

    What a task raises is in its future, as in every executor; a KeyboardInterrupt is raised besides, since it is meant
    for the test.  ``submit`` raises RuntimeError after ``shutdown``.
    """

    def __init__(self) -> None:
        self._closed = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Calls ``fn(*args, **kwargs)`` now."""
        if self._closed:
            raise RuntimeError("cannot submit after shutdown")
        future: Future[T] = Future()
        try:
            _run(partial(fn, *args, **kwargs), future)
            return future
        finally:
            del future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Refuses further tasks."""
        self._closed = True


class ManualExecutor(Executor):
    """Keeps each task until ``run_next`` or ``run_all`` runs it, in the thread that calls them.

    Any thread may submit.  What a task raises is in its future; a KeyboardInterrupt is raised besides.  ``submit``
    raises RuntimeError after ``shutdown``.
    """

    def __init__(self) -> None:
        self._closed = False
        self._kept: deque[tuple[Callable[[], Any], Future[Any]]] = deque()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Keeps ``fn(*args, **kwargs)``; its future is pending until it is run."""
        if self._closed:
            raise RuntimeError("cannot submit after shutdown")
        future: Future[T] = Future()
        self._kept.append((partial(fn, *args, **kwargs), future))
        return future

    @property
    def pending(self) -> int:
        """How many tasks are kept, those cancelled meanwhile included."""
        return len(self._kept)

    def run_next(self) -> bool:
        """Runs the oldest task that was not cancelled; False if there is none."""
        while True:
            try:
                kept = self._kept.popleft()
            except IndexError:
                return False
            try:
                if _run(*kept):
                    return True
            finally:
                del kept

    def run_all(self) -> int:
        """Runs tasks until none is left, also those that are submitted meanwhile; how many it has run."""
        count = 0
        while self.run_next():
            count += 1
        return count

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Refuses further tasks; what is kept may still be run, unless ``cancel_futures``.  It never waits."""
        self._closed = True
        while cancel_futures and self._kept:
            self._kept.popleft()[1].cancel()
