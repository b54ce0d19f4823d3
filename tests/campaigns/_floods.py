"""What the campaign of floods runs under callgrind: each kind of operation with usual keys, then with a flood's.

``python -m tests.campaigns._floods SIZE SEED`` prints the scenes in order, and calls ``getppid`` before the first of
the two, between them and after the second.
"""

from __future__ import annotations

import gc
import os
import random
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from fastcache import Cache, NotFound

Work = Callable[[], None]
MASK = 2**64 - 1


def plain(count: int, draw: random.Random) -> list[int]:
    return [draw.getrandbits(60) for _ in range(count)]


def sharing(draw: random.Random) -> Iterator[int]:
    """Ints that would share a quarter of the stripes and a stretch of their index, mixed without a salt."""
    while True:
        number = draw.getrandbits(60)
        product = (number ^ 0xA0761D6478BD642F) * 0xE7037ED1A0B428DB
        hashed = (product >> 64 ^ product) & MASK
        if hashed >> 62 == 1 and hashed >> 3 & 63 == 3:
            yield number


def hits(get: Callable[[int], object], keys: list[int]) -> Work:
    def work() -> None:
        for key in keys:
            get(key)

    return work


def inserts(cache: Cache[Any, Any], keys: list[int]) -> Work:
    def work() -> None:
        for key in keys:
            cache[key] = key

    return work


def ints(count: int, draw: random.Random, maxsize: int, write: bool) -> tuple[Work, Work]:
    pair = []
    for keys in (plain(count, draw), list(islice(sharing(draw), count))):
        cache: Cache[Any, Any] = Cache(maxsize, seed=1)
        if not write:
            inserts(cache, keys)()
        pair.append(inserts(cache, keys) if write else hits(cache.get, keys))
    return pair[0], pair[1]


def of_one_hash(count: int, draw: random.Random) -> tuple[Work, Work]:
    """Those that have one hash in Python itself: no worse than in a dict."""
    keys = [n * (2**61 - 1) for n in range(1, 1 + min(count, 200))]
    cache: Cache[Any, Any] = Cache(100_000)
    cache.update(dict.fromkeys(keys))
    return hits(dict.fromkeys(keys).get, keys), hits(cache.get, keys)


def unknown(count: int, draw: random.Random) -> tuple[Work, Work]:
    """Of keys without a value, in a cache that remembers few of them and one that remembers all."""

    def load(key: object) -> None:
        raise NotFound(key)

    def asks(cache: Cache[Any, Any], keys: list[int]) -> Work:
        def work() -> None:
            for key in keys:
                cache.get_or_load(key, load, default=None)

        return work

    pair = []
    for quota in (10 * count, max(1, count // 10)):
        cache: Cache[Any, Any] = Cache(1000, negative_ttl=60, negative_maxsize=quota, seed=1)
        cache.update(dict.fromkeys(range(-500, 0)))
        asks(cache, plain(count, draw))()
        pair.append(asks(cache, plain(count, draw)))
    return pair[0], pair[1]


def heavy(count: int, draw: random.Random) -> tuple[Work, Work]:
    """Values of which each drives out another one, against such as are too heavy to be kept or drive out many."""
    pair = []
    for weights in ((1,), (1, 1, 1, 1, 1, 1, 1, 1, 8, 10**6)):
        cache: Cache[Any, Any] = Cache(max_weight=200, weigher=lambda key, value: value, seed=1)
        for key in plain(400, draw):
            cache[key] = 1
        keys = plain(count, draw)
        pairs = [(key, draw.choice(weights)) for key in keys]

        def work(cache: Cache[Any, Any] = cache, pairs: list[tuple[int, int]] = pairs) -> None:
            for key, weight in pairs:
                cache[key] = weight
            assert cache.stats().weight <= 200

        pair.append(work)
    return pair[0], pair[1]


def tagged(count: int, draw: random.Random) -> tuple[Work, Work]:
    """Writes with a few tags, against such with a new one each."""
    pair = []
    for tags in (7, 10**9):
        cache: Cache[Any, Any] = Cache(1000, seed=1)
        names = [(key, (f"tag {draw.randrange(tags)}",)) for key in plain(count, draw)]

        def work(cache: Cache[Any, Any] = cache, names: list[tuple[int, tuple[str]]] = names) -> None:
            for key, tag in names:
                cache.set(key, key, tags=tag)

        pair.append(work)
    return pair[0], pair[1]


SCENES: dict[str, Callable[[int, random.Random], tuple[Work, Work]]] = {
    "hits, one stripe": lambda count, draw: ints(count, draw, 30_000, False),
    "hits, many stripes": lambda count, draw: ints(count, draw, 10**6, False),
    "inserts, one stripe": lambda count, draw: ints(count, draw, 30_000, True),
    "inserts, many stripes": lambda count, draw: ints(count, draw, 10**6, True),
    "keys of one hash, beside a dict's": of_one_hash,
    "unknown keys": unknown,
    "heavy values": heavy,
    "tags": tagged,
}


def main() -> None:
    count, seed = map(int, sys.argv[1:])
    gc.disable()
    for name, scene in SCENES.items():
        # Once to have everything specialised that is going to be.
        for work in scene(count // 10 + 1, random.Random(seed)):
            work()
        usual, flood = scene(count, random.Random(f"{seed} {name}"))
        os.getppid()
        usual()
        os.getppid()
        flood()
        os.getppid()
        print(name, flush=True)


if __name__ == "__main__":
    main()
