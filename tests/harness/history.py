"""Histories: what several threads did to a cache, with the instants between which each took effect.

A program says what each thread is to do, and what strangers' code is to do amid that; playing it gives the history.
Instants of the history are of the real clock, to tell what came before what; the cache lives by a clock that one of the
threads moves.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

SECOND = 10**9
MISSING = "missing"
#: The result of a step that raised and changed nothing: a key's fault, or a load that would have waited for itself.
REFUSED = "refused"
#: The instant after all others.
END = 2**63

now = time.monotonic_ns


@dataclass
class Step:
    """What a thread is to do: ``kind`` names it, ``value`` is what it writes or loads, unlike all other values."""

    kind: str
    key: int = 0
    value: str = ""
    #: Of a write or load, in seconds; ...: the cache's.
    ttl: Any = ...
    #: Of a load, whether it raises.
    fails: bool = False
    #: By how much the clock is moved.
    seconds: int = 0
    #: What strangers' code does amid it, each once: (where, what).
    inner: tuple[tuple[str, Step], ...] = ()


@dataclass
class Done:
    """A step that was taken, and what came of it."""

    step: Step
    begun: int
    ended: int = END
    result: Any = None
    #: Of a load that the step led to: when its loader began and ended, and whether in the step's own call.
    load_begun: int = 0
    load_ended: int = 0
    behind: bool = False


@dataclass
class Rules:
    """The options of the cache that its answers depend on, in seconds."""

    ttl: int = 10
    refresh_ahead: int = 0
    stale_while_revalidate: int = 0
    maxsize: int | None = None

    @property
    def evicts(self) -> bool:
        """Whether a value may leave to make room."""
        return self.maxsize is not None and self.maxsize < 100


@dataclass
class Program:
    rules: Rules
    threads: list[list[Step]]
    #: Makes the key of a number: equal ones for equal numbers.
    key_of: Callable[[int], Any] = int
    #: Called amid loads and between steps, to let other threads run.
    give_way: Callable[[], object] = field(default=lambda: None)
    #: Keys, values, the weigher and the listener run what steps have in them; else they are plain.
    evil: bool = False


@dataclass
class History:
    rules: Rules
    done: list[Done] = field(default_factory=list)

    def told(self) -> str:
        """All steps in the order of their beginning, for who has to find out what went wrong."""
        first = min((one.begun for one in self.done), default=0)
        lines = [str(self.rules)]
        for one in sorted(self.done, key=lambda one: one.begun):
            load = f" load {one.load_begun - first}-{one.load_ended - first} {'behind' if one.behind else ''}"
            ended = "end" if one.ended == END else one.ended - first
            lines.append(f"{one.begun - first}-{ended} {one.step} -> {one.result}{load if one.load_begun else ''}")
        return "\n".join(lines)
