"""Who forces a load that comes to nothing asks again: he takes what has been written since, and nothing older."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fastcache import Cache, NotFound
from fastcache.testing import MovableClock
from tests.harness.gates import LIMIT, Call, HeldLoader, await_until, await_waiters
from tests.harness.loaders import Counting, unexpected
from tests.harness.tasks import AsyncHeldLoader, on_loops, settle, started


class Interrupted:
    """A load of ``k`` that is to come to nothing."""

    def __init__(self, cache: Cache[Any, Any]) -> None:
        self.loader: HeldLoader[Any] = HeldLoader(KeyboardInterrupt())
        self.call = Call(cache.refresh("k", self.loader).result)
        self.loader.gate.reached()

    def end(self) -> None:
        self.loader.gate.open()
        assert isinstance(self.call.error(), KeyboardInterrupt)


def write(cache: Cache[Any, Any]) -> None:
    cache["k"] = "written"


def load(cache: Cache[Any, Any]) -> None:
    """In another thread, for a loop runs in this one."""
    Call(cache.get_or_load, "k", lambda key: "written", force=True).join()


def touch(cache: Cache[Any, Any]) -> None:
    cache.touch("k")


def write_the_same(cache: Cache[Any, Any]) -> None:
    """What cannot be told from what was there."""
    cache["k"] = cache["k"]


def find_nothing(cache: Cache[Any, Any]) -> None:
    assert isinstance(Call(cache.get_or_load, "k", Counting(NotFound("k")), force=True).error(), NotFound)


def do_nothing(_: Cache[Any, Any]) -> None:
    pass


BEFORE = {"nothing": do_nothing, "a value": lambda cache: cache.set("k", "old"), "an absence": find_nothing}


@pytest.mark.parametrize("before", BEFORE)
def test_refreshes_whose_load_came_to_nothing_are_one_load(make: Any, before: str) -> None:
    cache = make(ttl=60, negative_ttl=60)
    BEFORE[before](cache)
    interrupted = Interrupted(cache)
    loader = Counting(["new"])
    futures = [cache.refresh("k", loader) for _ in range(8)]
    await_waiters(cache, 8)
    interrupted.end()
    assert [future.result(LIMIT) for future in futures] == [["new"]] * 8
    assert loader.calls == ["k"]


async def refreshed_amid(cache: Cache[Any, Any], loader: Any, then: Callable[[Cache[Any, Any]], None]) -> Any:
    """What a refresh by a task comes to that had joined a load, after which ``then`` happened before it could run."""
    interrupted = Interrupted(cache)
    [task] = await started(cache.arefresh("k", loader))
    await_waiters(cache, 1)
    interrupted.end()
    then(cache)
    return await task


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("write", [write, load])
@on_loops
async def test_what_was_written_after_the_call_is_taken(make: Any, before: str, write: Any) -> None:
    cache = make(ttl=60, negative_ttl=60)
    BEFORE[before](cache)
    assert await refreshed_amid(cache, unexpected, write) == "written"


@pytest.mark.parametrize("before", BEFORE)
@on_loops
async def test_an_absence_that_was_found_after_the_call_is_taken(make: Any, before: str) -> None:
    cache = make(ttl=60, negative_ttl=60)
    BEFORE[before](cache)
    with pytest.raises(NotFound):
        await refreshed_amid(cache, unexpected, find_nothing)


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("then", [do_nothing, touch])
@on_loops
async def test_what_was_there_before_the_call_is_not_taken(make: Any, before: str, then: Any) -> None:
    cache = make(ttl=60, negative_ttl=60)
    BEFORE[before](cache)
    assert await refreshed_amid(cache, Counting("new"), then) == "new"


@on_loops
async def test_nor_is_it_if_it_was_written_again(cache: Cache[Any, Any]) -> None:
    cache["k"] = "old"
    assert await refreshed_amid(cache, Counting("new"), write_the_same) == "new"


@on_loops
async def test_nor_what_has_expired_meanwhile(make: Any, clock: MovableClock) -> None:
    cache = make(ttl=60, stale_while_revalidate=60)

    def write_and_expire(cache: Cache[Any, Any]) -> None:
        cache["k"] = "written"
        clock.advance(60)

    assert await refreshed_amid(cache, Counting("new"), write_and_expire) == "new"


@on_loops
async def test_where_values_are_not_kept_refreshes_still_share_a_load(make: Any) -> None:
    cache = make(ttl=60, uncacheable_ttl=60)
    interrupted = Interrupted(cache)
    loader = AsyncHeldLoader("new")
    tasks = await started(*[cache.arefresh("k", loader) for _ in range(4)])
    await_waiters(cache, 4)
    interrupted.end()
    Call(cache.get_or_load, "k", lambda key: "not kept", ttl=0, force=True).join()
    await settle()
    loader.gate.open()
    assert ([await task for task in tasks], loader.calls) == (["new"] * 4, ["k"])


@pytest.mark.parametrize("when", ["before the call", "after the call"])
def test_so_does_a_call_for_several_keys(cache: Cache[Any, Any], when: str) -> None:
    cache["k"] = "old"
    interrupted, other = Interrupted(cache), HeldLoader("other")
    first = Call(cache.get_or_load, "other", other)
    other.gate.reached()
    loader = Counting({"k": "new"})
    call = Call(cache.refresh_many(["other", "k"], loader).result)
    # It waits for the one load, and has the other before it.
    await_waiters(cache, 1)
    interrupted.end()
    if when == "after the call":
        write(cache)
    other.gate.open()
    assert call.result() == {"other": "other", "k": "new" if when == "before the call" else "written"}
    assert (first.result(), loader.calls) == ("other", [["k"]] if when == "before the call" else [])


def test_a_forced_load_that_is_superseded_is_waited_for_in_the_newer_one(
    cache: Cache[Any, Any], clock: MovableClock
) -> None:
    cache["k"] = "old"
    first, second = HeldLoader("first"), HeldLoader("second")
    forced = Call(cache.get_or_load, "k", first, force=True, wait_timeout=LIMIT)
    first.gate.reached()
    clock.advance(60)
    later = Call(cache.get_or_load, "k", second)
    second.gate.reached()
    # The newer one is listed first.
    await_until(lambda: [flight.waiters for flight in cache.flights()] == [1, 0], "the move")
    second.gate.open()
    assert (forced.result(), later.result(), cache["k"]) == ("second", "second", "second")
    first.gate.open()
    await_until(lambda: cache.stats().discarded == 1, "the end of the first")
    assert (first.calls, second.calls, cache.stats().superseded) == (["k"], ["k"], 1)


@pytest.mark.parametrize("ended", [False, True])
@on_loops
async def test_so_is_that_of_a_task(cache: Cache[Any, Any], clock: MovableClock, ended: bool) -> None:
    cache["k"] = "old"
    first, second = AsyncHeldLoader("first"), HeldLoader("second")
    [forced] = await started(cache.aget_or_load("k", first, force=True))
    clock.advance(60)
    later = Call(cache.get_or_load, "k", second)
    second.gate.reached()
    if not ended:
        await settle()
        assert [flight.waiters for flight in cache.flights()] == [1, 0]
    # Else before the task runs again.
    second.gate.open()
    assert (later.result(), await forced, cache["k"]) == ("second", "second", "second")
    first.gate.open()
    await settle()
    assert (first.calls, second.calls, cache.stats().superseded) == (["k"], ["k"], 1)
