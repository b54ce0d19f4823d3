"""Where a strategy is played: a cache, a pool, the users' threads, and the record of what happened."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .arrivals import Arrival, Replay
from .database import REPORT, SLEEP, Database, Outage
from .pool import Answer, Pool
from .record import Play, Run
from .sizes import Sizes
from .strategies import Load, Strategy

Statement = Callable[[int], tuple[str, tuple[Any, ...]]]
ALREADY_OVER = 0.0001  # ttl of entries that are to have expired when the play begins


class Screen(Protocol):
    """What shows how far the run has come."""

    def begin(self, label: str, total: int) -> None: ...
    def step(self, done: int, queries: int, waiting: int) -> None: ...


@dataclass(frozen=True)
class Plan:
    scene: int
    arrivals: Sequence[Arrival]
    keys: int
    statement: Statement
    bin: float = 0.1
    starts: float = 0.0
    scale: float = 1.0
    threads: int = 400
    pool: int = 8
    expired: bool = False  # every key is in the cache but ran out before the start
    down: tuple[float, float] | None = None


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
            0.0 if plan.expired else strategy.life,
            plan.bin,
            plan.starts,
            plan.scale,
            plan.pool,
            plan.threads,
        )
        cache = strategy.cache(self.seed)
        pool = Pool(self.database.path, plan.pool)
        outage: Outage | None = None
        ask = strategy.way(cache, _loader(pool, plan.statement))
        replay = Replay(plan.arrivals, ask, plan.threads, strategy.freshest)
        self.screen.begin(strategy.name, len(plan.arrivals))
        try:
            replay.start(lambda: _write(cache, plan))
            if plan.down is not None:
                begins, ends = plan.down
                outage = Outage(self.database.path, replay.begin + begins, replay.begin + ends)
                outage.start()
            replay.wait(lambda: self.screen.step(len(replay.served), pool.counted, pool.waiting))
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


def _write(cache: Any, plan: Plan) -> None:
    now = time.perf_counter()
    for key in range(plan.keys):
        if plan.expired:
            cache.set(key, Answer(0.0, now), ttl=ALREADY_OVER)
        else:
            cache.set(key, Answer(0.0, now))


def _fill(play: Play, replay: Replay, pool: Pool, outage: Outage | None) -> None:
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
