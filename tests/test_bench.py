"""The benchmarks' arithmetic: what a call costs, what a ratio is, what was counted, what grew."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from bench import counted, instructions, pauses, timing
from bench.contender import Contender
from bench.timing import Contest, Figure, Unit


class Ticking:
    """A clock for loops whose every call takes ``step``, and which a loop can move."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now

    def work(self, nanoseconds: int) -> None:
        self.now += nanoseconds


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> Ticking:
    clock = Ticking()
    monkeypatch.setattr(timing, "CLOCK", clock)
    return clock


# ---- timing ----


def test_a_cost_is_that_of_one_operation(ticking: Ticking) -> None:
    units = {
        "one": Unit(timing.ONE, ("work(30)",), {"work": ticking.work}),
        "each": Unit(timing.EACH, ("work(7)",), {"work": ticking.work, "keys": [1, 2, 3]}, 3),
        "mixed": Unit(
            timing.MIXED, ("work(10)", "work(20)"), {"work": ticking.work, "trace": [(1, False), (2, True)]}, 2
        ),
    }
    contest = timing.contest(units, rounds=3, milliseconds=0)
    assert contest.rounds == {"one": [30.0] * 3, "each": [7.0] * 3, "mixed": [15.0] * 3}


def test_what_is_awaited_is_timed(ticking: Ticking) -> None:
    async def work() -> None:
        ticking.work(40)

    unit = Unit(timing.ONE, ("await work()",), {"work": work})
    assert timing.contest({"one": unit}, rounds=2, milliseconds=0).rounds == {"one": [40.0, 40.0]}


def test_the_bare_loop_is_subtracted(ticking: Ticking) -> None:
    class Slow(list[int]):
        """Costs 100 to go through, whatever is done with the elements."""

        def __iter__(self) -> Any:
            ticking.work(100)
            return super().__iter__()

    unit = Unit(timing.EACH, ("work(5)",), {"work": ticking.work, "keys": Slow([1, 2])}, 2)
    assert timing.contest({"each": unit}, rounds=2, milliseconds=0).rounds == {"each": [5.0, 5.0]}


def test_contenders_take_turns_and_the_order_rotates(ticking: Ticking) -> None:
    order: list[str] = []

    def work(name: str) -> None:
        ticking.work(1_000)
        order.append(name)

    units = {name: Unit(timing.ONE, (f"work({name!r})",), {"work": work}) for name in "abc"}
    timing.contest(units, rounds=3, milliseconds=0)
    assert "".join(order[-9:]) == "abcbcacab"


def test_ratios_are_of_one_round() -> None:
    # Each round twice as slow as the one before: the medians of the times would say 3, the rounds say 2.
    contest = Contest({"a": [2.0, 4.0, 16.0], "b": [1.0, 2.0, 8.0]})
    assert contest.ratio("a", "b") == Figure(2.0, 2.0, 2.0)
    assert contest.cost("a") == Figure(4.0, 3.0, 10.0)
    assert contest.fastest(["a", "b", "absent"]) == "b"
    assert contest.fastest(["absent"]) is None


def test_calibration_aims_at_the_time_it_is_given() -> None:
    assert timing.calibrate(lambda turns: 100 * turns, 10_000) == 100
    assert timing.calibrate(lambda turns: 50_000 * turns, 10_000) == 1
    first = iter([1_000_000])
    assert timing.calibrate(lambda turns: next(first, 100 * turns), 10_000) == 100


# ---- measurements ----


def test_the_longest_call_is_found(monkeypatch: pytest.MonkeyPatch, ticking: Ticking) -> None:
    class Stalling(dict[int, str]):
        def __setitem__(self, key: int, value: str) -> None:
            ticking.work(9_000_000 if key == 500 else 1_000)

    monkeypatch.setattr(pauses.time, "thread_time_ns", ticking)
    contender = Contender("stalling", None, lambda capacity: Stalling(), bound={})
    run = pauses.fill(contender, list(range(1_000)))
    # A disturbance that strikes one run only.
    other = run[:]
    run[3] = 20_000_000
    assert pauses.longest([run, other]) == {"longest": [20.0, 9.0], "steady": 9.0}


# ---- instructions ----


def test_a_count_is_the_difference_over_the_turns() -> None:
    names = ["bare", *counted.CONTROLS, *counted.OPERATIONS]
    totals = {}
    for number, _ in enumerate(names):
        # Warming up and switching cost what they like; a turn costs 10, and the operation its number.
        totals[3 * number + 1] = 1_000_000
        totals[3 * number + 2] = 555 + counted.TURNS * (10 + number)
        totals[3 * number + 3] = 555 + 2 * counted.TURNS * (10 + number)
    assert instructions.counts(totals) == {name: float(number) for number, name in enumerate(names) if number}


def test_growth_fails_only_against_a_record_of_the_same_environment() -> None:
    recorded = dict.fromkeys([*counted.CONTROLS, *counted.OPERATIONS], 100.0)
    grown = {**recorded, "get, str": 105.1, "replace": 104.9}
    assert instructions.check(grown, recorded)[0] == ["get, str"]
    assert instructions.check(recorded, recorded)[0] == []
    assert instructions.check(grown, None)[0] == []
    # Python's own operations count otherwise: another machine under the same name.
    foreign = {**grown, "dict.get, str": 110.0}
    assert instructions.check(foreign, recorded)[0] == []
    assert "dict.get, str" in instructions.check(foreign, recorded)[1]


def test_without_valgrind_nothing_is_checked_and_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr("sys.argv", ["instructions"])
    assert instructions.main() == 0
    assert "valgrind is not installed" in capsys.readouterr().out


def test_counted_operations_do_what_they_say() -> None:
    names = counted.scope()
    for statement in (*counted.CONTROLS.values(), *counted.OPERATIONS.values()):
        counted.runner(statement, names)(10)
    assert names["cache"][names["copy"]] == names["get"](names["number"]) == "a value"
    assert len(names["full"]) == counted.KEYS
    assert names["decorated"].cache_info().misses == 1
    assert names["small"].cache_info().misses == 10
