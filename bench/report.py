"""The report: measures, prints a table, and writes the figures with machine, versions and date to bench/results/."""

from __future__ import annotations

import argparse
import datetime
import json
import pathlib
import platform
import sys

import fastcache
from bench import hits, memory

RESULTS = pathlib.Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.report", description=__doc__)
    parser.add_argument("--rounds", type=int, default=hits.ROUNDS, help="rounds of the hit contest")
    parser.add_argument("--save", action="store_true", help="write the figures to bench/results/")
    options = parser.parse_args()

    lines = hits.measure(options.rounds)
    bytes_per_entry = memory.measure()
    print(f"Python {platform.python_version()}{_build()}, fastcache {fastcache.__version__}, {options.rounds} rounds\n")
    print(f"{'hit, one str key':40} {'ns':>7} {'x dict.get':>11}   middle half")
    for line in lines:
        print(f"{line.name:40} {line.nanoseconds:7.1f} {line.ratio:11.2f}   {line.low:.2f} - {line.high:.2f}")
    decorated = hits.ratio(lines, "fastcache.cached, ttl", "functools.lru_cache")
    print(f"\nfastcache.cached, ttl / functools.lru_cache: {decorated:.2f}")
    print(f"\n{'bytes per entry beyond key and value':46} {memory.ENTRIES:,} entries")
    for name, size in bytes_per_entry.items():
        print(f"{name:46} {size:7.1f}")
    if options.save:
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"hits-{platform.python_version()}{_build()}.json"
        path.write_text(
            json.dumps(
                {
                    "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                    "machine": f"{platform.system()} {platform.machine()}",
                    "python": sys.version,
                    "fastcache": fastcache.__version__,
                    "hits": [line._asdict() for line in lines],
                    "decorated_over_lru_cache": decorated,
                    "bytes_per_entry": bytes_per_entry,
                },
                indent=1,
            )
            + "\n"
        )
        print(f"\nwritten: {path}")


def _build() -> str:
    return "" if getattr(sys, "_is_gil_enabled", lambda: True)() else "t"


if __name__ == "__main__":
    main()
