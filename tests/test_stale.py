"""Values past their expiry: served while they are reloaded behind, or when that fails; never by anything else."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fastcache import Cache
from fastcache.testing import MovableClock
from tests.harness.gates import Call, HeldLoader, await_no_flights, await_waiters


def failing(key: object) -> Any:
    raise ConnectionError("down")


def unexpected(key: object) -> Any:
    raise AssertionError(f"{key!r} was loaded")


def states(cache: Cache[Any, Any], clock: MovableClock, *steps: float) -> Iterator[str | None]:
    """The states of ``k`` after each of these steps in time."""
    for step in steps:
        clock.advance(step)
        entry = cache.get_entry("k")
        yield entry and entry.state


@pytest.fixture
def stale(make: Any, clock: MovableClock) -> Any:
    """Makes a cache with an old value of ``k`` that expired a second ago."""

    def stale(**options: Any) -> Cache[str, Any]:
        cache: Cache[str, Any] = make(ttl=10, **options)
        cache["k"] = "old"
        clock.advance(11)
        return cache

    return stale


def test_the_old_value_comes_at_once_and_one_load_runs_behind(stale: Any) -> None:
    cache = stale(stale_while_revalidate=30)
    loader = HeldLoader("new")
    assert [cache.get_or_load("k", loader) for _ in range(100)] == ["old"] * 100
    loader.gate.reached()
    assert [(f.key, f.age, f.waiters, f.background) for f in cache.flights()] == [("k", 0.0, 0, True)]
    loader.gate.open()
    await_no_flights(cache)
    assert cache.get_or_load("k", unexpected) == "new"
    stats = cache.stats()
    assert (
        loader.calls, stats.refreshes_started, stats.refreshes_ok, stats.stale_hits, stats.misses,
    ) == (["k"], 1, 1, 100, 0)  # fmt: skip


def test_many_threads_start_one_load_behind(stale: Any) -> None:
    cache = stale(stale_while_revalidate=30)
    loader = HeldLoader("new")
    calls = [Call(cache.get_or_load, "k", loader) for _ in range(50)]
    assert [call.result() for call in calls] == ["old"] * 50
    loader.gate.open()
    await_no_flights(cache)
    assert (loader.calls, cache["k"]) == (["k"], "new")


def test_the_stale_window_ends_on_the_nanosecond(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_while_revalidate=30)
    cache["k"] = "old"
    assert list(
        states(cache, clock, 0, 10 - 1e-9, 1e-9, 30 - 1e-9, 1e-9),
    ) == ["fresh", "fresh", "stale", "stale", None]
    assert cache.get_or_load("k", lambda key: "new") == "new"
    assert cache.stats().misses == 1


def test_past_the_stale_window_callers_wait_for_a_refresh_under_way(stale: Any, clock: MovableClock) -> None:
    cache = stale(stale_while_revalidate=30)
    loader = HeldLoader("new")
    assert cache.get_or_load("k", loader) == "old"
    loader.gate.reached()
    clock.advance(30)
    waiter = Call(cache.get_or_load, "k", unexpected)
    await_waiters(cache, 1)
    loader.gate.open()
    assert waiter.result() == "new"


def test_in_the_error_window_a_caller_loads_in_the_foreground(stale: Any) -> None:
    cache = stale(stale_if_error=30)
    assert cache.get_or_load("k", lambda key: "new") == "new"
    stats = cache.stats()
    assert (cache["k"], stats.misses, stats.stale_hits, stats.refreshes_started) == ("new", 1, 0, 0)


def test_if_the_load_fails_all_who_wait_get_the_old_value(stale: Any) -> None:
    cache = stale(stale_if_error=30)
    error = ConnectionError("down")
    loader: HeldLoader[Any] = HeldLoader(error)
    leader = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    followers = [Call(cache.get_or_load, "k", unexpected) for _ in range(5)]
    await_waiters(cache, 5)
    loader.gate.open()
    assert [call.result() for call in (leader, *followers)] == ["old"] * 6
    entry = cache.get_entry("k")
    assert ("old", "stale_error", -1.0, repr(error), 1, False) == (
        entry.value, entry.state, entry.ttl_left, repr(entry.last_error), entry.failures, entry.loading,
    )  # fmt: skip
    assert cache.stats().load_errors == 1


@pytest.mark.parametrize(
    ("meanwhile", "served"),
    [
        (lambda cache: cache.expire("k"), "old"),
        (lambda cache: cache.set("k", "written"), "written"),
        (lambda cache: cache.delete("k"), ConnectionError),
    ],
    ids=["expired", "written", "deleted"],
)
def test_if_the_key_was_taken_off_the_load_that_fails_what_it_has_by_then_is_served(
    stale: Any, meanwhile: Callable[[Any], object], served: Any
) -> None:
    cache = stale(stale_if_error=30)
    loader: HeldLoader[Any] = HeldLoader(ConnectionError("down"))
    leader = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    follower = Call(cache.get_or_load, "k", unexpected)
    await_waiters(cache, 1)
    meanwhile(cache)
    loader.gate.open()
    for call in (leader, follower):
        if served is ConnectionError:
            assert type(call.error()) is ConnectionError
        else:
            assert call.result() == served


def test_the_error_kept_beside_an_old_value_keeps_no_frame_alive(stale: Any) -> None:
    class Local:
        pass

    def fails(_: object) -> None:
        try:
            raise LookupError("first")
        except LookupError as first:
            raise ConnectionError("down") from first

    def call(cache: Any) -> weakref.ref[Local]:
        local = Local()
        assert cache.get_or_load("k", fails) == "old"
        return weakref.ref(local)

    cache = stale(stale_if_error=30)
    local = call(cache)
    error = cache.get_entry("k").last_error
    assert (local(), error.__traceback__, error.__cause__) == (None, None, None)


def test_expiring_a_failing_key_has_it_tried_at_once(stale: Any) -> None:
    cache = stale(stale_if_error=30)
    assert cache.get_or_load("k", failing) == "old"
    assert cache.get_or_load("k", unexpected) == "old"
    cache.expire("k")
    assert cache.get_or_load("k", lambda _: "new") == "new"
    assert cache.stats().load_errors == 1


def test_after_a_failure_the_old_value_is_served_without_trying_for_a_while(stale: Any, clock: MovableClock) -> None:
    cache = stale(stale_if_error=30)
    assert cache.get_or_load("k", failing) == "old"
    retry_in = cache.get_entry("k").retry_in
    assert 0.5 <= retry_in <= 1
    clock.advance(retry_in - 1e-9)
    assert cache.get_or_load("k", unexpected) == "old"
    clock.advance(2e-9)
    assert cache.get_or_load("k", lambda key: "new") == "new"
    assert cache.get_entry("k")[:8] == ("new", "fresh", 10.0, None, 0, 0.0, False, 0.0)


def test_an_interrupt_is_no_error_that_an_old_value_hides(stale: Any) -> None:
    cache = stale(stale_if_error=30)

    def interrupted(key: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.get_or_load("k", interrupted)
    entry = cache.get_entry("k")
    assert (entry.value, entry.last_error, entry.failures, entry.retry_in) == ("old", None, 0, 0.0)
    assert cache.get_or_load("k", lambda key: "new") == "new"


def test_past_the_error_window_the_error_comes_through(stale: Any, clock: MovableClock) -> None:
    cache = stale(stale_if_error=30)
    assert cache.get_or_load("k", failing) == "old"
    clock.advance(29)
    with pytest.raises(ConnectionError):
        cache.get_or_load("k", failing)
    assert (cache.get_entry("k"), cache.stats().entries) == (None, 0)


def test_a_load_that_fails_after_the_window_has_no_old_value_left(stale: Any, clock: MovableClock) -> None:
    cache = stale(stale_if_error=30)
    loader: HeldLoader[Any] = HeldLoader(ConnectionError("down"))
    leader = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    clock.advance(29)
    loader.gate.open()
    assert isinstance(leader.error(), ConnectionError)


def test_out_of_patience_a_caller_gets_the_old_value(stale: Any) -> None:
    cache = stale(stale_if_error=30)
    loader = HeldLoader("new")
    leader = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    assert Call(cache.get_or_load, "k", unexpected, wait_timeout=0).result() == "old"
    loader.gate.open()
    assert leader.result() == "new"


def test_both_windows_count_from_the_expiry(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_while_revalidate=5, stale_if_error=30)
    cache["k"] = "old"
    clock.advance(14)
    assert cache.get_or_load("k", failing) == "old"
    await_no_flights(cache)
    assert (cache.get_entry("k").state, cache.get_entry("k").failures) == ("stale_error", 1)
    clock.advance(2)
    assert Call(cache.get_or_load, "k", failing).result() == "old"
    assert cache.get_entry("k").failures == 2
    assert (cache.stats().refreshes_failed, cache.stats().load_errors, cache.stats().misses) == (1, 2, 1)
    clock.advance(24 - 1e-9)
    assert cache.get_entry("k") is not None
    clock.advance(1e-9)
    assert cache.get_entry("k") is None


def test_the_longer_stale_window_covers_the_shorter_error_window(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_while_revalidate=30, stale_if_error=5)
    cache["k"] = "old"
    clock.advance(39)
    assert cache.get_or_load("k", failing) == "old"
    await_no_flights(cache)
    clock.advance(1)
    with pytest.raises(ConnectionError):
        cache.get_or_load("k", failing)


@pytest.mark.parametrize("window", ["stale_while_revalidate", "stale_if_error"])
def test_only_loading_serves_what_is_stale(stale: Any, window: str) -> None:
    cache = stale(**{window: 30})
    assert (cache.get("k"), "k" in cache, len(cache), list(cache), list(cache.items())) == (None, False, 0, [], [])
    with pytest.raises(KeyError):
        cache["k"]
    assert cache.stats().entries == 1
    assert cache.pop("k", "default") == "default"
    assert cache.get_entry("k") is None


def test_setdefault_replaces_what_is_stale(stale: Any) -> None:
    cache = stale(stale_while_revalidate=30)
    assert cache.setdefault("k", "default") == "default"
    assert cache.get_entry("k")[:2] == ("default", "fresh")


def test_deleting_leaves_nothing_to_the_windows(stale: Any) -> None:
    cache = stale(stale_while_revalidate=30, stale_if_error=30)
    assert not cache.delete("k")
    with pytest.raises(ConnectionError):
        cache.get_or_load("k", failing)


def test_expiring_leaves_the_value_to_the_windows_from_now_on(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_while_revalidate=5, stale_if_error=30)
    cache["k"] = "old"
    clock.advance(3)
    assert cache.expire("k")
    assert "k" not in cache
    assert not cache.expire("k")
    assert cache.get_entry("k")[:8] == ("old", "stale", 0.0, None, 0, 0.0, False, 3.0)
    assert cache.get_or_load("k", lambda key: "new") == "old"
    await_no_flights(cache)
    assert cache["k"] == "new"


def test_expiring_what_never_expires_does_too(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, stale_if_error=30)
    cache.set("k", "old", ttl=None)
    assert cache.expire("k")
    assert cache.get_or_load("k", failing) == "old"
    clock.advance(30)
    with pytest.raises(ConnectionError):
        cache.get_or_load("k", failing)


def test_expiring_without_windows_is_deleting(cache: Cache[Any, Any]) -> None:
    cache["k"] = 1
    assert (cache.expire("k"), cache.expire("k"), cache.stats().entries) == (True, False, 0)


def test_in_the_error_window_a_value_whose_load_never_failed_is_stale(stale: Any) -> None:
    assert stale(stale_if_error=30).get_entry("k")[1:4:2] == ("stale", None)
