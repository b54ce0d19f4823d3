"""dogpile.cache over its memory backend, a dict that is not bounded."""

from __future__ import annotations

from typing import Any

import dogpile.cache
from dogpile.cache.api import NO_VALUE

from bench.contender import TTL, Contender


def region(capacity: int) -> Any:
    return dogpile.cache.make_region().configure("dogpile.cache.memory", expiration_time=TTL)


CONTENDERS = [
    Contender(
        "dogpile.cache memory",
        "dogpile.cache",
        region,
        lambda function, capacity: region(capacity).cache_on_arguments()(function),
        bounded=False,
        expires=True,
        item=None,
        put="put(k, v)",
        # Its creator takes no key.
        load="get_or_create(k, lambda: load(k))",
        iterate=None,
        bulk="get_multi(many)",
        bound={"get": "get", "put": "set", "get_or_create": "get_or_create", "get_multi": "get_multi"},
        value=lambda answer: None if answer is NO_VALUE else answer,
        # Keys of its decorator are made of positional arguments.
        cannot=frozenset({"decorated.keywords"}),
    )
]
