"""moka-py: the Rust library moka, whose policy is W-TinyLFU or LRU."""

from __future__ import annotations

import moka_py

from bench.contender import TTL, Contender

CONTENDERS = [
    Contender(
        "moka-py",
        "moka-py",
        lambda capacity: moka_py.Moka(capacity, ttl=TTL),
        lambda function, capacity: moka_py.cached(capacity, ttl=TTL)(function),
        lambda function, capacity: moka_py.cached(capacity, ttl=TTL)(function),
        expires=True,
        item=None,
        put="put(k, v)",
        # Its loader takes no key.
        load="get_with(k, lambda: load(k))",
        iterate=None,
        bound={"get": "get", "put": "set", "get_with": "get_with"},
    ),
    Contender(
        "moka-py, wait_concurrent",
        "moka-py",
        decorate_async=lambda function, capacity: moka_py.cached(capacity, ttl=TTL, wait_concurrent=True)(function),
        expires=True,
    ),
]
