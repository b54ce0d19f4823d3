"""The threads of foreground loads: at once, never behind one another, and in nobody's way at the end."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fastcache import _threads
from fastcache._threads import start
from tests.harness.child import check_child, run_child
from tests.harness.effort import EFFORT
from tests.harness.gates import Gate, all_at_once, await_until
from tests.harness.interrupts import everywhere


@pytest.fixture(autouse=True)
def _own_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A set of threads for each test, which is empty before and after it."""
    monkeypatch.setattr(_threads, "_idle", {})
    monkeypatch.setattr(_threads, "_threads", set())
    yield
    monkeypatch.setattr(_threads, "_ended", True)
    for inbox in list(_threads._idle):
        inbox.calls.put(None)
    await_until(lambda: not _threads._threads, "the end of all threads")


def idle(count: int = 1) -> None:
    await_until(lambda: len(_threads._idle) == count == len(_threads._threads), f"{count} idle threads")


def test_a_call_starts_at_once_however_many_are_running() -> None:
    gate = Gate()
    for count in range(1, 31):
        start(gate.stop)
        gate.reached(count)
    gate.open()
    idle(30)


def test_an_idle_thread_is_used_again() -> None:
    ran_in: list[int] = []
    for turn in range(20):
        start(lambda: ran_in.append(threading.get_ident()))
        await_until(lambda turn=turn: len(ran_in) == turn + 1, "the call")
        idle()
    assert len(set(ran_in)) == 1


def test_an_idle_thread_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_threads, "IDLE", 0.01)
    gate = Gate()
    for _ in range(3):
        start(gate.stop)
    gate.reached(3)
    assert len(_threads._threads) == 3
    gate.open()
    await_until(lambda: not _threads._threads, "their leave")
    assert _threads._idle == {}


def test_an_idle_thread_does_not_keep_what_it_ran() -> None:
    class Run:
        def __call__(self) -> Any:
            return self

    for _ in range(2):
        run = Run()
        alive = weakref.ref(run)
        start(run)
        idle()
        del run
        gc.collect()
        assert alive() is None


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit])
def test_what_a_call_raises_ends_with_it(error: type[BaseException]) -> None:
    def fail() -> None:
        ran_in.append(threading.get_ident())
        raise error

    ran_in: list[int] = []
    for _ in range(2):
        start(fail)
        idle()
    assert len(ran_in) == 2
    assert len(set(ran_in)) == 1


@pytest.mark.parametrize("refusal", [RuntimeError("can't start new thread"), MemoryError()])
def test_where_no_thread_can_be_started_nothing_is_called(
    monkeypatch: pytest.MonkeyPatch, refusal: BaseException
) -> None:
    def refuse(thread: object) -> None:
        raise refusal

    gate = Gate()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            start(gate.stop)
    assert (_threads._idle, _threads._threads) == ({}, set())
    start(gate.stop)
    gate.reached()
    assert gate.arrived == 1
    gate.open()
    idle()


@pytest.mark.parametrize("gone", [True, False])
def test_a_call_given_to_a_thread_as_it_leaves_is_made_once(monkeypatch: pytest.MonkeyPatch, gone: bool) -> None:
    taken, leaving = Gate("taken"), Gate("leaving")

    class Idle(dict[Any, None]):
        def popitem(self) -> tuple[Any, None]:
            item = super().popitem()
            taken.stop()
            return item

        def pop(self, inbox: Any, *default: Any) -> Any:
            leaving.stop()
            return super().pop(inbox, *default)

    monkeypatch.setattr(_threads, "_idle", Idle())
    monkeypatch.setattr(_threads, "IDLE", 0.01)
    start(int)
    leaving.reached()
    monkeypatch.setattr(_threads, "IDLE", 10.0)
    ran_in: list[threading.Thread] = []
    [first] = _threads._threads
    [call] = all_at_once(1, start, lambda: ran_in.append(threading.current_thread()))
    taken.reached()
    # Whose inbox was popped leaves before the call is in it, or finds it there.
    if gone:
        leaving.open()
        await_until(lambda: not _threads._threads, "its leave")
        taken.open()
    else:
        taken.open()
        call.result()
        leaving.open()
    call.result()
    await_until(lambda: ran_in, "the call")
    idle()
    assert [thread is first for thread in ran_in] == [not gone]


@pytest.mark.parametrize("idle_for", [0.0, 0.0005, 10.0])
def test_every_call_is_made_once(monkeypatch: pytest.MonkeyPatch, idle_for: float) -> None:
    monkeypatch.setattr(_threads, "IDLE", idle_for)
    made: list[tuple[int, int]] = []

    def begin() -> None:
        me = threading.get_ident()
        for turn in range(200 * EFFORT):
            start(lambda turn=turn: made.append((me, turn)))

    for call in all_at_once(4, begin):
        call.result()
    await_until(lambda: len(made) >= 4 * 200 * EFFORT, "all calls")
    assert set(Counter(made).values()) == {1}
    assert len(made) == 4 * 200 * EFFORT


@pytest.mark.parametrize("threads", [0, 1])
def test_an_interrupted_start_has_begun_or_never_will(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    monkeypatch.setattr(_threads, "IDLE", 0.2)

    def scene(act: Callable[[Callable[[], object]], None]) -> None:
        if threads == 0:
            _threads._idle, _threads._threads = {}, set()
        elif not _threads._idle:
            start(int)
            await_until(lambda: _threads._idle, "an idle thread")
        made: list[None] = []
        returned: list[None] = []
        act(lambda: (start(lambda: made.append(None)), returned.append(None)))
        if returned:
            await_until(lambda: made, "the call")
        # What was interrupted is in nobody's way.
        gate = Gate()
        start(gate.stop)
        gate.reached()
        gate.open()
        await_until(lambda: _threads._idle, "an idle thread")
        assert len(made) <= 1

    assert everywhere(_threads, scene) >= 5


def test_importing_starts_no_thread() -> None:
    check_child("import threading, fastcache._threads; print(threading.active_count())", out="1")


AT_THE_END = """
    import sys, threading, time
    from fastcache import _threads
    begun = threading.Semaphore(0)
    def load():
        begun.release()
        while sys.argv[1] == "spinning":
            pass
        if sys.argv[1] == "sleeping":
            time.sleep(60)
    for _ in range(4):
        _threads.start(load)
    for _ in range(4):
        begun.acquire()
    print(time.monotonic())
"""


@pytest.mark.parametrize("loads", ["sleeping", "spinning", "done"])
def test_the_process_ends_at_once_and_silently(loads: str) -> None:
    child = run_child(AT_THE_END, loads)
    assert (child.code, child.err) == (0, "")
    assert time.monotonic() - float(child.out) < 20


@pytest.mark.skipif(sys.version_info[:2] == (3, 12), reason="starts no thread once the main thread has ended")
def test_threads_of_the_program_and_exit_handlers_may_load_to_the_end_and_no_longer() -> None:
    check_child(
        """
        import atexit, threading
        def late():
            try:
                _threads.start(print)
            except RuntimeError as error:
                print(error)
        atexit.register(late)
        from fastcache import _threads
        def load(name):
            done = threading.Event()
            _threads.start(lambda: (print(name), done.set()))
            assert done.wait(20)
        atexit.register(load, "at exit")
        main = threading.main_thread()
        threading.Thread(target=lambda: (main.join(), load("in a thread"))).start()
        """,
        out="in a thread\nat exit\nthe process is ending",
    )


FORKED = """
    import os, threading, warnings
    warnings.simplefilter("ignore", DeprecationWarning)
    from fastcache import _fork, _threads
    from tests.harness.gates import Gate, await_until
    _threads.IDLE = 0.1
    ours, theirs = os.pipe()
    def fork():
        child = os.fork()
        if child == 0:
            ran = Gate()
            before = len(_threads._idle), len(_threads._threads)
            _threads.start(ran.open)
            ran.stop()
            os.write(theirs, repr(before).encode())
        return child
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_the_child_of_a_fork_has_none_of_the_threads() -> None:
    check_child(
        FORKED
        + """
    held = Gate()
    _threads.start(held.stop)
    held.reached()
    _threads.IDLE = 1000.0
    _threads.start(int)
    await_until(lambda: _threads._idle)
    _threads.IDLE = 0.1
    child = fork()
    if child == 0:
        os._exit(0)
    print(os.read(ours, 100).decode(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    held.open()
        """,
        out="(0, 0) 0",
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_call_that_forks_ends_in_the_child_with_its_thread() -> None:
    check_child(
        FORKED
        + """
    children, forked = [], Gate()
    def run():
        child = fork()
        if child:
            children.append(child)
            forked.open()
    _threads.start(run)
    forked.stop()
    print(os.read(ours, 100).decode(), os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]))
        """,
        out="(0, 0) 0",
    )
