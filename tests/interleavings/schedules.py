"""All orders of steps in which so many callers come and all flights end: counted, and each found by its number.

They are far more than can be listed.  What can follow depends on few features of what has been, so they are counted by
these; the count says in which branch a number lies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.interleavings.flights import ENDS, INVALIDATIONS, Model, Step


@dataclass(frozen=True)
class Budget:
    """What may still come."""

    callers: int
    invalidations: int = 0
    overdue: int = 0
    modes: tuple[str, ...] = ("plain", "hasty")
    ends: tuple[str, ...] = ENDS
    hows: tuple[str, ...] = INVALIDATIONS

    def steps(self, model: Model) -> Iterator[Step]:
        if self.callers:
            yield from (("start", mode) for mode in self.modes)
        for number in model.running:
            yield from ((end, number) for end in self.ends)
        for caller, mode in enumerate(model.modes):
            if mode == "brief" and model.waits(caller):
                yield ("give up", caller)
        if self.overdue and model.linked is not None and not model.running[model.linked].overdue:
            yield ("overdue",)
        if self.invalidations and model.running:
            yield from ((how,) for how in self.hows)

    def after(self, step: Step) -> Budget:
        return replace(
            self,
            callers=self.callers - (step[0] == "start"),
            invalidations=self.invalidations - (step[0] in INVALIDATIONS),
            overdue=self.overdue - (step[0] == "overdue"),
        )


def _features(model: Model) -> object:
    """What the further course depends on."""
    place = {number: at for at, number in enumerate(model.running)}

    def at(number: int | None) -> int | None:
        return None if number is None else place.get(number, -1)

    def refuses(caller: int) -> tuple[bool, bool]:
        refused = model.refused.get(caller)
        return caller in model.refused and refused == model.held(), refused == "written"

    return (
        model.value is not None, model.fresh, model.pausing, model.absent, at(model.linked), at(model.former),
        tuple(
            (model.modes[flight.leader], flight.awaited, refuses(flight.leader),
             tuple((model.modes[follower], refuses(follower)) for follower in flight.followers),
             flight.overdue, at(flight.beside))
            for flight in model.running.values()
        ),
    )  # fmt: skip


class Schedules:
    """Those from one state on; a sequence."""

    def __init__(self, start: Model, budget: Budget) -> None:
        self._start = start
        self._budget = budget
        self._counts: dict[object, int] = {}
        self._length = self._count(start, budget)

    def __len__(self) -> int:
        return self._length

    def _branches(self, model: Model, budget: Budget) -> Iterator[tuple[Step, Model, Budget]]:
        for step in budget.steps(model):
            after = model.copied()
            after.take(step)
            yield step, after, budget.after(step)

    def _count(self, model: Model, budget: Budget) -> int:
        if not budget.callers and not model.running:
            return 1
        key = _features(model), budget
        if key not in self._counts:
            self._counts[key] = sum(self._count(after, rest) for _, after, rest in self._branches(model, budget))
        return self._counts[key]

    def __getitem__(self, number: int) -> list[Step]:
        if not 0 <= number < len(self):
            raise IndexError(number)
        model, budget = self._start, self._budget
        schedule: list[Step] = []
        while budget.callers or model.running:
            for branch in self._branches(model, budget):
                within = self._count(*branch[1:])
                if number < within:
                    break
                number -= within
            step, model, budget = branch
            schedule.append(step)
        return schedule
