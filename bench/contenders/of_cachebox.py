"""cachebox: containers in Rust, each behind one lock."""

from __future__ import annotations

from typing import Any

import cachebox

from bench.contender import TTL, Contender


def contender(name: str, make: Any, **more: Any) -> Contender:
    # Its decorator serves both kinds of function.
    def decorate(function: Any, capacity: int) -> Any:
        return cachebox.cached(make(capacity))(function)

    return Contender(f"cachebox.{name}", "cachebox", make, decorate, decorate, **more)


CONTENDERS = [
    # Without a policy a full one refuses new keys.
    contender(
        "Cache", cachebox.Cache, cannot=frozenset({"insert", "zipf.95", "zipf.50", "decorated.miss", "load.miss"})
    ),
    contender("LRUCache", cachebox.LRUCache),
    contender("TTLCache", lambda capacity: cachebox.TTLCache(capacity, TTL), expires=True),
]
