"""How often a bounded cache hits, on access traces: python -m bench.hit_ratio [FOLDER].

A folder holds traces, NAME.gz with one key a line, and ``reference.json`` with what other policies reach:
{NAME: {"hit_ratio": {CAPACITY: {POLICY: RATIO}}}}.  Every miss is followed by a write, as in a program that loads.
"""

import gzip
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from fastcache import Cache

FOLDER = Path(__file__).parents[1] / ".." / "shared" / "traces"
POLICIES = ("adaptive", "lru", "fifo")


def keys(folder: Path, name: str) -> list[str]:
    """The requested keys, equal ones as one object."""
    seen: dict[str, str] = {}
    with gzip.open(folder / f"{name}.gz", "rt") as lines:
        return [seen.setdefault(line, line) for line in lines]


def hit_ratio(requests: list[str], capacity: int, policy: str = "adaptive") -> float:
    cache: Cache[str, bool] = Cache(capacity, policy=policy)
    get = cache.get
    for key in requests:
        if get(key) is None:
            cache[key] = True
    return cache.stats().hits / len(requests)


def references(folder: Path) -> Iterator[tuple[str, int, dict[str, float]]]:
    """(trace, capacity, hit ratio of each policy)."""
    for name, trace in json.loads((folder / "reference.json").read_text()).items():
        for capacity, ratios in trace["hit_ratio"].items():
            yield name, int(capacity), ratios


def main(folder: Path) -> None:
    others = sorted({policy for _, _, ratios in references(folder) for policy in ratios if policy != "OPT"})
    columns = [*POLICIES, *others, "OPT"]
    print("| trace | entries |", " | ".join(columns), "|")
    print("|---|--:|", "--:|" * len(columns), sep="")
    total: dict[str, float] = defaultdict(float)
    best = rows = 0
    for name, capacity, ratios in references(folder):
        requests = keys(folder, name)
        all_ratios = ratios | {policy: hit_ratio(requests, capacity, policy) for policy in POLICIES}
        for policy in columns:
            total[policy] += all_ratios.get(policy, 0)
        best += max(ratios.get(policy, 0) for policy in others)
        rows += 1
        print(f"| {name} | {capacity} |", " | ".join(f"{100 * all_ratios.get(p, 0):.2f}" for p in columns), "|")
    print("| **mean** | |", " | ".join(f"{100 * total[policy] / rows:.2f}" for policy in columns), "|")
    print(f"\nMean of the best other policy for each trace and capacity: {100 * best / rows:.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
