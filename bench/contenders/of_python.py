"""What Python has itself: ``dict``, which neither bounds nor expires, and ``functools.lru_cache``, which decorates."""

from __future__ import annotations

import functools

from bench.contender import Contender

CONTENDERS = [
    Contender("dict", None, lambda capacity: {}, bounded=False),
    Contender("functools.lru_cache", None, decorate=lambda function, capacity: functools.lru_cache(capacity)(function)),
]
