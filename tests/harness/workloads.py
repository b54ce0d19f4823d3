"""Seeded workloads for eviction: lists of keys in the order of requests."""

from __future__ import annotations

import random
from bisect import bisect_left
from itertools import accumulate


def zipf(rng: random.Random, keys: int, exponent: float, requests: int) -> list[int]:
    """Key k is asked for as often as k ** -exponent says."""
    sums = list(accumulate((n + 1) ** -exponent for n in range(keys)))
    return [bisect_left(sums, rng.random() * sums[-1]) for _ in range(requests)]


def loop(keys: int, rounds: int) -> list[int]:
    return [*range(keys)] * rounds


def popular() -> list[int]:
    return zipf(random.Random(1), 5000, 0.9, 100_000)


def scanned() -> list[int]:
    """Popular keys, and now and then 3,000 that are asked for once."""
    keys = zipf(random.Random(2), 5000, 0.9, 80_000)
    out: list[int] = []
    for n in range(0, len(keys), 8000):
        out += keys[n : n + 8000] + list(range(10**6 + 3 * n, 10**6 + 3 * n + 3000))
    return out


def shifting() -> list[int]:
    """Popular keys, of which others become popular little by little."""
    return [rank + n // 15 for n, rank in enumerate(zipf(random.Random(3), 5000, 0.9, 100_000))]


def recent() -> list[int]:
    """Each key several times within a short while, and never again."""
    rng = random.Random(4)
    out = [0]
    for n in range(100_000):
        back = int(rng.expovariate(1 / 200))
        out.append(out[-1 - back] if rng.random() < 0.65 and back < n else 10**6 + n)
    return out


def mixed() -> list[int]:
    """Popular keys, a request of a loop between every two of them."""
    keys = zipf(random.Random(5), 5000, 0.9, 60_000)
    return [key for n in range(60_000) for key in (keys[n], 10**6 + n % 1500)]


def phases() -> list[int]:
    return popular()[:50_000] + [10**7 + key for key in loop(700, 40)] + recent()[:50_000] + popular()[50_000:]


def looped() -> list[int]:
    return loop(700, 100)
