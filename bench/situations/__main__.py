"""Plays every situation with every subject and prints what they did; with --save writes docs/situations.md."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from bench import surroundings
from bench.situations import runner, sheet
from bench.situations.catalogue import SITUATIONS
from bench.situations.subject import SUBJECTS

DISTRIBUTIONS = ["pyfastcache", "cachebox", "cachetools", "dogpile.cache"]


def about() -> dict[str, Any]:
    """What the answers hold for."""
    known = surroundings.describe()
    return {**known, "versions": {name: known["versions"][name] for name in DISTRIBUTIONS if name in known["versions"]}}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.situations", description=__doc__)
    parser.add_argument("--only", action="append", choices=SITUATIONS, help="one situation; repeat it")
    parser.add_argument("--subject", action="append", choices=SUBJECTS, help="one subject; repeat it")
    parser.add_argument("--save", action="store_true", help="write the table of docs/situations.md")
    options = parser.parse_args()
    if options.save and (options.only or options.subject):
        parser.error("only a full run is saved")
    subjects, absent = runner.present(options.subject or SUBJECTS)
    started = time.monotonic()
    answers = runner.run_all(
        options.only or SITUATIONS,
        subjects,
        lambda what: print(f"{time.monotonic() - started:5.0f} s  {what}", file=sys.stderr),
    )
    print("\n".join(sheet.lines(answers)))
    for subject, reason in absent.items():
        print(f"left out: {subject} ({reason})")
    failures = list(sheet.failures(answers))
    print("\n".join(failures), file=sys.stderr)
    if options.save and not failures:
        print(sheet.write(answers, about(), absent))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
