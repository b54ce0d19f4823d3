"""The lines of native code that no test has reached, by file: ``python -m tests.uncovered`` after ``make coverage``.

What is inlined into several extensions is reached if any of them has reached it.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path


def counts(build: Path) -> dict[str, dict[int, int]]:
    """By file of the package and line, how often the line was run."""
    found: defaultdict[str, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
    for data in sorted(build.rglob("*.gcda")):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["gcov", "--json-format", str(data.resolve())], cwd=folder, check=True, capture_output=True)
            for report in Path(folder).glob("*.gcov.json.gz"):
                for file in json.loads(gzip.decompress(report.read_bytes()))["files"]:
                    # Cython names them from the package on, the C compiler from the folder of the sources.
                    name = file["file"].removeprefix("src/")
                    if name.startswith("fastcache/") and not name.endswith(".c"):
                        for line in file["lines"]:
                            found[name][line["line_number"]] += line["count"]
    return found


def main(build: Path, source: Path) -> None:
    reached = total = 0
    for name, lines in sorted(counts(build).items()):
        text = (source / name).read_text().splitlines()
        # Of a statement's C code later lines are counted as those after it, which may hold no code at all.
        code = {number: text[number - 1].strip() for number in lines if number <= len(text)}
        code = {number: line for number, line in code.items() if line and line[0] not in "#/*\"'})"}
        missed = [number for number in sorted(code) if lines[number] == 0]
        reached += len(code) - len(missed)
        total += len(code)
        if missed:
            print(f"{name}: {len(missed)} of {len(code)}")
        for number in missed:
            print(f"  {number:4} {code[number]}")
    print(f"native code: {reached} of {total} lines reached, {100 * reached / max(total, 1):.1f} %")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
