"""Every order in which callers of overlapping sets of keys come, and their loads end each way, on the real cache.

What can come next is read off the cache itself once all threads stand still; so the schedules are a tree that is walked
by playing each from its start, the last choice changed first.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fastcache import BulkLoadError, Cache
from tests.harness.gates import Call, Gate, await_until, waiting

ENDS = ("ok", "fail", "interrupt")


class FailedError(Exception):
    pass


class Load:
    """One call of a loader, which ends when and as the schedule says."""

    def __init__(self, caller: int, keys: list[str], gate: Any) -> None:
        self.caller = caller
        self.keys = keys
        self.how: str | None = None
        self.gate = gate


class Run:
    """Callers that want these keys; who wants one alone calls ``get_or_load``."""

    interrupt: type[BaseException] = KeyboardInterrupt

    def __init__(self, wants: tuple[str, ...]) -> None:
        self.cache: Cache[str, str] = Cache(ttl=60)
        self.wants = wants
        self.calls: list[Any] = []
        self.cancelled: set[int] = set()
        self.loads: list[Load] = []
        self.twice: list[str] = []
        self.lock = threading.Lock()

    def running(self) -> list[Load]:
        return [load for load in list(self.loads) if load.how is None]

    def loader(self, caller: int) -> Callable[[list[str]], Any]:
        def load_all(keys: list[str]) -> dict[str, str]:
            load = self.begun(caller, keys, Gate())
            load.gate.stop()
            return self.ended(load)

        return load_all

    def begun(self, caller: int, keys: list[str], gate: Any) -> Load:
        load = Load(caller, list(keys), gate)
        with self.lock:
            self.twice += [key for other in self.running() for key in other.keys if key in keys]
            self.loads.append(load)
        return load

    def ended(self, load: Load) -> dict[str, str]:
        if load.how == "fail":
            raise FailedError(load.caller)
        if load.how == "interrupt":
            raise self.interrupt
        return {key: f"{key} by {load.caller}" for key in load.keys}

    def start(self) -> None:
        caller = len(self.calls)
        keys = self.wants[caller]
        load = self.loader(caller)
        if len(keys) == 1:
            self.calls.append(Call(lambda: {keys: self.cache.get_or_load(keys, lambda key: load([key])[key])}))
        else:
            self.calls.append(Call(self.cache.get_many_or_load, keys, load))

    def choices(self) -> list[tuple[Any, ...]]:
        """What can come next, once all threads stand still."""
        await_until(self.stands_still, "a standstill")
        choices: list[tuple[Any, ...]] = [("start",)] if len(self.calls) < len(self.wants) else []
        return choices + [(how, load) for load in self.running() for how in ENDS]

    def stands_still(self) -> bool:
        moving = sum(not call.ended() for call in self.calls)
        stopped = sum(load.gate.arrived for load in self.running())
        return moving == stopped + waiting(self.cache)

    def take(self, choice: tuple[Any, ...]) -> None:
        if choice[0] == "start":
            self.start()
            return
        how, load = choice
        load.how = how
        load.gate.open()

    def check(self) -> None:
        ended = [(load.how, key) for load in self.loads for key in load.keys]
        good = Counter(key for how, key in ended if how == "ok")
        assert (self.twice, self.cache.flights()) == ([], [])
        # Once there is a value, nobody loads any more; and with no failure there is just one load.
        assert set(good.values()) <= {1}
        if {how for how, _ in ended} == {"ok"}:
            assert good == Counter(dict.fromkeys("".join(self.wants), 1))
        for keys, call in zip(self.wants, self.calls, strict=True):
            caller = self.calls.index(call)
            error = call.error()
            if caller in self.cancelled and isinstance(error, asyncio.CancelledError):
                continue
            if isinstance(error, self.interrupt):
                assert any(load.how == "interrupt" for load in self.loads if load.caller == caller)
                continue
            assert not any(load.how == "interrupt" for load in self.loads if load.caller == caller)
            failed = set(keys) if isinstance(error, FailedError) else set()
            found: dict[str, str] = {}
            if isinstance(error, BulkLoadError):
                failed, found = set(error.errors), error.partial
            elif error is None:
                found = call.result()
            assert "".join(found) == "".join(key for key in keys if key not in failed)
            assert all(("fail", key) in ended for key in failed)
            assert all(value == self.cache.get(key) for key, value in found.items())
        self.cache._check()


def runs(make: Callable[[], Run]) -> Iterator[tuple[Run, list[str]]]:
    """Each schedule, played."""
    path: list[int] = []
    while True:
        run = make()
        counts: list[int] = []
        names: list[str] = []
        while choices := run.choices():
            # Where several threads went on at once, another of them may have been the first.
            at = min(path[len(counts)], len(choices) - 1) if len(counts) < len(path) else 0
            path[len(counts) :] = [at, *path[len(counts) + 1 :]]
            counts.append(len(choices))
            choice = choices[at]
            names.append(
                " ".join(
                    [
                        choice[0],
                        *(f"{load.caller}{load.keys}" if isinstance(load, Load) else str(load) for load in choice[1:]),
                    ]
                )
            )
            run.take(choice)
        yield run, names
        del path[len(counts) :]
        while path and path[-1] >= counts[len(path) - 1] - 1:
            path.pop()
        if not path:
            return
        path[-1] += 1


@pytest.mark.parametrize(
    "wants",
    [("ab", "ba"), ("abc", "cba"), ("ab", "bc"), ("ab", "b"), ("b", "abc"), ("ab", "bc", "ca"), ("ab", "b", "ba")],
    ids=" ".join,
)
def test_every_schedule_of_overlapping_calls_ends(wants: tuple[str, ...]) -> None:
    played = 0
    for run, schedule in runs(lambda: Run(wants)):
        played += 1
        try:
            run.check()
        except AssertionError as error:
            raise AssertionError(f"{schedule}: {error}") from error
    assert played >= 3 * 3 ** (len(wants) - 1)
