"""Bytes per entry beyond key and value: growth of the resident set of a fresh process that fills one container."""

from __future__ import annotations

import subprocess
import sys

ENTRIES = 500_000

FILL = """
import gc, psutil, sys
import fastcache
make = {make}
keys = ["key%d" % i for i in range({entries})]
values = list(range({entries}))
[hash(key) for key in keys]
gc.collect()
me = psutil.Process()
before = me.memory_info().rss
container = make()
for key, value in zip(keys, values):
    container[key] = value
after = me.memory_info().rss
assert len(container) == {entries}
print((after - before) / {entries})
"""

EVERYTHING = "600, jitter=5, refresh_ahead=10, stale_while_revalidate=30, stale_if_error=60"
CONTAINERS = {
    "dict": "dict",
    "fastcache.Cache, everything on": f"lambda: fastcache.Cache({{entries}}, {EVERYTHING})",
    "fastcache.Cache, everything on, policy='lru'": f"lambda: fastcache.Cache({{entries}}, {EVERYTHING}, policy='lru')",
}


def measure(entries: int = ENTRIES) -> dict[str, float]:
    return {
        name: _bytes_per_entry(make.replace("{entries}", str(entries)), entries) for name, make in CONTAINERS.items()
    }


def _bytes_per_entry(make: str, entries: int) -> float:
    code = FILL.format(make=make, entries=entries)
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
