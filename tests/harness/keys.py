"""Keys and values that collide, lie, raise, act and die when the test wants them to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Act = Callable[[], object]


class Key:
    """A key that runs what it is given when it is hashed, compared or dropped; equal to others of its name.

    All keys have one hash unless told otherwise.  ``comparisons`` and ``hashes`` count.
    """

    def __init__(
        self,
        name: object = "key",
        *,
        hashed: int = 7,
        on_hash: Act | None = None,
        on_eq: Act | None = None,
        on_del: Act | None = None,
    ) -> None:
        self.name = name
        self.hashed = hashed
        self.on_hash = on_hash
        self.on_eq = on_eq
        self.on_del = on_del
        self.comparisons = 0
        self.hashes = 0

    def __hash__(self) -> int:
        self.hashes += 1
        if self.on_hash is not None:
            self.on_hash()
        return self.hashed

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Key):
            return NotImplemented
        self.comparisons += 1
        for key in (self, other):
            if key.on_eq is not None:
                key.on_eq()
        return self.name == other.name

    def __del__(self) -> None:
        if self.on_del is not None:
            self.on_del()

    def __repr__(self) -> str:
        return f"Key({self.name!r})"


class Liar:
    """A key that answers every comparison as told, and has one hash."""

    def __init__(self, equal: Any) -> None:
        self.equal = equal

    def __hash__(self) -> int:
        return 7

    def __eq__(self, other: object) -> Any:
        return self.equal


class Dying:
    """A value that runs what it is given when it is dropped."""

    def __init__(self, on_del: Act) -> None:
        self.on_del = on_del

    def __del__(self) -> None:
        self.on_del()


class Reentry:
    """An act that runs unless it is already running, so that an act which causes itself comes to an end."""

    def __init__(self, act: Act) -> None:
        self.act = act
        self.times = 0
        self._running = False

    def __call__(self) -> None:
        if self._running:
            return
        self._running = True
        try:
            self.times += 1
            self.act()
        finally:
            self._running = False


class FaultyKeyError(Exception):
    """What a key of these tests raises."""


def fault() -> None:
    raise FaultyKeyError("as asked for")
