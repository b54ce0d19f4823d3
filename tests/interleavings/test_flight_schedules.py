"""Every order of callers coming, loads ending each way and invalidations, on the real cache against the oracle."""

from __future__ import annotations

from typing import Any

import pytest

from fastcache import Cache, LoadTimeout
from fastcache.testing import MovableClock
from tests.harness.gates import Call, HeldLoader, await_until, await_waiters
from tests.interleavings.flights import FAILED, INTERRUPTED, INVALIDATIONS, TIMED_OUT, Model, Step, schedules


class FailedError(Exception):
    pass


NAMES = {FailedError: FAILED, KeyboardInterrupt: INTERRUPTED, LoadTimeout: TIMED_OUT}


class Run:
    """A schedule on a real cache, each step awaited before the next."""

    def __init__(self, window: bool) -> None:
        clock = MovableClock()
        self.cache: Cache[str, Any] = Cache(ttl=60, stale_if_error=60 * window, clock=clock)
        self.model = Model(window)
        if window:
            self.cache["k"] = self.model.value = "old"
            clock.advance(60)
        self.loaders: list[HeldLoader[Any]] = []
        self.calls: list[Call[Any]] = []

    def take(self, step: Step) -> None:
        before = dict(self.model.running)
        self.model.take(step)
        if step[0] == "start":
            self.loaders.append(HeldLoader(None))
            wait = 0 if len(step) > 1 else None
            self.calls.append(Call(self.cache.get_or_load, "k", self.loaders[-1], wait_timeout=wait))
        elif step[0] in INVALIDATIONS:
            self.cache.set("k", "written") if step[0] == "set" else getattr(self.cache, str(step[0]))(
                *["k"] * (step[0] != "clear")
            )
        else:
            leader = before[int(str(step[1]))].leader
            results = {"ok": f"by {leader}", "fail": FailedError(), "interrupt": KeyboardInterrupt()}
            self.loaders[leader].result = results[str(step[0])]
            self.loaders[leader].gate.open()
            self.rename_new_leader(before)
        self.settle()

    def rename_new_leader(self, before: dict[int, Any]) -> None:
        """Any of several followers may take over; to the model it is the first."""
        for number in self.model.running.keys() - before.keys():
            flight = self.model.running[number]
            able = [flight.leader, *flight.followers]
            await_until(lambda: any(self.loaders[caller].calls for caller in able), "a new leader")  # noqa: B023
            [real] = [caller for caller in able if self.loaders[caller].calls]
            for of in (self.loaders, self.calls):
                of[real], of[flight.leader] = of[flight.leader], of[real]

    def settle(self) -> None:
        for flight in self.model.running.values():
            self.loaders[flight.leader].gate.reached()
        linked = self.model.linked
        await_waiters(self.cache, 0 if linked is None else len(self.model.running[linked].followers))
        for caller in self.model.outcomes:
            self.calls[caller].join()

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
        assert model.begun == sum(len(loader.calls) for loader in self.loaders)
        assert (model.value, model.value if model.fresh else None) == (entry and entry.value, cache.get("k"))
        assert (stats.discarded, []) == (model.discarded, cache.flights())
        cache._check()


@pytest.mark.parametrize("window", [False, True], ids=["cold", "with an old value"])
@pytest.mark.parametrize(("callers", "invalidations"), [(2, 2), (3, 1)])
def test_every_schedule_ends_as_it_should(callers: int, invalidations: int, window: bool) -> None:
    for schedule in schedules(Run(window).model, callers, invalidations):
        run = Run(window)
        try:
            for step in schedule:
                run.take(step)
            run.check()
        except AssertionError as error:
            raise AssertionError(f"{schedule}: {error}") from error
        if not any(step[0] in INVALIDATIONS for step in schedule):
            loaded = {outcome for outcome in run.outcomes().values() if outcome.startswith("by ")}
            assert len(loaded) <= 1, schedule
