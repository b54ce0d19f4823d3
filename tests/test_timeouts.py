"""How long a caller waits: for as long as it said, and the load goes on without it."""

from __future__ import annotations

import contextvars
import threading
import time
from datetime import timedelta
from typing import Any

import pytest

from fastcache import Cache, LoadCycleError, LoadTimeout, NotFound, RecursiveLoadError, _threads
from fastcache.testing import MovableClock
from tests.harness.gates import Call, HeldLoader, await_no_flights, await_until, await_waiters, in_time
from tests.harness.loaders import Counting, unexpected

# A wait that does not end before what is waited for.
PATIENT = 60.0
# What ends a thread, or a program.
INTERRUPTS = [KeyboardInterrupt, SystemExit, GeneratorExit]


@pytest.fixture
def stale(make: Any, clock: MovableClock) -> Cache[str, Any]:
    """A cache with an old value of ``k`` that is served if loading it fails or takes too long."""
    cache: Cache[str, Any] = make(ttl=10, stale_if_error=30)
    cache["k"] = "old"
    clock.advance(11)
    return cache


def test_who_runs_out_of_patience_leaves_and_his_load_goes_on(cache: Cache[Any, Any]) -> None:
    loader = HeldLoader("loaded")
    with pytest.raises(LoadTimeout, match="'k'"):
        cache.get_or_load("k", loader, wait_timeout=0)
    loader.gate.reached()
    [flight] = cache.flights()
    assert flight.owner not in (0, threading.get_ident())
    assert not flight.background
    # Nor does the next one load: he waits for the same load.
    with pytest.raises(LoadTimeout):
        cache.get_or_load("k", unexpected, wait_timeout=0)
    follower = Call(cache.get_or_load, "k", unexpected)
    await_waiters(cache, 1)
    loader.gate.open()
    assert follower.result() == "loaded"
    assert (cache["k"], loader.calls, cache.stats().timeouts) == ("loaded", ["k"], 2)


@pytest.mark.parametrize("limit", [{"wait_timeout": 0}, {"soft_timeout": 0}, {"soft_timeout": 0, "wait_timeout": 0}])
@pytest.mark.parametrize("led", ["by itself", "by another"])
def test_out_of_patience_a_caller_gets_an_old_value(stale: Cache[str, Any], limit: dict[str, Any], led: str) -> None:
    loader = HeldLoader("new")
    mine: Any = loader
    leader = None
    if led == "by another":
        leader = Call(stale.get_or_load, "k", loader)
        loader.gate.reached()
        mine = unexpected
    assert stale.get_or_load("k", mine, with_status=True, **limit) == ("old", "stale")
    loader.gate.reached()
    loader.gate.open()
    await_until(lambda: stale.get("k") == "new", "the load that nobody waits for")
    assert leader is None or leader.result() == "new"
    assert (loader.calls, stale.stats().timeouts) == (["k"], 0)


@pytest.mark.parametrize("limit", [{"wait_timeout": PATIENT}, {"soft_timeout": PATIENT}])
def test_a_load_within_the_limit_is_a_miss_like_any_other(stale: Cache[str, Any], limit: dict[str, Any]) -> None:
    assert stale.get_or_load("k", lambda key: f"new {key}", with_status=True, **limit) == ("new k", "miss")
    assert stale.get_or_load("other", lambda key: key, with_status=True, **limit) == ("other", "miss")
    assert stale.get_or_load("k", unexpected, with_status=True, **limit) == ("new k", "hit")
    assert (stale.stats().misses, stale.stats().coalesced, stale.stats().loads) == (2, 0, 2)


def test_without_an_old_value_a_soft_timeout_is_none(cache: Cache[Any, Any]) -> None:
    loader = HeldLoader("loaded")
    call = Call(cache.get_or_load, "k", loader, soft_timeout=0, with_status=True)
    loader.gate.reached()
    await_waiters(cache, 1)
    loader.gate.open()
    assert call.result() == ("loaded", "miss")


def test_without_an_old_value_the_wait_timeout_counts_beside_a_soft_one(cache: Cache[Any, Any]) -> None:
    loader = HeldLoader("loaded")
    with pytest.raises(LoadTimeout):
        cache.get_or_load("k", loader, soft_timeout=0, wait_timeout=0.01)
    loader.gate.open()
    await_until(lambda: cache.get("k") == "loaded", "the load")


@pytest.mark.parametrize("limit", ["wait_timeout", "soft_timeout"])
def test_an_old_value_that_is_too_old_for_the_caller_is_none(stale: Cache[str, Any], limit: str) -> None:
    loader = HeldLoader("new")
    call = Call(stale.get_or_load, "k", loader, max_stale=0.5, **{limit: 0 if limit == "soft_timeout" else 0.01})
    if limit == "wait_timeout":
        assert isinstance(call.error(), LoadTimeout)
        loader.gate.open()
    else:
        await_waiters(stale, 1)
        loader.gate.open()
        assert call.result() == "new"


@pytest.mark.parametrize("limit", ["wait_timeout", "soft_timeout"])
def test_a_hit_waits_for_nothing(cache: Cache[Any, Any], limit: str) -> None:
    cache["k"] = 1
    before = set(_threads._threads)
    assert cache.get_or_load("k", unexpected, **{limit: 0}) == 1
    assert before == set(_threads._threads)


def test_a_load_without_limits_runs_in_the_callers_thread(cache: Cache[Any, Any]) -> None:
    assert cache.get_or_load("k", lambda key: threading.get_ident()) == threading.get_ident()


def test_a_load_with_a_limit_runs_in_another_thread_that_sees_the_callers_context(cache: Cache[Any, Any]) -> None:
    user: contextvars.ContextVar[str] = contextvars.ContextVar("user")
    user.set("caller")

    def load(key: str) -> tuple[str, bool]:
        seen = user.get()
        user.set("loader")
        return seen, threading.get_ident() == caller

    caller = threading.get_ident()
    assert cache.get_or_load("k", load, wait_timeout=PATIENT) == ("caller", False)
    assert user.get() == "caller"
    # The thread is used again, its context is not.
    user.set("changed")
    assert cache.get_or_load("other", load, soft_timeout=PATIENT) == ("changed", False)


@pytest.mark.parametrize("limit", ["wait_timeout", "soft_timeout"])
def test_a_loaders_error_reaches_the_caller(cache: Cache[Any, Any], limit: str) -> None:
    error = ConnectionError("down")
    with pytest.raises(ConnectionError, match="down") as caught:
        cache.get_or_load("k", Counting(error), **{limit: PATIENT})
    assert error in (caught.value, caught.value.__cause__)
    assert (cache.flights(), "k" in cache, cache.stats().load_errors) == ([], False, 1)


def test_a_loaders_error_gives_the_old_value_back(stale: Cache[str, Any]) -> None:
    failing = Counting(ConnectionError("down"))
    assert stale.get_or_load("k", failing, wait_timeout=PATIENT, with_status=True) == ("old", "stale_error")


def test_what_is_not_found_is_the_callers_default(cache: Cache[Any, Any]) -> None:
    assert cache.get_or_load("k", Counting(NotFound("k")), wait_timeout=PATIENT, default="none") == "none"
    with pytest.raises(NotFound):
        cache.get_or_load("k", Counting(NotFound("k")), wait_timeout=PATIENT)


@pytest.mark.parametrize("interrupt", INTERRUPTS)
def test_what_ends_the_loaders_thread_reaches_its_caller_alone(
    cache: Cache[Any, Any], interrupt: type[BaseException]
) -> None:
    raised = interrupt("from the loader")
    loader: HeldLoader[Any] = HeldLoader(raised)
    caller = Call(cache.get_or_load, "k", loader, wait_timeout=PATIENT)
    loader.gate.reached()
    follower = Call(cache.get_or_load, "k", lambda key: "the follower's")
    await_waiters(cache, 2)
    loader.gate.open()
    assert raised is caller.error()
    assert (follower.result(), loader.calls) == ("the follower's", ["k"])


@pytest.mark.parametrize("interrupt", INTERRUPTS)
def test_however_fast_an_interrupted_load_is_not_made_again(
    cache: Cache[Any, Any], interrupt: type[BaseException]
) -> None:
    loader = Counting(interrupt())
    for _ in range(300):
        with pytest.raises(interrupt):
            cache.get_or_load("k", loader, wait_timeout=PATIENT)
    assert (len(loader.calls), cache.flights()) == (300, [])


def test_where_no_thread_can_start_the_caller_loads(monkeypatch: pytest.MonkeyPatch, cache: Cache[Any, Any]) -> None:
    def refuse(thread: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_threads, "_idle", {})
    with monkeypatch.context() as patch:
        patch.setattr(_threads.threading.Thread, "start", refuse)
        loaded = cache.get_or_load("k", lambda key: threading.get_ident(), wait_timeout=PATIENT, with_status=True)
    assert loaded == (threading.get_ident(), "miss")


def test_an_interrupt_while_the_thread_is_started_leaves_nothing_loading(
    monkeypatch: pytest.MonkeyPatch, cache: Cache[Any, Any]
) -> None:
    def interrupted(thread: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_threads, "_idle", {})
    with monkeypatch.context() as patch:
        patch.setattr(_threads.threading.Thread, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            cache.get_or_load("k", unexpected, wait_timeout=PATIENT)
    assert cache.flights() == []
    assert cache.get_or_load("k", lambda key: "loaded", wait_timeout=PATIENT) == "loaded"


@in_time
def test_a_load_in_another_thread_that_asks_for_itself_is_refused() -> None:
    cache: Cache[Any, Any] = Cache(ttl=60)

    def load(key: str) -> Any:
        return cache.get_or_load(key, unexpected, wait_timeout=PATIENT)

    with pytest.raises(RecursiveLoadError):
        cache.get_or_load("k", load, wait_timeout=PATIENT)


@in_time
def test_so_is_one_that_asks_for_what_its_caller_is_loading() -> None:
    cache: Cache[Any, Any] = Cache(ttl=60)

    def outer(key: str) -> Any:
        return cache.get_or_load("inner", inner, wait_timeout=PATIENT)

    def inner(key: str) -> Any:
        return cache.get_or_load("outer", unexpected)

    with pytest.raises(LoadCycleError):
        cache.get_or_load("outer", outer)


def test_what_was_written_while_it_waited_is_a_hit(cache: Cache[Any, Any]) -> None:
    loader = HeldLoader("loaded")
    leader = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    waiting = Call(cache.get_or_load, "k", unexpected, wait_timeout=1.5, with_status=True)
    await_waiters(cache, 1)
    cache["k"] = "written"
    assert waiting.result() == ("written", "hit")
    loader.gate.open()
    assert (leader.result(), cache["k"]) == ("loaded", "written")


def test_a_caller_whose_leader_was_interrupted_loads_within_its_own_limit(stale: Cache[str, Any]) -> None:
    interrupted: HeldLoader[Any] = HeldLoader(KeyboardInterrupt())
    leader = Call(stale.get_or_load, "k", interrupted)
    interrupted.gate.reached()
    second = HeldLoader("second")
    follower = Call(stale.get_or_load, "k", second, soft_timeout=PATIENT, with_status=True)
    await_waiters(stale, 1)
    interrupted.gate.open()
    second.gate.reached()
    second.gate.open()
    assert isinstance(leader.error(), KeyboardInterrupt)
    # Not "stale", though there is an old value.
    assert follower.result() == ("second", "miss")


def test_a_soft_timeout_does_not_begin_again_when_a_load_comes_to_nothing(make: Any, clock: MovableClock) -> None:
    """Where it does no caller is served before its end; else most are, of some tries one if the machine is busy."""
    cache = make(ttl=10, stale_if_error=30)
    cache.set_many(dict.fromkeys(range(5), "old"))
    clock.advance(11)

    def wait_after_an_interrupt(key: int) -> float:
        interrupted: HeldLoader[Any] = HeldLoader(KeyboardInterrupt())
        second = HeldLoader("second")
        leader = Call(cache.get_or_load, key, interrupted)
        interrupted.gate.reached()
        half = time.monotonic() + 0.1
        follower = Call(cache.get_or_load, key, second, soft_timeout=0.2, with_status=True)
        await_until(lambda: time.monotonic() > half, "half of the time")
        interrupted_at = time.monotonic()
        interrupted.gate.open()
        assert follower.result() == ("old", "stale")
        waited = time.monotonic() - interrupted_at
        second.gate.open()
        assert isinstance(leader.error(), KeyboardInterrupt)
        return waited

    assert any(wait_after_an_interrupt(key) < 0.2 for key in range(5))


def test_a_caller_without_a_limit_may_lead_after_one_who_had_one(stale: Cache[str, Any]) -> None:
    interrupted: HeldLoader[Any] = HeldLoader(SystemExit())
    leader = Call(stale.get_or_load, "k", interrupted, soft_timeout=PATIENT)
    interrupted.gate.reached()
    follower = Call(stale.get_or_load, "k", lambda key: threading.get_ident(), with_status=True)
    await_waiters(stale, 2)
    interrupted.gate.open()
    assert isinstance(leader.error(), SystemExit)
    assert follower.result() == (follower.thread.ident, "miss")


@pytest.mark.parametrize("name", ["wait_timeout", "soft_timeout", "max_age", "max_stale"])
@pytest.mark.parametrize(
    ("value", "error"), [(-1, ValueError), (float("nan"), ValueError), (True, TypeError), ("5", TypeError)]
)
def test_a_wrong_duration_is_refused_before_anything_is_done(
    cache: Cache[Any, Any], name: str, value: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match=name) as caught:
        cache.get_or_load("k", unexpected, **{name: value})
    assert repr(value) in str(caught.value)
    assert (cache.flights(), cache.stats().misses) == ([], 0)


@pytest.mark.parametrize("name", ["wait_timeout", "soft_timeout", "max_age", "max_stale"])
def test_a_limit_may_be_none_or_a_timedelta(cache: Cache[Any, Any], name: str) -> None:
    cache["k"] = 1
    for value in (None, timedelta(seconds=60), 60):
        assert cache.get_or_load("k", unexpected, **{name: value}) == 1
    assert cache.get_or_load("other", lambda key: key, **{name: timedelta(minutes=1)}) == "other"
    await_no_flights(cache)
