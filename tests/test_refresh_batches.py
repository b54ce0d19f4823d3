"""Reloads in the background that share a loader of several keys are made together; nobody waits for that."""

from __future__ import annotations

import gc
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fastcache import Cache, LoadContext, _batches
from fastcache._batches import MOST
from fastcache.testing import InlineExecutor, ManualExecutor, MovableClock
from tests.harness.child import check_child
from tests.harness.gates import Call, Gate, HeldLoader, all_at_once, await_no_flights, await_until
from tests.harness.interrupts import everywhere

# Seconds that no test lasts: what is loaded was not waited for.
FOREVER = 100_000


def unexpected(keys: object) -> Any:
    raise AssertionError(f"{keys!r} were loaded")


class Loader:
    def __init__(self) -> None:
        self.calls: list[list[Any]] = []

    def __call__(self, keys: list[Any]) -> dict[Any, Any]:
        self.calls.append(list(keys))
        return dict.fromkeys(keys, "new")

    def method(self, keys: list[Any]) -> dict[Any, Any]:
        return self(keys)


class Shared:
    """The numbers below ``end``, each given to one of the threads that iterate over it."""

    def __init__(self, end: int) -> None:
        self.left = deque(range(end))

    def __iter__(self) -> Iterator[int]:
        while True:
            try:
                yield self.left.popleft()
            except IndexError:
                return


@pytest.fixture
def executor() -> ManualExecutor:
    return ManualExecutor()


@pytest.fixture
def stale(make: Any, clock: MovableClock, executor: ManualExecutor) -> Callable[..., Cache[int, Any]]:
    """Makes a cache whose keys 0 to 999 are stale; what is gathered is loaded when the executor runs."""

    def made(**options: Any) -> Cache[int, Any]:
        cache: Cache[int, Any] = make(
            ttl=10, stale_while_revalidate=100, **{"executor": executor, "refresh_batch_delay": 0, **options}
        )
        cache.set_many(dict.fromkeys(range(1000), "old"))
        clock.advance(10)
        return cache

    return made


def test_refreshes_of_one_loader_are_loaded_together(
    stale: Callable[..., Cache[int, Any]], executor: ManualExecutor
) -> None:
    cache, loader = stale(), Loader()
    assert cache.get_many_or_load([1, 2], loader) == {1: "old", 2: "old"}
    assert cache.get_many_or_load([2, 3], loader) == {2: "old", 3: "old"}
    assert cache.get_many_or_load([4], loader) == {4: "old"}
    assert executor.pending == 1
    executor.run_all()
    assert (loader.calls, cache.get_many(range(5))) == ([[1, 2, 3, 4]], dict.fromkeys([1, 2, 3, 4], "new"))
    stats = cache.stats()
    assert (stats.refreshes_started, stats.refreshes_ok) == (4, 4)
    assert cache.get_many_or_load([5], loader) == {5: "old"}
    executor.run_all()
    assert loader.calls == [[1, 2, 3, 4], [5]]


def test_a_method_is_the_same_loader_each_time(stale: Callable[..., Cache[int, Any]], executor: ManualExecutor) -> None:
    cache, loader, other = stale(), Loader(), Loader()
    for key, owner in ((1, loader), (2, other), (3, loader)):
        cache.get_many_or_load([key], owner.method)
    executor.run_all()
    assert (loader.calls, other.calls) == ([[1, 3]], [[2]])


def test_only_what_is_to_be_kept_alike_is_loaded_together(
    stale: Callable[..., Cache[int, Any]], executor: ManualExecutor
) -> None:
    cache, loader = stale(), Loader()
    cache.get_many_or_load([1], loader)
    cache.get_many_or_load([2], loader, ttl=5)
    cache.get_many_or_load([3], loader, tags="t")
    cache.get_many_or_load([4], loader, max_batch=7)
    cache.get_many_or_load([5], loader, ttl=5)
    cache.get_many_or_load([6], loader, tags=["t"])
    executor.run_all()
    assert loader.calls == [[1], [2, 5], [3, 6], [4]]
    assert [key for key in range(1, 7) if cache._look(key)[8]] == [3, 6]  # type: ignore[index]


def test_a_gathering_takes_no_more_than_max_batch(
    stale: Callable[..., Cache[int, Any]], executor: ManualExecutor
) -> None:
    cache, loader = stale(), Loader()
    for key in range(7):
        cache.get_many_or_load([key], loader, max_batch=3)
    for key in range(100, 100 + MOST + 1):
        cache.get_many_or_load([key], loader)
    executor.run_all()
    assert [len(keys) for keys in loader.calls] == [3, 3, 1, MOST, 1]


def test_what_one_call_needs_is_loaded_together_whatever_its_number(
    stale: Callable[..., Cache[int, Any]], executor: ManualExecutor
) -> None:
    cache, loader = stale(), Loader()
    cache.get_many_or_load(range(300), loader)
    cache.get_many_or_load(range(300, 309), loader, max_batch=4)
    executor.run_all()
    assert loader.calls == [list(range(300)), [300, 301, 302, 303], [304, 305, 306, 307], [308]]


def test_each_key_has_a_context(stale: Callable[..., Cache[int, Any]], executor: ManualExecutor) -> None:
    def load(keys: list[int], contexts: dict[int, LoadContext[int, Any]]) -> dict[int, Any]:
        return {key: (key, contexts[key].stale_value) for key in keys}

    cache = stale()
    for key in (1, 2):
        cache.get_many_or_load([key], load, with_context=True)
    executor.run_all()
    assert cache.get_many([1, 2]) == {1: (1, "old"), 2: (2, "old")}


def test_who_needs_a_key_at_once_takes_it_out_of_the_gathering(
    stale: Callable[..., Cache[int, Any]], executor: ManualExecutor, clock: MovableClock
) -> None:
    cache, loader = stale(max_load_time=None), Loader()
    cache.get_many_or_load([1, 2, 3], loader)
    clock.advance(100)
    assert cache.get_or_load(2, lambda key: "needed") == "needed"
    executor.run_all()
    assert (loader.calls, cache.get_many([1, 2, 3])) == ([[1, 3]], {1: "new", 2: "needed", 3: "new"})


def test_keys_removed_meanwhile_are_loaded_for_nothing_and_not_kept(
    stale: Callable[..., Cache[int, Any]], executor: ManualExecutor
) -> None:
    cache, loader = stale(), Loader()
    cache.get_many_or_load([1, 2], loader)
    cache.delete_many([1])
    executor.run_all()
    assert cache.get_many([1, 2]) == {2: "new"}


# ---- when they are loaded ----


def test_a_worker_waits_for_others_until_the_gathering_is_full(stale: Callable[..., Cache[int, Any]]) -> None:
    cache, loader = stale(executor=None, refresh_batch_delay=FOREVER), Loader()
    for keys in ([0, 1, 2], [3, 4, 5]):
        for key in keys:
            assert cache.get_many_or_load([key], loader, max_batch=3) == {key: "old"}
        # One that is opened while another closes may be joined by nobody, and wait for its delay.
        await_no_flights(cache)
    assert loader.calls == [[0, 1, 2], [3, 4, 5]]


def test_a_worker_that_was_busy_takes_what_came_meanwhile(stale: Callable[..., Cache[int, Any]]) -> None:
    cache, loader = stale(executor=None, refresh_workers=1), Loader()
    busy = HeldLoader("new")
    cache.get_or_load(0, busy)
    busy.gate.reached()
    for key in range(1, 5):
        assert cache.get_many_or_load([key], loader) == {key: "old"}
    busy.gate.open()
    await_no_flights(cache)
    assert loader.calls == [[1, 2, 3, 4]]


def test_the_delay_ends_by_itself(stale: Callable[..., Cache[int, Any]]) -> None:
    cache, loader = stale(executor=None, refresh_batch_delay=0.001), Loader()
    assert cache.get_many_or_load([1, 2], loader) == {1: "old", 2: "old"}
    await_no_flights(cache)
    assert loader.calls == [[1, 2]]


def test_what_is_missing_is_not_delayed(stale: Callable[..., Cache[int, Any]]) -> None:
    cache, loader = stale(executor=None, refresh_batch_delay=FOREVER), Loader()
    assert cache.get_many_or_load([1, 2000], loader) == {1: "old", 2000: "new"}
    assert cache.get_many_or_load([2001], loader) == {2001: "new"}
    assert loader.calls == [[2000], [2001]]
    cache.close()


def test_an_executor_that_runs_tasks_at_once_waits_for_nobody(stale: Callable[..., Cache[int, Any]]) -> None:
    cache, loader = stale(executor=InlineExecutor(), refresh_batch_delay=FOREVER), Loader()
    assert cache.get_many_or_load([1, 2], loader) == {1: "old", 2: "old"}
    assert (loader.calls, cache.get_many([1, 2])) == ([[1, 2]], {1: "new", 2: "new"})


def test_closing_drops_what_is_gathered_and_does_not_wait_for_the_delay(
    stale: Callable[..., Cache[int, Any]],
) -> None:
    cache = stale(executor=None, refresh_batch_delay=FOREVER, name="closing")
    assert cache.get_many_or_load([1, 2], unexpected) == {1: "old", 2: "old"}
    await_until(lambda: cache._pool and not cache._pool._queued, "a worker that waits")
    cache.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "fastcache-refresh-closing"]
    assert (cache.flights(), cache.stats().refreshes_dropped) == ([], 2)
    assert cache.get_many_or_load([3], unexpected) == {3: "old"}
    assert cache.stats().refreshes_dropped == 3


def test_what_a_full_queue_refuses_is_dropped(stale: Callable[..., Cache[int, Any]]) -> None:
    cache, loader = stale(executor=None, refresh_workers=1, refresh_queue=1), Loader()
    busy = HeldLoader("new")
    cache.get_or_load(0, busy)
    busy.gate.reached()
    for _ in range(3):
        cache.get_many_or_load([1], loader)
    cache.get_many_or_load([2], loader.method)
    # Many who ask make it hot.
    for key in range(3, 6):
        cache.get_many_or_load([key], loader)
    busy.gate.open()
    await_no_flights(cache)
    assert (loader.calls, cache.stats().refreshes_dropped) == ([[1, 3, 4, 5]], 1)


def test_a_full_bulkhead_drops_the_whole_gathering(
    stale: Callable[..., Cache[int, Any]], executor: ManualExecutor
) -> None:
    cache, loader = stale(max_concurrent_loads=1), Loader()
    cache.get_many_or_load([1, 2], loader)
    busy = HeldLoader("busy")
    call = Call(cache.get_or_load, 2000, busy)
    busy.gate.reached()
    executor.run_all()
    assert (loader.calls, cache.stats().refreshes_dropped, len(cache.flights())) == ([], 2, 1)
    busy.gate.open()
    assert call.result() == "busy"


def test_gatherings_are_forgotten_when_they_are_loaded(
    stale: Callable[..., Cache[int, Any]], executor: ManualExecutor
) -> None:
    cache = stale()
    for key in range(50):
        cache.get_many_or_load([key], lambda keys: dict.fromkeys(keys, "new"))
    executor.run_all()
    assert cache._batches is not None
    assert len(cache.get_many(range(50))) == 50
    assert (len(cache._batches._open.all), len(cache._batches._open.latest)) == (0, 0)


# ---- amid threads, interrupts, finalizers and forks ----


def test_many_threads_lose_no_key(stale: Callable[..., Cache[int, Any]]) -> None:
    cache, loader = stale(executor=None, refresh_batch_delay=0.0005), Loader()
    # Each thread takes the next one.
    keys = Shared(1000)

    def ask() -> None:
        for key in keys:
            cache.get_many_or_load([key], loader, max_batch=10)

    for call in all_at_once(10, ask):
        call.result()
    await_no_flights(cache)
    assert sorted(key for keys in loader.calls for key in keys) == sorted(
        key for key in range(1000) if cache.get(key) == "new"
    )
    assert max(map(len, loader.calls)) <= 10
    stats = cache.stats()
    assert (stats.refreshes_ok + stats.refreshes_dropped, stats.refreshes_started) == (1000, 1000)


def test_an_interrupt_at_any_point_leaves_no_flight_that_nobody_loads(clock: MovableClock) -> None:
    def scene(act: Callable[[Callable[[], object]], None]) -> None:
        executor = ManualExecutor()
        cache: Cache[int, Any] = Cache(
            ttl=10, stale_while_revalidate=100, refresh_batch_delay=0, executor=executor, clock=clock
        )
        cache.set_many(dict.fromkeys(range(4), "old"))
        clock.advance(10)
        cache.get_many_or_load([0, 1], Loader())
        load = Loader()
        act(lambda: (cache.get_many_or_load([2], load), cache.get_many_or_load([3], load)))
        executor.run_all()
        assert cache.flights() == []

    assert everywhere(_batches, scene) > 20


def test_a_finalizer_may_ask_for_keys_while_others_are_gathered(
    stale: Callable[..., Cache[int, Any]], executor: ManualExecutor
) -> None:
    class Asks:
        def __del__(self) -> None:
            cache.get_many_or_load([len(loader.calls) + 10], loader)

    cache, loader = stale(), Loader()
    for key in range(100, 200):
        cycle: list[Any] = [Asks()]
        cycle.append(cycle)
        del cycle
        cache.get_many_or_load([key], loader)
    gc.collect()
    executor.run_all()
    assert cache.flights() == []
    assert cache.get_many([10, *range(100, 200)]) == dict.fromkeys([10, *range(100, 200)], "new")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_the_child_of_a_fork_gathers_anew() -> None:
    check_child(
        """
        import os, sys, warnings
        from fastcache import Cache
        from fastcache.testing import MovableClock
        from tests.harness.gates import await_no_flights

        warnings.simplefilter("ignore", DeprecationWarning)
        clock = MovableClock()
        cache = Cache(ttl=10, stale_while_revalidate=100, refresh_batch_delay=100_000, clock=clock)
        cache.set_many({1: "old", 2: "old", 3: "old"})
        clock.advance(10)

        def load(keys):
            return {key: os.getpid() for key in keys}

        cache.get_many_or_load([1], load, max_batch=2)
        pid = os.fork()
        if pid == 0:
            cache.get_many_or_load([2], load, max_batch=2)
            cache.get_many_or_load([3], load, max_batch=2)
            await_no_flights(cache)
            assert cache.get_many([2, 3]) == {2: os.getpid(), 3: os.getpid()}
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        cache.get_many_or_load([2], load, max_batch=2)
        await_no_flights(cache)
        print(cache.get_many([1, 2]) == {1: os.getpid(), 2: os.getpid()})
        """,
        out="True",
    )


def test_the_end_of_the_process_does_not_wait_for_the_delay() -> None:
    check_child(
        """
        from fastcache import Cache
        from fastcache.testing import MovableClock

        clock = MovableClock()
        cache = Cache(ttl=10, stale_while_revalidate=100, refresh_batch_delay=100_000, clock=clock)
        cache[1] = "old"
        clock.advance(10)
        print(cache.get_many_or_load([1], lambda keys: {}))
        """,
        out="{1: 'old'}",
        limit=30,
    )


def test_of_two_that_are_opened_at_once_closing_forgets_none() -> None:
    class Held(Cache[int, Any]):
        def _submit(self, task: Any, /) -> bool:
            if len(task) == 1:
                gate.stop()
            return super()._submit(task)

    gate = Gate()
    clock = MovableClock()
    cache = Held(ttl=10, stale_while_revalidate=100, refresh_batch_delay=FOREVER, clock=clock)
    cache.set_many(dict.fromkeys(range(3), "old"))
    clock.advance(10)
    one = Call(cache.get_many_or_load, [0], unexpected)
    gate.reached()
    assert cache.get_many_or_load([1, 2], unexpected) == {1: "old", 2: "old"}
    gate.open()
    assert one.result() == {0: "old"}
    await_until(lambda: cache._pool and not cache._pool._queued, "workers that wait")
    cache.close()
    assert (cache.flights(), cache.stats().refreshes_dropped) == ([], 3)


class Closing(list[Any]):
    """What has joined a gathering that a worker takes on in the midst of a join."""

    def __init__(self, executor: ManualExecutor, before: bool) -> None:
        super().__init__()
        self._executor, self._before = executor, before

    def append(self, batch: Any) -> None:
        if self._before:
            self._executor.run_all()
        super().append(batch)
        if not self._before:
            self._executor.run_all()


@pytest.mark.parametrize("before", [True, False])
def test_who_joins_what_closes_in_that_moment_opens_another_unless_it_was_taken(
    stale: Callable[..., Cache[int, Any]], executor: ManualExecutor, before: bool
) -> None:
    cache, loader = stale(), Loader()
    cache.get_many_or_load([1], loader)
    assert cache._batches is not None
    [first] = set(cache._batches._open.all)
    first._others = Closing(executor, before)
    cache.get_many_or_load([2], loader)
    assert len(set(cache._batches._open.all)) == before
    executor.run_all()
    assert loader.calls == ([[1], [2]] if before else [[1, 2]])


class Alike:
    """As much of a gathering as the list of the open ones asks for."""

    like = "like"
    closed = False


@pytest.mark.parametrize("closed", [False, True])
def test_one_that_is_listed_as_another_goes_stays_unless_it_has_closed(closed: bool) -> None:
    first, second = Alike(), Alike()
    second.closed = closed

    class ListedBetween(dict[Any, Any]):
        def get(self, key: Any, default: Any = None) -> Any:
            found = super().get(key, default)
            self[key] = second
            return found

    listed: Any = _batches.Open()
    listed.add(first)
    listed.latest = ListedBetween(listed.latest)
    listed.remove(first)
    assert (listed.all, dict(listed.latest)) == ({}, {} if closed else {"like": second})


@pytest.mark.parametrize(("delay", "error"), [(-1, ValueError), ("1", TypeError), (float("nan"), ValueError)])
def test_a_wrong_delay_is_refused(delay: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="refresh_batch_delay must"):
        Cache(refresh_batch_delay=delay)
