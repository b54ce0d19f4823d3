"""One load for each key, however many ask for it at the same time."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from fastcache import Cache, LoadTimeout
from tests.harness.gates import Call, Gate, HeldLoader, all_at_once, await_until, await_waiters
from tests.harness.keys import Key


def unexpected(key: object) -> Any:
    raise AssertionError(f"{key!r} was loaded again")


class CodedError(Exception):
    """Its constructor takes something else than what it keeps."""

    def __init__(self, code: int, *, retry: bool) -> None:
        super().__init__(f"failed with {code}")
        self.code = code
        self.retry = retry


class TitledError(Exception):
    """Its constructor changes what it is given."""

    def __init__(self, title: str) -> None:
        super().__init__(f"<{title}>")


def fail_together(cache: Cache[Any, Any], error: BaseException, count: int) -> list[BaseException | None]:
    """What ``count`` callers of one key raise when the loader raises ``error``; the leader's first."""
    loader: HeldLoader[Any] = HeldLoader(error)
    leader = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    followers = [Call(cache.get_or_load, "k", unexpected) for _ in range(count - 1)]
    await_waiters(cache, count - 1)
    loader.gate.open()
    assert loader.calls == ["k"]
    return [call.error() for call in (leader, *followers)]


def test_a_thousand_callers_of_a_cold_key_share_one_load(cache: Cache[Any, Any]) -> None:
    loader = HeldLoader(object())
    calls = all_at_once(1000, cache.get_or_load, "k", loader)
    await_waiters(cache, 999)
    loader.gate.open()
    assert {id(loader.result)} == {id(call.result()) for call in calls}
    assert loader.calls == ["k"]
    stats = cache.stats()
    assert (stats.misses, stats.coalesced, stats.loads, stats.hits) == (1000, 999, 1, 0)


def test_a_follower_never_runs_its_own_loader(cache: Cache[Any, Any]) -> None:
    loader = HeldLoader("loaded")
    leader = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    follower = Call(cache.get_or_load, "k", unexpected)
    await_waiters(cache, 1)
    loader.gate.open()
    assert [leader.result(), follower.result()] == ["loaded", "loaded"]


def test_flights_tell_who_loads_and_how_many_wait(cache: Cache[Any, Any], clock: Any) -> None:
    loader = HeldLoader(1)
    leader = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    follower = Call(cache.get_or_load, "k", unexpected)
    await_waiters(cache, 1)
    clock.advance(3)
    assert [("k", 3.0, 1, leader.thread.ident, False)] == cache.flights()
    loader.gate.open()
    assert [leader.result(), follower.result()] == [1, 1]


def test_an_error_reaches_every_caller_and_runs_the_loader_once(cache: Cache[Any, Any]) -> None:
    original = ValueError("bad", 5)
    leader, *followers = fail_together(cache, original, 20)
    assert original is leader
    assert [(ValueError, ("bad", 5), original)] * 19 == [(type(e), e.args, e.__cause__) for e in followers if e]
    assert len({id(error) for error in (leader, *followers)}) == 20
    assert "k" not in cache


def test_each_follower_has_a_traceback_of_its_own(cache: Cache[Any, Any]) -> None:
    _, *followers = fail_together(cache, ValueError("bad"), 5)
    tracebacks = [error.__traceback__ for error in followers if error]
    assert None not in tracebacks
    assert len({id(traceback) for traceback in tracebacks}) == 4
    assert unexpected.__code__ not in [t.tb_frame.f_code for t in tracebacks if t]


def test_an_error_that_is_made_from_other_arguments_is_copied_whole(cache: Cache[Any, Any]) -> None:
    original = CodedError(7, retry=True)
    _, follower = fail_together(cache, original, 2)
    assert isinstance(follower, CodedError)
    assert (("failed with 7",), 7, True, original) == (follower.args, follower.code, follower.retry, follower.__cause__)


def test_an_error_whose_constructor_changes_its_arguments_is_copied_as_it_is(cache: Cache[Any, Any]) -> None:
    _, follower = fail_together(cache, TitledError("bad"), 2)
    assert str(follower) == "<bad>"


def test_an_error_keeps_nothing_of_its_load_alive(cache: Cache[Any, Any]) -> None:
    class Local:
        pass

    seen: list[weakref.ref[Local]] = []

    def load(key: object) -> None:
        local = Local()
        seen.append(weakref.ref(local))
        raise ValueError("as asked for")

    gc.disable()
    try:
        with pytest.raises(ValueError, match="as asked for"):
            cache.get_or_load("k", load)
        assert [reference() for reference in seen] == [None]
    finally:
        gc.enable()


def test_an_interrupted_leader_hands_over_to_one_follower(cache: Cache[Any, Any]) -> None:
    interrupted: HeldLoader[Any] = HeldLoader(KeyboardInterrupt())
    leader = Call(cache.get_or_load, "k", interrupted)
    interrupted.gate.reached()
    second = HeldLoader("second")
    followers = [Call(cache.get_or_load, "k", second) for _ in range(9)]
    await_waiters(cache, 9)
    interrupted.gate.open()
    second.gate.reached()
    await_waiters(cache, 8)
    second.gate.open()
    assert [call.result() for call in followers] == ["second"] * 9
    assert interrupted.result is leader.error()
    assert (interrupted.calls, second.calls) == (["k"], ["k"])


@pytest.mark.parametrize("error", [SystemExit, GeneratorExit, KeyboardInterrupt])
def test_an_interrupt_without_followers_leaves_no_trace(cache: Cache[Any, Any], error: type[BaseException]) -> None:
    def load(key: object) -> None:
        raise error

    with pytest.raises(error):
        cache.get_or_load("k", load)
    assert (cache.flights(), cache.stats().entries) == ([], 0)
    assert cache.get_or_load("k", lambda key: 1) == 1


def test_a_caller_out_of_patience_leaves_alone(cache: Cache[Any, Any]) -> None:
    loader = HeldLoader("loaded")
    leader = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    patient = Call(cache.get_or_load, "k", unexpected)
    for wait in (0, 0.02):
        hasty = Call(cache.get_or_load, "k", unexpected, wait_timeout=wait).error()
        assert isinstance(hasty, LoadTimeout)
        assert isinstance(hasty, TimeoutError)
    await_waiters(cache, 1)
    loader.gate.open()
    assert [leader.result(), patient.result(), cache["k"]] == ["loaded"] * 3
    assert loader.calls == ["k"]


def test_a_wait_timeout_bounds_a_load_of_ones_own_which_goes_on(cache: Cache[Any, Any]) -> None:
    loader = HeldLoader("loaded")
    with pytest.raises(LoadTimeout):
        cache.get_or_load("k", loader, wait_timeout=0.02)
    loader.gate.reached()
    loader.gate.open()
    await_until(lambda: cache.get("k") == "loaded", "the load that nobody waits for")
    assert loader.calls == ["k"]


@pytest.mark.parametrize("value", [None, 0, "", NotImplemented, float("nan"), ValueError("a value"), ()], ids=repr)
def test_every_value_is_cached(cache: Cache[Any, Any], value: Any) -> None:
    assert value is cache.get_or_load("k", lambda key: value)
    assert value is cache.get_or_load("k", unexpected)


def test_a_loaders_key_error_is_no_miss(cache: Cache[Any, Any]) -> None:
    calls = []

    def load(key: object) -> None:
        calls.append(key)
        raise KeyError("the loader's")

    with pytest.raises(KeyError, match="the loader's"):
        cache.get_or_load("k", load)
    assert calls == ["k"]


def test_with_a_ttl_of_zero_a_load_is_shared_and_not_stored() -> None:
    cache: Cache[Any, Any] = Cache(ttl=0)
    loader = HeldLoader("loaded")
    calls = [Call(cache.get_or_load, "k", loader) for _ in range(5)]
    await_waiters(cache, 4)
    loader.gate.open()
    assert [call.result() for call in calls] == ["loaded"] * 5
    assert loader.calls == ["k"]
    assert (cache.get_or_load("k", lambda key: "again"), len(cache), cache.stats().entries) == ("again", 0, 0)


@pytest.mark.parametrize("other", ["other", Key("other")], ids=["str", "same hash"])
def test_other_keys_do_not_wait(cache: Cache[Any, Any], other: object) -> None:
    loader = HeldLoader("slow")
    slow = Call(cache.get_or_load, Key("k"), loader)
    loader.gate.reached()
    assert Call(cache.get_or_load, other, lambda key: "quick").result() == "quick"
    assert Call(cache.setdefault, Key("third"), "set").result() == "set"
    assert not slow.ended()
    loader.gate.open()
    assert slow.result() == "slow"


def test_a_load_may_load_other_keys(cache: Cache[Any, Any]) -> None:
    def load(n: int) -> int:
        return 1 if n == 0 else n * cache.get_or_load(n - 1, load)

    assert cache.get_or_load(10, load) == 3628800
    assert len(cache) == 11


def test_keys_that_expired_together_load_in_parallel_and_once(cache: Cache[Any, Any], clock: Any) -> None:
    keys = range(1000)
    cache.update(dict.fromkeys(keys, "old"))
    clock.advance(60)
    loads: list[int] = []
    gate = Gate("a hundred loads")

    def load(key: int) -> str:
        loads.append(key)
        gate.stop()
        return "new"

    def walk(start: int) -> set[str]:
        return {cache.get_or_load((start + key) % 1000, load) for key in keys}

    walks = [Call(walk, number * 10) for number in range(100)]
    # None of them waits for another's.
    gate.reached(100)
    gate.open()
    assert [{"new"}] * 100 == [call.result() for call in walks]
    assert sorted(loads) == list(keys)
