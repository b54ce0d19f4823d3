"""max_concurrent_loads: never more loads at a time, an old value instead of a wait, and every place is given back."""

from __future__ import annotations

from typing import Any

import pytest

from fastcache import Cache, LoadContext, LoadRejected, LoadTimeout, NotFound
from fastcache.testing import MovableClock
from tests.harness.effort import EFFORT
from tests.harness.gates import (
    Call,
    HeldLoader,
    all_at_once,
    await_no_flights,
    await_until,
    await_waiters,
)  # fmt: skip
from tests.harness.interrupts import Interrupt
from tests.harness.loaders import Counting, Crowd, unexpected
from tests.harness.places import (
    Busy,
    await_no_refresh,
    bulkhead,
    in_line,
    interrupted_return,
    places_come_back,  # noqa: F401 - a fixture
)

pytestmark = pytest.mark.usefixtures("places_come_back")

DOWN = ConnectionError("down")


@pytest.mark.parametrize("limit", [1, 3])
@pytest.mark.parametrize("options", [{}, {"wait_timeout": 60}, {"coalesce": False}])
def test_keys_that_expired_together_never_load_beyond_the_limit(
    make: Any, clock: MovableClock, limit: int, options: Any
) -> None:
    # Without coalescing each of the callers loads each key.
    count = (200 if "coalesce" in options else 2000) * EFFORT
    cache = make(ttl=60, max_concurrent_loads=limit)
    cache.update(dict.fromkeys(range(count), "old"))
    clock.advance(60)
    loader = Crowd()
    # Each begins elsewhere, or all would wait for one load after the other.
    starts = iter(range(16))

    def walk() -> None:
        first = next(starts) * count // 16
        for number in range(first, first + count):
            key = number % count
            assert cache.get_or_load(key, loader, **options) == f"new {key}"

    for call in all_at_once(16, walk):
        call.result()
    assert loader.most == limit
    if "coalesce" not in options:
        assert loader.calls == count


def test_as_many_as_the_limit_do_load_at_a_time(make: Any) -> None:
    cache = make(max_concurrent_loads=3)
    busy = Busy(cache, 3)
    waiting = Call(cache.get_or_load, "k", lambda key: "loaded")
    in_line(cache, 1)
    assert [(f.key, f.owner) for f in cache.flights() if f.key == "k"] == [("k", 0)]
    busy.open()
    assert waiting.result() == "loaded"


def test_who_comes_first_loads_first(make: Any) -> None:
    cache = make(max_concurrent_loads=1)
    busy = Busy(cache)
    loads: list[Any] = []
    calls = []
    for key in range(10):
        calls.append(Call(cache.get_or_load, key, loads.append))
        in_line(cache, key + 1)
    busy.open()
    for call in calls:
        call.result()
    assert loads == list(range(10))


def test_who_asks_for_what_waits_for_a_place_follows_and_takes_none(make: Any) -> None:
    cache = make(max_concurrent_loads=1)
    busy = Busy(cache)
    loader = Counting("loaded")
    calls = [Call(cache.get_or_load, "k", loader) for _ in range(5)]
    in_line(cache, 1)
    await_waiters(cache, 4, "k")
    busy.open()
    assert ([call.result() for call in calls], loader.calls) == (["loaded"] * 5, ["k"])


@pytest.mark.parametrize("error", [Interrupt, OSError])
def test_what_interrupts_the_end_of_a_load_is_raised_and_its_value_kept(
    make: Any, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    cache = make(max_concurrent_loads=1)
    with monkeypatch.context() as patch:
        late = interrupted_return(patch, error)
        with pytest.raises(error):
            cache.get_or_load("k", lambda key: "loaded")
        late.append(error)
        with pytest.raises(error):
            cache.get_many_or_load(["l", "m"], lambda keys: dict.fromkeys(keys, "loaded"))
    assert dict(cache) == dict.fromkeys("klm", "loaded")
    assert cache.stats().load_errors == 0


@pytest.mark.parametrize("window", ["stale_if_error", "stale_while_revalidate"])
def test_an_old_value_is_served_instead_of_waiting_for_a_place(make: Any, clock: MovableClock, window: str) -> None:
    cache = make(ttl=10, max_concurrent_loads=1, **{window: 100})
    cache["k"] = "old"
    clock.advance(11)
    busy = Busy(cache)
    assert cache.get_or_load("k", unexpected, with_status=True) == ("old", "stale")
    await_no_refresh(cache)
    # Unless it is too old for this caller.
    choosy = Call(cache.get_or_load, "k", lambda key: "new", max_stale=0.5)
    in_line(cache, 1)
    busy.open()
    assert choosy.result() == "new"


def test_a_refresh_beyond_the_limit_is_dropped_and_tried_again_later(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, refresh_ahead=5, max_concurrent_loads=1)
    cache["k"] = "old"
    clock.advance(6)
    busy = Busy(cache)
    assert cache.get_or_load("k", unexpected) == "old"
    await_no_refresh(cache)
    assert (cache.stats().refreshes_dropped, cache.stats().load_errors) == (1, 0)
    busy.open()
    clock.advance(1)
    assert cache.get_or_load("k", lambda key: "new") == "old"
    await_no_flights(cache)
    assert cache["k"] == "new"


def test_a_refresh_takes_a_place_like_any_load(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=10, refresh_ahead=5, max_concurrent_loads=1)
    cache["k"] = "old"
    clock.advance(6)
    refresh = HeldLoader("new")
    assert cache.get_or_load("k", refresh) == "old"
    refresh.gate.reached()
    with pytest.raises(LoadRejected):
        cache.get_or_load("other", unexpected, wait_timeout=0)
    refresh.gate.open()
    await_no_flights(cache)
    assert cache["k"] == "new"


def test_who_runs_out_of_patience_in_line_is_rejected_and_nobody_else(make: Any) -> None:
    cache = make(max_concurrent_loads=1)
    busy = Busy(cache)
    hasty = Call(cache.get_or_load, "k", unexpected, wait_timeout=0.2)
    in_line(cache, 1)
    # Takes over when the hasty one has left.
    patient = Call(cache.get_or_load, "k", lambda key: "loaded")
    with pytest.raises(LoadRejected, match="'k'"):
        hasty.result()
    # Who waits for another's load times out instead.
    in_line(cache, 1)
    with pytest.raises(LoadTimeout):
        cache.get_or_load("k", unexpected, wait_timeout=0)
    with pytest.raises(LoadRejected):
        cache.get_or_load("other", unexpected, wait_timeout=0)
    busy.open()
    assert patient.result() == "loaded"
    assert (cache.stats().rejected, cache.stats().timeouts) == (2, 1)


def test_once_a_load_has_its_place_a_timeout_is_one(make: Any) -> None:
    cache = make(max_concurrent_loads=1)
    loader = HeldLoader("loaded")
    with pytest.raises(LoadTimeout):
        cache.get_or_load("k", loader, wait_timeout=0)
    # It keeps its place until it ends.
    loader.gate.reached()
    assert bulkhead(cache).free == 0
    with pytest.raises(LoadRejected):
        cache.get_or_load("other", unexpected, wait_timeout=0)
    loader.gate.open()
    await_until(lambda: cache.get("k") == "loaded", "the load")


# ---- every end gives its place back (the fixture looks) ----


@pytest.mark.parametrize("limit", [{}, {"wait_timeout": 60}, {"coalesce": False}])
@pytest.mark.parametrize(
    "result", ["value", None, DOWN, NotFound("k"), KeyboardInterrupt(), SystemExit(), GeneratorExit()], ids=repr
)
@pytest.mark.parametrize("options", [{}, {"negative_ttl": 5, "error_ttl": 5, "none_ttl": 0}])
def test_a_place_comes_back_however_a_load_ends(make: Any, limit: Any, result: Any, options: Any) -> None:
    cache = make(ttl=60, max_concurrent_loads=2, **options)
    for _ in range(5):
        if isinstance(result, BaseException):
            with pytest.raises(type(result)):
                cache.get_or_load("k", Counting(result), **limit)
        else:
            assert cache.get_or_load("k", Counting(result), **limit) == result
        cache.delete("k")


@pytest.mark.parametrize("act", ["delete", "set", "clear", "expire", "invalidate_tag"])
def test_a_place_comes_back_from_a_load_whose_key_was_written_or_removed(make: Any, act: str) -> None:
    cache = make(ttl=60, max_concurrent_loads=1)
    loader = HeldLoader("loaded")
    call = Call(cache.get_or_load, "k", loader)
    loader.gate.reached()
    arguments: dict[str, Any] = {"set": ("k", 1), "clear": (), "invalidate_tag": ("t",)}
    getattr(cache, act)(*arguments.get(act, ("k",)))
    # It is still loading.
    assert bulkhead(cache).free == 0
    loader.gate.open()
    assert call.result() == "loaded"


def test_a_place_comes_back_from_a_wrong_wish(make: Any) -> None:
    cache = make(max_concurrent_loads=1)

    def load(key: str, ctx: LoadContext[Any, Any]) -> str:
        ctx.ttl = -1
        return "value"

    for _ in range(3):
        with pytest.raises(ValueError, match="ttl"):
            cache.get_or_load("k", load, with_context=True)


def test_who_left_the_line_leaves_the_key_to_the_next(make: Any) -> None:
    cache = make(max_concurrent_loads=1)
    busy = Busy(cache)
    for _ in range(3):
        with pytest.raises(LoadRejected):
            cache.get_or_load("k", unexpected, wait_timeout=0)
    assert [flight.key for flight in cache.flights()] == ["busy 0"]
    busy.open()
    assert cache.get_or_load("k", lambda key: "loaded") == "loaded"


@pytest.mark.parametrize(("value", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError)])
def test_the_limit_is_a_positive_int(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="max_concurrent_loads"):
        Cache(max_concurrent_loads=value)
