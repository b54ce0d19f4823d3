"""``python -m tests.compat [--save] [suite ...]``: runs the suites and prints how they ended.

It fails where a test fails, where a deselected test is not there any more, and where fewer pass than docs/testing.md
says.  ``--save`` writes what has passed there instead.
"""

from __future__ import annotations

import sys

from tests.compat.run import run
from tests.compat.suites import SUITES
from tests.compat.table import recorded, save, shown


def main(words: list[str]) -> int:
    names = [word for word in words if word != "--save"]
    unknown = set(names) - {suite.name for suite in SUITES}
    if unknown:
        print(f"no such suite: {', '.join(sorted(unknown))}; there are {', '.join(suite.name for suite in SUITES)}")
        return 2
    chosen = [s for s in SUITES if s.python <= sys.version_info[:2] and (not names or s.name in names)]
    before = {} if "--save" in words else recorded()
    outcomes, faults = [], []
    for suite in chosen:
        print(f"== {suite.name}", flush=True)
        outcomes.append(run(suite))
        faults += outcomes[-1].faults(before.get(suite.name))
    print(*faults, shown(outcomes), sep="\n\n")
    if faults:
        return 1
    if "--save" in words:
        save(outcomes, SUITES)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
