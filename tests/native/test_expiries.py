"""What a tag remembers of its earlier expiries: each value's own end, or one that is a little too early."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.harness.effort import EFFORT
from tests.harness.gates import Call

probe = pytest.importorskip("tests.native.probe", reason="built without FASTCACHE_PROBE=1")

ROOM = 20
KEEP = 1000


def distances(kind: str, rng: random.Random) -> Iterator[int]:
    """Nanoseconds between two expiries."""
    while True:
        if kind == "steady":
            yield 10
        elif kind == "scattered":
            yield int(rng.expovariate(1 / 20))
        elif kind == "bursts":
            yield rng.choice([0, 1, 1, 1, 2, 300])
        else:
            # Each closer to the next than the one before.
            yield from range(60, 0, -1)


def test_all_are_remembered_while_there_is_room() -> None:
    past = probe.ExpiriesProbe()
    assert past.first(0) is None
    for number in range(1, ROOM + 1):
        past.add(number * 10, number, number, 5)
    assert [past.first(number) for number in range(ROOM * 10)] == [number // 10 + 1 for number in range(ROOM * 10)]
    assert past.first(ROOM * 10) is None


def test_they_may_come_in_any_order() -> None:
    past = probe.ExpiriesProbe()
    for number in random.Random(1).sample(range(1, ROOM + 1), ROOM):
        past.add(number, number * 100, 0, KEEP)
    assert [past.first(number) for number in range(ROOM)] == [(number + 1) * 100 for number in range(ROOM)]


def test_those_of_use_to_nobody_make_room_first() -> None:
    past = probe.ExpiriesProbe()
    for number in range(1, 4):
        past.add(number, number, number, KEEP)
    for number in range(4, 2 * ROOM):
        # Closer to each other than the first three, whose windows are over.
        past.add(number, 2 * KEEP, 2 * KEEP, KEEP)
        past.add(100 + number, 2 * KEEP + number, 2 * KEEP, KEEP) if number > ROOM + 2 else None
    assert past.first(0) == 1
    assert past.first(3) == 2 * KEEP


@pytest.mark.parametrize("kind", ["steady", "scattered", "bursts", "ever closer"])
@pytest.mark.parametrize("seed", range(4 * EFFORT))
def test_a_life_is_never_longer_and_shorter_by_an_eighth_of_the_windows_at_most(kind: str, seed: int) -> None:
    past = probe.ExpiriesProbe()
    steps = distances(kind, random.Random(seed))
    ends: list[int] = []
    now = 0
    for number in range(1, 600):
        now += next(steps)
        past.add(number, now, now, KEEP)
        ends.append(now)
        for before in range(number):
            told = past.first(before)
            assert told <= ends[before]
            if now - ends[before] < KEEP:
                assert ends[before] - told <= KEEP / 8, (number, before)
    assert past.first(600) is None


def test_who_looks_while_another_adds_sees_none_later_than_it_was() -> None:
    past, count = probe.ExpiriesProbe(), 20_000 * EFFORT
    added = 0

    def add() -> None:
        nonlocal added
        for number in range(1, count + 1):
            past.add(number, 10 * number, 10 * number, KEEP)
            added = number

    def look(seed: int) -> None:
        rng = random.Random(seed)
        while (until := added) < count:
            before = rng.randrange(max(0, until - 2 * KEEP // 10), until + 1)
            told = past.first(before)
            # The next one may have come since, and have become one with others.
            assert (told is None and before == until) or told <= 10 * (before + 1)

    for call in [Call(look, 1), Call(look, 2), Call(add)]:
        call.result()
