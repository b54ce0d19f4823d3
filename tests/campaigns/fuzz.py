"""Programs drawn, mutated and spliced, each played against the model; those that do what none did before are kept.

``corpus.txt`` has programs that together do all that was ever seen, one a line; every run begins with them.
``python -m tests.campaigns.fuzz SIZE SEED`` searches for more, and writes it anew.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.campaigns._campaign import Campaign
from tests.harness.fuzz import STEP, Program

CORPUS = Path(__file__).parent / "corpus.txt"
# Most operations of one program.
LONG = 600


class Search:
    """Programs, and what they have come to.  ``play`` raises AssertionError with the shortest program that fails."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.pool: list[bytes] = []
        self.seen: set[tuple[Any, ...]] = set()
        self.operations = self.programs = 0

    def play(self, code: bytes) -> None:
        program = Program(code)
        try:
            self.operations += program.play()
        except Exception as error:
            short = shortest(code, fails)
            raise AssertionError(f"the program {short.hex()} fails: {error!r}") from error
        self.programs += 1
        if not program.seen <= self.seen:
            self.seen |= program.seen
            self.pool.append(code)

    def next(self) -> bytes:
        draw = self.draw
        if not self.pool or draw.random() < 0.3:
            return draw.randbytes(1 + STEP * draw.choice((20, 100, LONG)))
        code = bytearray(draw.choice(self.pool))
        for _ in range(draw.choice((1, 1, 2, 5, 20))):
            at, other = (1 + STEP * draw.randrange(max(1, len(code) // STEP)) for _ in range(2))
            match draw.randrange(6):
                case 0:
                    code[draw.randrange(len(code))] = draw.randrange(256)
                case 1:
                    del code[at : at + STEP * draw.randrange(1, 8)]
                case 2:
                    code[at:at] = code[other : other + STEP * draw.randrange(1, 20)]
                case 3:
                    code[at:at] = draw.randbytes(STEP)
                case 4:
                    spliced = draw.choice(self.pool)
                    code[at:] = spliced[1 + STEP * draw.randrange(max(1, len(spliced) // STEP)) :]
                case 5:
                    code[0] = draw.randrange(256)
        return bytes(code[: 1 + STEP * LONG])


def done(code: bytes) -> set[tuple[Any, ...]]:
    program = Program(code)
    program.play()
    return program.seen


def fails(code: bytes) -> bool:
    try:
        Program(code).play()
    except Exception:
        return True
    return False


def shortest(code: bytes, holds: Callable[[bytes], bool]) -> bytes:
    """A part of the program of which ``holds`` is true too, and of which no operation can be left out."""
    steps = [code[at : at + STEP] for at in range(1, len(code) - STEP + 1, STEP)]
    size = len(steps) // 2
    while size:
        at = 0
        while at < len(steps):
            rest = steps[:at] + steps[at + size :]
            if holds(code[:1] + b"".join(rest)):
                steps = rest
            else:
                at += size
        size //= 2
    return code[:1] + b"".join(steps)


def corpus() -> list[bytes]:
    return [bytes.fromhex(line) for line in CORPUS.read_text().split()]


def search(size: int, seed: int) -> Search:
    found = Search(seed)
    for code in corpus():
        found.play(code)
    while found.operations < size:
        found.play(found.next())
    return found


def run(size: int, seed: int) -> str:
    found = search(size, seed)
    return f"{found.operations:,} operations in {found.programs:,} programs, {len(found.seen):,} kinds of behaviour"


def fewest(pool: list[bytes]) -> list[bytes]:
    """Of a pool, short programs that together do all that it does."""
    kept, seen = [], set[tuple[Any, ...]]()
    for code in sorted(pool, key=len):
        new = done(code) - seen
        if new:
            kept.append(shortest(code, lambda part, new=new: new <= done(part)))  # type: ignore[misc]
            seen |= done(kept[-1])
    return kept


CAMPAIGN = Campaign(
    "an answer, value, counter or removal that is not the model's",
    "operations",
    60_000,
    10_000_000,
    run,
)

if __name__ == "__main__":
    programs = fewest(search(int(sys.argv[1]), int(sys.argv[2])).pool)
    CORPUS.write_text("".join(code.hex() + "\n" for code in programs))
