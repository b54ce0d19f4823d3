"""A load that has its place but has not begun keeps it or gives it back, whoever else comes for its key."""

from __future__ import annotations

from typing import Any

import pytest

from fastcache import BulkLoadError, Cache, LoadTimeout
from fastcache.testing import MovableClock
from tests.harness.gates import Call, await_until


class FailedError(Exception):
    pass


class HeldBack(Cache[Any, Any]):
    """Loads in other threads begin when the test says so."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.errands: list[Any] = []

    def _start(self, errand: Any, /) -> bool:
        self.errands.append(errand)
        return True


def with_a_place(cache: HeldBack) -> Call[Any]:
    """A caller whose load of "k" has a place, and has not begun."""
    call = Call(cache.get_or_load, "k", str.upper, wait_timeout=60)
    await_until(lambda: cache.errands, "the errand")
    return call


def places_free(cache: Cache[Any, Any]) -> int:
    assert cache._bulkhead is not None
    return cache._bulkhead.free


def test_who_is_served_an_old_value_among_many_leaves_it_alone(clock: MovableClock) -> None:
    cache = HeldBack(ttl=10, stale_if_error=60, max_concurrent_loads=1, clock=clock)
    cache["k"] = "old"
    clock.advance(11)
    call = with_a_place(cache)
    assert cache.get_many_or_load(["k"], lambda keys: dict.fromkeys(keys, "others")) == {"k": "old"}
    assert places_free(cache) == 0
    cache.errands[0].run_to_end()
    assert call.result() == cache["k"] == "K"
    assert places_free(cache) == 1


def test_so_does_who_waits_no_longer_for_a_place() -> None:
    cache = HeldBack(max_concurrent_loads=1)
    call = with_a_place(cache)
    found = cache.get_many_or_load(["k"], lambda keys: dict.fromkeys(keys), wait_timeout=0, errors="return")
    assert isinstance(found["k"], LoadTimeout)
    assert places_free(cache) == 0
    cache.errands[0].run_to_end()
    assert call.result() == "K"
    assert places_free(cache) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, FailedError])
def test_a_call_for_many_that_takes_it_over_gives_its_place_back(error: type[BaseException]) -> None:
    def load(keys: list[str]) -> dict[str, str]:
        assert places_free(cache) == 0
        raise error

    cache = HeldBack(max_concurrent_loads=2)
    call = with_a_place(cache)
    with pytest.raises((KeyboardInterrupt, BulkLoadError)):
        cache.get_many_or_load(["k", "l"], load)
    if error is KeyboardInterrupt:
        # The other caller begins anew.
        await_until(lambda: len(cache.errands) == 2, "the next errand")
        cache.errands[1].run_to_end()
        assert call.result() == "K"
    else:
        with pytest.raises(FailedError):
            call.result()
    cache.errands[0].run_to_end()
    assert places_free(cache) == 2
