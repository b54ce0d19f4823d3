"""Hits under pytest-benchmark, for comparisons by hand: ``pytest bench/bench_hit.py``."""

from __future__ import annotations

from typing import Any

import pytest

from bench.hits import contenders

STATEMENTS, SCOPE = contenders()


@pytest.mark.parametrize("name", STATEMENTS)
def test_hit(benchmark: Any, name: str) -> None:
    call = eval(f"lambda: {STATEMENTS[name]}", SCOPE)
    benchmark(call)
