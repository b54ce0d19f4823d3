"""Readers who verify each value, amid writers who do everything that moves memory."""

from __future__ import annotations

from tests.campaigns._campaign import Campaign
from tests.harness.readers import Trial

# A full cache, an unbounded one, and one of several stripes.
SIZES = (300, None, 10_000)


def run(seconds: int, seed: int) -> str:
    done = [Trial(maxsize, seed=seed).run(seconds / len(SIZES), readers=3, writers=2) for maxsize in SIZES]
    reads, hits, writes = map(sum, zip(*done, strict=True))
    return f"{reads:,} reads, {hits:,} hits, {writes:,} writes"


CAMPAIGN = Campaign(
    "no reader gets the value of another key (quick form: tests/test_reads_amid_writes.py)", "seconds", 0, 300, run
)
