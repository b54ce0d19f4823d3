"""Callers who should not wait: those with a limit, behind a load that hangs, and for a load that waits for them."""

from __future__ import annotations

import threading
import time
from typing import Any

from bench.situations.loading import CALLERS, LOAD
from bench.situations.situation import situation
from bench.situations.stage import QUIET, Call, Loads, await_load, name, settle, together
from bench.situations.subject import NoSuchThing, Options, Subject

# Seconds.
PATIENCE = 0.05
LONG = 0.4
MAX_LOAD_TIME = 0.2


def long_load(loads: Loads) -> Any:
    def load(key: Any) -> int:
        with loads.one() as number:
            time.sleep(LONG)
            return number

    return load


def within(subject: Subject, loads: Loads) -> str:
    """What becomes of one caller with a limit; ``loads`` are those under way."""
    before = loads.begun
    call = Call(subject.call_within, "k", PATIENCE)
    call.join()
    if isinstance(call.error, NoSuchThing):
        call = Call(subject.call, "k")
        call.result()
        return f"no such thing: {'loads itself' if loads.begun > before else 'waits'}, {call.took():.2f} s"
    answer = f"{name(call.error)} after {call.took():.2f} s"
    while loads.running:
        time.sleep(0.001)
    time.sleep(QUIET)
    begun = loads.begun
    subject.call("k")
    return f"{answer}, the load goes on and is {'stored' if loads.begun == begun else 'lost'}"


@situation("limited patience", f"another caller's load takes {LONG} s; this one will wait {PATIENCE * 1000:.0f} ms")
def limited(make: type[Subject]) -> str:
    loads = Loads()
    subject = make(long_load(loads))
    leader = Call(subject.call, "k")
    await_load(loads)
    answer = within(subject, loads)
    leader.result()
    return answer


@situation("limited patience", "the same, if the load is the caller's own")
def own_limited(make: type[Subject]) -> str:
    loads = Loads()
    return within(make(long_load(loads)), loads)


@situation("hanging load", f"a load hangs, later ones would not; {CALLERS} threads ask, and one more after {LONG} s")
def hanging(make: type[Subject]) -> str:
    loads, held = Loads(), threading.Event()

    def load(key: Any) -> int:
        with loads.one() as number:
            if number == 1:
                held.wait()
            time.sleep(LOAD)
            return number

    subject = make(load, Options(max_load_time=MAX_LOAD_TIME))
    calls = together(CALLERS, subject.call, "k")
    settle(calls, loads)
    time.sleep(LONG)
    calls.append(Call(subject.call, "k"))
    settle(calls, loads)
    served = sum(call.ended is not None for call in calls)
    answer = f"{loads.count()}, " + (f"{served} of {len(calls)} are served" if served else "nobody is served")
    held.set()
    for call in calls:
        call.result()
    return answer


@situation("circular loads", "a load asks for its own key")
def own_key(make: type[Subject]) -> str:
    began: list[Any] = []

    def load(key: Any) -> Any:
        began.append(key)
        return subject.call(key)

    subject = make(load)
    call = Call(subject.call, "k")
    call.join()
    return name(call.error) + (f" after {len(began)} loads" if len(began) > 1 else "")


@situation("circular loads", "two loads ask for each other's key")
def each_others(make: type[Subject]) -> str:
    began: set[Any] = set()
    line = threading.Barrier(2)

    def load(key: str) -> Any:
        if key not in began:
            began.add(key)
            line.wait()
        return subject.call("b" if key == "a" else "a")

    subject = make(load)
    calls = [Call(subject.call, key) for key in "ab"]
    for call in calls:
        call.join()
    first, second = sorted(name(call.error) for call in calls)
    return f"{first} for both" if first == second else f"{first} for one, {second} for the other"
