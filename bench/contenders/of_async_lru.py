"""async-lru: a decorator for coroutine functions."""

from __future__ import annotations

import async_lru

from bench.contender import TTL, Contender

CONTENDERS = [
    Contender(
        "async-lru",
        "async-lru",
        decorate_async=lambda function, capacity: async_lru.alru_cache(capacity, ttl=TTL)(function),
        expires=True,
    )
]
