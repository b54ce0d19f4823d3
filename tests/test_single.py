"""SingleFlight: one run of a function for all who ask at the same time, and nothing kept."""

from __future__ import annotations

from typing import Any

import pytest

from fastcache import Flown, SingleFlight
from tests.harness.gates import Call, HeldLoader, all_at_once, await_waiters
from tests.harness.keys import Key


def unexpected(*args: object) -> Any:
    raise AssertionError("was run")


@pytest.fixture
def single() -> SingleFlight:
    return SingleFlight()


def test_callers_at_the_same_time_share_one_run(single: SingleFlight) -> None:
    run = HeldLoader(object())
    calls = all_at_once(100, single.do, "k", run)
    await_waiters(single, 99)
    run.gate.open()
    assert [(run.result, True)] * 100 == [call.result() for call in calls]
    assert len(run.calls) == 1


def test_a_caller_alone_shares_nothing(single: SingleFlight) -> None:
    assert Flown(value=1, shared=False) == single.do("k", lambda: 1)


def test_nothing_is_kept(single: SingleFlight) -> None:
    assert [single.do("k", lambda n: n, n).value for n in range(3)] == [0, 1, 2]
    assert single.flights() == []


def test_arguments_reach_the_function(single: SingleFlight) -> None:
    def function(*args: Any, **kwargs: Any) -> Any:
        return args, kwargs

    assert single.do("k", function, 1, 2, a=3, key=4, fn=5).value == ((1, 2), {"a": 3, "key": 4, "fn": 5})
    assert single.do("k", function).value == ((), {})


def test_keys_run_apart(single: SingleFlight) -> None:
    run = HeldLoader("slow")
    slow = Call(single.do, Key(1), run)
    run.gate.reached()
    assert Call(single.do, Key(2), lambda: "quick").result() == ("quick", False)
    run.gate.open()
    assert slow.result() == ("slow", False)


def test_an_error_reaches_all_with_a_traceback_each(single: SingleFlight) -> None:
    run: HeldLoader[Any] = HeldLoader(ValueError("bad"))
    calls = [Call(single.do, "k", run) for _ in range(3)]
    await_waiters(single, 2)
    run.gate.open()
    errors = [call.error() for call in calls]
    assert [(ValueError, "bad")] * 3 == [(type(error), str(error)) for error in errors]
    assert len({id(error) for error in errors}) == 3
    assert run.result in errors
    assert {run.result, None} == {error.__cause__ for error in errors if error}
    assert single.do("k", lambda: "next") == ("next", False)


def test_an_interrupted_run_is_taken_over(single: SingleFlight) -> None:
    run: HeldLoader[Any] = HeldLoader(KeyboardInterrupt())
    leader = Call(single.do, "k", run)
    run.gate.reached()
    second = HeldLoader("second")
    followers = [Call(single.do, "k", second) for _ in range(2)]
    await_waiters(single, 2)
    run.gate.open()
    second.gate.reached()
    await_waiters(single, 1)
    second.gate.open()
    assert isinstance(leader.error(), KeyboardInterrupt)
    assert [call.result() for call in followers] == [("second", True)] * 2


def test_after_forget_the_next_caller_runs_anew(single: SingleFlight) -> None:
    first, second = HeldLoader("first"), HeldLoader("second")
    calls = [Call(single.do, "k", first) for _ in range(2)]
    await_waiters(single, 1)
    assert single.forget("k")
    assert single.flights() == []
    calls.append(Call(single.do, "k", second))
    second.gate.reached()
    assert len(single.flights()) == 1
    first.gate.open()
    assert [call.result() for call in calls[:2]] == [("first", True)] * 2
    assert len(single.flights()) == 1
    second.gate.open()
    assert calls[2].result() == ("second", False)


def test_forgetting_what_does_not_run_says_so(single: SingleFlight) -> None:
    assert not single.forget("k")
    single.do("k", lambda: 1)
    assert not single.forget("k")


def test_flights_tell_what_runs(single: SingleFlight) -> None:
    run = HeldLoader(1)
    calls = [Call(single.do, "k", run) for _ in range(3)]
    await_waiters(single, 2)
    [flight] = single.flights()
    assert (flight.key, flight.waiters, flight.background) == ("k", 2, False)
    assert flight.owner in {call.thread.ident for call in calls}
    assert flight.age >= 0
    run.gate.open()
    assert {1} == {call.result().value for call in calls}


def test_what_cannot_be_called_or_hashed_is_refused(single: SingleFlight) -> None:
    with pytest.raises(TypeError, match="fn must be callable, not 5"):
        single.do("k", 5)
    with pytest.raises(TypeError, match="unhashable"):
        single.do([], unexpected)
    with pytest.raises(TypeError, match="unhashable"):
        single.forget([])
    assert single.flights() == []
