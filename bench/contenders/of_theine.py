"""theine: W-TinyLFU, with buffers that a thread of its own drains."""

from __future__ import annotations

import datetime

import theine

from bench.contender import TTL, Contender

LIFETIME = datetime.timedelta(seconds=TTL)


class Cache(theine.Cache):
    """Its time to live is an argument of each write; this one only carries it to the statement."""

    lifetime = LIFETIME


CONTENDERS = [
    Contender(
        "theine",
        "theine",
        lambda capacity: Cache(capacity),
        lambda function, capacity: theine.Memoize(capacity, LIFETIME)(function),
        lambda function, capacity: theine.Memoize(capacity, LIFETIME)(function),
        expires=True,
        item=None,
        put="put(k, v, lifetime)",
        iterate=None,
        bound={"get": "get", "put": "set", "lifetime": "lifetime"},
        value=lambda answer: answer[0] if answer[1] else None,
    )
]
