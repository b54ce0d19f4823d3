"""A small bounded pool of threads for loads behind served values.

Threads start on first need and leave when idle.  The hottest task runs first; a full queue gives up its coldest
instead of growing.  All shared state is in containers whose operations are atomic and may be re-entered by a
finalizer or signal handler in their midst, where a lock would be a deadlock:

    _workers   a token for each thread that may still be started
    _queued    what waits for a thread, the oldest first; who pops a task is the one to run or drop it
    _idle      for each thread that waits for work, the queue on which it is woken; who pops one wakes it

Who queues a task looks for an idle thread after that, and a thread looks at what is queued after it has become idle:
so one of them sees the other.
"""

from __future__ import annotations

import atexit
import contextlib
import contextvars
import threading
import time
from _queue import Empty, SimpleQueue
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import starmap

from fastcache._core.greenlet import residents_here
from fastcache._registry import Registry
from fastcache._threads import are_greenlets
from fastcache._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Protocol

    class Task(Protocol):
        """What a pool has taken on: it calls one of ``run`` and ``drop``, once; after a ``run`` that raised both."""

        def run(self) -> object:
            """Does the work, in one of the pool's threads; whatever it raises ends with it."""

        def drop(self) -> object:
            """Is told that it will not run, or not to its end, in whatever thread found that out.  Must not raise."""

        def heat(self) -> int:
            """How much it is wanted now; asked when a choice is to be made, by any thread.  Must not raise."""


# Seconds without work after which a thread leaves.
IDLE = 10.0
# Seconds that closing waits for loads under way, and that the end of the process does.
CLOSE_PATIENCE = 5.0
EXIT_PATIENCE = 0.2


class _Queued:
    """A task's place in the queue; two of the same task are two."""

    __slots__ = ("task",)

    def __init__(self, task: Task) -> None:
        self.task = task


def _heat(queued: _Queued) -> int:
    return queued.task.heat()


class _Greenlet:
    """A worker that is a greenlet, or who starts one: within ``with``, its thread may end."""

    __slots__ = ("lost",)

    def __init__(self, lost: Callable[[], None]) -> None:
        self.lost = lost

    def __enter__(self) -> None:
        residents_here().add(self)

    def __exit__(self, *_: object) -> None:
        residents_here().discard(self)


_pools: Registry[RefreshPool] = Registry()
# The process is ending: a pool that is made now is closed.
_ended = False


class RefreshPool:
    """Runs tasks in daemon threads, the hottest first.

    :param workers: most threads at a time.
    :param queue: most tasks waiting for a thread.
    :param name: of the threads.
    """

    def __init__(self, workers: int, queue: int, name: str) -> None:
        self._limits = workers, queue
        self._name = name
        self._closed = _ended
        self._reset()
        _pools.add(self)

    def _reset(self) -> None:
        workers: SimpleQueue[None] = SimpleQueue()
        for _ in range(self._limits[0]):
            workers.put(None)
        queued: dict[_Queued, None] = {}
        idle: dict[SimpleQueue[None], None] = {}
        threads: set[threading.Thread] = set()
        # In the child of a fork: what goes with the former ones may use the pool, and so goes last; and nothing is
        # called between the new ones, where a handler could fork once more.
        _former = self.__dict__.copy()
        self._workers, self._queued, self._idle, self._threads = workers, queued, idle, threads

    def submit(self, task: Task) -> bool:
        """Takes a task on; False if it is closed, or full of tasks that are as hot.

        Where it is full of tasks of which one is colder, the coldest (of several the youngest) is dropped for this one.
        """
        if self._closed:
            return False
        mine = _Queued(task)
        self._queued[mine] = None
        if not self._make_room(mine):
            return False
        try:
            self._call_worker()
        except (RuntimeError, MemoryError) as error:
            if not self._threads:
                # No threads are to be had; who wants the task runs it, or nobody ever would.
                if isinstance(error, RuntimeError):
                    self._run_here(mine)
                self._drop_queued()
        if self._closed:
            self._drop_queued()
        return True

    def _make_room(self, mine: _Queued) -> bool:
        """Brings the queue back to its limit; False if what had to leave was ``mine``."""
        while len(queued := list(self._queued)) > self._limits[1]:
            # Of equals the youngest.
            queued.reverse()
            coldest = min(queued, key=_heat)
            if coldest is not mine:
                if self._drop(coldest):
                    break
            elif self._queued.pop(mine, False) is None:
                return False
            # Else a worker has taken it, or another newcomer has dropped it for want of room, which it still wants.
        return True

    def _drop(self, queued: _Queued) -> bool:
        """Drops a task; False if it was taken meanwhile."""
        taken: list[None] = []
        try:
            # One step in C: after an interrupt it is known whether the task was taken here.
            taken.extend(map(self._queued.pop, (queued,)))
        except KeyError:
            return False
        finally:
            if taken:
                queued.task.drop()
        return True

    def _run_here(self, queued: _Queued) -> None:
        """Runs a task in the calling thread, unless it was taken meanwhile; raises what interrupts it."""
        run: Callable[[], object] = partial(contextvars.Context().run, queued.task.run)
        taken: list[None] = []
        try:
            # One step, as above.
            taken.extend(map(self._queued.pop, (queued,)))
            run()
        except KeyError:
            if taken:
                raise
        except BaseException:
            # Unless it has begun.
            if taken:
                queued.task.drop()
            raise

    def _drop_queued(self) -> None:
        for queued in list(self._queued):
            self._drop(queued)

    def _call_worker(self) -> None:
        """Wakes an idle thread, or starts one if there may be more."""
        try:
            # One step in C: no interrupt comes between finding it and waking it.
            list(starmap(SimpleQueue.put, map(dict.popitem, (self._idle,))))
        except KeyError:
            self._start_worker()

    def _start_worker(self) -> None:
        workers = self._workers
        token: list[None] = []
        started = False
        try:
            # One step, as above.
            token.extend(map(SimpleQueue.get_nowait, (workers,)))
            lost = partial(self.lose, None, token, workers)
            with _Greenlet(lost) if are_greenlets() else contextlib.nullcontext():
                threading.Thread(target=self._work, args=(token, workers), name=self._name, daemon=True).start()
            started = True
        except Empty:
            return
        except BaseException as error:
            # Unless the thread has begun, and the token is its own.
            if self._give_back(token, workers) and self._queued and not isinstance(error, Exception):
                # By who saw that all threads were there.
                with contextlib.suppress(RuntimeError, MemoryError):
                    self._start_worker()
            raise
        finally:
            # An interrupt may have come before.
            if not started:
                self._give_back(token, workers)

    @staticmethod
    def _give_back(token: list[None], workers: SimpleQueue[None]) -> bool:
        """Puts a token back, unless another has it."""
        with contextlib.suppress(IndexError):
            # One step, as above.
            list(map(workers.put, map(list.pop, (token,))))
            return True
        return False

    def _work(self, token: list[None], workers: SimpleQueue[None]) -> None:
        mine: list[None] = []
        me = threading.current_thread()
        lost = partial(self.lose, me, mine, workers)
        with _Greenlet(lost) if are_greenlets() else contextlib.nullcontext():
            self._work_with(me, token, mine, workers)

    def _work_with(self, me: threading.Thread, token: list[None], mine: list[None], workers: SimpleQueue[None]) -> None:
        threads = self._threads
        try:
            threads.add(me)
            # Whoever started this thread may have been interrupted, and have taken the token back.
            with contextlib.suppress(IndexError):
                mine.extend(map(list.pop, (token,)))
            waker: SimpleQueue[None] = SimpleQueue()
            # After a fork, the thread that forked is none of the child's workers.
            while mine and workers is self._workers and (self._work_once() or self._wait(waker)):
                pass
        finally:
            try:
                # Before anything else is called.
                if mine:
                    workers.put(None)
            finally:
                threads.discard(me)
                # A task that was queued before the token was back had no thread started for it.
                if self._queued and not self._closed and workers is self._workers:
                    try:
                        self._start_worker()
                    except RuntimeError:
                        if not self._threads:
                            self._drop_queued()

    def lose(self, worker: threading.Thread | None, token: list[None], workers: SimpleQueue[None]) -> None:
        """A worker, or who starts it, stands still for good.  Others have its token; without any, nothing waits."""
        if worker is not None:
            self._threads.discard(worker)
        # It is not put back twice, though this be called again.
        self._give_back(token, workers)
        if not self._threads:
            self._drop_queued()

    def _work_once(self) -> bool:
        """Runs the hottest task, of several the oldest; False if there is nothing to run."""
        while not self._closed and (queued := list(self._queued)):
            hottest = max(queued, key=_heat)
            # In nobody's context, not in what the last loader made of the thread's.  Made before the task is taken,
            # which is run then, though there be no memory for anything else.
            run: Callable[[], object] = partial(contextvars.Context().run, hottest.task.run)
            taken: deque[None] = deque()
            taking = map(self._queued.pop, (hottest,))
            del queued
            try:
                # One step, as in ``_drop``.
                taken.extend(taking)
                run()
                return True
            except KeyError:
                if not taken:
                    continue
            except BaseException:
                pass
            # A loader that asks its thread to exit ends its load, not the worker.
            if taken:
                hottest.task.drop()
            return True
        return False

    def _wait(self, waker: SimpleQueue[None]) -> bool:
        """Waits for work; False if it is time to leave."""
        if self._closed or are_greenlets():
            return False
        self._idle[waker] = None
        try:
            if not self._queued and not self._closed:
                waker.get(timeout=IDLE)
        except Empty:
            return False
        finally:
            # Who has popped it may yet wake it, which then wakes it for nothing.
            self._idle.pop(waker, None)
        return True

    def close(self, patience: float = CLOSE_PATIENCE) -> None:
        """Refuses further tasks, drops the queued ones and waits up to ``patience`` seconds for those under way."""
        self._closed = True
        try:
            self._drop_queued()
        except BaseException:
            # After this nobody else would.
            self._drop_queued()
            raise
        for waker in list(self._idle):
            waker.put(None)
        threads = list(self._threads)
        # So that nothing here needs a module that may be gone, when a cache goes with the interpreter.
        if not threads:
            return
        until = time.monotonic() + patience
        for thread in threads:
            if thread is not threading.current_thread():
                # A thread that is only about to start cannot be joined.
                with contextlib.suppress(RuntimeError):
                    thread.join(max(0.0, until - time.monotonic()))


def reset_after_fork() -> None:
    """In the child: its pools have no threads and nothing queued."""
    for pool in _pools.living():
        pool._reset()


def _close_all() -> None:
    global _ended
    _ended = True
    until = time.monotonic() + EXIT_PATIENCE
    for pool in _pools.living():
        pool.close(max(0.0, until - time.monotonic()))


# The hook of concurrent.futures runs before threads are joined, atexit's after that.
getattr(threading, "_register_atexit", atexit.register)(_close_all)
