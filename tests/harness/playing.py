"""A program being played against a cache, by threads and by the strangers' code that the cache runs."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

from fastcache import Cache, LoadCycleError, RecursiveLoadError
from fastcache.testing import MovableClock
from tests.harness.gates import LIMIT, await_no_flights, await_until
from tests.harness.history import MISSING, REFUSED, Done, History, Program, Step, now
from tests.harness.keys import FaultyKeyError, Key, fault


class LoadFailedError(Exception):
    """What a loader of these histories raises: its argument is the value that it would have been."""


class Value:
    """A value that holds its cache, and tells when it is dropped; some leave with the collector only."""

    def __init__(self, name: str, play: Play) -> None:
        self.name = name
        self.cache = play.cache
        self.play = play
        self.me = self if name.endswith(("3", "7")) else None

    def __del__(self) -> None:
        self.play.come_to("drop")


def name_of(result: Any) -> Any:
    return result.name if isinstance(result, Value) else result


class Play:
    """One program, one cache; where strangers' code runs, a step's inner steps for that place are taken."""

    def __init__(self, program: Program, seed: int, kind: type[Cache[Any, Any]] = Cache) -> None:
        self.program = program
        self.history = History(program.rules)
        self.clock = MovableClock(0)
        # Of this thread: the steps under way, with what their inner steps still are.
        self.local = threading.local()
        self.removed: list[Any] = []
        self.watches: list[weakref.ref[Value]] = []
        rules, evil = program.rules, program.evil
        self.cache: Cache[Any, Any] = kind(
            rules.maxsize,
            rules.ttl,
            refresh_ahead=rules.refresh_ahead,
            stale_while_revalidate=rules.stale_while_revalidate,
            policy="lru" if rules.maxsize else "adaptive",
            max_weight=10**6 if evil else None,
            weigher=self.weigh if evil else None,
            on_removal=self.listen if evil else None,
            refresh_workers=2,
            clock=self.clock,
            seed=seed,
        )

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
        self.cache.clear()
        self.cache.close()
        if self.program.evil:
            self.has_told_of_all()
        return self.history

    def has_told_of_all(self) -> None:
        """Each value that a read has found is told of once by the listener, be it by a thread that has loaded."""
        read = {one.result for one in self.history.done if one.step.kind == "get"} - {MISSING, REFUSED}
        await_until(lambda: read <= set(self.removed), f"word of {read} in {self.removed}", 10)
        assert len(set(self.removed)) == len(self.removed), f"told of twice: {self.removed}"

    # ---- strangers' code ----

    def come_to(self, where: str) -> None:
        """Takes what the step under way has to be done here."""
        under_way: list[list[tuple[str, Step]]] = getattr(self.local, "under_way", [])
        if not under_way:
            return
        todo = under_way[-1]
        for place, step in [*todo]:
            if place == where and (place, step) in todo:
                todo.remove((place, step))
                self.take(step)

    def weigh(self, key: object, value: object) -> int:
        self.come_to("weigh")
        return 1

    def listen(self, key: object, value: Any, cause: object) -> None:
        self.removed.append(name_of(value))
        self.come_to("removal")

    def key(self, number: int) -> Any:
        if not self.program.evil:
            return self.program.key_of(number)
        return Key(number, on_eq=lambda: self.come_to("eq"), on_hash=lambda: self.come_to("hash"))

    def value(self, name: str) -> Any:
        if not self.program.evil:
            return name
        value = Value(name, self)
        self.watches.append(weakref.ref(value, lambda _: self.come_to("callback")))
        return value

    # ---- steps ----

    def take(self, step: Step) -> None:
        if step.kind == "fault":
            fault()
        if step.kind == "collect":
            gc.collect()
            return
        if not hasattr(self.local, "under_way"):
            self.local.under_way = []
        self.local.under_way.append([*step.inner])
        done = Done(step, now())
        self.history.done.append(done)
        try:
            done.result = name_of(self.act(step, done))
        except LoadFailedError as error:
            done.result = error.args[0]
        except (FaultyKeyError, RecursiveLoadError, LoadCycleError):
            assert not done.load_begun, f"{step} has loaded, and then raised"
            done.result = REFUSED
        finally:
            self.local.under_way.pop()
        done.ended = now()

    def act(self, step: Step, done: Done) -> Any:
        cache, key = self.cache, self.key(step.key)
        match step.kind:
            case "get":
                return cache.get(key, MISSING)
            case "set":
                return cache.set(key, self.value(step.value), ttl=step.ttl)
            case "setdefault":
                return cache.setdefault(key, self.value(step.value))
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
                return cache.get_or_load(key, self.loader(step, done), ttl=step.ttl)
            case "force":
                return cache.get_or_load(key, self.loader(step, done), ttl=step.ttl, force=True)
            case "refresh":
                return cache.refresh(key, self.loader(step, done), ttl=step.ttl).result(LIMIT)
        raise ValueError(f"step.kind must be known, not {step.kind!r}")

    def loader(self, step: Step, done: Done) -> Callable[[object], Any]:
        # Of this very thread: another one may be given its identity.
        mine = self.local.__dict__

        def load(_: object) -> Any:
            assert not done.load_begun, f"{step} loads twice"
            done.behind = self.local.__dict__ is not mine and step.kind != "refresh"
            done.load_begun = now()
            self.program.give_way()
            if self.local.__dict__ is mine:
                self.come_to("load")
            done.load_ended = now()
            if step.fails:
                raise LoadFailedError(step.value)
            return self.value(step.value)

        return load
