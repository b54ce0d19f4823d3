"""Keys, values, weighers and listeners that use, change and collect amid any step, in one thread or two."""

from __future__ import annotations

import random
import sys

from tests.campaigns._campaign import Campaign
from tests.harness.legal import check_history
from tests.harness.playing import Play
from tests.harness.programs import of_strangers


def run(size: int, seed: int) -> str:
    sys.setswitchinterval(1e-5)
    steps = nested = 0
    for number in range(size):
        program = of_strangers(random.Random(f"{seed} {number}"))
        history = Play(program, seed).run()
        check_history(history)
        steps += sum(map(len, program.threads))
        nested += len(history.done) - sum(map(len, program.threads))
    return f"{size:,} programs, {steps:,} steps and {nested:,} in strangers' code amid them"


CAMPAIGN = Campaign("what strangers' code amid a step can break", "programs", 1_000, 200_000, run)
