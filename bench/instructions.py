"""Instructions of the hot operations, counted by callgrind: a figure that does not depend on the neighbours.

One child runs under valgrind, each operation N and then 2 N times, between calls of ``getppid`` at which callgrind
writes out and zeroes its counters; the difference over N, less that of the bare loop, is what one operation takes.

Counts depend on the interpreter, the compilers, the C library and the processor whose variants of memcmp it picks.  So
a record counts only where it was made: where the environment has the same name, and where the controls, operations of
Python itself, come out as they were recorded.  Elsewhere the counts are shown and nothing is checked.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import fastcache
from bench.counted import CONTROLS, OPERATIONS, TURNS

RECORDS = Path(__file__).parent / "results" / "instructions.json"
GROWTH = 1.05
# Controls that differ by more are another machine's.
ALIKE = 0.01
SUMMARY = re.compile(r"^(?:summary|totals): (\d+)", re.MULTILINE)


def environment() -> str:
    """What counts depend on, as far as it has a name."""
    compiler = subprocess.run(
        [*(sysconfig.get_config_var("CC") or "cc").split(), "-dumpfullversion"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    free = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    libc = " ".join(part for part in platform.libc_ver() if part)
    built = platform.python_compiler()
    return f"{platform.machine()}, Python {platform.python_version()}{free} [{built}], {libc}, compiler {compiler}"


def count() -> dict[str, float]:
    """Instructions of one operation by name, in a child under valgrind."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", "--dump-before=getppid", f"--callgrind-out-file={folder}/out"]
        settings = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        child = subprocess.run(
            [*command, sys.executable, "-m", "bench.counted"],
            cwd=Path(__file__).parents[1],
            env=settings,
            capture_output=True,
            text=True,
            check=False,
        )
        if child.returncode:
            raise RuntimeError(child.stderr)
        # Part n was written at the n-th call, and holds what ran since the one before.
        parts = {int(path.suffix[1:]): path for path in Path(folder).glob("out.*") if path.suffix[1:].isdigit()}
        totals = {part: int(SUMMARY.findall(path.read_text())[-1]) for part, path in parts.items()}
    return counts(totals)


def counts(totals: dict[int, int]) -> dict[str, float]:
    """From the totals of the parts, three for each operation: what came before, N turns, 2 N turns."""
    names = ["bare", *CONTROLS, *OPERATIONS]
    each = {name: (totals[3 * number + 3] - totals[3 * number + 2]) / TURNS for number, name in enumerate(names)}
    return {name: round(each[name] - each["bare"], 1) for name in names[1:]}


def check(counted: dict[str, float], recorded: dict[str, float] | None) -> tuple[list[str], str]:
    """What grew, and what the comparison is worth."""
    if recorded is None:
        return (
            [],
            "no record was made in this environment; nothing is checked (make instructions ARGS=--save makes one)",
        )
    foreign = [name for name in CONTROLS if name in recorded and abs(counted[name] / recorded[name] - 1) > ALIKE]
    if foreign:
        return [], f"Python's own {', '.join(foreign)} counts otherwise than recorded; nothing is checked"
    grown = [name for name in OPERATIONS if name in recorded and counted[name] > GROWTH * recorded[name]]
    return grown, "compared with the record of this environment"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.instructions", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--save", action="store_true", help="record the counts of this environment")
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        print("valgrind is not installed: instructions are not counted, and nothing is checked")
        return 0
    records = json.loads(RECORDS.read_text()) if RECORDS.exists() else {}
    name, counted = environment(), count()
    recorded = records.get(name, {}).get("instructions")
    grown, note = check(counted, recorded)
    print(f"instructions of one operation, {name}, fastcache {fastcache.__version__}\n")
    print(f"{'':34} {'now':>8} {'recorded':>9} {'x dict.get':>11}")
    for operation, number in counted.items():
        before = f"{recorded[operation]:9.1f}" if recorded and operation in recorded else " " * 9
        more = f"   grown by more than {GROWTH - 1:.0%}" if operation in grown else ""
        print(f"{operation:34} {number:8.1f} {before} {number / counted['dict.get, str']:11.2f}{more}")
    print(f"\n{note}")
    if options.save:
        records[name] = {"fastcache": fastcache.__version__, "instructions": counted}
        RECORDS.write_text(json.dumps(records, indent=1, sort_keys=True) + "\n")
        print(f"written: {RECORDS}")
        return 0
    return 1 if grown else 0


if __name__ == "__main__":
    raise SystemExit(main())
