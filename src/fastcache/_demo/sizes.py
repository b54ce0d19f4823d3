"""How much each scene does: a full run, and a quick one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    crowd_ms: float  # of the report on all orders, when the whole pool runs it at once
    pool: int = 8

    hot_requests: int = 10_000
    hot_seconds: float = 1.25
    hot_ttl: float = 0.35
    hot_threads: int = 1_500

    many_keys: int = 100
    many_scale: float = 25  # told seconds per second that passes
    many_requests: int = 4_400
    many_share: float = 0.12  # of the orders, read by the report of one key
    entries: int = 1_000_000  # in the store on the movable clock

    early_keys: int = 5
    early_ttl: float = 0.5
    early_lifetimes: int = 4
    early_requests: int = 1_600
    early_share: float = 0.3

    outage_keys: int = 8
    outage_scale: float = 35
    outage_ttl: float = 20  # told seconds, as the two below
    outage_seconds: float = 140
    outage_down: tuple[float, float] = (30, 100)
    outage_requests: int = 3_400
    outage_share: float = 0.05

    lock_keys: int = 1_000
    lock_ms: float = 30
    lock_pool: int = 100

    cold_keys: int = 2_000
    cold_seconds: float = 0.4
    cold_share: float = 0.05
    cold_limit: int = 8
    cold_patience: float = 0.3
    cold_pool: int = 100

    tasks: int = 10_000
    tasks_share: float = 0.02

    threads: int = 400


FULL = Sizes(crowd_ms=115)
QUICK = Sizes(
    crowd_ms=44,
    hot_requests=2_000,
    hot_seconds=0.7,
    hot_ttl=0.2,
    hot_threads=1_000,
    many_keys=40,
    many_scale=75,
    many_requests=1_200,
    many_share=0.15,
    early_ttl=0.25,
    early_lifetimes=3,
    early_requests=500,
    outage_scale=50,
    outage_requests=1_900,
    lock_keys=30,
    cold_keys=1_000,
    cold_seconds=0.2,
    cold_share=0.15,
)
