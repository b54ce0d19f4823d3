"""Builds and runs all programs: ``python -m tests.native.harness [BUILD ...] [--effort N] [--mutations]``.

One that fails does not keep the rest from being run.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from tests.native.harness.building import BUILDS, build_program, programs, run_program, why_not
from tests.native.harness.mutations import MUTATIONS, is_caught


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.native.harness")
    parser.add_argument("builds", nargs="*", metavar="BUILD", help=f"of {', '.join(BUILDS)}; all but the last")
    parser.add_argument("--effort", type=int, default=10, help="times as much as the suite does (10)")
    parser.add_argument("--mutations", action="store_true", help="break the headers instead, one thing at a time")
    options = parser.parse_args()
    builds = options.builds or list(BUILDS)[:-1]
    for build in builds:
        if build not in BUILDS:
            parser.error(f"BUILD must be one of {', '.join(BUILDS)}, not {build!r}")
    failures = mutate() if options.mutations else drive(builds, options.effort)
    print(f"{failures} failed" if failures else "all held")
    return failures != 0


def drive(builds: list[str], effort: int) -> int:
    """How many failed."""
    failures = 0
    for build in builds:
        reason = why_not(build)
        if reason is not None:
            print(f"{build}: {reason}")
            failures += 1
            continue
        for program in programs(build):
            with tempfile.TemporaryDirectory() as folder:
                made = build_program(program, build, Path(folder))
                begun = time.monotonic()
                outcome = run_program(program, build, made, effort)
                print(f"{build}, {program}, {time.monotonic() - begun:.1f} s: {outcome.text.strip()}", flush=True)
            if outcome.code != 0:
                print(f"FAILED, with {outcome.code}")
                failures += 1
    return failures


def mutate() -> int:
    """How many mutations nothing was found of."""
    failures = 0
    for mutation in MUTATIONS:
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            outcome = mutation.run(Path(folder))
        caught = is_caught(mutation, outcome)
        print(f"{'caught' if caught else 'MISSED'} in {time.monotonic() - begun:.1f} s: {mutation}", flush=True)
        if not caught:
            print(outcome.text)
        failures += not caught
    return failures


if __name__ == "__main__":
    raise SystemExit(main())
