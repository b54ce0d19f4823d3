"""Interrupts of the pool of refreshes: what it was to do for others is done, and it has as many threads as before."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from fastcache import _refresh
from fastcache._refresh import RefreshPool
from tests.harness.gates import await_until
from tests.harness.interrupts import everywhere
from tests.test_refresh_pool import Noted, busy, idle, pool_of

__all__ = ["pool_of"]


def whole(pool: RefreshPool) -> bool:
    """Whether each thread that it may have is there, or may be started."""
    return pool._workers.qsize() + len(pool._threads) == pool._limits[0]


# A start that is interrupted amid its wait releases, in CPython's Condition, the lock that the new thread has.
may_end_a_thread = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@may_end_a_thread
@pytest.mark.parametrize(
    ("module", "idles"), [(_refresh, 0), (_refresh, 1), (threading, 0)], ids=["no thread", "an idle one", "threading"]
)
def test_an_interrupted_submission_costs_the_pool_no_thread(
    module: ModuleType, idles: int, pool_of: Callable[..., RefreshPool]
) -> None:
    def scene(act: Callable[[Callable[[], object]], None]) -> None:
        ends: list[tuple[Any, str]] = []
        pool = pool_of(1, 2)
        if idles:
            busy(pool).open()
            idle(pool, 1)
        act(lambda: pool.submit(Noted("new", ends)))
        assert pool.submit(Noted("next", ends))
        await_until(lambda: ("next", "run") in ends and not pool._queued, "the end of all")
        pool.close()
        await_until(lambda: whole(pool), "all threads")
        assert len(ends) == len(set(ends))

    assert everywhere(module, scene) > 5


@may_end_a_thread
def test_who_relies_on_a_thread_that_is_not_started_for_an_interrupt_gets_another(
    pool_of: Callable[..., RefreshPool],
) -> None:
    def scene(act: Callable[[Callable[[], object]], None]) -> None:
        ends: list[tuple[Any, str]] = []
        pool = pool_of(1, 4)

        class Interrupted(threading.Thread):
            def start(self) -> None:
                # Another comes, and finds that all threads there may be are about to be there.
                assert pool.submit(Noted("other", ends))
                super().start()

        def submit() -> None:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(_refresh.threading, "Thread", Interrupted)
                pool.submit(Noted("new", ends))

        act(submit)
        await_until(lambda: not pool._queued, "the end of what is queued")
        pool.close()
        await_until(lambda: whole(pool), "all threads")

    assert everywhere(threading, scene) > 5


def test_interrupted_closing_leaves_nothing_queued(pool_of: Callable[..., RefreshPool]) -> None:
    def scene(act: Callable[[Callable[[], object]], None]) -> None:
        ends: list[tuple[Any, str]] = []
        pool = pool_of(1, 4)
        gate = busy(pool)
        for name in "abc":
            assert pool.submit(Noted(name, ends))
        act(lambda: pool.close(0.0))
        if pool._closed:
            assert sorted(ends) == [(name, "dropped") for name in "abc"]
        gate.open()
        pool.close()
        assert whole(pool)

    assert everywhere(_refresh, scene) > 10


def test_a_worker_that_is_interrupted_anywhere_ends_its_task_and_the_pool_keeps_its_thread(
    monkeypatch: pytest.MonkeyPatch, pool_of: Callable[..., RefreshPool]
) -> None:
    monkeypatch.setattr(_refresh, "IDLE", 0.0)

    def scene(act: Callable[[Callable[[], object]], None]) -> None:
        ends: list[tuple[Any, str]] = []
        pool = pool_of(1, 2)
        # Nobody else is to take it on.
        workers = pool._workers
        token = [workers.get_nowait()]
        pool._queued[_refresh._Queued(Noted("k", ends))] = None
        act(lambda: pool._work(token, workers))
        if token:
            # It was interrupted before it was one.
            workers.put(token.pop())
        assert pool.submit(Noted("l", ends))
        await_until(lambda: ("l", "run") in ends, "the end of what is queued")
        pool.close()
        await_until(lambda: whole(pool), "all threads")
        # What is cut short is dropped after that.
        assert ends[:-1] in ([("k", "run")], [("k", "dropped")], [("k", "run"), ("k", "dropped")])

    assert everywhere(_refresh, scene) > 10
