"""The interface of all contenders: how one is made, and the statements that its users would write.

Statements are source text over local names, so that what is timed is the call itself and an adapter adds nothing to it:
``c`` is the container, ``k`` and ``v`` a key and a value, ``many`` a list of keys, ``load`` a loader, ``drain(x)`` runs
through an iterable; further names are bound from the container's attributes, as ``get`` is.  None: it has no such
thing.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

TTL = 600.0
JITTER = 5.0


def same(answer: Any) -> Any:
    return answer


@dataclass(frozen=True)
class Contender:
    name: str
    # None: it comes with Python.
    distribution: str | None
    # Of a capacity; a contender that can expire values does so after TTL seconds.
    make: Callable[[int], Any] | None = None
    # Of a function and a capacity.
    decorate: Callable[[Callable[..., Any], int], Callable[..., Any]] | None = None
    # The same for a coroutine function.
    decorate_async: Callable[[Callable[..., Any], int], Callable[..., Any]] | None = None
    bounded: bool = True
    expires: bool = False
    # Whether threads may share it as it is.
    threads: bool = True
    get: str | None = "get(k)"
    item: str | None = "c[k]"
    put: str | None = "c[k] = v"
    load: str | None = None
    # The same, awaited, with a loader that is a coroutine function.
    load_async: str | None = None
    iterate: str | None = "drain(c)"
    bulk: str | None = "list(map(get, many))"
    bound: Mapping[str, str] = field(default_factory=lambda: {"get": "get"})
    # What ``get`` answers, as a value; None if there was none.
    value: Callable[[Any], Any] = same
    # Names of workloads that it fails on.
    cannot: frozenset[str] = frozenset()

    def names(self, container: Any) -> dict[str, Any]:
        """The local names of its statements."""
        bound = {name: getattr(container, attribute) for name, attribute in self.bound.items()}
        return {"c": container, "drain": collections.deque(maxlen=0).extend, **bound}

    def filler(self, container: Any) -> Callable[[Any, Any], None]:
        """Writes one pair by the contender's own statement."""
        scope = self.names(container)
        exec(f"def fill(k, v):\n    {self.put}", scope)
        return scope["fill"]
