"""Writes, evictions, loads and mixes under pytest-benchmark; a call goes once round the workload's keys."""

from __future__ import annotations

from typing import Any

import pytest

from bench.suites import cases, run

NAMES = ["replace", "insert", "load.miss", "zipf.95", "zipf.50"]


@pytest.mark.parametrize(("workload", "contender"), cases(NAMES))
def test_write(benchmark: Any, workload: str, contender: str) -> None:
    run(benchmark, workload, contender)
