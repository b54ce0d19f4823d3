"""Decorated functions under pytest-benchmark."""

from __future__ import annotations

from typing import Any

import pytest

from bench.suites import cases, run
from bench.workloads import BY_NAME

NAMES = [name for name in BY_NAME if name.startswith("decorated") and name != "decorated.async"]


@pytest.mark.parametrize(("workload", "contender"), cases(NAMES))
def test_decorated(benchmark: Any, workload: str, contender: str) -> None:
    run(benchmark, workload, contender)
