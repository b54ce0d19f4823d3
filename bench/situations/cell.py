"""One situation with one subject, in this process: ``python -m bench.situations.cell SITUATION SUBJECT``.

Prints BEGUN before it plays, so that one who waits can tell a hang from a slow start, and the answer as JSON.
"""

from __future__ import annotations

import json
import os
import sys

from bench.situations.catalogue import SITUATIONS
from bench.situations.subject import NoSuchThing, find

BEGUN = "begun"


def answer(situation: str, subject: str) -> str:
    try:
        return SITUATIONS[situation].play(find(subject))
    except NoSuchThing:
        return "no such thing"


def main(situation: str, subject: str) -> None:
    find(subject)
    print(BEGUN, flush=True)
    print(json.dumps(answer(situation, subject)), flush=True)
    # Threads that the subject left behind do not decide how this ends.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
