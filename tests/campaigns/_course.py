"""One run of a campaign, in a process of its own: what hangs or crashes there ends that run only."""

from __future__ import annotations

import time
from typing import NamedTuple

from tests.harness.child import run_child

SNIPPET = """
import sys
from tests.campaigns._campaign import campaign

name, size, seed = sys.argv[1:]
print(campaign(name).run(int(size), int(seed)))
"""


class Course(NamedTuple):
    """How a run ended: what it did, or what was found."""

    held: bool
    result: str
    seconds: float


def run(name: str, size: int, seed: int, limit: float) -> Course:
    """Runs a campaign; what it finds, be it a hang or a crash, is the result."""
    begun = time.monotonic()
    try:
        child = run_child(SNIPPET, name, str(size), str(seed), limit=limit)
    except AssertionError as hung:
        return Course(False, str(hung), time.monotonic() - begun)
    held = (child.code, child.err) == (0, "")
    result = child.out.strip() if held else f"exit code {child.code}\n{child.out}{child.err}"
    return Course(held, result, time.monotonic() - begun)
