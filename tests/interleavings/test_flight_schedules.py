"""Every order of callers coming, loads ending each way, time passing and invalidations: the real cache and the oracle.

Of orders that are too many, evenly spread ones; ``make stress`` plays ten times as many.

Who gives up does so by a timeout of his own, in real time: long enough that what comes before has come by then.  Where
it was not, the order is played again with a longer one.
"""

from __future__ import annotations

import sysconfig
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fastcache import Cache, LoadTimeout, NotFound
from fastcache.testing import MovableClock
from tests.harness.effort import EFFORT
from tests.harness.gates import LIMIT, Call, Gate, await_until
from tests.interleavings.flights import (
    ELSEWHERE,
    ENDS,
    FAILED,
    INTERRUPTED,
    INVALIDATIONS,
    NOT_FOUND,
    TIMED_OUT,
    Model,
    Step,
)
from tests.interleavings.schedules import Budget, Schedules

pytestmark = pytest.mark.orders

# Seconds; a pause after a failure is at most 60, and no value expires by itself.
LOAD_TIME = 100
TTL = 10_000


class FailedError(Exception):
    pass


NAMES = {FailedError: FAILED, KeyboardInterrupt: INTERRUPTED, LoadTimeout: TIMED_OUT, NotFound: NOT_FOUND}
RAISED = {"fail": FailedError, "absent": NotFound, "interrupt": KeyboardInterrupt}
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "elsewhere": {"wait_timeout": LIMIT},
    "brief": {"wait_timeout": LIMIT},
    "hasty": {"wait_timeout": 0},
    "force": {"force": True},
    "force elsewhere": {"force": True, "wait_timeout": LIMIT},
    "alone": {"coalesce": False},
}


# Seconds that the first waits who gives up, at first.
PATIENCE = 0.04
# Orders that are played at a time where most of what takes time are such waits.
AT_A_TIME = 16


class TooEarlyError(Exception):
    """Somebody gave up before his turn."""


class Held:
    """One call of a loader, until it is told how to end."""

    def __init__(self) -> None:
        self.gate = Gate("loader")
        self.result: str | type[BaseException] = ""

    def end(self, result: str | type[BaseException]) -> None:
        self.result = result
        self.gate.open()


class Loader:
    """One caller's."""

    def __init__(self) -> None:
        self.held: list[Held] = []

    def __call__(self, key: str) -> str:
        held = Held()
        self.held.append(held)
        held.gate.stop()
        if isinstance(held.result, str):
            return held.result
        raise held.result


class Run:
    """A schedule on a real cache, each step awaited before the next."""

    def __init__(self, window: bool, patience: dict[int, float] | None = None) -> None:
        """``patience`` is that of callers who are to give up."""
        self.patience = patience or {}
        # When each of them may, at the earliest.
        self.until: dict[int, float] = {}
        self.clock = MovableClock()
        self.cache: Cache[str, Any] = Cache(
            ttl=TTL, stale_if_error=TTL * window, max_load_time=LOAD_TIME, negative_ttl=TTL, clock=self.clock
        )
        self.model = started(window)
        if window:
            self.cache["k"] = self.model.value
            self.clock.advance(TTL)
        self.loaders: list[Loader] = []
        self.calls: list[Call[Any]] = []
        # By flight.
        self.held: list[Held] = []
        self.interrupts = 0

    def can_take(self, step: Step) -> bool:
        """A load may be another caller's than the schedule was made with, and then begin fewer loads later."""
        if step[0] in ENDS:
            return step[1] in self.model.running
        if step[0] == "give up":
            return self.model.waits(int(str(step[1])))
        return step[0] != "overdue" or self.model.linked is not None

    def take(self, step: Step) -> None:
        if step[0] == "start":
            self.loaders.append(Loader())
            options = OPTIONS[str(step[1])]
            if len(self.calls) in self.patience:
                options = {"wait_timeout": self.patience[len(self.calls)]}
                self.until[len(self.calls)] = time.monotonic() + options["wait_timeout"]
            self.calls.append(Call(self.cache.get_or_load, "k", self.loaders[-1], **options))
        elif step[0] in ENDS:
            how, number = str(step[0]), int(str(step[1]))
            self.held[number].end(RAISED.get(how, f"by {number}"))
            self.interrupts += how == "interrupt"
        elif step[0] == "give up":
            del self.until[int(str(step[1]))]
        elif step[0] == "overdue":
            self.clock.advance(LOAD_TIME)
        elif step[0] == "set":
            self.cache.set("k", "written")
        else:
            getattr(self.cache, str(step[0]))(*["k"] * (step[0] != "clear"))
        self.model.take(step)
        self.settle()

    def loads_of(self, caller: int) -> int:
        """How many of a caller's loads are known to the model's flights."""
        return sum(held in self.held for held in self.loaders[caller].held)

    def until_true(self, true: Callable[[], Any], what: str) -> None:
        await_until(lambda: self.is_too_late() or true(), what)
        if self.is_too_late():
            raise TooEarlyError

    def is_too_late(self) -> bool:
        """Whether somebody may have given up before his turn."""
        return any(time.monotonic() >= until and self.model.waits(caller) for caller, until in self.until.items())

    def settle(self) -> None:
        model = self.model
        for number in range(len(self.held), model.begun):
            # It is still running: a step begins one at most.  Any of those who are to share it may be the first.
            flight = model.running[number]
            able = [flight.leader, *flight.followers]
            loads = {caller: self.loads_of(caller) for caller in able}
            self.until_true(lambda: any(len(self.loaders[caller].held) > loads[caller] for caller in able), "a load")  # noqa: B023
            [leader] = [caller for caller in able if len(self.loaders[caller].held) > loads[caller]]
            flight.be_led_by(leader)
            self.held.append(self.loaders[leader].held[-1])
            self.held[-1].gate.reached()
        # Nobody may be waiting for a load that ends.
        self.until_true(self.all_ends_came, "the end of a load")
        # Of two the superseded one is listed last.
        known = [model.running[number] for number in (model.linked, model.former) if number is not None]
        waiting = [
            len(flight.followers) + (flight.awaited and model.modes[flight.leader] in ELSEWHERE) for flight in known
        ]
        self.until_true(lambda: [flight.waiters for flight in self.cache.flights()] == waiting, f"{waiting} waiters")
        for caller in model.outcomes:
            self.calls[caller].join()

    def drop(self) -> None:
        """Ends what is under way."""
        while not all(call.ended() for call in self.calls) or self.cache.flights():
            for loader in self.loaders:
                for held in loader.held:
                    held.end("")
            time.sleep(0.001)

    def all_ends_came(self) -> bool:
        stats = self.cache.stats()
        return stats.loads + stats.load_errors + self.interrupts == self.model.begun - len(self.model.running)

    def outcomes(self) -> dict[int, str]:
        return {
            caller: NAMES[type(error)] if (error := call.error()) else call.result()
            for caller, call in enumerate(self.calls)
        }

    def check(self) -> None:
        """That it ended as the model did, and nothing is left in the air."""
        cache, model = self.cache, self.model
        entry = cache.get_entry("k")
        stats = cache.stats()
        assert model.outcomes == self.outcomes()
        assert cache.flights() == []
        assert model.begun == sum(len(loader.held) for loader in self.loaders)
        assert (model.value, model.value if model.fresh else None) == (entry and entry.value, cache.get("k"))
        assert (stats.discarded, stats.superseded) == (model.discarded, model.superseded)
        if model.absent:
            with pytest.raises(NotFound):
                cache.get_or_load("k", Loader())
        cache._check()


def started(window: bool) -> Model:
    return Model(window, value="old" if window else None)


def play(schedule: list[Step], window: bool) -> None:
    leaving = [int(str(step[1])) for step in schedule if step[0] == "give up"]
    patience = PATIENCE
    while True:
        # One after the other, in their order.
        run = Run(window, {caller: patience * (1 + 2 * number) for number, caller in enumerate(leaving)})
        try:
            play_in(run, schedule)
        except TooEarlyError:
            run.drop()
            patience *= 2
            assert patience < LIMIT, schedule
        else:
            return


def play_in(run: Run, schedule: list[Step]) -> None:
    try:
        for step in schedule:
            if run.can_take(step):
                run.take(step)
        while run.model.running:
            run.take(("ok", next(iter(run.model.running))))
        run.check()
    except AssertionError as error:
        raise AssertionError(f"{schedule}: {error}") from error
    # Who loads beside others, or takes nothing from before, asks for a load of his own; so does who invalidates.
    kinds = {kind for step in schedule for kind in step[:2]}
    if kinds.isdisjoint({"force", "force elsewhere", "alone", "overdue", *INVALIDATIONS}):
        loaded = {outcome for outcome in run.outcomes().values() if outcome.startswith("by ")}
        assert len(loaded) <= 1, schedule


ALL = tuple(mode for mode in OPTIONS if mode != "brief")
SIMPLE = ("plain", "hasty")
BRIEF = ("plain", "brief")
USUAL = ("ok", "fail", "interrupt")

# What may come, and how many of the orders are played.  All of the usual kinds, but for builds without a GIL, where the
# many short waits take ten times as long.
EVERY = 1500 if sysconfig.get_config_var("Py_GIL_DISABLED") else 10**9
PLAYED = {
    "two callers, an overdue load, removals and writes": (
        Budget(2, 2, 1, modes=SIMPLE, ends=("ok", "fail"), hows=("delete", "set")),
        EVERY,
    ),
    "three callers, an overdue load, a removal or write": (
        Budget(3, 1, 1, modes=SIMPLE, ends=("ok", "fail"), hows=("delete", "set")),
        EVERY,
    ),
    "two callers who may give up, an overdue load, a removal or write": (
        Budget(2, 1, 1, modes=BRIEF, ends=("ok", "fail"), hows=("delete", "set")),
        EVERY,
    ),
    "two callers who may give up, interrupts": (Budget(2, modes=BRIEF, ends=USUAL), EVERY),
    "three callers who may give up": (Budget(3, modes=BRIEF, ends=("ok", "fail")), EVERY),
    "three callers who may give up, an overdue load, a removal or write": (
        Budget(3, 1, 1, modes=BRIEF, ends=("ok", "fail"), hows=("delete", "set")),
        80,
    ),
    "two callers, two invalidations": (Budget(2, 2, modes=SIMPLE, ends=USUAL), 250),
    "three callers, an invalidation": (Budget(3, 1, modes=SIMPLE, ends=USUAL), 250),
    "two callers of all kinds": (Budget(2, modes=ALL), 350),
    "two of all kinds, overdue loads, an invalidation": (Budget(2, 1, 2, modes=ALL), 400),
    "three of all kinds, an overdue load": (Budget(3, 0, 1, modes=ALL), 400),
    "three of all kinds, an overdue load, an invalidation": (Budget(3, 1, 1, modes=ALL), 400),
}


@pytest.mark.parametrize("window", [False, True], ids=["cold", "with an old value"])
@pytest.mark.parametrize("budget", PLAYED)
def test_every_schedule_ends_as_it_should(budget: str, window: bool) -> None:
    schedules = Schedules(started(window), PLAYED[budget][0])
    step = max(1, len(schedules) // (PLAYED[budget][1] * EFFORT))
    with ThreadPoolExecutor(AT_A_TIME if "brief" in PLAYED[budget][0].modes else 1) as pool:
        played = pool.map(lambda number: play(schedules[number], window), range(0, len(schedules), step))
        assert len(list(played)) > 0
