"""Where a strategy is played: a cache, a pool, the users' threads, and the record of what happened."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from .arrivals import Arrival, Replay, Served
from .clock import FastClock
from .database import REPORT, SLEEP, Database, Outage
from .pool import Answer, Pool
from .record import Play, Run
from .sizes import Sizes
from .strategies import Ask, Load, Strategy

Statement = Callable[[int], tuple[str, tuple[Any, ...]]]
ALREADY_OVER = 0.0001  # ttl of entries that are to have expired when the play begins
TICK = 0.01  # seconds


class Screen(Protocol):
    """What shows how far the run has come."""

    def begin(self, label: str, total: int) -> None: ...
    def step(self, done: int, queries: int, waiting: int) -> None: ...


class Users(Protocol):
    """Who plays the arrivals: ``Replay`` with threads, or ``Tasks``."""

    served: list[Served]
    begin: float

    def start(self, just_before: Callable[[], None]) -> None: ...
    def wait(self, while_waiting: Callable[[], None]) -> None: ...
    def stop(self) -> None: ...
    def join(self) -> None: ...


@dataclass(frozen=True)
class Plan:
    scene: int
    arrivals: Sequence[Arrival]
    keys: int
    statement: Statement
    bin: float = 0.1
    starts: float = 0.0
    scale: float = 1.0  # at which the cache's clock runs
    threads: int = 400
    pool: int = 8
    holds: Literal["fresh", "expired", "nothing"] = "fresh"  # what is in the cache at the start, of every key
    down: tuple[float, float] | None = None
    users: Callable[[Sequence[Arrival], Any, int, float], Users] = Replay


@dataclass(frozen=True)
class Stage:
    database: Database
    sizes: Sizes
    seed: int
    screen: Screen
    run: Run

    def report(self, share: float = 1.0) -> Statement:
        """The slow query of a key: a report that reads that share of the orders."""
        return lambda key: (REPORT, self.database.part(key, share))

    def wait(self, milliseconds: float) -> Statement:
        """A query whose time is the latency of the database, not its work."""
        return lambda key: (SLEEP, (milliseconds, key))

    def play(self, plan: Plan, strategy: Strategy) -> Play:
        play = Play(
            plan.scene,
            strategy.name,
            strategy.protected,
            plan.keys,
            strategy.life / plan.scale if plan.holds == "fresh" else 0.0,
            plan.bin,
            plan.starts,
            plan.scale,
            plan.pool,
            plan.threads,
            limit=strategy.options.get("max_concurrent_loads"),
            patience=strategy.patience,
        )
        clock = FastClock(plan.scale) if plan.scale != 1 else None
        cache = strategy.cache(self.seed, None if clock is None else clock.movable)
        pool = Pool(self.database.path, plan.pool)
        outage: Outage | None = None
        load = _loader(pool, plan.statement)
        ask = strategy.way(cache, load if clock is None else _in_time(load, clock))
        if clock is not None:
            ask = _in_time(ask, clock)
        replay = plan.users(plan.arrivals, ask, plan.threads, strategy.freshest / plan.scale)

        def just_before() -> None:
            if clock is not None:
                clock.begin(replay.begin)
            _write(cache, plan)

        self.screen.begin(strategy.name, len(plan.arrivals))
        try:
            replay.start(just_before)
            if plan.down is not None:
                begins, ends = plan.down
                outage = Outage(self.database.path, replay.begin + begins, replay.begin + ends)
                outage.start()
            replay.wait(lambda: self.screen.step(len(replay.served), pool.counted, pool.waiting))
            while cache.flights():
                # Of users who did not wait for their loads to end.
                time.sleep(0.01)
        finally:
            replay.stop()
            if outage is not None:
                outage.end()
            cache.close()
            pool.close()
            replay.join()
        self.screen.step(len(replay.served), pool.counted, 0)
        _fill(play, replay, pool, outage)
        self.run.plays.append(play)
        return play


def _loader(pool: Pool, statement: Statement) -> Load:
    def load(key: int) -> Answer:
        return pool.ask(key, *statement(key))

    return load


def _in_time(ask: Ask, clock: FastClock) -> Ask:
    """The clock is right when that begins and when it ends."""

    def told(key: int) -> Answer:
        clock.catch_up()
        try:
            return ask(key)
        finally:
            clock.catch_up()

    return told


def _write(cache: Any, plan: Plan) -> None:
    now = time.perf_counter()
    for key in range(plan.keys if plan.holds != "nothing" else 0):
        if plan.holds == "expired":
            cache.set(key, Answer(0.0, -math.inf), ttl=ALREADY_OVER)
        else:
            cache.set(key, Answer(0.0, now))
    if plan.holds == "expired":
        # Until the cache's clock has ticked, which may read some milliseconds too early.
        time.sleep(TICK)


def _fill(play: Play, replay: Users, pool: Pool, outage: Outage | None) -> None:
    begin = replay.begin
    play.counted = pool.counted
    play.served = sorted(replay.served)
    play.queries = sorted(
        (
            query._replace(asked=query.asked - begin, started=query.started - begin, finished=query.finished - begin)
            for query in pool.queries
        ),
        key=lambda query: query.asked,
    )
    if outage is not None and outage.down is not None:
        play.down = (outage.down[0] - begin, outage.down[1] - begin)
