"""No public method keeps a reference too many, whatever state its key is in and whatever comes of it."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest

from fastcache.testing import MovableClock
from tests.harness.acts import close_loop, methods, play
from tests.harness.gates import await_until
from tests.harness.subjects import METHODS, SUBJECTS

ROUNDS = 40


@pytest.fixture(autouse=True, scope="module")
def loop_ends() -> Iterator[None]:
    yield
    close_loop()


class Thing:
    """A key, value or default whose references are counted."""


@pytest.mark.parametrize("name", SUBJECTS)
def test_every_public_method_is_among_those_that_are_played(name: str) -> None:
    subject = SUBJECTS[name]
    assert sorted(subject.acts) == sorted(methods(subject.of))


def counts(*things: object) -> list[int]:
    """Their references, once three looks in a row have found the same: other threads may be about to end."""
    seen: list[list[int]] = []
    gc.collect()
    while len(seen) < 3 or not seen[-1] == seen[-2] == seen[-3]:
        seen.append([sys.getrefcount(thing) for thing in things])
    return seen[-1]


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_every_call_in_every_state_gives_back_its_references(clock: MovableClock, name: str, method: str) -> None:
    made = SUBJECTS[name]
    subject, key = made.make(clock), Thing()
    cases = [(prepare, act) for prepare in made.states.values() for act in made.acts[method]]

    def play_all(rounds: int) -> None:
        for prepare, act in cases:
            for _ in range(rounds):
                prepare(subject, key)
                play(act, subject, key)
        next(iter(made.states.values()))(subject, key)

    play_all(1)
    before = counts(subject, key)
    play_all(ROUNDS)

    def grown() -> list[int]:
        return [b - a for a, b in zip(before, counts(subject, key), strict=True)]

    # A state that is kept for the next may be another than at first, but nothing grows with the rounds.
    await_until(lambda: max(grown()) <= 0, f"the end of what grew in {ROUNDS} rounds of {len(cases)}", 10)


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_of_every_method_a_call_succeeds_in_some_state(clock: MovableClock, name: str, method: str) -> None:
    made = SUBJECTS[name]
    subject, key, ended = made.make(clock), Thing(), 0
    for prepare in made.states.values():
        for act in made.acts[method]:
            prepare(subject, key)
            try:
                act(subject, key)
            except Exception:
                continue
            ended += 1
    # What cannot be pickled says so.
    assert ended > 0 or method in ("__reduce__", "__setstate__")
