"""The command line: ``python -m fastcache COMMAND``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

USAGE = """\
usage: python -m fastcache COMMAND ...

commands:
  demo                  replay stampedes against a real database, and draw them
  demo draw RUN.jsonl   draw a recorded run again

python -m fastcache demo --help tells the options.
"""


def main(argv: Sequence[str]) -> int:
    if argv and argv[0] == "demo":
        from fastcache._demo.cli import main as demo

        return demo(argv[1:])
    asked_for_help = bool(argv) and argv[0] in ("-h", "--help")
    print(USAGE, end="", file=sys.stdout if asked_for_help else sys.stderr)
    return 0 if asked_for_help else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
