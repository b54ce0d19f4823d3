"""Whatever keys, values, weighers and listeners do to the cache amid any step, an order of all steps explains it."""

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.harness.effort import EFFORT
from tests.harness.gates import Call
from tests.harness.legal import check_history
from tests.harness.playing import Play
from tests.harness.programs import of_strangers


@settings(max_examples=300 * EFFORT, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False))
def test_strangers_code_amid_any_step_is_explained_by_an_order(draw: random.Random) -> None:
    # One thread, so that what is found is found again, and made smaller.
    play = Play(of_strangers(draw, most=1), seed=1)
    check_history(Call(play.run).result())
