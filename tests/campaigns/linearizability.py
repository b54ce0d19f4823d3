"""Short histories of two to four threads at one or two keys, each checked for an order that explains its answers."""

from __future__ import annotations

import random
import sys
from itertools import pairwise

from tests.campaigns._campaign import Campaign
from tests.harness.legal import check_history
from tests.harness.playing import Play
from tests.harness.programs import of_threads


def run(size: int, seed: int) -> str:
    sys.setswitchinterval(1e-6)
    steps = loads = crossed = 0
    for number in range(size):
        history = Play(of_threads(random.Random(f"{seed} {number}")), seed).run()
        check_history(history)
        steps += len(history.done)
        loads += sum(one.load_begun > 0 for one in history.done)
        ends = sorted((one.begun, one.ended) for one in history.done)
        crossed += sum(later[0] < earlier[1] for earlier, later in pairwise(ends))
    return f"{size:,} histories, {steps:,} steps, {loads:,} loads, {crossed:,} steps begun amid another"


CAMPAIGN = Campaign("an answer that no order of all calls explains", "histories", 1_000, 200_000, run)
