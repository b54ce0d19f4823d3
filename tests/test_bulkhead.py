"""The bulkhead: never more than its limit, first come first served, and no place or waiter ever lost."""

from __future__ import annotations

import gc
import random
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest

from fastcache import _bulkhead
from fastcache._bulkhead import Bulkhead
from tests.harness.child import check_child
from tests.harness.effort import EFFORT
from tests.harness.gates import Call, Gate, all_at_once, await_until
from tests.harness.interrupts import everywhere


class Noted:
    """A waiter that notes that it is told; with ``gone`` it declines."""

    def __init__(self, name: str = "", told: list[str] | None = None, gone: bool = False) -> None:
        self.name, self.told, self.gone = name, [] if told is None else told, gone

    def admit(self) -> bool:
        if not self.gone and self.name not in self.told:
            self.told.append(self.name)
        return not self.gone


def full(limit: int = 1) -> Bulkhead:
    bulkhead = Bulkhead(limit)
    assert [bulkhead.try_enter() for _ in range(limit)] == [True] * limit
    return bulkhead


def entering(bulkhead: Bulkhead, timeout: float | None = None) -> Call[bool]:
    """A call that stands in line."""
    waiting = bulkhead.waiting
    call = Call(bulkhead.enter, timeout)
    await_until(lambda: bulkhead.waiting == waiting + 1, "a waiter")
    return call


def test_it_holds_as_many_as_its_limit() -> None:
    bulkhead = Bulkhead(3)
    assert [(bulkhead.try_enter(), bulkhead.free) for _ in range(4)] == [(True, 2), (True, 1), (True, 0), (False, 0)]
    bulkhead.leave()
    assert (bulkhead.free, bulkhead.enter(None), bulkhead.enter(0), bulkhead.free) == (1, True, False, 0)
    assert (bulkhead.limit, bulkhead.waiting) == (3, 0)


@pytest.mark.parametrize(("limit", "error"), [(0, ValueError), (-1, ValueError), (True, TypeError), (1.0, TypeError)])
def test_a_limit_that_is_none_is_refused(limit: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"limit.*{limit}"):
        Bulkhead(limit)


@pytest.mark.parametrize("timeout", [-1, float("nan")])
def test_a_time_limit_that_is_none_is_refused(timeout: float) -> None:
    bulkhead = Bulkhead(1)
    with pytest.raises(ValueError, match=f"timeout.*{timeout}"):
        bulkhead.enter(timeout)
    assert (bulkhead.free, bulkhead.waiting) == (1, 0)


def test_a_place_goes_to_the_first_in_line() -> None:
    bulkhead = full()
    calls = [entering(bulkhead) for _ in range(5)]
    for place, call in enumerate(calls):
        assert (bulkhead.waiting, bulkhead.free, bulkhead.try_enter()) == (5 - place, 0, False)
        bulkhead.leave()
        assert call.result() is True
    bulkhead.leave()
    assert (bulkhead.waiting, bulkhead.free) == (0, 1)


def test_who_waits_too_long_gets_no_place_and_leaves_the_line() -> None:
    bulkhead = full()
    first, second = entering(bulkhead), entering(bulkhead, 0.01)
    assert second.result() is False
    assert bulkhead.waiting == 1
    bulkhead.leave()
    assert (first.result(), bulkhead.free, bulkhead.waiting) == (True, 0, 0)


def test_nobody_waits_while_a_place_is_free() -> None:
    bulkhead = Bulkhead(2)
    assert bulkhead.try_enter()
    assert bulkhead.enter(None) is True
    waiter = entering(bulkhead)
    bulkhead.leave()
    bulkhead.leave()
    assert (waiter.result(), bulkhead.free) == (True, 1)


def test_a_waiter_of_another_kind_is_told_by_who_leaves() -> None:
    bulkhead, told = full(), list[str]()
    bulkhead.queue(Noted("a", told))
    thread = entering(bulkhead)
    bulkhead.queue(Noted("b", told))
    assert (bulkhead.waiting, told) == (3, [])
    bulkhead.leave()
    assert told == ["a"]
    bulkhead.leave()
    assert (thread.result(), told) == (True, ["a"])
    bulkhead.leave()
    assert (told, bulkhead.waiting, bulkhead.free) == (["a", "b"], 0, 0)


def test_a_waiter_that_finds_a_place_free_is_told_at_once() -> None:
    bulkhead, told = Bulkhead(1), list[str]()
    bulkhead.queue(Noted("a", told))
    assert (told, bulkhead.free, bulkhead.waiting) == (["a"], 0, 0)


def test_the_place_of_a_waiter_that_is_gone_goes_to_the_next() -> None:
    bulkhead, told = full(), list[str]()
    for waiter in Noted("a", told, gone=True), Noted("b", told, gone=True), Noted("c", told):
        bulkhead.queue(waiter)
    bulkhead.leave()
    assert (told, bulkhead.free, bulkhead.waiting) == (["c"], 0, 0)
    bulkhead.queue(Noted("d", told, gone=True))
    bulkhead.leave()
    assert (told, bulkhead.free, bulkhead.waiting) == (["c"], 1, 0)


def test_who_withdraws_has_no_place_and_who_was_admitted_cannot() -> None:
    bulkhead, told = full(), list[str]()
    a, b = Noted("a", told), Noted("b", told)
    bulkhead.queue(a)
    bulkhead.queue(b)
    assert bulkhead.withdraw(a) is True
    bulkhead.leave()
    assert (bulkhead.withdraw(b), told, bulkhead.waiting, bulkhead.free) == (False, ["b"], 0, 0)


class Stopping(deque[Any]):
    """A line at whose end threads stop, before or after they stand in it."""

    gate: Gate
    before: bool

    def append(self, waiter: Any) -> None:
        if not self.before:
            super().append(waiter)
        self.gate.stop()
        if self.before:
            super().append(waiter)


@pytest.mark.parametrize("before", [True, False])
def test_a_place_that_comes_as_somebody_stands_in_line_is_seen(before: bool) -> None:
    bulkhead = full()
    line = Stopping()
    line.gate, line.before = Gate("in line"), before
    bulkhead._line = line
    call = Call(bulkhead.enter, None)
    line.gate.reached()
    bulkhead.leave()
    # Before, nobody is there to take it; after, it is given to the one who is not waiting yet.
    assert bulkhead.free == int(before)
    line.gate.open()
    assert (call.result(20), bulkhead.free, bulkhead.waiting) == (True, 0, 0)


def test_a_waiter_that_comes_while_a_place_is_in_other_hands_gets_it() -> None:
    # A leaver has taken the place out for a waiter who has withdrawn, when the next one comes and sees no place.
    bulkhead = full()
    gate = Gate("a hand with a place")

    class Line(deque[Any]):
        def rotate(self, n: int = 1) -> None: ...

        def __bool__(self) -> bool:
            return True

    class Places(deque[None]):
        def __bool__(self) -> bool:
            return len(self) > 0

        def extend(self, place: Any) -> None:
            if place:
                gate.stop()
            super().extend(place)

    line = deque[Any]()
    places = Places()
    bulkhead._line, bulkhead.places = line, places
    bulkhead.vacate = lambda: places.append(None)
    gone = Noted(gone=True)
    bulkhead.queue(gone)
    leaver = Call(bulkhead.leave)
    gate.reached()
    waiter = entering(bulkhead)
    assert (bulkhead.free, bulkhead.waiting) == (0, 1)
    gate.open()
    leaver.join()
    assert (waiter.result(20), bulkhead.free, bulkhead.waiting) == (True, 0, 0)


def test_a_withdrawal_amid_an_admission_knows_of_its_place() -> None:
    bulkhead, gate, told = full(), Gate("admission"), list[str]()

    class Slow(Noted):
        def admit(self) -> bool:
            gate.stop()
            return super().admit()

    slow = Slow("slow", told)
    bulkhead.queue(slow)
    leaver = Call(bulkhead.leave)
    gate.reached()
    assert (bulkhead.withdraw(slow), bulkhead.free) == (False, 0)
    gate.open()
    leaver.join()
    assert (told, bulkhead.free) == (["slow"], 0)


def hammer(bulkhead: Bulkhead, inside: list[int], most: list[int], turns: int) -> None:
    me = threading.get_ident()
    draw = random.Random(me)
    for _ in range(turns):
        way = draw.random()
        if way < 0.4:
            entered = bulkhead.enter(None)
            assert entered
        elif way < 0.7:
            entered = bulkhead.enter(draw.random() * 0.0005)
        else:
            entered = bulkhead.try_enter()
        if entered:
            inside.append(me)
            most.append(len(inside))
            if way < 0.1:
                time.sleep(0)
            inside.remove(me)
            bulkhead.leave()


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_many_threads_never_exceed_the_limit_and_none_is_forgotten(limit: int) -> None:
    bulkhead, inside, most = Bulkhead(limit), list[int](), list[int]()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for call in all_at_once(8, hammer, bulkhead, inside, most, 300 * EFFORT):
            call.result()
    finally:
        sys.setswitchinterval(interval)
    holds(bulkhead, 0)
    assert max(most) <= limit


def test_finalizers_may_use_it_amid_its_own_steps() -> None:
    bulkhead, inside, most = Bulkhead(3), list[int](), list[int]()
    finalized: list[bool] = []

    class Final:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            entered = bulkhead.try_enter()
            finalized.append(entered)
            if entered:
                bulkhead.leave()

    def litter() -> None:
        for _ in range(300 * EFFORT):
            Final()
            hammer(bulkhead, inside, most, 1)

    thresholds = gc.get_threshold()
    gc.set_threshold(3)
    try:
        for call in all_at_once(4, litter):
            call.result()
    finally:
        gc.set_threshold(*thresholds)
    gc.collect()
    assert len(finalized) == 4 * 300 * EFFORT
    holds(bulkhead, 0)
    assert max(most) <= 3


Scene = Callable[[Callable[[Callable[[], object]], None]], None]


def holds(bulkhead: Bulkhead, held: int) -> None:
    """Nobody waits, and all places but the held ones are free."""
    assert (bulkhead.free, bulkhead.waiting) == (bulkhead.limit - held, 0)


@pytest.mark.parametrize("enter", [Bulkhead.try_enter, lambda bulkhead: bulkhead.enter(None)])
def test_an_interrupted_entry_takes_no_place(enter: Callable[[Bulkhead], bool]) -> None:
    def scene(act: Callable[[Callable[[], object]], None]) -> None:
        bulkhead, entered = Bulkhead(2), list[bool]()
        act(lambda: entered.append(enter(bulkhead)))
        assert entered in ([], [True])
        holds(bulkhead, len(entered))

    assert everywhere(_bulkhead, scene) >= 3


def test_an_interrupted_wait_that_was_in_vain_leaves_nobody_in_line() -> None:
    def scene(act: Callable[[Callable[[], object]], None]) -> None:
        bulkhead, entered = full(2), list[bool]()
        act(lambda: entered.append(bulkhead.enter(0.001)))
        assert entered in ([], [False])
        holds(bulkhead, 2)

    assert everywhere(_bulkhead, scene) >= 10


def test_an_interrupted_wait_that_was_rewarded_gives_its_place_back() -> None:
    def scene(act: Callable[[Callable[[], object]], None]) -> None:
        bulkhead, entered = full(2), list[bool]()

        def leave() -> None:
            await_until(lambda: bulkhead.waiting or ended, "a waiter")
            bulkhead.leave()

        ended: list[None] = []
        leaver = Call(leave)
        act(lambda: entered.append(bulkhead.enter(None)))
        ended.append(None)
        leaver.result()
        assert entered in ([], [True])
        holds(bulkhead, 1 + len(entered))

    assert everywhere(_bulkhead, scene) >= 10


def test_an_interrupted_entry_lets_the_next_in_line_have_what_it_had() -> None:
    def scene(act: Callable[[Callable[[], object]], None]) -> None:
        # A place is free beside somebody in line, as after a leave that is not done yet.
        bulkhead, told, entered = full(2), list[str](), list[bool]()
        bulkhead.queue(Noted("next", told))
        bulkhead.vacate()
        act(lambda: entered.append(bulkhead.try_enter()))
        if told == []:
            # It was interrupted before it looked; the one who leaves serves after all.
            bulkhead.serve()
        assert (entered, told) in (([], ["next"]), ([False], ["next"]))
        holds(bulkhead, 2)

    assert everywhere(_bulkhead, scene) >= 5


def test_who_stands_in_line_while_an_interrupted_entry_has_a_place_gets_it() -> None:
    def scene(act: Callable[[Callable[[], object]], None]) -> None:
        bulkhead, told, entered = Bulkhead(1), list[str](), list[bool]()

        class Places(deque[None]):
            def extend(self, place: Any) -> None:
                if place and told == []:
                    bulkhead.queue(Noted("next", told))
                super().extend(place)

        bulkhead.places = Places([None])
        act(lambda: entered.append(bulkhead.enter(None)))
        assert len(entered) + len(told) <= 1
        holds(bulkhead, len(entered) + len(told))

    assert everywhere(_bulkhead, scene) >= 5


@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize("waiters", [0, 1, 3])
def test_an_interrupted_leave_has_left_or_not_begun(waiters: int, gone: bool) -> None:
    def scene(act: Callable[[Callable[[], object]], None]) -> None:
        bulkhead, told = full(2), list[str]()
        for number in range(waiters):
            bulkhead.queue(Noted(str(number), told, gone=gone and number == 0))
        before = bulkhead.free, bulkhead.waiting
        act(bulkhead.leave)
        if (bulkhead.free, bulkhead.waiting) == before:
            bulkhead.leave()
        expected = ["0", "1", "2"][:waiters][gone:][:1]
        assert told == expected
        assert (bulkhead.free, bulkhead.waiting) == (1 - len(told), max(0, waiters - len(told) - gone))

    assert everywhere(_bulkhead, scene) >= 3


@pytest.mark.parametrize("free", [0, 1])
def test_an_interrupted_waiter_is_not_in_line(free: int) -> None:
    def scene(act: Callable[[Callable[[], object]], None]) -> None:
        bulkhead, queued = Bulkhead(1), list[None]()
        if not free:
            assert bulkhead.try_enter()
        waiter = Noted("a")
        act(lambda: queued.append(bulkhead.queue(waiter)))
        if free:
            holds(bulkhead, len(queued))
        else:
            assert (bulkhead.free, bulkhead.waiting) == (0, len(queued))

    assert everywhere(_bulkhead, scene) >= 3


def test_after_a_fork_nobody_waits_and_only_what_is_held_is_taken() -> None:
    bulkhead = full(3)
    bulkhead.queue(Noted())
    bulkhead.reset_after_fork(1)
    holds(bulkhead, 1)
    bulkhead.leave()
    holds(bulkhead, 0)


SIGNALLED = """
import os, signal, threading, time
from fastcache._bulkhead import Bulkhead
from tests.harness.gates import Call, await_until

bulkhead = Bulkhead(1)
assert bulkhead.try_enter()

def send(number):
    await_until(lambda: bulkhead.waiting == 1)
    os.kill(os.getpid(), number)
"""
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


@posix
def test_ctrl_c_ends_a_wait_and_leaves_the_line() -> None:
    check_child(
        SIGNALLED
        + """
for timeout in None, 60:
    sender = Call(send, signal.SIGINT)
    began = time.monotonic()
    try:
        bulkhead.enter(timeout)
    except KeyboardInterrupt:
        assert time.monotonic() - began < 20
        print(bulkhead.free, bulkhead.waiting)
    sender.join()
bulkhead.leave()
print(bulkhead.free, bulkhead.try_enter())
""",
        out="0 0\n0 0\n1 True",
    )


@posix
def test_a_handler_may_use_it_while_the_wait_goes_on() -> None:
    check_child(
        SIGNALLED
        + """
def handle(number, frame):
    print(bulkhead.try_enter(), bulkhead.enter(0), bulkhead.waiting)
    bulkhead.leave()
    print(bulkhead.try_enter(), bulkhead.waiting)

signal.signal(signal.SIGUSR1, handle)
sender = Call(send, signal.SIGUSR1)
print(bulkhead.enter(None), bulkhead.free, bulkhead.waiting)
sender.join()
""",
        out="False False 1\nFalse 0\nTrue 0 0",
    )


@posix
def test_a_handler_that_would_wait_behind_its_own_thread_is_refused() -> None:
    check_child(
        SIGNALLED
        + """
def handle(number, frame):
    try:
        bulkhead.enter(None)
    except RuntimeError:
        print(bulkhead.waiting)
    bulkhead.leave()

signal.signal(signal.SIGUSR1, handle)
sender = Call(send, signal.SIGUSR1)
print(bulkhead.enter(None), bulkhead.free, bulkhead.waiting)
sender.join()
""",
        out="1\nTrue 0 0",
    )


@posix
def test_a_wait_amid_which_a_handler_forks_goes_on_in_both() -> None:
    check_child(
        """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
"""
        + SIGNALLED
        + """
children = []
def handle(number, frame):
    children.append(os.fork())
    if children == [0]:
        signal.alarm(20)
        bulkhead.reset_after_fork(0)
    else:
        bulkhead.leave()

signal.signal(signal.SIGUSR1, handle)
sender = Call(send, signal.SIGUSR1)
entered = bulkhead.enter(None), bulkhead.free, bulkhead.waiting
if children == [0]:
    os._exit(0 if entered == (True, 0, 0) else 1)
print(entered, os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]))
sender.join()
""",
        out="(True, 0, 0) 0",
    )


@posix
def test_an_interrupt_at_any_moment_loses_no_place() -> None:
    check_child(
        """
import random, signal, sys, threading, time
from fastcache._bulkhead import Bulkhead
from tests.harness.gates import Call

class Interrupt(Exception):
    pass

def interrupt(number, frame):
    # Not as leaving begins, which a caller in C does in one step.
    # One for each turn, for a second may come amid the undoing of the first, and a late one is the next turn's.
    if frame.f_code.co_filename.endswith("_bulkhead.py") and frame.f_code.co_name != "leave" and armed:
        armed.clear()
        raise Interrupt

signal.signal(signal.SIGALRM, interrupt)
bulkhead = Bulkhead(2)
stop = threading.Event()

def hammer():
    while not stop.is_set():
        if bulkhead.enter(0.001):
            bulkhead.leave()

others = [Call(hammer) for _ in range(3)]
hits = turns = 0
armed = []
until = time.monotonic() + 2
while time.monotonic() < until:
    turns += 1
    armed[:] = [True]
    signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 2e-4))
    try:
        entered = bulkhead.enter(0.001)
    except Interrupt:
        hits += 1
    else:
        if entered:
            try:
                bulkhead.leave()
            except Interrupt:
                hits += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
stop.set()
for other in others:
    other.result()
print(bulkhead.free, bulkhead.waiting, hits > 10 or (hits, turns))
""",
        out="2 0 True",
    )
