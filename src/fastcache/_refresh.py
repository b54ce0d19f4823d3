"""A small bounded pool of threads for loads behind served values.

Threads start on first need and leave when idle.  A full queue refuses instead of growing.  All shared state is in
SimpleQueues, whose operations are atomic and may be re-entered by a finalizer or signal handler in their midst,
where a lock would be a deadlock:

    _workers   a token for each thread that may still be started
    _places    a token for each task that may still be queued
    _tasks     what is queued; None tells one worker to leave
"""

from __future__ import annotations

import atexit
import contextlib
import threading
import time
import weakref
from collections.abc import Callable
from queue import Empty, SimpleQueue

# Seconds without work after which a thread leaves.
IDLE = 10.0
# Seconds that closing waits for loads under way, and that the end of the process does.
CLOSE_PATIENCE = 5.0
EXIT_PATIENCE = 0.2

_pools: weakref.WeakSet[RefreshPool] = weakref.WeakSet()


class RefreshPool:
    """Runs tasks, each given as (run, drop): one of the two is called.

    :param workers: most threads at a time.
    :param queue: most tasks waiting for a thread.
    :param name: of the threads.
    """

    def __init__(self, workers: int, queue: int, name: str) -> None:
        self._limits = workers, queue
        self._name = name
        self._closed = False
        self._reset()
        _pools.add(self)

    def _reset(self) -> None:
        self._workers: SimpleQueue[None] = SimpleQueue()
        self._places: SimpleQueue[None] = SimpleQueue()
        self._tasks: SimpleQueue[tuple[Callable[[], object], Callable[[], object]] | None] = SimpleQueue()
        self._threads: set[threading.Thread] = set()
        for tokens, count in zip((self._workers, self._places), self._limits, strict=True):
            for _ in range(count):
                tokens.put(None)

    def submit(self, run: Callable[[], object], drop: Callable[[], object]) -> bool:
        """Queues a task; False if there is no place for it."""
        if self._closed:
            return False
        try:
            self._places.get_nowait()
        except Empty:
            return False
        self._tasks.put((run, drop))
        # In this order: a worker that leaves for want of work looks at the queue once more after giving its token back.
        try:
            self._start_worker()
        except RuntimeError:
            # No more threads, or the interpreter is shutting down.
            if not self._threads:
                self._drop_queued()
        if self._closed:
            self._drop_queued()
        return True

    def _start_worker(self) -> None:
        """Starts a thread while there are fewer than there may be; idle ones are not counted."""
        try:
            self._workers.get_nowait()
        except Empty:
            return
        thread = threading.Thread(target=self._work, name=self._name, daemon=True)
        try:
            thread.start()
        except Exception:
            # Not started.  After an interrupt it has been, and the token is its own.
            self._workers.put(None)
            raise

    def _work(self) -> None:
        me = threading.current_thread()
        self._threads.add(me)
        try:
            while self._work_once():
                pass
        finally:
            self._threads.discard(me)
            self._workers.put(None)
        # A task that was queued before the token was back had no thread started for it.
        if not self._tasks.empty() and not self._closed:
            with contextlib.suppress(RuntimeError):
                self._start_worker()

    def _work_once(self) -> bool:
        try:
            task = self._tasks.get(timeout=IDLE)
        except Empty:
            return False
        if task is None:
            return False
        self._places.put(None)
        # A loader that asks its thread to exit ends its load, not the worker.
        with contextlib.suppress(BaseException):
            task[0]()
        return True

    def _drop_queued(self) -> None:
        leave = 0
        with contextlib.suppress(Empty):
            while True:
                task = self._tasks.get_nowait()
                if task is None:
                    leave += 1
                    continue
                self._places.put(None)
                task[1]()
        for _ in range(leave):
            self._tasks.put(None)

    def close(self, patience: float = CLOSE_PATIENCE) -> None:
        """Refuses further tasks, drops the queued ones and waits up to ``patience`` seconds for those under way."""
        self._closed = True
        self._drop_queued()
        threads = list(self._threads)
        for _ in range(self._limits[0]):
            self._tasks.put(None)
        until = time.monotonic() + patience
        for thread in threads:
            if thread is not threading.current_thread():
                # A thread that is only about to start cannot be joined.
                with contextlib.suppress(RuntimeError):
                    thread.join(max(0.0, until - time.monotonic()))


def reset_after_fork() -> None:
    """In the child: its pools have no threads and nothing queued."""
    for pool in list(_pools):
        pool._reset()


def _close_all() -> None:
    until = time.monotonic() + EXIT_PATIENCE
    for pool in list(_pools):
        pool.close(max(0.0, until - time.monotonic()))


# The hook of concurrent.futures runs before threads are joined, atexit's after that.
getattr(threading, "_register_atexit", atexit.register)(_close_all)
