"""Requests that arrive when they are due, whether or not the earlier ones have been answered (open loop)."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import fastcache

from .pool import PoolClosedError
from .strategies import Ask

STACK = 512 * 1024  # a thousand waiting threads should not reserve gigabytes
LEAD = 0.2  # seconds between starting the threads and the first arrival
MARGIN = 0.02  # the last of them, for writing the keys
POLL = 0.001  # seconds between looks whether they are written, if that takes longer


class Arrival(NamedTuple):
    at: float  # seconds after the start
    key: int


class Served(NamedTuple):
    at: float  # the scheduled instant, seconds after the start
    took: float  # from the scheduled instant to the answer
    saw: str  # "hit", "stale", "miss" (waited for a load), or one of UNANSWERED


# The database failed; no place for the load came free in time; the load did not end in time.
UNANSWERED = ("error", "rejected", "timeout")


def schedule(seed: int, requests: int, seconds: float, keys: int, starts: float = 0.0) -> list[Arrival]:
    """The same seed gives the same arrivals: exponential gaps, keys drawn evenly."""
    draw = random.Random(seed)
    arrivals = []
    at = starts
    for _ in range(requests):
        at += draw.expovariate(requests / seconds)
        arrivals.append(Arrival(at, draw.randrange(keys)))
    return arrivals


def at_once(keys: int) -> list[Arrival]:
    """Every key once, all in the same instant."""
    return [Arrival(0.0, key) for key in range(keys)]


def crowd(requests: int) -> list[Arrival]:
    """So many requests for one key, all in the same instant."""
    return [Arrival(0.0, 0)] * requests


def each_once(seed: int, keys: int, seconds: float) -> list[Arrival]:
    """Every key once, in a drawn order, with exponential gaps; the same seed gives the same arrivals."""
    draw = random.Random(seed)
    order = draw.sample(range(keys), keys)
    arrivals = []
    at = 0.0
    for key in order:
        at += draw.expovariate(keys / seconds)
        arrivals.append(Arrival(at, key))
    return arrivals


class Replay:
    """One schedule, played by threads that each take the next arrival and wait for its instant."""

    def __init__(self, arrivals: Sequence[Arrival], ask: Ask, threads: int, freshest: float) -> None:
        self.served: list[Served] = []
        self.begin = 0.0  # perf_counter instant of the start
        self._arrivals = arrivals
        self._ask = ask
        self._freshest = freshest
        self._next = 0
        self._taking = threading.Lock()  # guards _next
        self._ready = False  # what comes just before the start has been done
        self._stop = False
        self._failure: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._work, name=f"user-{n}", daemon=True)
            for n in range(min(threads, len(arrivals)))
        ]

    def start(self, just_before: Callable[[], None]) -> None:
        """Start the threads, and call just_before a moment before the first arrival is due.

        No arrival is taken before it has returned, however slow the machine is.
        """
        self.begin = time.perf_counter() + LEAD
        before = threading.stack_size(STACK)
        try:
            for thread in self._threads:
                thread.start()
                if time.perf_counter() > self.begin - 2 * MARGIN:
                    self.begin += LEAD
        finally:
            threading.stack_size(before)
        time.sleep(max(0.0, self.begin - MARGIN - time.perf_counter()))
        if time.perf_counter() > self.begin - MARGIN / 2:
            # Slept too long.
            self.begin = time.perf_counter() + MARGIN
        just_before()
        self._ready = True

    def wait(self, while_waiting: Callable[[], None], every: float = 0.1) -> None:
        """Return when every request has been answered; a surprise in a thread is raised here."""
        for thread in self._threads:
            while thread.is_alive():
                thread.join(every)
                while_waiting()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Take no further arrival; the threads end with the request that they are in."""
        self._stop = True

    def join(self) -> None:
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _work(self) -> None:
        try:
            while not self._stop:
                with self._taking:
                    n = self._next
                    self._next += 1
                if n >= len(self._arrivals):
                    return
                arrival = self._arrivals[n]
                # The start may be put off while this thread sleeps.
                while (delay := self.begin + arrival.at - time.perf_counter()) > 0 or not self._ready:
                    time.sleep(delay if delay > 0 else POLL)
                    if self._stop:
                        return
                self.served.append(self._serve(arrival, self.begin + arrival.at))
        except PoolClosedError:
            return
        except BaseException as error:
            self._failure = error
            self._stop = True

    def _serve(self, arrival: Arrival, due: float) -> Served:
        started = time.perf_counter()
        try:
            answer = self._ask(arrival.key)
        except sqlite3.Error:
            return Served(arrival.at, time.perf_counter() - due, "error")
        except fastcache.LoadRejected:
            return Served(arrival.at, time.perf_counter() - due, "rejected")
        except fastcache.LoadTimeout:
            return Served(arrival.at, time.perf_counter() - due, "timeout")
        took = time.perf_counter() - due
        if answer.loaded > started:
            return Served(arrival.at, took, "miss")
        if started - answer.loaded > self._freshest + 0.02:
            return Served(arrival.at, took, "stale")
        return Served(arrival.at, took, "hit")
