"""Every way out of a load ends its flight, and gives its place in the bulkhead back."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import sys
from collections.abc import Callable
from typing import Any

import pytest

import fastcache._bulkhead
import fastcache._errors
import fastcache._threads
from fastcache import Cache
from fastcache._load_config import load_settings
from fastcache.testing import MovableClock
from tests.harness.child import check_child
from tests.harness.gates import Call, HeldLoader, await_no_flights, await_until, in_time
from tests.harness.interrupts import Interrupt, everywhere
from tests.harness.keys import Key


class FailedError(Exception):
    pass


def fail(key: object) -> None:
    raise FailedError


def check_ended(cache: Cache[Any, Any]) -> None:
    await_no_flights(cache)
    bulkhead = cache._bulkhead
    # A place is given back after the flight has ended, perhaps by another thread.
    await_until(lambda: bulkhead is None or (bulkhead.free, bulkhead.waiting) == (bulkhead.limit, 0), "all places")
    cache._check()


def at_depth(depth: int, function: Callable[[], Any]) -> Any:
    return at_depth(depth - 1, function) if depth else function()


@pytest.mark.parametrize("loader", [lambda key: key, fail], ids=["loads", "fails"])
@pytest.mark.parametrize(
    ("options", "call"),
    [({}, {}), ({"max_concurrent_loads": 1}, {}), ({"negative": FailedError, "negative_ttl": 1}, {}),
     ({"max_concurrent_loads": 1}, {"wait_timeout": 60})],
    ids=["", "bulkhead", "negative", "elsewhere"],
)  # fmt: skip
def test_a_load_at_the_recursion_limit_ends(
    loader: Callable[[Any], Any], options: dict[str, Any], call: dict[str, Any]
) -> None:
    cache: Cache[Any, Any] = Cache(ttl=60, stale_if_error=60, **options)
    # The limit is so far below what is already on the stack that some of these depths pass it in each call of a load.
    frames, frame = 0, sys._getframe()
    while frame.f_back is not None:
        frames, frame = frames + 1, frame.f_back
    for depth in range(60):
        start = functools.partial(cache.get_or_load, depth, loader, **call)
        with contextlib.suppress(RecursionError, FailedError):
            at_depth(sys.getrecursionlimit() - frames - depth, start)
        await_no_flights(cache)
    check_ended(cache)


@pytest.mark.parametrize("options", [{}, {"max_concurrent_loads": 1}], ids=["", "bulkhead"])
def test_so_it_does_whatever_else_the_context_holds(options: dict[str, Any]) -> None:
    """Finding a variable in a context of many may take a comparison, for which there is no room on the stack."""

    async def load() -> None:
        # From now on loads ask for the context.
        await Cache[int, str]().aget_or_load(1, str)

    def filled(number: int) -> None:
        for n in range(600):
            contextvars.ContextVar[int](f"variable {number}, {n}").set(n)
        test_a_load_at_the_recursion_limit_ends(str, options, {})

    asyncio.run(load())
    for number in range(12):
        contextvars.Context().run(filled, number)


def test_an_interrupt_on_the_way_through_the_bulkhead_ends_the_load() -> None:
    def scene(act: Any) -> None:
        cache: Cache[str, str] = Cache(ttl=60, max_concurrent_loads=1)
        act(lambda: cache.get_or_load("k", lambda key: "value"))
        check_ended(cache)
        assert cache.get_or_load("k", lambda key: "value") == "value"

    assert everywhere(fastcache._bulkhead, scene) > 5


def test_an_interrupt_while_a_failure_is_noted_ends_the_load() -> None:
    def scene(act: Any) -> None:
        cache: Cache[str, None] = Cache(ttl=60)
        came: list[type] = []

        def load() -> None:
            try:
                cache.get_or_load("k", fail)
            except BaseException as error:
                came.append(type(error))
                raise

        def checked() -> None:
            with pytest.raises(FailedError):
                load()

        act(checked)
        check_ended(cache)
        assert came in ([FailedError], [Interrupt])

    assert everywhere(fastcache._errors, scene) > 10


@in_time
def test_an_interrupt_while_a_thread_is_started_ends_the_load() -> None:
    def scene(act: Any) -> None:
        cache: Cache[str, str] = Cache(ttl=60, max_concurrent_loads=1)
        act(lambda: cache.get_or_load("k", lambda key: "value", wait_timeout=60))
        check_ended(cache)

    assert everywhere(fastcache._threads, scene) > 3


class InterruptedLog:
    """A log in which an interrupt always comes."""

    def superseded(self, key: object, age: float) -> None:
        raise Interrupt

    def failed(self, key: object, error: BaseException, failures: int, retry_in: float) -> None:
        raise Interrupt


@in_time
def test_an_interrupt_while_the_log_is_told_leaves_no_flight_and_no_place() -> None:
    clock = MovableClock()
    cache: Cache[str, str] = Cache(
        ttl=60, stale_if_error=600, max_load_time=5, max_concurrent_loads=2, clock=clock
    )  # fmt: skip
    loads = load_settings(log=InterruptedLog())
    loads.bulkhead = cache._bulkhead
    cache._configure_loading(loads)
    held = HeldLoader("slow")
    slow = Call(cache.get_or_load, "k", held)
    held.gate.reached()
    clock.advance(10)
    with pytest.raises(Interrupt):
        cache.get_or_load("k", lambda key: "fast")
    held.gate.open()
    assert slow.result() == "slow"
    assert cache["k"] == "fast"
    clock.advance(100)
    with pytest.raises(Interrupt):
        cache.get_or_load("k", fail)
    check_ended(cache)


class HashedOnce:
    """A key that can be hashed once."""

    hashed = False

    def __hash__(self) -> int:
        if self.hashed:
            raise FailedError
        self.hashed = True
        return 1


@in_time
def test_a_key_that_fails_amid_a_call_leaves_no_flight() -> None:
    cache: Cache[Any, Any] = Cache(ttl=60, max_concurrent_loads=1)
    held = HeldLoader("value")
    other = Call(cache.get_or_load, "other", held)
    held.gate.reached()
    with pytest.raises(FailedError):
        cache.get_or_load(HashedOnce(), fail, wait_timeout=0.001)
    held.gate.open()
    other.result()
    check_ended(cache)


def test_a_key_that_cannot_be_compared_hides_no_failure_of_its_load() -> None:
    cache: Cache[Any, Any] = Cache(ttl=60, stale_if_error=60)
    kept, asked = Key("k"), Key("k")
    cache[kept] = "old"

    def load(key: object) -> None:
        # Takes the load off its key, so that the old value has to be looked for when it fails.
        cache.expire(kept)
        kept.on_eq = functools.partial(fail, key)
        raise OSError("why the load failed")

    with pytest.raises(OSError, match="why the load failed"):
        cache.get_or_load(asked, load, force=True)
    kept.on_eq = None
    check_ended(cache)
    assert cache.get_or_load(asked, fail) == "old"


def test_what_interrupts_a_loader_elsewhere_reaches_who_asked() -> None:
    check_child(
        """
import threading
from fastcache import Cache
from tests.harness.gates import Call, Gate

gate = Gate()

def stop_in_serve(frame, event, _):
    if event == "call" and frame.f_code.co_name == "serve":
        gate.stop()

calls = []
def load(key):
    calls.append(key)
    if len(calls) == 1:
        raise KeyboardInterrupt
    return "again"

cache = Cache(ttl=60, max_concurrent_loads=1)
# The flight has ended, and the thread that made it is held on its way back.
threading.settrace(stop_in_serve)
call = Call(cache.get_or_load, "k", load, wait_timeout=60)
gate.reached()
print(type(call.error()).__name__, calls)
threading.settrace(None)
gate.open()
""",
        out="KeyboardInterrupt ['k']",
    )
