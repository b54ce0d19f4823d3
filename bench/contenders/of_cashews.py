"""cashews over its memory backend: a decorator for coroutine functions, which shares calls under way by default."""

from __future__ import annotations

from typing import Any

import cashews

from bench.contender import TTL, Contender


def decorate(function: Any, capacity: int) -> Any:
    cache = cashews.Cache()
    cache.setup("mem://", size=capacity)
    return cache(ttl=TTL)(function)


CONTENDERS = [Contender("cashews", "cashews", decorate_async=decorate, expires=True)]
