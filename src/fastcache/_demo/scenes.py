"""The seven scenes: what expires, who asks, and which strategies are compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import fastcache
from fastcache.testing import MovableClock

from .arrivals import at_once, crowd, each_once, schedule
from .record import Expiries
from .stage import Plan, Stage
from .strategies import Strategy, check_then_load, one_lock, single_flight, within
from .tasks import Tasks, check_then_await, shared_await


def hot_key(stage: Stage) -> None:
    sizes = stage.sizes
    ttl = sizes.hot_ttl
    plan = Plan(
        scene=1,
        arrivals=schedule(stage.seed, sizes.hot_requests, sizes.hot_seconds, keys=1),
        keys=1,
        statement=stage.report(),
        threads=sizes.hot_threads,
        pool=sizes.pool,
    )
    stage.play(plan, Strategy("no protection", check_then_load, ttl, protected=False))
    stage.play(plan, Strategy("locking", single_flight, ttl))
    early = {"refresh_ahead": 0.4 * ttl}
    stage.play(plan, Strategy("locking + early refresh", single_flight, ttl, early))
    stale = {"stale_while_revalidate": ttl}
    stage.play(plan, Strategy("stale-while-revalidate", single_flight, ttl, stale))


def written_together(stage: Stage) -> None:
    sizes = stage.sizes
    second = 1 / sizes.many_scale
    plan = Plan(
        scene=2,
        arrivals=schedule(stage.seed, sizes.many_requests, 22 * second, sizes.many_keys, starts=50 * second),
        keys=sizes.many_keys,
        statement=stage.report(sizes.many_share),
        bin=second,
        starts=50 * second,
        scale=sizes.many_scale,
        threads=sizes.threads,
        pool=sizes.pool,
    )
    stage.play(plan, Strategy("ttl 60", single_flight, 60, protected=False))
    stage.play(plan, Strategy("ttl 60 ± 5", single_flight, 60, {"jitter": 5}))
    for name, jitter in (("ttl 60", 0.0), ("ttl 60 ± 5", 5.0)):
        stage.screen.begin(f"{name}, {sizes.entries:,} keys on a movable clock", 22)
        stage.run.expiries.append(expiries(stage, name, jitter))


def expiries(stage: Stage, name: str, jitter: float) -> Expiries:
    """Write entries in one instant, then let the clock tick and see how many are gone each second."""
    clock = MovableClock()
    found = Expiries(name, stage.sizes.entries)
    cache: fastcache.Cache[int, int]
    cache = fastcache.Cache(maxsize=None, ttl=60, jitter=jitter, seed=stage.seed, clock=clock)
    with cache:
        for key in range(stage.sizes.entries):
            cache.set(key, key)
        # Just before each full second, so that what expires at it is counted in the second it begins.
        clock.advance(50 - 1e-6)
        before = len(cache)
        for second in range(50, 72):
            clock.advance(1)
            after = len(cache)
            found.seconds[second] = before - after
            before = after
            stage.screen.step(second - 49, 0, 0)
    return found


def early_refresh(stage: Stage) -> None:
    sizes = stage.sizes
    ttl = sizes.early_ttl
    plan = Plan(
        scene=3,
        arrivals=schedule(stage.seed, sizes.early_requests, ttl * sizes.early_lifetimes, sizes.early_keys),
        keys=sizes.early_keys,
        statement=stage.report(sizes.early_share),
        threads=sizes.threads,
        pool=sizes.pool,
    )
    stage.play(plan, Strategy("locking", single_flight, ttl, protected=False))
    early = {"refresh_ahead": 0.4 * ttl}
    stage.play(plan, Strategy("locking + early refresh", single_flight, ttl, early))


def outage(stage: Stage) -> None:
    sizes = stage.sizes
    ttl, second = sizes.outage_ttl, 1 / sizes.outage_scale
    begins, ends = sizes.outage_down
    plan = Plan(
        scene=4,
        arrivals=schedule(stage.seed, sizes.outage_requests, sizes.outage_seconds * second, sizes.outage_keys),
        keys=sizes.outage_keys,
        statement=stage.report(sizes.outage_share),
        bin=2 * second,
        scale=sizes.outage_scale,
        threads=sizes.threads,
        pool=sizes.pool,
        down=(begins * second, ends * second),
    )
    stage.play(plan, Strategy("without stale-if-error", single_flight, ttl, protected=False))
    shield = {"stale_if_error": 3600}
    stage.play(plan, Strategy("with stale-if-error", single_flight, ttl, shield))


def one_lock_for_all(stage: Stage) -> None:
    sizes = stage.sizes
    plan = Plan(
        scene=5,
        arrivals=at_once(sizes.lock_keys),
        keys=sizes.lock_keys,
        statement=stage.wait(sizes.lock_ms),
        threads=sizes.lock_pool,
        pool=sizes.lock_pool,
        holds="expired",
    )
    stage.play(plan, Strategy("one lock for all keys", one_lock, 300, protected=False))
    stage.play(plan, Strategy("a lock per key", single_flight, 300))


def cold_start(stage: Stage) -> None:
    sizes = stage.sizes
    plan = Plan(
        scene=6,
        arrivals=each_once(stage.seed, sizes.cold_keys, sizes.cold_seconds),
        keys=sizes.cold_keys,
        statement=stage.report(sizes.cold_share),
        bin=0.02,
        # Nobody comes late because the others still wait.
        threads=sizes.cold_keys,
        pool=sizes.cold_pool,
        holds="nothing",
    )
    limit = {"max_concurrent_loads": sizes.cold_limit}
    name = f"at most {sizes.cold_limit} loads at a time"
    patience = sizes.cold_patience
    stage.play(plan, Strategy("one load per key", single_flight, 300, protected=False))
    stage.play(plan, Strategy(name, single_flight, 300, limit))
    stage.play(plan, Strategy(f"{name}, waits of {patience:g} s", within(patience), 300, limit, patience=patience))
    served = {**limit, "stale_if_error": 3600}
    stage.play(replace(plan, holds="expired"), Strategy(f"{name}, old values", single_flight, 300, served))


def tasks(stage: Stage) -> None:
    sizes = stage.sizes
    plan = Plan(
        scene=7,
        arrivals=crowd(sizes.tasks),
        keys=1,
        statement=stage.report(sizes.tasks_share),
        # One for each connection.
        threads=sizes.pool,
        pool=sizes.pool,
        holds="nothing",
        users=Tasks,
    )
    stage.play(plan, Strategy("no protection", check_then_await, 300, protected=False))
    stage.play(plan, Strategy("aget_or_load", shared_await, 300))


SCENES: dict[int, Callable[[Stage], None]] = {
    1: hot_key,
    2: written_together,
    3: early_refresh,
    4: outage,
    5: one_lock_for_all,
    6: cold_start,
    7: tasks,
}
