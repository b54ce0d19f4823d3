"""fastcache, with ttl and jitter on."""

from __future__ import annotations

from typing import Any

import fastcache
from bench.contender import JITTER, TTL, Contender

STATEMENTS: dict[str, Any] = {
    "expires": True,
    "load": "get_or_load(k, load)",
    "load_async": "await aget_or_load(k, load)",
    "bulk": "get_many(many).values()" if hasattr(fastcache.Cache, "get_many") else "list(map(get, many))",
    "bound": {"get": "get", "get_or_load": "get_or_load", "aget_or_load": "aget_or_load"}
    | ({"get_many": "get_many"} if hasattr(fastcache.Cache, "get_many") else {}),
}
CONTENDERS = [
    Contender(
        "fastcache",
        "pyfastcache",
        lambda capacity: fastcache.Cache(capacity, TTL, jitter=JITTER),
        lambda function, capacity: fastcache.cached(capacity, TTL, jitter=JITTER)(function),
        lambda function, capacity: fastcache.cached(capacity, TTL, jitter=JITTER)(function),
        **STATEMENTS,
    ),
    Contender(
        "fastcache, exact lru",
        "pyfastcache",
        lambda capacity: fastcache.Cache(capacity, TTL, jitter=JITTER, policy="lru"),
        lambda function, capacity: fastcache.cached(capacity, TTL, jitter=JITTER, policy="lru")(function),
        **STATEMENTS,
    ),
]
