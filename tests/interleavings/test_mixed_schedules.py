"""Every order of what tasks of two loops and threads do at one key, on the real cache against the oracle."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from fastcache import Cache, LoadTimeout
from fastcache.testing import MovableClock
from tests.harness.effort import EFFORT
from tests.harness.gates import LIMIT, Call, HeldLoader, await_until
from tests.harness.tasks import AsyncHeldLoader, LoopFactory, start
from tests.interleavings.mixed import (
    CANCELLED,
    DISTURBANCES,
    FAILED,
    INTERRUPTED,
    KINDS,
    LOST,
    TIMED_OUT,
    Model,
    Step,
    explore,
    replay,
    sample,
)

pytestmark = pytest.mark.orders

DESTROYED = "Task was destroyed but it is pending!"


class FailedError(Exception):
    pass


class Loops:
    """Two loops in debug mode that take turns in one thread, and what they have to tell."""

    def __init__(self, factory: LoopFactory) -> None:
        self.factory = factory
        self.told: list[Any] = []
        self.loops = {"task": self.make()}
        # What ends the last timed wait of a task.
        self.timeouts: dict[asyncio.Task[Any] | None, Callable[[], object]] = {}
        self.note_timeouts(self.loops["task"])

    def make(self) -> asyncio.AbstractEventLoop:
        loop = self.factory()
        loop.set_debug(True)
        loop.set_exception_handler(lambda _, context: self.told.append(context["message"]))
        return loop

    def note_timeouts(self, loop: asyncio.AbstractEventLoop) -> None:
        call_later = loop.call_later

        def note(delay: float, callback: Callable[..., object], *args: Any, **options: Any) -> asyncio.TimerHandle:
            if delay <= LIMIT:
                self.timeouts[asyncio.current_task(loop)] = partial(callback, *args)
            return call_later(delay, callback, *args, **options)

        loop.call_later = note  # type: ignore[assignment,method-assign]

    def get(self, kind: str) -> asyncio.AbstractEventLoop:
        if kind == "brief":
            return self.loops["task"]
        if kind not in self.loops:
            self.loops[kind] = self.make()
        return self.loops[kind]

    def turn(self) -> None:
        """Each loop runs what is ready in it."""
        for loop in self.loops.values():
            loop.run_until_complete(some_rounds())

    def close(self, kind: str) -> None:
        self.loops.pop(kind).close()


async def some_rounds() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


class Caller:
    """One caller of the key, of whatever kind, and its loads, of which it may have to begin several."""

    def __init__(self, cache: Cache[Any, Any], kind: str, loops: Loops) -> None:
        self.kind = kind
        self.loops = loops
        self.cancelled = False
        self.loads: list[Any] = []
        if kind == "thread":
            self.call = Call(cache.get_or_load, "k", self.load)
        else:

            async def begin() -> asyncio.Task[Any]:
                return start(cache.aget_or_load("k", self.load, wait_timeout=LIMIT if kind == "brief" else None))

            self.task = loops.get(kind).run_until_complete(begin())

    def load(self, key: str) -> Any:
        held: Any = HeldLoader(None) if self.kind == "thread" else AsyncHeldLoader(None)
        self.loads.append(held)
        return held(key)

    def begun(self) -> int:
        """How many of its loads stand at their gates, or have."""
        return sum(load.gate.arrived for load in self.loads)

    def ended(self) -> bool:
        return self.call.ended() if self.kind == "thread" else self.task.done()

    def end_load(self, number: int, how: str, outcome: str) -> None:
        interrupt = KeyboardInterrupt() if self.kind == "thread" else asyncio.CancelledError()
        self.loads[number].result = {"ok": outcome, "fail": FailedError(), "interrupt": interrupt}[how]
        self.loads[number].gate.open()

    def cancel(self) -> None:
        self.cancelled = True
        self.task.cancel()

    def give_up(self) -> None:
        """Its time is over."""
        self.loops.get(self.kind).call_soon(self.loops.timeouts.pop(self.task))

    def outcome(self) -> str:
        if self.kind == "thread":
            error, result = self.call.error(), self.call.result
        elif self.task.cancelled():
            return CANCELLED if self.cancelled else INTERRUPTED
        else:
            error, result = self.task.exception(), self.task.result
        if error is None:
            return str(result())
        return {FailedError: FAILED, KeyboardInterrupt: INTERRUPTED, LoadTimeout: TIMED_OUT}[type(error)]


class Run:
    """A schedule on a real cache, each step awaited before the next."""

    def __init__(self, loops: Loops) -> None:
        self.loops = loops
        self.clock = MovableClock()
        self.cache: Cache[str, Any] = Cache(clock=self.clock)
        self.model = Model(self.first_to_lead)
        self.callers: list[Caller] = []
        self.steps: list[Step] = []

    def first_to_lead(self, able: list[int]) -> int:
        """Any of those who begin anew at once may lead; which of them did."""

        def leaders() -> list[int]:
            return [caller for caller in able if self.callers[caller].begun() > self.model.loads.get(caller, 0)]

        self.until(lambda: bool(leaders()), "a new leader")
        [leader] = leaders()
        return leader

    def until(self, true: Callable[[], bool], what: str) -> None:
        def turned() -> bool:
            self.loops.turn()
            return true()

        await_until(turned, what, limit=20)

    def take(self, step: Step) -> None:
        self.steps.append(step)
        match step:
            case ("start", str(kind)):
                self.callers.append(Caller(self.cache, kind, self.loops))
            case ("cancel", int(caller)):
                self.callers[caller].cancel()
            case ("give up", int(caller)):
                self.callers[caller].give_up()
            case ("delete",):
                self.cache.delete("k")
            case ("late",):
                self.clock.advance(60)
            case ("close",):
                self.close()
            case (how, int(number)):
                flight = self.model.running[number]
                self.callers[flight.leader].end_load(flight.load, str(how), f"by {flight.leader}")
        self.model.take(step)
        self.settle()

    def close(self) -> None:
        self.loops.close("other")
        for caller in self.callers:
            if caller.kind == "other" and not caller.ended():
                # As the collector would; asyncio tells of tasks that go so.
                caller.task.get_coro().close()
                caller.task._log_destroy_pending = False  # type: ignore[attr-defined]

    def settle(self) -> None:
        """Everybody is where the model has them."""
        self.until(self.is_settled, "what the model says")

    def is_settled(self) -> bool:
        model = self.model
        linked = [model.running[number] for number in (model.linked, model.former) if number is not None]
        # Who moves from one to the other counts there only when it has come.
        flights = sorted(self.cache.flights(), key=lambda flight: flight.age)
        return (
            all(caller.begun() == model.loads.get(number, 0) for number, caller in enumerate(self.callers))
            and [flight.waiters for flight in flights] == [len(flight.waiting) for flight in linked]
            and all(outcome == LOST or self.callers[caller].ended() for caller, outcome in model.outcomes.items())
            and all(
                self.callers[flight.leader].loads[flight.load].cancelled
                for flight in model.abandoned
                if not (model.closed and model.kinds[flight.leader] == "other")
            )
        )

    def check(self) -> None:
        """That it ended as the model did, and nothing is left in the air."""
        cache, model = self.cache, self.model
        outcomes = {
            number: caller.outcome() for number, caller in enumerate(self.callers) if model.outcomes[number] != LOST
        }
        assert {number: outcome for number, outcome in model.outcomes.items() if outcome != LOST} == outcomes
        assert model.begun == sum(len(caller.loads) for caller in self.callers)
        assert (model.value, model.discarded, []) == (cache.get("k"), cache.stats().discarded, cache.flights())
        cache._check()
        pending = [task for loop in self.loops.loops.values() for task in asyncio.all_tasks(loop)]
        assert pending == []
        if not {"delete", "late"} & {step[0] for step in self.steps}:
            assert len({outcome for outcome in outcomes.values() if outcome.startswith("by ")}) <= 1


Play = Callable[[Callable[[list[Step]], Step]], None]


def check_schedules(
    factory: LoopFactory,
    kinds: tuple[str, ...],
    callers: int,
    disturbances: int,
    schedules: Callable[[Play], int] = explore,
) -> None:
    """Plays schedules: all, or those that ``schedules`` chooses."""
    loops = Loops(factory)

    def play(pick: Callable[[list[Step]], Step]) -> None:
        run = Run(loops)
        coming, left = callers, disturbances
        try:
            while steps := run.model.steps(kinds, coming, left):
                step = pick(steps)
                run.take(step)
                coming -= step[0] == "start"
                left -= step[0] in DISTURBANCES
            run.check()
        except AssertionError as error:
            raise AssertionError(f"{run.steps}: {error}") from error

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            # In a thread: debug mode looks at the stack of whoever makes a future.
            Call(schedules, play).result(limit=600 * EFFORT)
        finally:
            for kind in list(loops.loops):
                loops.close(kind)
            gc.collect()
    assert set(loops.told) <= {DESTROYED}


@pytest.mark.parametrize(
    ("kinds", "callers", "disturbances"),
    [
        (KINDS, 2, 1 + (EFFORT > 1)),
        (("task", "thread"), 3, int(EFFORT > 1)),
        (("task", "other"), 3, int(EFFORT > 1)),
        (("task",), 3, 1),
    ],
    ids=["two of each kind", "three tasks and threads", "three tasks of two loops", "three tasks"],
)
def test_every_schedule_ends_as_it_should(
    kinds: tuple[str, ...], callers: int, disturbances: int, loop_factory: LoopFactory
) -> None:
    check_schedules(loop_factory, kinds, callers, disturbances)


def test_schedules_of_three_callers_of_all_kinds_end_as_they_should(loop_factory: LoopFactory) -> None:
    """Of 26,566, each of whose three callers may be of any kind, with one disturbance."""
    schedules = sample(KINDS, 3, 1, every=1 if EFFORT > 1 else 40)
    check_schedules(loop_factory, KINDS, 3, 1, partial(replay, schedules))


@pytest.mark.parametrize(
    ("kinds", "callers", "disturbances"),
    [(("task", "brief", "thread"), 2, 1), (("task", "brief"), 3, 0)],
    ids=["two tasks and threads", "three tasks"],
)
def test_schedules_of_tasks_that_give_up_end_as_they_should(
    kinds: tuple[str, ...], callers: int, disturbances: int, loop_factory: LoopFactory
) -> None:
    """Of 2,739 and 2,062, in which each who waits so long as he will may give up at any time."""
    schedules = sample(kinds, callers, disturbances, every=1 if EFFORT > 1 else 8)
    check_schedules(loop_factory, kinds, callers, disturbances, partial(replay, schedules))
