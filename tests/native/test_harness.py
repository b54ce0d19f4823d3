"""The core's headers, driven by threads in C; and that each of the programs which do so can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.effort import EFFORT
from tests.native.harness.building import Program, build_program, programs, run_program, why_not
from tests.native.harness.mutations import MUTATIONS, Mutation, is_caught

# What is tried in each suite; the rest by `make stress`, or `make harness ARGS=--mutations`.
FEW = list({(mutation.program, mutation.build): mutation for mutation in reversed(MUTATIONS)}.values())


def skip_without(build: str) -> None:
    reason = why_not(build)
    if reason is not None:
        pytest.skip(reason)


def marks(program: Program) -> tuple[pytest.MarkDecorator, ...]:
    return () if program.inside else (pytest.mark.once,)


@pytest.mark.parametrize(
    ("build", "program"),
    [
        pytest.param(build, program, marks=marks(program))
        for build in ("plain", "thread", "address")
        for program in programs(build)
    ],
    ids=str,
)
def test_what_the_headers_promise_holds_under_threads(build: str, program: Program, tmp_path: Path) -> None:
    skip_without(build)
    outcome = run_program(program, build, build_program(program, build, tmp_path), EFFORT)
    assert outcome.code == 0, outcome.text


@pytest.mark.parametrize(
    "mutation",
    [pytest.param(mutation, marks=marks(mutation.program)) for mutation in (FEW if EFFORT == 1 else MUTATIONS)],
    ids=str,
)
def test_a_header_that_breaks_a_promise_is_found_out(mutation: Mutation, tmp_path: Path) -> None:
    skip_without(mutation.build)
    outcome = mutation.run(tmp_path)
    assert is_caught(mutation, outcome), outcome
