"""The pool of refreshes by itself: the hottest first, no more than its limits, each task run or dropped, once."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from fastcache import _refresh
from fastcache._refresh import RefreshPool
from tests.harness.child import check_child
from tests.harness.effort import EFFORT
from tests.harness.gates import Call, Gate, all_at_once, await_until
from tests.harness.interrupts import everywhere


class Deed(NamedTuple):
    """A task of two functions."""

    run: Callable[[], object]
    drop: Callable[[], object]

    def heat(self) -> int:
        return 0


class Noted:
    """A task that notes what becomes of it in ``ends``, as (name, what)."""

    def __init__(self, name: Any, ends: list[tuple[Any, str]], heat: int = 0, then: Callable[[], Any] = int) -> None:
        self.name, self.ends, self.warmth, self.then = name, ends, heat, then

    def run(self) -> None:
        self.ends.append((self.name, "run"))
        self.then()

    def drop(self) -> None:
        self.ends.append((self.name, "dropped"))

    def heat(self) -> int:
        return self.warmth


@pytest.fixture
def ends() -> list[tuple[Any, str]]:
    return []


@pytest.fixture
def pool_of(request: pytest.FixtureRequest) -> Iterator[Callable[..., RefreshPool]]:
    pools: list[RefreshPool] = []

    def make(workers: int, queue: int) -> RefreshPool:
        pools.append(RefreshPool(workers, queue, request.node.name))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()
        assert (list(pool._threads), list(pool._queued)) == ([], [])


def busy(pool: RefreshPool, count: int = 1) -> Gate:
    """Keeps ``count`` workers busy until the gate is opened."""
    gate = Gate("busy")
    for _ in range(count):
        assert pool.submit(Noted("busy", [], then=gate.stop))
    gate.reached(count)
    return gate


def idle(pool: RefreshPool, count: int) -> None:
    await_until(lambda: len(pool._idle) == count == len(pool._threads), f"{count} idle threads")


def test_the_hottest_runs_first_and_of_equals_the_oldest(
    pool_of: Callable[..., RefreshPool], ends: list[tuple[Any, str]]
) -> None:
    pool = pool_of(1, 5)
    gate = busy(pool)
    for name, heat in ("a", 1), ("b", 3), ("c", 2), ("d", 3), ("e", 1):
        assert pool.submit(Noted(name, ends, heat))
    gate.open()
    await_until(lambda: len(ends) == 5, "the end of all")
    assert ends == [(name, "run") for name in "bdcae"]


def test_heat_is_asked_when_the_choice_is_made(
    pool_of: Callable[..., RefreshPool], ends: list[tuple[Any, str]]
) -> None:
    pool = pool_of(1, 2)
    gate = busy(pool)
    first, second = Noted("first", ends, 2), Noted("second", ends, 1)
    assert (pool.submit(first), pool.submit(second)) == (True, True)
    second.warmth = 3
    gate.open()
    await_until(lambda: len(ends) == 2, "the end of both")
    assert ends == [("second", "run"), ("first", "run")]


def test_a_full_queue_gives_up_the_coldest_for_a_hotter_one(
    pool_of: Callable[..., RefreshPool], ends: list[tuple[Any, str]]
) -> None:
    pool = pool_of(1, 3)
    gate = busy(pool)
    for name, heat in ("a", 5), ("b", 2), ("c", 2):
        assert pool.submit(Noted(name, ends, heat))
    assert pool.submit(Noted("d", ends, 3))
    assert ends == [("c", "dropped")]
    gate.open()
    await_until(lambda: len(ends) == 4, "the end of all")
    assert ends[1:] == [("a", "run"), ("d", "run"), ("b", "run")]


def test_a_full_queue_refuses_what_is_not_hotter(
    pool_of: Callable[..., RefreshPool], ends: list[tuple[Any, str]]
) -> None:
    pool = pool_of(1, 2)
    gate = busy(pool)
    assert [pool.submit(Noted(name, ends, 2)) for name in "ab"] == [True, True]
    assert [pool.submit(Noted(name, ends, heat)) for name, heat in (("equal", 2), ("colder", 1))] == [False, False]
    assert ends == []
    gate.open()
    await_until(lambda: len(ends) == 2, "the end of both")
    assert ends == [("a", "run"), ("b", "run")]


def test_no_thread_is_started_while_one_is_idle(
    pool_of: Callable[..., RefreshPool], ends: list[tuple[Any, str]]
) -> None:
    pool = pool_of(4, 4)
    for turn in range(20):
        assert pool.submit(Noted(turn, ends))
        idle(pool, 1)
    assert ends == [(turn, "run") for turn in range(20)]


def test_a_task_is_not_kept_waiting_behind_a_running_one_while_a_thread_may_be_started(
    pool_of: Callable[..., RefreshPool], ends: list[tuple[Any, str]]
) -> None:
    pool = pool_of(3, 4)
    assert pool.submit(Noted("first", ends))
    idle(pool, 1)
    gate = busy(pool, 3)
    assert len(pool._threads) == 3
    gate.open()
    idle(pool, 3)
    # All three are woken for three, and no fourth comes.
    busy(pool, 3).open()
    idle(pool, 3)


def test_a_task_queued_as_a_worker_leaves_is_run(
    monkeypatch: pytest.MonkeyPatch, pool_of: Callable[..., RefreshPool], ends: list[tuple[Any, str]]
) -> None:
    monkeypatch.setattr(_refresh, "IDLE", 0.0)
    pool = pool_of(1, 1)
    for turn in range(300 * EFFORT):
        assert pool.submit(Noted(turn, ends))
        await_until(lambda turn=turn: len(ends) == turn + 1, "the end of the task")
    assert ends == [(turn, "run") for turn in range(len(ends))]


@pytest.mark.parametrize("before", [True, False])
def test_a_task_queued_as_a_thread_becomes_idle_is_run(
    monkeypatch: pytest.MonkeyPatch, pool_of: Callable[..., RefreshPool], ends: list[tuple[Any, str]], before: bool
) -> None:
    gate = Gate("becoming idle")

    class Late(dict[Any, None]):
        def __setitem__(self, waker: Any, value: None) -> None:
            if not before:
                super().__setitem__(waker, value)
            gate.stop()
            if before:
                super().__setitem__(waker, value)

    monkeypatch.setattr(_refresh, "IDLE", 1000.0)
    pool = pool_of(1, 1)
    pool._idle = Late()
    busy(pool).open()
    gate.reached()
    assert pool.submit(Noted("a", ends))
    gate.open()
    await_until(lambda: ends == [("a", "run")], "the end of the task", limit=20)
    idle(pool, 1)


def test_closing_ends_idle_threads_and_refuses(
    pool_of: Callable[..., RefreshPool], ends: list[tuple[Any, str]]
) -> None:
    pool = pool_of(3, 4)
    busy(pool, 3).open()
    idle(pool, 3)
    pool.close()
    assert (len(pool._threads), pool.submit(Noted("late", ends)), ends) == (0, False, [])


@pytest.mark.parametrize("idle_for", [0.0, 10.0])
def test_each_accepted_task_is_run_or_dropped_once_whatever_many_threads_submit(
    monkeypatch: pytest.MonkeyPatch, pool_of: Callable[..., RefreshPool], ends: list[tuple[Any, str]], idle_for: float
) -> None:
    monkeypatch.setattr(_refresh, "IDLE", idle_for)
    pool = pool_of(2, 4)
    accepted: list[tuple[int, int]] = []
    most = 0

    def submit(thread: int) -> None:
        nonlocal most
        for turn in range(3000 * EFFORT):
            if pool.submit(Noted((thread, turn), ends, heat=turn * 7 % 5)):
                accepted.append((thread, turn))
            most = max(most, len(pool._queued), len(pool._threads) + 2)

    for call in all_at_once(4, lambda: submit(threading.get_ident())):
        call.result()
    await_until(lambda: len(ends) >= len(accepted), "the end of all accepted tasks")
    assert Counter(name for name, _ in ends) == Counter(accepted)
    # Four newcomers may stand beside a full queue at a time; no more than two threads have worked.
    assert most <= 4 + 4


def test_a_full_queue_is_left_no_fuller_by_many_threads(
    pool_of: Callable[..., RefreshPool], ends: list[tuple[Any, str]]
) -> None:
    pool = pool_of(1, 4)
    gate = busy(pool)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        # Each hotter than all before, or not: newcomers take each other's places.
        for call in all_at_once(4, lambda: [pool.submit(Noted(0, ends, turn % 7)) for turn in range(2000 * EFFORT)]):
            call.result()
    finally:
        sys.setswitchinterval(interval)
    assert len(pool._queued) <= 4
    gate.open()


def test_a_newcomer_whose_place_another_took_leaves_the_queue_no_fuller(
    pool_of: Callable[..., RefreshPool], ends: list[tuple[Any, str]]
) -> None:
    pool = pool_of(1, 1)
    gate = busy(pool)
    assert pool.submit(Noted("old", ends, 5))

    class Beaten(Noted):
        def heat(self) -> int:
            # Another comes while this one looks who is the coldest, and finds this one to be.
            if self.warmth:
                self.warmth = 0
                assert pool.submit(Noted("other", ends, 9))
            return 0

    assert pool.submit(Beaten("beaten", ends, 1))
    assert len(pool._queued) == 1
    gate.open()
    await_until(lambda: len(ends) == 3, "the end of all")
    assert ends == [("beaten", "dropped"), ("old", "dropped"), ("other", "run")]


def test_a_finalizer_may_submit_in_the_midst_of_a_submission(
    pool_of: Callable[..., RefreshPool], ends: list[tuple[Any, str]]
) -> None:
    pool = pool_of(1, 2)
    gate = busy(pool)

    class Meddling(Noted):
        def heat(self) -> int:
            if self.name == "meddling":
                self.name = "met"
                pool.submit(Noted("inner", ends, 9))
            return super().heat()

    assert pool.submit(Meddling("meddling", ends, 1))
    assert pool.submit(Noted("b", ends, 2))
    assert pool.submit(Noted("c", ends, 3))
    gate.open()
    await_until(lambda: len(ends) == 4, "the end of all")
    assert Counter(what for _, what in ends) == {"run": 2, "dropped": 2}
    assert [name for name, what in ends if what == "run"] == ["inner", "c"]


def test_an_interrupt_of_a_submission_leaves_no_task_behind(pool_of: Callable[..., RefreshPool]) -> None:
    def scene(act: Callable[[Callable[[], object]], None]) -> None:
        ends: list[tuple[Any, str]] = []
        pool = pool_of(1, 1)
        gate = busy(pool)
        assert pool.submit(Noted("old", ends, 1))
        act(lambda: pool.submit(Noted("new", ends, 2)))
        # Whatever was or was not accepted, the queue holds or has ended it.
        known = [queued.task.name for queued in pool._queued] + [name for name, _ in ends]
        assert "old" in known
        assert len(known) == len(set(known))
        gate.open()
        await_until(lambda: not pool._queued, "the end of what is queued")
        pool.close()
        assert ("old", "run") in ends or ends[:1] == [("old", "dropped")]
        assert len(ends) == len(known)

    assert everywhere(_refresh, scene) > 20


def test_a_worker_that_forks_is_none_of_the_childs() -> None:
    check_child(
        """
        import os, sys, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        from fastcache._refresh import RefreshPool
        from tests.test_refresh_pool import Deed
        from fastcache import _fork, _refresh
        _refresh.IDLE = 0.1
        from tests.harness.gates import Gate, await_until
        pool = RefreshPool(1, 1, "forking")
        gate, said = Gate(), []
        ours, theirs = os.pipe()
        def fork():
            child = os.fork()
            if child == 0:
                ran = Gate()
                assert pool.submit(Deed(ran.open, print))
                ran.stop()
                os.write(theirs, f"{len(pool._threads)} {pool._workers.qsize()}".encode())
                return
            os.close(theirs)
            said.append(os.waitpid(child, 0))
            gate.open()
        assert pool.submit(Deed(fork, print))
        gate.stop()
        print(os.read(ours, 100).decode(), os.waitstatus_to_exitcode(said[0][1]))
        """,
        out="1 0 0",
    )


def test_a_pool_made_at_the_end_of_the_process_takes_nothing_on() -> None:
    check_child(
        """
        import atexit, threading
        from fastcache._refresh import RefreshPool
        from tests.test_refresh_pool import Deed
        def late():
            pool = RefreshPool(1, 1, "late")
            print(pool.submit(Deed(print, print)), threading.active_count())
        atexit.register(late)
        """,
        out="False 1",
    )


@pytest.mark.parametrize(
    ("refusal", "end"), [(RuntimeError("can't start new thread"), "run"), (MemoryError(), "dropped")]
)
def test_where_a_pool_can_start_no_thread_who_submits_a_task_runs_it(
    monkeypatch: pytest.MonkeyPatch,
    pool_of: Callable[..., RefreshPool],
    ends: list[tuple[Any, str]],
    refusal: Exception,
    end: str,
) -> None:
    def refuse(thread: object) -> None:
        raise refusal

    pool = pool_of(1, 1)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert pool.submit(Noted("a", ends))
    assert ends[0] == ("a", end)
    assert pool.submit(Noted("b", ends))
    await_until(lambda: ("b", "run") in ends, "the end of the second")


def test_what_was_queued_as_the_last_thread_left_is_dropped_if_no_other_can_be_started(
    monkeypatch: pytest.MonkeyPatch, pool_of: Callable[..., RefreshPool], ends: list[tuple[Any, str]]
) -> None:
    def refuse(thread: object) -> None:
        raise RuntimeError("can't start new thread")

    pool = pool_of(1, 2)
    gate = busy(pool)
    assert pool.submit(Noted("queued", ends))
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        # The thread leaves after what it does now.
        patch.setattr(pool, "_work_once", lambda: False)
        patch.setattr(pool, "_wait", lambda waker: False)
        gate.open()
        await_until(lambda: not pool._threads and not pool._queued, "the last thread's end")
    assert ends == [("queued", "dropped")]


def test_a_close_amid_submissions_leaves_nothing_behind(
    pool_of: Callable[..., RefreshPool], ends: list[tuple[Any, str]]
) -> None:
    for _ in range(50 * EFFORT):
        pool = pool_of(2, 4)
        accepted: list[bool] = []

        def submit(pool: RefreshPool = pool, accepted: list[bool] = accepted) -> None:
            accepted.extend(pool.submit(Noted(0, ends)) for _ in range(5))

        ends.clear()
        calls: list[Call[None]] = [*all_at_once(2, submit), Call(pool.close)]
        for call in calls:
            call.result()
        assert len(ends) == sum(accepted)
        assert not pool._queued
