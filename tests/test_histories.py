"""The checker of histories accepts what a cache may do, and refuses what none may."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from fastcache import Cache, SingleFlight
from tests.harness.gates import in_time
from tests.harness.history import END, MISSING, Done, History, Rules, Step
from tests.harness.legal import check_history
from tests.harness.playing import Play
from tests.harness.programs import of_threads

WINDOWS = Rules(ttl=10, refresh_ahead=3, stale_while_revalidate=5)


def done(kind: str, begun: int, ended: int, result: Any = None, value: str = "", **more: Any) -> Done:
    step = Step(kind, value=value, **{name: more.pop(name) for name in ("ttl", "fails", "seconds") if name in more})
    return Done(step, begun, ended, result, **more)


def load(kind: str, begun: int, ended: int, value: str, **more: Any) -> Done:
    """A call that has loaded a value, for itself unless told otherwise, in all its time."""
    bounds = {"load_begun": begun, "load_ended": ended, "result": value, **more}
    return done(kind, begun, ended, value=value, **bounds)


def moved(instant: int, seconds: int) -> Done:
    return done("advance", instant, instant, seconds=seconds)


LEGAL: dict[str, list[Done]] = {
    "nothing": [],
    "a read amid a write sees either": [
        done("set", 1, 9, value="a"), done("get", 2, 3, MISSING), done("get", 4, 5, "a"),
    ],
    "who joined a load before a removal has its value after it": [
        load("get_or_load", 1, 9, "a"), done("get_or_load", 2, 10, "a", "b"), done("delete", 4, 5, False),
        done("get", 11, 12, MISSING),
    ],
    "two loads at once, a removal between": [
        load("get_or_load", 1, 9, "a"), done("delete", 2, 3, False), load("get_or_load", 4, 10, "b"),
        done("get", 11, 12, "b"),
    ],
    "who forces a load takes the key from another's": [
        load("get_or_load", 1, 9, "a"), load("force", 2, 10, "b"), done("get", 11, 12, "b"),
    ],
    "a load that failed after a write serves what was written": [
        load("get_or_load", 1, 9, "a", fails=True, load_ended=5, result="b"), done("get_or_load", 2, 10, "b", "c"),
        done("set", 3, 4, value="b"),
    ],
    "an instant read before the clock was moved": [
        done("set", 1, 2, value="a"), moved(4, 10), done("get", 3, 5, "a"),
    ],
    "a write at an instant read before others swept the old value out": [
        done("set", 1, 2, value="a"), done("setdefault", 3, 8, "b", "b"), moved(4, 17), done("get", 5, 6, MISSING),
        done("get", 9, 10, MISSING),
    ],
    "a reload behind a value that is due": [
        done("set", 1, 2, value="a"), moved(3, 8),
        load("get_or_load", 4, 5, "b", result="a", behind=True, load_begun=6, load_ended=7), done("get", 8, 9, "b"),
    ],
    "a reload that another call takes over": [
        done("set", 1, 2, value="a"), moved(3, 8), done("get_or_load", 4, 5, "a", "b"), moved(6, 8),
        load("get_or_load", 7, 8, "c"), done("get", 9, 10, "c"),
    ],
}  # fmt: skip
ILLEGAL: dict[str, list[Done]] = {
    "a value that nobody wrote": [done("get", 1, 2, "a")],
    "a write that is lost": [done("set", 1, 2, value="a"), done("get", 3, 4, MISSING)],
    "an older value after a newer one": [
        done("set", 1, 2, value="a"), done("set", 3, 9, value="b"), done("get", 4, 5, "b"), done("get", 6, 7, "a"),
    ],
    "a removal that found nothing": [done("set", 1, 2, value="a"), done("delete", 3, 4, False)],
    "one value that left twice": [
        done("set", 1, 2, value="a"), done("pop", 3, 9, "a"), done("pop", 3, 9, "a"),
    ],
    "two loads at once": [load("get_or_load", 1, 8, "a"), load("get_or_load", 2, 9, "b")],
    "a load for a value that is there": [done("set", 1, 2, value="a"), load("get_or_load", 3, 4, "b")],
    "a load that came back after the removal": [
        load("get_or_load", 1, 9, "a"), done("delete", 3, 4, False), done("get", 10, 11, "a"),
    ],
    "who came after the removal has the older load's value": [
        load("get_or_load", 1, 9, "a"), done("delete", 3, 4, False), done("get_or_load", 5, 10, "a", "b"),
    ],
    "who waited has the value before readers see it": [
        load("get_or_load", 1, 20, "a", load_ended=2), done("get_or_load", 1, 5, "a", "b"), done("get", 6, 7, MISSING),
    ],
    "a value past its life": [done("set", 1, 2, value="a", ttl=4), moved(3, 4), done("get", 5, 6, "a")],
    "a value gone before its end": [done("set", 1, 2, value="a", ttl=4), moved(3, 3), done("get", 5, 6, MISSING)],
    "no reload behind a value that is due": [
        done("set", 1, 2, value="a"), moved(3, 8), done("get_or_load", 4, 5, "a", "b"), done("get", 6, 7, "a"),
    ],
    "two reloads behind one value": [
        done("set", 1, 2, value="a"), moved(3, 8),
        load("get_or_load", 4, 5, "b", result="a", behind=True, load_begun=6, load_ended=20),
        load("get_or_load", 7, 8, "c", result="a", behind=True, load_begun=9, load_ended=20),
    ],
    "a failed load that serves what is gone": [
        done("set", 1, 2, value="a"), done("delete", 3, 4, True),
        load("get_or_load", 5, 6, "b", fails=True, result="a"),
    ],
    "a failure that is remembered": [
        load("get_or_load", 1, 2, "a", fails=True), done("get_or_load", 3, 4, "a", "b"),
    ],
}  # fmt: skip


def rules_for(name: str) -> Rules:
    return WINDOWS if "reload" in name else Rules()


@pytest.mark.parametrize("name", LEGAL)
def test_what_may_happen_is_accepted(name: str) -> None:
    check_history(History(rules_for(name), LEGAL[name]))


@pytest.mark.parametrize("name", ILLEGAL)
def test_what_may_not_happen_is_refused(name: str) -> None:
    with pytest.raises(AssertionError, match="no order explains"):
        check_history(History(rules_for(name), ILLEGAL[name]))


def test_a_step_that_never_ended_is_told() -> None:
    told = History(Rules(), [done("get", 5, END, "a")]).told()
    assert "0-end Step(kind='get'" in told


class Unshared(Cache[Any, Any]):
    """Callers do not wait for each other's loads."""

    def get_or_load(self, key: Any, loader: Callable[[Any], Any], /, **options: Any) -> Any:
        return super().get_or_load(key, loader, coalesce=False, **options)


class Unfenced(Cache[Any, Any]):
    """Loads are shared, and what they bring is written whatever was done to the key meanwhile."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.single = SingleFlight()

    def get_or_load(self, key: Any, loader: Callable[[Any], Any], /, **options: Any) -> Any:
        def load() -> Any:
            value = loader(key)
            self.set(key, value, ttl=options.get("ttl", ...))
            return value

        value = self.get(key)
        return self.single.do(key, load).value if value is None else value


class Forgetful(Cache[Any, Any]):
    """A write amid a read of the same key is lost now and then."""

    def set(self, key: Any, value: Any, **options: Any) -> None:
        if not self.flights():
            super().set(key, value, **options)


@pytest.mark.parametrize("kind", [Unshared, Unfenced, Forgetful])
@in_time
def test_a_cache_that_breaks_its_promise_is_found_out(kind: type[Cache[Any, Any]]) -> None:
    for number in range(2_000):
        program = of_threads(random.Random(number))
        if program.rules.refresh_ahead:
            continue
        try:
            check_history(Play(program, number, kind).run())
        except AssertionError:
            return
    raise AssertionError(f"{kind.__name__} was not found out")
