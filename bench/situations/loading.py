"""Many callers, one key: nobody has it, its load fails, the thread that loads it is interrupted."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections import Counter
from typing import Any

from bench.situations.situation import situation
from bench.situations.stage import Loads, finish, settle, together
from bench.situations.subject import Subject

CALLERS = 8
ROUNDS = 5_000
# Seconds.
LOAD = 0.05


@situation("cold key", f"{CALLERS} threads ask for a key that nobody has")
def cold(make: type[Subject]) -> str:
    loads, held = Loads(), threading.Event()

    def load(key: Any) -> int:
        with loads.one() as number:
            held.wait()
            return number

    calls = together(CALLERS, make(load).call, "k")
    settle(calls, loads)
    held.set()
    values = len({call.result() for call in calls})
    return f"{loads}, " + ("all share" if values == 1 else f"{values} values")


@situation("cold key", f"the same, {ROUNDS:,} times, arriving while a short load ends")
def window(make: type[Subject]) -> str:
    loaded: list[int] = []

    def load(key: int) -> int:
        loaded.append(key)
        # Gives way, so that somebody comes amid the load.
        time.sleep(0)
        return key

    subject, line = make(load), threading.Barrier(CALLERS)

    def caller() -> None:
        for key in range(ROUNDS):
            line.wait()
            for _ in range(random.randrange(400)):
                pass
            assert subject.call(key) == key

    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for call in together(CALLERS, caller):
            call.result()
    finally:
        sys.setswitchinterval(usual)
    most = max(Counter(loaded).values())
    return "1 load each time" if most == 1 else f"up to {most} loads"


@situation("failing load", f"{CALLERS} threads wait; then the load fails, as all later ones would, after {LOAD} s")
def failing(make: type[Subject]) -> str:
    loads, held = Loads(), threading.Event()

    def load(key: Any) -> None:
        with loads.one():
            held.wait()
            time.sleep(LOAD)
            raise LookupError(key)

    calls = together(CALLERS, make(load).call, "k")
    settle(calls, loads)
    since = time.monotonic()
    held.set()
    seconds = finish(calls) - since
    errors = [call.error for call in calls]
    others = {type(error).__name__ for error in errors} - {"LookupError"}
    objects = len({id(error) for error in errors})
    each = "a copy each" if loads.begun == 1 else "an exception each"
    shared = {1: "one exception object for all", CALLERS: each}.get(objects, f"{objects} exception objects")
    return f"{loads} ({seconds:.2f} s), {shared}" + "".join(f", {other}" for other in sorted(others))


@situation("interrupt", f"{CALLERS} threads wait; the one that loads gets a KeyboardInterrupt")
def interrupted(make: type[Subject]) -> str:
    loads, held = Loads(), threading.Event()

    def load(key: Any) -> int:
        with loads.one() as number:
            held.wait()
            if number == 1:
                raise KeyboardInterrupt
            return number

    calls = together(CALLERS, make(load).call, "k")
    settle(calls, loads)
    held.set()
    finish(calls)
    seen = [call for call in calls if isinstance(call.error, KeyboardInterrupt)]
    for call in calls:
        if call not in seen:
            call.result()
    return f"{loads}, " + (
        "only the interrupted one sees it" if len(seen) == 1 else f"{len(seen)} of {CALLERS} callers see it"
    )
