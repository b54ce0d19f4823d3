"""Every order in which tasks that want overlapping sets of keys come, are cancelled, and their loads end each way."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import pytest

from tests.harness.effort import EFFORT
from tests.harness.gates import Call
from tests.harness.tasks import LoopFactory, TaskGate, start
from tests.interleavings.test_bulk_schedules import Run, runs
from tests.interleavings.test_mixed_schedules import Loops

pytestmark = pytest.mark.orders


class TaskCall:
    """A caller's task, as ``Call`` is a caller's thread."""

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self.task = task

    def ended(self) -> bool:
        return self.task.done()

    def error(self) -> BaseException | None:
        return asyncio.CancelledError() if self.task.cancelled() else self.task.exception()

    def result(self) -> Any:
        return self.task.result()


class TaskRun(Run):
    """The same with tasks, of two loops in turn, which the test drives; so many of them may be cancelled."""

    interrupt = asyncio.CancelledError

    def __init__(self, wants: tuple[str, ...], loops: Loops, cancels: int) -> None:
        super().__init__(wants)
        self.loops = loops
        self.cancels = cancels
        self.cancelled: set[int] = set()

    def loader(self, caller: int) -> Callable[[list[str]], Any]:
        async def load_all(keys: list[str]) -> dict[str, str]:
            load = self.begun(caller, keys, TaskGate())
            try:
                await load.gate.stop()
            except asyncio.CancelledError:
                load.how = "cancelled"
                raise
            return self.ended(load)

        return load_all

    def start(self) -> None:
        caller = len(self.calls)
        keys = self.wants[caller]
        load = self.loader(caller)

        async def ask() -> Any:
            if len(keys) > 1:
                return await self.cache.aget_many_or_load(keys, load)

            async def load_one(key: str) -> str:
                found: dict[str, str] = await load([key])
                return found[key]

            return {keys: await self.cache.aget_or_load(keys, load_one)}

        async def begin() -> asyncio.Task[Any]:
            return start(ask())

        loop = self.loops.get("other" if caller % 2 else "task")
        self.calls.append(TaskCall(loop.run_until_complete(begin())))

    def choices(self) -> list[tuple[Any, ...]]:
        choices = super().choices()
        if len(self.cancelled) < self.cancels:
            choices += [("cancel", number) for number, call in enumerate(self.calls) if not call.ended()]
        return choices

    def stands_still(self) -> bool:
        for _ in range(5):
            self.loops.turn()
        return True

    def take(self, choice: tuple[Any, ...]) -> None:
        if choice[0] == "cancel":
            self.cancelled.add(choice[1])
            self.calls[choice[1]].task.cancel()
        else:
            super().take(choice)

    def check(self) -> None:
        super().check()
        for load in self.loads:
            # Not while anybody wanted one of its keys.
            assert load.how != "cancelled" or load.caller in self.cancelled


@pytest.mark.parametrize(
    ("wants", "cancels"),
    [
        (("ab", "ba"), 2),
        (("ab", "bc"), 2),
        (("ab", "b"), 2),
        (("b", "abc"), 2),
        (("abc", "cba"), 1),
        (("ab", "b", "ba"), int(EFFORT > 1)),
        *([(("ab", "bc", "ca"), 0)] if EFFORT > 1 else []),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else f"{value} cancelled",
)
def test_every_schedule_of_overlapping_calls_of_tasks_ends(
    wants: tuple[str, ...], cancels: int, loop_factory: LoopFactory
) -> None:
    loops = Loops(loop_factory)

    def play() -> int:
        played = 0
        for run, schedule in runs(lambda: TaskRun(wants, loops, cancels)):
            played += 1
            try:
                run.check()
                assert [task for loop in loops.loops.values() for task in asyncio.all_tasks(loop)] == []
            except AssertionError as error:
                raise AssertionError(f"{schedule}: {error}") from error
        return played

    try:
        # In a thread: debug mode looks at the stack of whoever makes a future.
        assert Call(play).result(limit=600) >= 3 * 3 ** (len(wants) - 1)
    finally:
        for kind in list(loops.loops):
            loops.close(kind)
        gc.collect()
    assert loops.told == []
