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
                    name = file["file"].partition("src/")[2]
                    if name.startswith("fastcache/") and not name.endswith(".c"):
                        for line in file["lines"]:
                            found[name][line["line_number"]] += line["count"]
    return found


def main(build: Path, source: Path) -> None:
    reached = total = 0
    for name, lines in sorted(counts(build).items()):
        missed = [number for number, count in sorted(lines.items()) if count == 0]
        reached += len(lines) - len(missed)
        total += len(lines)
        text = (source / name).read_text().splitlines()
        if missed:
            print(f"{name}: {len(missed)} of {len(lines)}")
        for number in missed:
            print(f"  {number:4} {text[number - 1].strip()}")
    print(f"native code: {reached} of {total} lines reached, {100 * reached / max(total, 1):.1f} %")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
