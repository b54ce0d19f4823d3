"""Keys, values and tags that somebody chooses to do harm: each operation costs about what it costs with usual ones.

Instructions are counted, for they do not depend on the neighbours.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.campaigns._campaign import Campaign

# How much more than usual an operation may cost.
MOST = 3.0
SUMMARY = re.compile(r"^(?:summary|totals): (\d+)", re.MULTILINE)


def run(size: int, seed: int) -> str:
    if shutil.which("valgrind") is None:
        return "valgrind is not installed: nothing was counted"
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", "--dump-before=getppid", f"--callgrind-out-file={folder}/out"]
        child = subprocess.run(
            [*command, sys.executable, "-m", "tests.campaigns._floods", str(size), str(seed)],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
        )
        assert child.returncode == 0, child.stderr
        # Part n was written at the n-th call, and holds what ran since the one before.
        parts = {int(path.suffix[1:]): path for path in Path(folder).glob("out.*") if path.suffix[1:].isdigit()}
        totals = {part: int(SUMMARY.findall(path.read_text())[-1]) for part, path in parts.items()}
    more = {
        name: totals[3 * number + 3] / totals[3 * number + 2] for number, name in enumerate(child.stdout.splitlines())
    }
    assert len(more) == 8, child.stdout
    told = ", ".join(f"{name} {times:.2f}" for name, times in more.items())
    assert max(more.values()) <= MOST, told
    return f"times the usual instructions: {told}"


CAMPAIGN = Campaign(
    f"an operation that a flood of chosen keys makes cost more than {MOST} times the usual",
    "keys",
    200,
    4_000,
    run,
    limit=(3600.0, 240.0),
)
