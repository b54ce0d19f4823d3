"""Ways in which other caches broke that are no other file's subject."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fastcache import Cache, cached
from fastcache.testing import InlineExecutor, MovableClock
from tests.harness.child import check_child
from tests.harness.gates import Call, Gate, await_no_flights, in_time

SRC = Path(__file__).parent.parent / "src"


@in_time
def test_what_is_written_may_come_from_the_very_cache() -> None:
    def pairs() -> Iterator[tuple[int, int]]:
        for key, value in list(cache.items()):
            cache.pop(key)
            yield key + 10, value

    cache: Cache[int, int] = Cache()
    cache.update({1: 1, 2: 2})
    cache.update(pairs())
    cache.update(cache)
    assert dict(cache.items()) == {11: 1, 12: 2}


@in_time
def test_two_caches_may_be_written_from_each_other_and_compared_both_ways() -> None:
    def cross(a: Cache[int, int], b: Cache[int, int]) -> None:
        for _ in range(200):
            a.update(b)
            assert a != b
            assert a == a

    one, other = Cache[int, int](), Cache[int, int]()
    one.update(dict.fromkeys(range(50), 1))
    other.update(dict.fromkeys(range(50), 2))
    calls = [Call(cross, one, other), Call(cross, other, one)]
    for call in calls:
        call.result()
    assert len(one) == len(other) == 50


def test_a_load_whose_thread_is_killed_from_without_is_taken_over() -> None:
    check_child(
        """
import ctypes, threading, time
from fastcache import Cache
from tests.harness.gates import Call, await_until, await_waiters

class Killed(BaseException):
    pass

cache, begun, calls = Cache(), threading.Event(), []

def load(key):
    calls.append(key)
    if len(calls) == 1:
        owners.append(threading.get_ident())
        begun.set()
        while True:
            time.sleep(0.001)
    return "value"

owners = []
leader = Call(cache.get_or_load, "k", load)
begun.wait()
follower = Call(cache.get_or_load, "k", load)
await_waiters(cache, 1)
ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(owners[0]), ctypes.py_object(Killed))
print(type(leader.error()).__name__, follower.result(), len(calls), cache.flights())
""",
        out="Killed value 2 []",
    )


def test_an_error_of_one_instance_reaches_nobody_who_waits_for_another() -> None:
    class Service:
        def __init__(self, name: str) -> None:
            self.name = name
            self.gate = Gate(name)

        @cached(per_instance=True)
        def get(self, key: int) -> str:
            self.gate.stop()
            if self.name == "bad":
                raise ConnectionError(self.name)
            return self.name

    good, bad = Service("good"), Service("bad")
    calls = [Call(service.get, 1) for service in (bad, bad, good, good)]
    bad.gate.reached()
    good.gate.reached()
    bad.gate.open()
    assert [type(call.error()) for call in calls[:2]] == [ConnectionError] * 2
    good.gate.open()
    assert [call.result() for call in calls[2:]] == ["good"] * 2


def test_loads_of_many_keys_leave_nothing_that_grows() -> None:
    def load(key: int) -> int:
        if key % 3 == 0:
            raise LookupError(key)
        return key

    cache: Cache[int, int] = Cache(100)
    for key in range(30_000):
        with contextlib.suppress(LookupError):
            cache.get_or_load(key, load)
    await_no_flights(cache)
    assert len(cache) == 100
    assert cache.stats().load_errors == 10_000


def test_functions_do_not_see_each_others_results() -> None:
    @cached
    def one(x: Any) -> tuple[str, Any]:
        return "one", x

    @cached
    def other(x: Any) -> tuple[str, Any]:
        return "other", x

    for x in (-1, -2, 1, 1.5, "a", ("a",), None):
        assert (one(x), other(x)) == (("one", x), ("other", x))
        assert (one(x), other(x)) == (("one", x), ("other", x))


@pytest.mark.parametrize("executor", [None, InlineExecutor()])
def test_a_refresh_in_a_thread_runs_in_nobodys_context(executor: InlineExecutor | None) -> None:
    user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")
    seen: list[str] = []

    def load(key: str) -> int:
        seen.append(user.get())
        user.set(f"left by the load of {key}")
        return len(seen)

    clock = MovableClock()
    with Cache[str, int](
        ttl=10, stale_while_revalidate=100, clock=clock, refresh_workers=1, executor=executor
    ) as cache:
        cache["a"] = cache["b"] = 0
        clock.advance(20)
        user.set("a caller")
        for key in ("a", "b"):
            cache.get_or_load(key, load)
            await_no_flights(cache)
    assert seen == ["nobody", "nobody"]


def test_what_has_expired_is_not_served_to_the_next_event_loop() -> None:
    clock = MovableClock()
    cache: Cache[str, int] = Cache(ttl=10, clock=clock)
    loads: list[str] = []

    async def load(key: str) -> int:
        loads.append(key)
        return len(loads)

    async def ask() -> int:
        return await cache.aget_or_load("k", load)

    assert asyncio.run(ask()) == 1
    clock.advance(11)
    assert asyncio.run(ask()) == 2


def test_no_mutex_of_an_object_is_locked() -> None:
    for path in [*SRC.rglob("*.pyx"), *SRC.rglob("*.pxd"), *SRC.rglob("*.h")]:
        assert not re.search(r"ob_mutex|Py_BEGIN_CRITICAL_SECTION", path.read_text()), path
