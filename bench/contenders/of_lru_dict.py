"""lru-dict: an exact LRU mapping in C."""

from __future__ import annotations

import lru

from bench.contender import Contender

CONTENDERS = [Contender("lru-dict", "lru-dict", lru.LRU, iterate="drain(c.keys())")]
