"""Every order of the steps of loads of one key and of what else befalls it, against an oracle.

A load is three steps, each of which is one section of a lock: its beginning, the taking in of what it came to (which
unlinks the flight), and the opening of the door to those who follow.  Threads can come between any two of them, so what
they do is called there; nothing is left to chance.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from fastcache import Cache
from fastcache.testing import MovableClock
from tests.harness.effort import EFFORT

probe = pytest.importorskip("tests.native.load_probe", reason="built without FASTCACHE_PROBE=1")

KEY = "key"
OTHERS = range(3000)


class LoadFailedError(Exception):
    """What a load of these tests comes to."""


@dataclass
class Call:
    """A caller; of one who leads, ``outcome`` is "land", "fail" or "abandon"."""

    outcome: str
    # "begin", then "take in" and "end" of who leads, or "answer" of who follows, then "done".
    next: str = "begin"
    leader: int = -1
    ended: bool = False
    # Its flight is behind a served value.
    behind: bool = False
    # How often the tag had been invalidated when it began.
    number: int = 0


@dataclass
class Oracle:
    """What a key's entry must be, and what each caller does next."""

    calls: list[Call]
    tagged: bool
    # What there is, and whether it is fresh; or None.
    value: Any = None
    fresh: bool = False
    # After a failed or dropped reload it is left alone.
    pausing: bool = False
    linked: int = -1
    followed: bool = False
    invalidations: int = 0
    told: list[Any] = field(default_factory=list)

    def copied(self) -> Oracle:
        return replace(self, calls=[replace(call) for call in self.calls], told=[])

    def drop(self) -> None:
        self.value, self.fresh, self.pausing, self.linked = None, False, False, -1

    def steps(self) -> list[int]:
        """Those who can go on."""
        return [
            number
            for number, call in enumerate(self.calls)
            if call.next != "done" and (call.next != "answer" or self.calls[call.leader].ended)
        ]

    def step(self, number: int) -> Any:
        """Takes a caller one step further; what it must come to."""
        call = self.calls[number]
        match call.next:
            case "begin":
                return self.begin(number, call)
            case "take in":
                call.next = "end"
                return self.take_in(number, call)
            case "end":
                call.next, call.ended = "done", True
                return call.outcome
        leader = self.calls[call.leader]
        # A load that came to nothing is begun anew.
        call.next = "begin" if leader.outcome == "abandon" else "done"
        return ("answer", leader.outcome, call.leader)

    def begin(self, number: int, call: Call) -> Any:
        if self.value is not None and (self.fresh or self.pausing or self.linked >= 0):
            call.next = "done"
            return "hit", self.value
        if self.value is None and self.linked >= 0:
            call.next, call.leader, self.followed = "answer", self.linked, True
            return "follow", None
        call.next, call.number, call.behind = "take in", self.invalidations, self.value is not None
        self.linked, self.followed = number, False
        return ("refresh" if call.behind else "lead"), self.value

    def take_in(self, number: int, call: Call) -> Any:
        if self.linked != number:
            return None
        self.linked = -1
        if call.outcome == "land":
            self.drop()
            # What was loaded before its tag was invalidated is stored as it is, and never seen.
            if not self.tagged or call.number == self.invalidations:
                self.value, self.fresh = f"loaded {number}", True
        elif self.value is not None:
            self.pausing = call.outcome == "fail" or call.behind
        return None

    def befall(self, deed: str) -> None:
        if deed in ("delete", "clear"):
            self.drop()
        elif deed == "set":
            self.drop()
            self.value, self.fresh = "set", True
        elif deed == "invalidate":
            self.invalidations += 1
            if self.tagged:
                # The flight behind it is still the key's.
                self.value, self.fresh, self.pausing = None, False, False
        elif deed == "evict" and self.value is not None:
            self.value, self.fresh, self.pausing = None, False, False
            # What loads behind a value goes with it.
            if not self.followed:
                self.linked = -1


DEEDS: dict[str, Callable[[Cache[Any, Any]], object]] = {
    "delete": lambda cache: cache.delete(KEY),
    "clear": lambda cache: cache.clear(),
    "set": lambda cache: cache.set(KEY, "set", tags=("tag",) if cache.name == "tagged" else ()),
    "invalidate": lambda cache: cache.invalidate_tag("tag"),
    "evict": lambda cache: cache.update({"other": 1, "another": 2}),
    "grow": lambda cache: cache.update(dict.fromkeys(OTHERS)),
    "shrink": lambda cache: (cache.update(dict.fromkeys(OTHERS)), cache.delete_many(OTHERS), cache.sweep()),
}
SMALL = ["delete", "clear", "set", "invalidate", "evict"]
LARGE = ["delete", "set", "invalidate", "grow", "shrink"]

# A step of a caller, or a deed.
Order = list[int | str]


def orders(oracle: Oracle, deeds: list[str]) -> Iterator[Order]:
    """Every order in which the callers' steps and the deeds may come."""
    steps = oracle.steps()
    if not steps and not deeds:
        yield []
        return
    for number in steps:
        after = oracle.copied()
        after.step(number)
        yield from ([number, *rest] for rest in orders(after, deeds))
    for at, deed in enumerate(deeds):
        after = oracle.copied()
        after.befall(deed)
        yield from ([deed, *rest] for rest in orders(after, deeds[:at] + deeds[at + 1 :]))


def drawn(oracle: Oracle, deeds: list[str], draw: random.Random) -> Order:
    """One of them."""
    order: Order = []
    oracle, left = oracle.copied(), list(deeds)
    while steps := [*oracle.steps(), *left]:
        step = draw.choice(steps)
        if isinstance(step, str):
            left.remove(step)
            oracle.befall(step)
        else:
            oracle.step(step)
        order.append(step)
    return order


def play(oracle: Oracle, order: Order, small: bool) -> None:
    """Takes the steps, and compares each with what it must come to."""
    oracle = oracle.copied()
    clock = MovableClock()
    cache: Cache[Any, Any] = Cache(
        2 if small else None, 100, refresh_ahead=50, policy="lru" if small else "adaptive", clock=clock,
        name="tagged" if oracle.tagged else "plain", seed=1,
    )  # fmt: skip
    tags = ("tag",) if oracle.tagged else ()
    if oracle.value is not None:
        cache.set(KEY, oracle.value, tags=tags)
        clock.advance(60)
    loads = [probe.LoadProbe(cache, KEY) for _ in oracle.calls]
    landed = 0
    for step in order:
        if isinstance(step, str):
            oracle.befall(step)
            DEEDS[step](cache)
            cache._check()
            continue
        call, load = oracle.calls[step], loads[step]
        doing = call.next
        expected = oracle.step(step)
        if doing == "begin":
            assert load.begin() == expected
        elif doing == "take in" and call.outcome == "land":
            landed += 1
            load.publish(f"loaded {step}", tags)
        elif doing == "take in" and call.outcome == "fail":
            load.fail(LoadFailedError(step))
        elif doing == "take in":
            load.unlink()
        elif doing == "end":
            load.end({"land": "landed", "fail": "failed", "abandon": "abandoned"}[call.outcome])
        else:
            _, outcome, leader = expected
            assert load.flight is loads[leader].flight
            if outcome == "land":
                assert (load.state, load.result) == ("landed", f"loaded {leader}")
            elif outcome == "fail":
                assert (load.state, load.result.args) == ("failed", (leader,))
            else:
                assert load.state == "abandoned"
        assert len(cache.flights()) == (oracle.linked >= 0)
    cache._check()
    assert cache.get(KEY) == oracle.value
    assert cache.flights() == []
    assert cache.stats().loads == landed


def started(outcomes: tuple[str, ...], tagged: bool, old: bool) -> Oracle:
    return Oracle([Call(outcome) for outcome in outcomes], tagged, "old" if old else None)


OUTCOMES = ["land", "fail", "abandon"]
# One that is begun anew leads itself; who has no end would go on for ever.
PAIRS = [(a, b) for a in OUTCOMES for b in OUTCOMES]


@pytest.mark.parametrize("old", [False, True], ids=["missing", "due"])
@pytest.mark.parametrize("tagged", [False, True], ids=["plain", "tagged"])
@pytest.mark.parametrize("small", [False, True], ids=["large", "small"])
def test_two_loads_and_one_deed_in_every_order(small: bool, tagged: bool, old: bool) -> None:
    count = 0
    for outcomes in PAIRS:
        oracle = started(outcomes, tagged, old)
        for deed in SMALL if small else LARGE:
            for order in orders(oracle, [deed]):
                count += 1
                try:
                    play(oracle, order, small)
                except AssertionError as error:
                    raise AssertionError(f"{outcomes} {order}: {error}") from error
    assert count > 1000


@pytest.mark.parametrize("small", [False, True], ids=["large", "small"])
def test_three_loads_and_three_deeds_in_orders_drawn_at_random(small: bool) -> None:
    draw = random.Random(3)
    for number in range(1500 * EFFORT):
        oracle = started(tuple(draw.choices(OUTCOMES, [3, 1, 1], k=3)), draw.random() < 0.5, draw.random() < 0.5)
        order = drawn(oracle, draw.choices(SMALL if small else LARGE[:3], k=3), draw)
        try:
            play(oracle, order, small)
        except AssertionError as error:
            raise AssertionError(f"{number}: {[call.outcome for call in oracle.calls]} {order}: {error}") from error
