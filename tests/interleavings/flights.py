"""What callers of one key, their loads and invalidations do to each other, without threads: the oracle of schedules.

A step is one of
    ("start",)            the next caller begins, and waits as long as it takes
    ("start", "hasty")    the same, not willing to wait for another's load
    ("ok" | "fail" | "interrupt", flight)
    ("delete",) ("set",) ("clear",) ("expire",)
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field

INVALIDATIONS = ("delete", "set", "clear", "expire")
ENDS = ("ok", "fail", "interrupt")
Step = tuple[object, ...]

FAILED, INTERRUPTED, TIMED_OUT = "failed", "interrupted", "timed out"


@dataclass
class Flight:
    leader: int
    followers: list[int] = field(default_factory=list)


@dataclass
class Model:
    """One key of a cache with or without an error window; a caller's load gives ``"by <caller>"``."""

    window: bool
    value: str | None = None
    fresh: bool = False
    pausing: bool = False
    # The flight that new callers join.
    linked: int | None = None
    running: dict[int, Flight] = field(default_factory=dict)
    begun: int = 0
    started: int = 0
    outcomes: dict[int, str | None] = field(default_factory=dict)
    discarded: int = 0

    def call(self, caller: int, hasty: bool) -> None:
        if self.value is not None and (self.fresh or self.pausing):
            self.outcomes[caller] = self.value
        elif self.linked is None:
            self.linked = self.begun
            self.running[self.begun] = Flight(caller)
            self.begun += 1
        elif hasty:
            self.outcomes[caller] = self.value or TIMED_OUT
        else:
            self.running[self.linked].followers.append(caller)

    def end(self, how: str, number: int) -> None:
        flight = self.running.pop(number)
        linked = self.linked == number
        if linked:
            self.linked = None
        if how == "interrupt":
            self.outcomes[flight.leader] = INTERRUPTED
            for follower in flight.followers:
                self.call(follower, hasty=False)
            return
        if how == "ok":
            outcome = f"by {flight.leader}"
            self.discarded += not linked
            if linked:
                self.value, self.fresh, self.pausing = outcome, True, False
        else:
            outcome = (linked and self.value) or FAILED
            self.pausing |= linked and self.value is not None
        self.outcomes.update(dict.fromkeys([flight.leader, *flight.followers], outcome))

    def invalidate(self, how: str) -> None:
        self.linked = None
        if how == "set":
            self.value, self.fresh, self.pausing = "written", True, False
        elif how != "expire" or not self.window:
            self.value, self.fresh, self.pausing = None, False, False
        else:
            self.fresh = False

    def take(self, step: Step) -> None:
        if step[0] == "start":
            self.started += 1
            self.call(self.started - 1, hasty=len(step) > 1)
        elif step[0] in ENDS:
            self.end(str(step[0]), int(str(step[1])))
        else:
            self.invalidate(str(step[0]))

    def steps(self, callers: int, invalidations: int) -> Iterator[Step]:
        """What can come next, of so many callers and invalidations still to come."""
        if callers:
            yield ("start",)
            if self.linked is not None:
                yield ("start", "hasty")
        for number in self.running:
            yield from ((end, number) for end in ENDS)
        if invalidations and self.running:
            yield from ((how,) for how in INVALIDATIONS)


def schedules(start: Model, callers: int, invalidations: int) -> Iterator[list[Step]]:
    """Every order of steps in which so many callers come and all flights end."""
    if not callers and not start.running:
        yield []
        return
    for step in start.steps(callers, invalidations):
        after = copy.deepcopy(start)
        after.take(step)
        for rest in schedules(
            after, callers - (step[0] == "start"), invalidations - (step[0] in INVALIDATIONS)
        ):  # fmt: skip
            yield [step, *rest]
