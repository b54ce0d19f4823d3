"""A value that changes: taken away or written while it loads, and past its time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from bench.situations.loading import CALLERS, LOAD
from bench.situations.situation import situation
from bench.situations.stage import Call, Loads, await_load, finish, settle, together
from bench.situations.subject import Options, Subject

# Seconds.
TTL = 0.2
STALE = 60


def held_after(make: type[Subject], change: Callable[[Subject], None]) -> str:
    """What the cache holds when it was changed amid a load that has ended: "loaded", "nothing" or what was set."""
    loads, held = Loads(), threading.Event()

    def load(key: Any) -> str:
        with loads.one() as number:
            held.wait()
            return "loaded" if number == 1 else "nothing"

    subject = make(load)
    call = Call(subject.call, "k")
    await_load(loads)
    change(subject)
    held.set()
    call.result()
    return str(subject.call("k"))


@situation("change amid a load", "the key is deleted while it loads")
def deleted(make: type[Subject]) -> str:
    held = held_after(make, lambda subject: subject.delete("k"))
    return {"loaded": "old value stored after the delete", "nothing": "not stored"}[held]


@situation("change amid a load", "the key is set while it loads")
def written(make: type[Subject]) -> str:
    held = held_after(make, lambda subject: subject.set("k", "set"))
    return {"loaded": "overwritten by the older load", "set": "what was set stays", "nothing": "neither is kept"}[held]


@situation("change amid a load", "the cache is cleared while it loads")
def cleared(make: type[Subject]) -> str:
    held = held_after(make, lambda subject: subject.clear())
    return {"loaded": "old value stored after the clear", "nothing": "not stored"}[held]


@situation("expired value", f"{CALLERS} threads ask, and its load fails after {LOAD} s")
def expired_failing(make: type[Subject]) -> str:
    loads, expired = Loads(), threading.Event()

    def load(key: Any) -> str:
        if not expired.is_set():
            return "old"
        with loads.one():
            time.sleep(LOAD)
            raise LookupError(key)

    subject = make(load, Options(ttl=TTL, stale_if_error=STALE))
    subject.call("k")
    time.sleep(2 * TTL)
    expired.set()
    calls = together(CALLERS, subject.call, "k")
    finish(calls)
    old = sum(call.error is None and call.result() == "old" for call in calls)
    answer = {CALLERS: "old value for all", 0: "error for all"}.get(old, f"old value for {old}, error for the others")
    return f"{answer}, {loads}"


@situation("expired value", f"{CALLERS} threads ask, and its load takes a while")
def expired_slow(make: type[Subject]) -> str:
    loads, expired, held = Loads(), threading.Event(), threading.Event()

    def load(key: Any) -> str:
        if not expired.is_set():
            return "old"
        with loads.one():
            held.wait()
            return "new"

    subject = make(load, Options(ttl=TTL, stale_while_revalidate=STALE))
    subject.call("k")
    time.sleep(2 * TTL)
    expired.set()
    calls = together(CALLERS, subject.call, "k")
    settle(calls, loads)
    served = [call for call in calls if call.ended is not None]
    assert all(call.result() == "old" for call in served)
    held.set()
    finish(calls)
    count = len(served)
    answer = {CALLERS: "old value at once for all", 0: "all wait"}.get(count, f"old value at once for {count}")
    return f"{answer}, {loads}"
