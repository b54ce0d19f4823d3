"""Hits and misses under pytest-benchmark, for comparisons by hand: ``pytest bench/``."""

from __future__ import annotations

from typing import Any

import pytest

from bench.suites import cases, run

NAMES = ["hit.str", "hit.copy", "hit.int", "hit.tuple", "hit.user", "item", "miss", "load.hit", "bulk", "iterate"]


@pytest.mark.parametrize(("workload", "contender"), cases(NAMES))
def test_hit(benchmark: Any, workload: str, contender: str) -> None:
    run(benchmark, workload, contender)
