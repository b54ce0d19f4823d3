"""What callers of one key, their loads and invalidations do to each other, without threads: the oracle of schedules.

A step is one of
    ("start", mode)       the next caller begins
    ("ok" | "fail" | "absent" | "interrupt", flight)
    ("give up", caller)   one who waits for a load runs out of patience
    ("overdue",)          the key's load has taken so long that the next caller may start another one
    ("delete",) ("set",) ("clear",) ("expire",)

Callers differ in their mode:
    "plain"      loads in his own thread, and waits as long as it takes
    "elsewhere"  has his load made in another thread, and waits as long as it takes
    "brief"      the same, until he gives up
    "hasty"      the same, but waits for no load
    "force"      takes nothing that was there before
    "force elsewhere"
    "alone"      does not share a load that is under way
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace

INVALIDATIONS = ("delete", "set", "clear", "expire")
ENDS = ("ok", "fail", "absent", "interrupt")
Step = tuple[object, ...]

# Modes of those who can be moved to another load than their own, or leave it.
ELSEWHERE = ("elsewhere", "brief", "force elsewhere")
FORCED = ("force", "force elsewhere")

FAILED, INTERRUPTED, TIMED_OUT, NOT_FOUND = "failed", "interrupted", "timed out", "not found"


@dataclass
class Flight:
    leader: int
    # Whether its leader gets what it comes to.
    awaited: bool
    followers: list[int] = field(default_factory=list)
    overdue: bool = False
    # The flight beside which it runs, itself linked nowhere.
    beside: int | None = None

    def be_led_by(self, follower: int) -> None:
        if follower != self.leader:
            self.followers.remove(follower)
            self.followers.extend([self.leader] * self.awaited)
            self.leader, self.awaited = follower, True


@dataclass
class Model:
    """One key of a cache with or without an error window; the load of a flight gives ``"by <flight>"``."""

    window: bool
    value: str | None = None
    fresh: bool = False
    pausing: bool = False
    absent: bool = False
    # The flight that new callers join, and the one that it has superseded, if that has not ended.
    linked: int | None = None
    former: int | None = None
    running: dict[int, Flight] = field(default_factory=dict)
    begun: int = 0
    modes: list[str] = field(default_factory=list)
    outcomes: dict[int, str | None] = field(default_factory=dict)
    # What each who forces a load found when he came: a value, an absence by its number, or None.
    refused: dict[int, object] = field(default_factory=dict)
    absences: int = 0
    discarded: int = 0
    superseded: int = 0

    def copied(self) -> Model:
        running = {number: replace(flight, followers=[*flight.followers]) for number, flight in self.running.items()}
        after = copy.copy(self)
        after.running, after.modes, after.outcomes = running, [*self.modes], {**self.outcomes}
        after.refused = {**self.refused}
        return after

    # ---- callers ----

    def held(self) -> object:
        return self.absences if self.absent else self.value

    def waits(self, caller: int) -> bool:
        return caller not in self.outcomes

    def call(self, caller: int) -> None:
        mode = self.modes[caller]
        # The first time he comes.
        forced = mode in FORCED and caller not in self.refused
        if forced:
            self.refused[caller] = self.held()
        refuses = caller in self.refused and self.held() == self.refused[caller]
        if self.fresh and not refuses:
            self.outcomes[caller] = self.value
        elif self.absent and not refuses:
            self.outcomes[caller] = NOT_FOUND
        elif self.pausing and mode not in FORCED:
            self.outcomes[caller] = self.value
        elif self.linked is None:
            self.lead(caller)
        elif forced or (self.running[self.linked].overdue and self.former is None):
            self.supersede(caller, forced)
        elif mode == "alone":
            self.running[self.begun] = Flight(caller, True, beside=self.linked)
            self.begun += 1
        elif mode == "hasty":
            self.outcomes[caller] = self.value or TIMED_OUT
        else:
            self.running[self.linked].followers.append(caller)

    def lead(self, caller: int) -> None:
        hasty = self.modes[caller] == "hasty"
        self.linked = self.begun
        self.running[self.begun] = Flight(caller, not hasty)
        self.begun += 1
        self.absent = False
        if hasty:
            self.outcomes[caller] = self.value or TIMED_OUT

    def supersede(self, caller: int, forced: bool) -> None:
        """Who forces a load leaves the others where they are, and lets the load that they wait for come to nothing."""
        assert self.linked is not None
        old = self.running[self.linked]
        self.former = None if forced else self.linked
        self.superseded += not forced
        self.lead(caller)
        if forced:
            return
        moved, old.followers = old.followers, []
        if old.awaited and self.modes[old.leader] in ELSEWHERE:
            old.awaited = False
            moved.append(old.leader)
        for follower in moved:
            self.call(follower)

    def give_up(self, caller: int) -> None:
        for flight in self.running.values():
            if caller in flight.followers:
                flight.followers.remove(caller)
            flight.awaited = flight.awaited and caller != flight.leader
        self.outcomes[caller] = self.value or TIMED_OUT

    # ---- loads ----

    def unlink(self, number: int) -> None:
        """Takes a flight that ends off the key."""
        if number == self.former:
            self.former = None
        elif number == self.linked:
            self.linked, self.former = self.former, None

    def end(self, how: str, number: int) -> None:
        flight = self.running.pop(number)
        linked = number if flight.beside is None else flight.beside
        known = linked in (self.linked, self.former)
        if how == "interrupt":
            self.unlink(number)
            if flight.awaited:
                self.outcomes[flight.leader] = INTERRUPTED
            for follower in flight.followers:
                self.call(follower)
            return
        if how == "fail":
            kept = self.value
            # What the failure of one that was superseded means, the later one will tell.
            self.pausing |= number == self.linked and self.value is not None
            self.unlink(number)
            for caller in [*flight.followers, *[flight.leader] * flight.awaited]:
                self.outcomes[caller] = FAILED if self.modes[caller] in FORCED else kept or FAILED
            return
        outcome = f"by {number}" if how == "ok" else NOT_FOUND
        self.discarded += not known
        if linked == self.linked:
            self.linked = self.former = None
            self.write(outcome if how == "ok" else None)
            self.absent = how == "absent"
            self.absences += self.absent
        elif known:
            # The one that took its place will still be newer.
            self.former = None
            if how == "ok":
                self.write(outcome)
        self.outcomes.update(dict.fromkeys([*flight.followers, *[flight.leader] * flight.awaited], outcome))

    def write(self, value: str | None) -> None:
        self.value, self.fresh, self.pausing, self.absent = value, value is not None, False, False

    # ---- steps ----

    def invalidate(self, how: str) -> None:
        self.linked = self.former = None
        self.pausing = False
        if how == "expire" and self.window and self.value is not None:
            self.fresh = False
        else:
            self.write("written" if how == "set" else None)

    def take(self, step: Step) -> None:
        if step[0] == "start":
            self.modes.append(str(step[1]))
            self.call(len(self.modes) - 1)
        elif step[0] in ENDS:
            self.end(str(step[0]), int(str(step[1])))
        elif step[0] == "give up":
            self.give_up(int(str(step[1])))
        elif step[0] == "overdue":
            assert self.linked is not None
            self.running[self.linked].overdue = True
            # Much time has passed.
            self.pausing = False
        else:
            self.invalidate(str(step[0]))
