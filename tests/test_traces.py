"""Hit ratios on recorded traces, only where their folder exists: exact policies equal the reference figures, and the
default is nowhere far from S3-FIFO and on average above every policy that the reference knows."""

import sys

import pytest

from bench.hit_ratio import FOLDER, hit_ratio, keys, references

pytestmark = pytest.mark.skipif(not (FOLDER / "reference.json").exists(), reason="the traces are not here")

# Without a GIL even small caches are split, the more the more processors there are.
ALLOWED = 0.003 if getattr(sys, "_is_gil_enabled", lambda: True)() else 0.005
# A request of the long traces costs time; of their capacities these are tested.
SOME = {"arc_OLTP": {1000, 5000, 46720}, "lirs_loop": {10, 101, 512, 768}}


@pytest.fixture(scope="module")
def rows():
    """(trace, requests, capacity, reference figures)."""
    rows, traces = [], {}
    for name, capacity, ratios in references(FOLDER):
        if capacity in SOME.get(name, {capacity}):
            if name not in traces:
                # Numbers instead of names: their hashes, which the default order's ghosts keep, are the same each time.
                numbers: dict[str, int] = {}
                traces[name] = [numbers.setdefault(key, len(numbers)) for key in keys(FOLDER, name)]
            rows.append((name, traces[name], capacity, ratios))
    return rows


@pytest.mark.parametrize("policy", ["lru", "fifo"])
def test_an_exact_policy_equals_the_reference_to_five_decimals(rows, policy):
    wrong = [
        (name, capacity)
        for name, requests, capacity, ratios in rows
        if round(hit_ratio(requests, capacity, policy), 5) != ratios[policy.upper()]
    ]
    assert wrong == []


def test_the_default_is_near_s3_fifo_everywhere_and_above_all_on_average(rows):
    total, others = 0.0, dict.fromkeys(["LRU", "SIEVE", "S3-FIFO", "ARC", "LIRS", "W-TinyLFU", "theine", "moka"], 0.0)
    far = []
    for name, requests, capacity, ratios in rows:
        ratio = hit_ratio(requests, capacity)
        total += ratio
        for policy in others:
            others[policy] += ratios.get(policy, 0)
        if capacity >= 100 and ratio < ratios["S3-FIFO"] - ALLOWED:
            far.append((name, capacity, ratio))
    assert far == []
    assert total > max(others.values())
