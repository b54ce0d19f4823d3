"""aiocache over its memory backend, which is not bounded; one of its decorators holds a stampede off."""

from __future__ import annotations

import aiocache

from bench.contender import TTL, Contender

CONTENDERS = [
    Contender(
        "aiocache.cached",
        "aiocache",
        decorate_async=lambda function, capacity: aiocache.cached(ttl=TTL)(function),
        bounded=False,
        expires=True,
    ),
    Contender(
        "aiocache.cached_stampede",
        "aiocache",
        # Who waits for longer than the lease loads as well.
        decorate_async=lambda function, capacity: aiocache.cached_stampede(lease=60, ttl=TTL)(function),
        bounded=False,
        expires=True,
    ),
]
