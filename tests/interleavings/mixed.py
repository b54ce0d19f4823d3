"""What tasks of two loops and threads do to each other at one key: the oracle of schedules.

A step is one of
    ("start", kind)                             the next caller begins: a "task", one of the "other" loop, a "thread",
                                                or a "brief" one, a task that waits until it gives up
    ("ok" | "fail" | "interrupt", flight)       how a load ends; tasks are interrupted by CancelledError
    ("cancel", caller)                          of the kinds of tasks
    ("give up", caller)                         a brief one has waited too long
    ("delete",)  ("late",)  ("close",)          the key is deleted; its load takes too long; the other loop is closed
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

KINDS = ("task", "other", "thread")
ENDS = ("ok", "fail", "interrupt")
Step = tuple[str, *tuple[object, ...]]

FAILED, INTERRUPTED, CANCELLED, LOST, TIMED_OUT = "failed", "interrupted", "cancelled", "lost", "timed out"


@dataclass
class Flight:
    leader: int
    # Of the loads of its leader, from 0.
    load: int
    by_task: bool
    # All who wait, the leader among them if a task loads for him.
    waiting: list[int] = field(default_factory=list)


@dataclass
class Model:
    """One key; a caller's load gives ``"by <caller>"``.

    :param choose: which of several callers, of whom one is to lead, does.
    """

    choose: Callable[[list[int]], int]
    value: str | None = None
    # The flight that new callers join, and the one whose place it took.
    linked: int | None = None
    former: int | None = None
    late: bool = False
    closed: bool = False
    running: dict[int, Flight] = field(default_factory=dict)
    begun: int = 0
    # How many loads each caller has begun.
    loads: dict[int, int] = field(default_factory=dict)
    kinds: list[str] = field(default_factory=list)
    outcomes: dict[int, str] = field(default_factory=dict)
    discarded: int = 0
    # Loads that nobody waited for any more.
    abandoned: list[Flight] = field(default_factory=list)

    # ---- callers ----

    def is_free(self) -> bool:
        """Whether the next caller leads."""
        return self.value is None and (self.linked is None or (self.late and self.former is None))

    def call(self, caller: int) -> None:
        if self.value is not None:
            self.outcomes[caller] = self.value
        elif self.is_free():
            self.lead(caller)
        else:
            assert self.linked is not None
            self.running[self.linked].waiting.append(caller)

    def lead(self, caller: int) -> None:
        moved: list[int] = []
        self.former, self.linked, self.late = self.linked, self.begun, False
        if self.former is not None:
            old = self.running[self.former]
            moved, old.waiting = old.waiting, []
        by_task = self.kinds[caller] != "thread"
        load = self.loads.setdefault(caller, 0)
        self.running[self.begun] = Flight(caller, load, by_task, [caller] * by_task)
        self.loads[caller] += 1
        self.begun += 1
        for each in moved:
            self.call(each)

    def call_again(self, callers: list[int]) -> None:
        callers = list(callers)
        if callers and self.is_free():
            first = self.choose(callers)
            callers.remove(first)
            self.call(first)
        for caller in callers:
            self.call(caller)

    def leave(self, caller: int, outcome: str) -> None:
        """A caller waits no more; a task's load that nobody waits for is given up."""
        self.outcomes[caller] = outcome
        for number, flight in list(self.running.items()):
            if caller in flight.waiting:
                flight.waiting.remove(caller)
                if flight.by_task and not flight.waiting:
                    del self.running[number]
                    self.unlink(number)
                    self.abandoned.append(flight)

    def give_up(self, caller: int) -> None:
        """The same, but its load goes on."""
        self.outcomes[caller] = self.value or TIMED_OUT
        for flight in self.running.values():
            if caller in flight.waiting:
                flight.waiting.remove(caller)

    def waiters(self) -> Iterator[int]:
        for flight in self.running.values():
            yield from flight.waiting

    # ---- loads ----

    def unlink(self, number: int) -> bool:
        """Whether it was linked."""
        if number == self.linked:
            self.linked, self.former, self.late = self.former, None, True
        elif number == self.former:
            self.former = None
        else:
            return False
        return True

    def end(self, how: str, number: int) -> None:
        flight = self.running.pop(number)
        concerned = flight.waiting if flight.by_task else [flight.leader, *flight.waiting]
        if how == "ok":
            outcome = f"by {flight.leader}"
            if number == self.linked:
                self.linked = self.former = None
                self.value = outcome
            elif self.unlink(number):
                self.value = outcome
            else:
                self.discarded += 1
        elif how == "fail":
            self.unlink(number)
            outcome = self.value or FAILED
        else:
            self.unlink(number)
            if flight.leader in concerned:
                concerned.remove(flight.leader)
                self.outcomes[flight.leader] = INTERRUPTED
            self.call_again(concerned)
            return
        self.outcomes.update(dict.fromkeys(concerned, outcome))

    def close(self) -> None:
        """Who waits in the other loop is lost, and so are its loads."""
        self.closed = True
        mine = [number for number, flight in self.running.items() if self.kinds[flight.leader] == "other"]
        anew: list[int] = []
        for number in mine:
            anew += self.running.pop(number).waiting
            self.unlink(number)
        lost = [caller for caller in anew if self.kinds[caller] == "other"]
        self.outcomes.update(dict.fromkeys(lost, LOST))
        self.call_again([caller for caller in anew if caller not in lost])
        for caller in [caller for caller in self.waiters() if self.kinds[caller] == "other"]:
            self.leave(caller, LOST)

    def take(self, step: Step) -> None:
        match step:
            case ("start", str(kind)):
                self.kinds.append(kind)
                self.call(len(self.kinds) - 1)
            case ("cancel", int(caller)):
                self.leave(caller, CANCELLED)
            case ("give up", int(caller)):
                self.give_up(caller)
            case ("delete",):
                self.linked = self.former = self.value = None
            case ("late",):
                self.late = True
            case ("close",):
                self.close()
            case (how, int(number)):
                self.end(how, number)

    def steps(self, kinds: tuple[str, ...], callers: int, disturbances: int) -> list[Step]:
        """What can come next, if so many callers and disturbances are still to come; none: the schedule has ended."""
        steps: list[Step] = []
        if callers:
            steps += [("start", kind) for kind in kinds if kind != "other" or not self.closed]
        steps += [(end, number) for number in self.running for end in ENDS]
        steps += [("give up", caller) for caller in self.waiters() if self.kinds[caller] == "brief"]
        if disturbances:
            steps += [("cancel", caller) for caller in self.waiters() if self.kinds[caller] != "thread"]
            if self.running:
                steps.append(("delete",))
            if self.linked is not None and self.former is None and not self.late:
                steps.append(("late",))
            loops = {self.kinds[flight.leader] for flight in self.running.values()}
            if not self.closed and "other" in loops | {self.kinds[caller] for caller in self.waiters()}:
                steps.append(("close",))
        return steps


DISTURBANCES = ("cancel", "delete", "late", "close")


def explore(play: Callable[[Callable[[list[Step]], Step]], None]) -> int:
    """Plays every schedule: ``play`` is called with what picks each next step; how many there were."""
    path: list[tuple[int, int]] = []
    count = 0
    while True:
        at = 0

        def pick(steps: list[Step]) -> Step:
            nonlocal at
            if at == len(path):
                path.append((0, len(steps)))
            # Who of several takes over may differ from the last time, and so what can come next.
            chosen = steps[min(path[at][0], len(steps) - 1)]
            at += 1
            return chosen

        play(pick)
        count += 1
        del path[at:]
        while path and path[-1][0] + 1 >= path[-1][1]:
            path.pop()
        if not path:
            return count
        path[-1] = path[-1][0] + 1, path[-1][1]


def sample(kinds: tuple[str, ...], callers: int, disturbances: int, every: int) -> list[list[int]]:
    """Each ``every``-th schedule, as the numbers of its choices."""
    schedules: list[list[int]] = []

    def play(pick: Callable[[list[Step]], Step]) -> None:
        model, coming, left = Model(min), callers, disturbances
        chosen: list[int] = []
        while steps := model.steps(kinds, coming, left):
            step = pick(steps)
            chosen.append(steps.index(step))
            model.take(step)
            coming -= step[0] == "start"
            left -= step[0] in DISTURBANCES
        schedules.append(chosen)

    explore(play)
    return schedules[::every]


def replay(schedules: list[list[int]], play: Callable[[Callable[[list[Step]], Step]], None]) -> int:
    """Plays these schedules as ``explore`` plays all; how many there are."""
    for schedule in schedules:
        numbers = iter(schedule)

        def pick(steps: list[Step], numbers: Iterator[int] = numbers) -> Step:
            # Who of several takes over may differ from the model, and so what can come next.
            return steps[min(next(numbers, 0), len(steps) - 1)]

        play(pick)
    return len(schedules)
