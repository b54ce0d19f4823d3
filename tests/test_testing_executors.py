"""Executors in the hands of a test: one runs at once, one when it is told to."""

from __future__ import annotations

import gc
import threading
import weakref
from concurrent.futures import Executor, Future, wait
from typing import Any

import pytest

from fastcache.testing import InlineExecutor, ManualExecutor
from tests.harness.gates import Call, all_at_once


def fail(error: BaseException) -> None:
    raise error


def test_an_inline_executor_runs_at_once_in_the_calling_thread() -> None:
    with InlineExecutor() as executor:
        future = executor.submit(lambda *args, **named: (threading.get_ident(), args, named), 1, two=2)
        assert future.done()
        assert future.result() == (threading.get_ident(), (1,), {"two": 2})
        assert list(executor.map(abs, [-1, 2, -3])) == [1, 2, 3]


def test_a_manual_executor_runs_in_order_when_it_is_told_to() -> None:
    executor, ran = ManualExecutor(), list[int]()
    futures = [executor.submit(ran.append, number) for number in range(4)]
    assert (ran, executor.pending, any(future.done() for future in futures)) == ([], 4, False)
    assert executor.run_next() is True
    assert (ran, [future.done() for future in futures]) == ([0], [True, False, False, False])
    assert executor.run_all() == 3
    assert (ran, executor.run_next(), executor.run_all(), executor.pending) == ([0, 1, 2, 3], False, 0, 0)


def test_run_all_runs_what_is_submitted_meanwhile() -> None:
    executor, ran = ManualExecutor(), list[str]()
    executor.submit(lambda: executor.submit(ran.append, "later"))
    assert (executor.run_all(), ran) == (2, ["later"])


def test_a_cancelled_task_is_not_run() -> None:
    executor, ran = ManualExecutor(), list[int]()
    futures = [executor.submit(ran.append, number) for number in range(3)]
    assert futures[0].cancel()
    assert executor.run_next() is True
    assert (ran, executor.pending) == ([1], 1)
    assert futures[2].cancel()
    assert (executor.run_next(), ran) == (False, [1])


@pytest.mark.parametrize("executor", [InlineExecutor(), ManualExecutor()], ids=["inline", "manual"])
@pytest.mark.parametrize("error", [ValueError("bad"), SystemExit(3)], ids=["an error", "an exit"])
def test_what_a_task_raises_is_in_its_future(executor: Executor, error: BaseException) -> None:
    future = executor.submit(fail, error)
    if isinstance(executor, ManualExecutor):
        assert executor.run_next() is True
    assert (future.done(), future.exception()) == (True, error)


def test_an_interrupt_gets_through() -> None:
    with pytest.raises(KeyboardInterrupt):
        InlineExecutor().submit(fail, KeyboardInterrupt())
    executor = ManualExecutor()
    future = executor.submit(fail, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        executor.run_next()
    assert isinstance(future.exception(), KeyboardInterrupt)


@pytest.mark.parametrize("executor", [InlineExecutor(), ManualExecutor()], ids=["inline", "manual"])
def test_after_shutdown_nothing_is_taken(executor: Executor) -> None:
    executor.shutdown()
    with pytest.raises(RuntimeError):
        executor.submit(int)


def test_shutdown_may_cancel_what_is_kept() -> None:
    executor, ran = ManualExecutor(), list[int]()
    future = executor.submit(ran.append, 1)
    executor.shutdown()
    assert (executor.run_next(), ran) == (True, [1])
    other = ManualExecutor()
    future = other.submit(ran.append, 2)
    other.shutdown(cancel_futures=True)
    assert (future.cancelled(), other.run_all(), ran) == (True, 0, [1])


def test_any_thread_may_submit() -> None:
    executor, ran = ManualExecutor(), list[int]()

    def submit() -> None:
        for _ in range(100):
            executor.submit(ran.append, threading.get_ident())

    for call in all_at_once(4, submit):
        call.result()
    waiter = Call(wait, [executor.submit(int)], 60)
    assert (executor.run_all(), len(ran), len(set(ran))) == (401, 400, 4)
    assert waiter.result().not_done == set()


def test_a_failed_task_leaves_no_cycle() -> None:
    gc.collect()
    gc.disable()
    try:
        future: Future[Any] = InlineExecutor().submit(fail, ValueError())
        alive = weakref.ref(future)
        del future
        assert alive() is None
        executor = ManualExecutor()
        future = executor.submit(fail, ValueError())
        alive = weakref.ref(future)
        executor.run_all()
        del future
        assert alive() is None
    finally:
        gc.enable()
