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
    many_scale: float = 25  # ttl 60 +- 5 lasts 60 / many_scale seconds
    many_requests: int = 4_400
    many_share: float = 0.12  # of the orders, read by the report of one key
    entries: int = 1_000_000  # in the store on the movable clock

    early_keys: int = 5
    early_ttl: float = 0.5
    early_lifetimes: int = 4
    early_requests: int = 1_600
    early_share: float = 0.3

    outage_keys: int = 20
    outage_ttl: float = 0.5
    outage_seconds: float = 2.6
    outage_down: tuple[float, float] = (0.7, 1.8)
    outage_requests: int = 1_300
    outage_share: float = 0.05

    lock_keys: int = 1_000
    lock_ms: float = 50
    lock_pool: int = 100

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
    outage_ttl=0.2,
    outage_seconds=1.0,
    outage_down=(0.25, 0.75),
    outage_requests=600,
    lock_keys=30,
)
