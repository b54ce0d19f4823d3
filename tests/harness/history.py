"""Histories: what several threads did to a cache, with the instants between which each took effect.

A program says what each thread is to do; playing it gives the history.  Instants of the history are of the real clock,
to tell what came before what; the cache lives by a clock that one of the threads moves.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastcache import Cache
from fastcache.testing import MovableClock
from tests.harness.gates import LIMIT, await_no_flights, await_until

SECOND = 10**9
MISSING = "missing"
#: The instant after all others.
END = 2**63

now = time.monotonic_ns


@dataclass
class Step:
    """What a thread is to do: ``kind`` names it, ``value`` is what it writes or loads, unlike all other values."""

    kind: str
    key: int = 0
    value: str = ""
    #: Of a write or load, in seconds; ...: the cache's.
    ttl: Any = ...
    #: Of a load, whether it raises.
    fails: bool = False
    #: By how much the clock is moved.
    seconds: int = 0


@dataclass
class Done:
    """A step that was taken, and what came of it."""

    step: Step
    begun: int
    ended: int = END
    result: Any = None
    #: Of a load that the step led to: when its loader began and ended, and whether in the step's own call.
    load_begun: int = 0
    load_ended: int = 0
    behind: bool = False


@dataclass
class Rules:
    """The options of the cache that its answers depend on, in seconds."""

    ttl: int = 10
    refresh_ahead: int = 0
    stale_while_revalidate: int = 0
    maxsize: int | None = None


@dataclass
class Program:
    rules: Rules
    threads: list[list[Step]]
    #: Makes the key of a number: equal ones for equal numbers.
    key_of: Callable[[int], Any] = int
    #: Called amid loads and between steps, to let other threads run.
    give_way: Callable[[], object] = field(default=lambda: None)


@dataclass
class History:
    rules: Rules
    done: list[Done] = field(default_factory=list)

    def told(self) -> str:
        """All steps in the order of their beginning, for who has to find out what went wrong."""
        first = min((one.begun for one in self.done), default=0)
        lines = [str(self.rules)]
        for one in sorted(self.done, key=lambda one: one.begun):
            load = f" load {one.load_begun - first}-{one.load_ended - first} {'behind' if one.behind else ''}"
            ended = "end" if one.ended == END else one.ended - first
            lines.append(f"{one.begun - first}-{ended} {one.step} -> {one.result}{load if one.load_begun else ''}")
        return "\n".join(lines)


class LoadFailedError(Exception):
    """What a loader of these histories raises: its argument is the value that it would have been."""


class Play:
    """A program being played against a new cache."""

    def __init__(self, program: Program, seed: int, kind: type[Cache[Any, Any]] = Cache) -> None:
        self.program = program
        rules = program.rules
        self.clock = MovableClock(0)
        self.cache: Cache[Any, Any] = kind(
            rules.maxsize,
            rules.ttl,
            refresh_ahead=rules.refresh_ahead,
            stale_while_revalidate=rules.stale_while_revalidate,
            policy="lru" if rules.maxsize else "adaptive",
            refresh_workers=2,
            clock=self.clock,
            seed=seed,
        )
        self.history = History(rules)

    def run(self) -> History:
        ready: list[None] = []
        errors: list[BaseException] = []

        def work(steps: list[Step]) -> None:
            try:
                ready.append(None)
                # Those who are woken from a barrier come so much apart that the first has ended when the last begins.
                await_until(lambda: len(ready) == len(self.program.threads), "all threads")
                for step in steps:
                    self.take(step)
                    self.program.give_way()
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(steps,)) for steps in self.program.threads]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]
        await_no_flights(self.cache)
        for key in sorted({step.key for steps in self.program.threads for step in steps}):
            self.take(Step("get", key))
        self.cache._check()
        self.cache.close()
        return self.history

    def take(self, step: Step) -> None:
        done = Done(step, now())
        self.history.done.append(done)
        try:
            done.result = self.act(step, done)
        except LoadFailedError as error:
            done.result = error.args[0]
        done.ended = now()

    def act(self, step: Step, done: Done) -> Any:
        cache, key = self.cache, self.program.key_of(step.key)
        thread = threading.get_ident()

        def load(_: object) -> str:
            done.behind = threading.get_ident() != thread and step.kind != "refresh"
            assert not done.load_begun, f"{step} loads twice"
            done.load_begun = now()
            self.program.give_way()
            done.load_ended = now()
            if step.fails:
                raise LoadFailedError(step.value)
            return step.value

        match step.kind:
            case "get":
                return cache.get(key, MISSING)
            case "set":
                return cache.set(key, step.value, ttl=step.ttl)
            case "setdefault":
                return cache.setdefault(key, step.value)
            case "delete":
                return cache.delete(key)
            case "pop":
                return cache.pop(key, MISSING)
            case "expire":
                return cache.expire(key)
            case "clear":
                return cache.clear()
            case "advance":
                return self.clock.advance(step.seconds)
            case "get_or_load":
                return cache.get_or_load(key, load, ttl=step.ttl)
            case "force":
                return cache.get_or_load(key, load, ttl=step.ttl, force=True)
            case "refresh":
                return cache.refresh(key, load, ttl=step.ttl).result(LIMIT)
        raise ValueError(f"step.kind must be known, not {step.kind!r}")
