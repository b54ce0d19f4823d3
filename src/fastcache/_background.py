"""What a store does in other threads and tasks: reloads behind served values, loads for those who wait bounded."""

from __future__ import annotations

import contextvars
import weakref
from collections.abc import Coroutine
from functools import partial

from fastcache._batches import Batches, Gathering
from fastcache._core.approach import Approach
from fastcache._core.batch import Batch
from fastcache._core.errand import Errand
from fastcache._core.rounds import AwaitingManyStore, Rounds
from fastcache._refresh import CLOSE_PATIENCE, RefreshPool
from fastcache._threads import start
from fastcache._typing import TYPE_CHECKING, K, T, V

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from typing import Any

    from fastcache._task_loads import Refreshes


class BackgroundStore(AwaitingManyStore[K, V]):
    __slots__ = (
        "__weakref__", "_batch_delay", "_batches", "_closed", "_executor", "_limits", "_pool", "_refreshes", "name",
    )  # fmt: skip

    def _configure_background(
        self, executor: Executor | None, workers: int, queue: int, batch_delay: float, name: str | None
    ) -> None:
        self._executor = executor
        self._limits = workers, queue
        self._batch_delay = batch_delay
        self.name = name
        self._closed = False
        # Each is made when there is something to refresh.
        self._pool: RefreshPool | None = None
        self._batches: Batches[Gathering] | None = None
        # Of several made at once the first is everybody's.
        self._refreshes: list[Refreshes] = []

    def _schedule(self, errand: Errand | Batch, /) -> bool:
        if isinstance(errand, Batch):
            return (self._batches or self._make_batches()).submit(errand, self._submit)
        return self._submit(errand)

    def _submit(self, task: Errand | Gathering, /) -> bool:
        if self._executor is None:
            return (self._pool or self._make_pool()).submit(task)
        if self._closed:
            return False
        future = self._executor.submit(contextvars.Context().run, task.run)
        # One that is shut down cancels what waits in its queue.
        if future.cancelled() or not future.done():
            future.add_done_callback(lambda done: task.drop() if done.cancelled() else None)
        return True

    def _make_batches(self) -> Batches[Gathering]:
        # As with pools.
        batches = self._batches = Batches(self._batch_delay, Gathering)
        if self._closed:
            batches.close()
        return batches

    def _make_pool(self) -> RefreshPool:
        pool = RefreshPool(*self._limits, f"fastcache-refresh-{self.name or hex(id(self))}")
        # The pool does not know the cache, so it cannot keep it alive; its threads leave when the cache goes.
        weakref.finalize(self, pool.close, 0.0).atexit = False
        # Of several that are made at once one is kept; the others serve what they were made for.
        self._pool = pool
        if self._closed:
            pool.close(0.0)
        return pool

    def _start(self, errand: Errand | Batch, /) -> bool:
        run = partial(contextvars.copy_context().run, errand.run_to_end)
        try:
            start(run)
        except RuntimeError:
            return False
        return True

    def _approach(self, approach: Approach, /) -> Coroutine[Any, Any, Any]:
        from fastcache import _aio

        return _aio.approach(approach, self._task_refreshes())

    def _go_rounds(self, rounds: Rounds, /) -> Coroutine[Any, Any, Any]:
        from fastcache import _aio

        return _aio.go_rounds(rounds, self._task_refreshes())

    def _task_refreshes(self) -> Refreshes:
        from fastcache._task_loads import Refreshes

        if not self._refreshes:
            made = Refreshes(self._limits[0], self._batch_delay)
            if self._closed:
                made.close()
            self._refreshes.append(made)
        return self._refreshes[0]

    async def aclose(self) -> None:
        """``close`` for caches that tasks use: waits up to 5 s for the refreshes of the running loop."""
        self._refuse()
        for refreshes in self._refreshes:
            await refreshes.drain(CLOSE_PATIENCE)
        if self._pool is not None:
            self._pool.close(0.0)

    def close(self) -> None:
        """Ends background work: drops queued refreshes and waits up to 5 s for those under way.

        The cache stays usable; what is due or stale is then served without being refreshed behind.
        """
        self._refuse()
        if self._pool is not None:
            self._pool.close()

    def _refuse(self) -> None:
        """Takes on no more background work but what a pool would."""
        self._closed = True
        if self._batches is not None:
            self._batches.close()
        for refreshes in self._refreshes:
            refreshes.close()

    def __enter__(self: T) -> T:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
