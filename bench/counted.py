"""What ``instructions`` runs under callgrind: operations between marks, each N times and 2 N times."""

from __future__ import annotations

import functools
import gc
import itertools
import os
from collections.abc import Callable
from typing import Any

import fastcache
from bench.keys import texts

TURNS = 2_000
KEYS = 1_000
RING = 40_000
# Source over the names of ``scope``; ``k`` is ever another key.  Controls are Python's own.
CONTROLS = {
    "dict.get, str": "dict_get(key)",
    "dict.get, equal copy": "dict_get(copy)",
    "dict.get, int": "dict_get_int(number)",
    "lru_cache, one str": "by_lru(key)",
    "lru_cache, no argument": "lru_alone()",
}
OPERATIONS = {
    "get, str": "get(key)",
    "get, equal copy": "get(copy)",
    "get, int": "get(number)",
    "get, miss": "get(k)",
    "cache[k]": "cache[key]",
    "key in cache": "key in cache",
    "get_or_load, hit": "get_or_load(key, loader)",
    "decorated, one str": "decorated(key)",
    "decorated, no argument": "alone()",
    "replace": "cache[key] = value",
    "insert with eviction": "full[k] = value",
    "decorated, miss": "small(k)",
}


def loader(key: Any) -> str:
    return "a value"


def scope() -> dict[str, Any]:
    # A dict of one kind of keys is faster than one of several.
    stored, numbers = texts(KEYS), range(7_000, 7_000 + KEYS)
    of_texts, of_numbers = dict.fromkeys(stored, "a value"), dict.fromkeys(numbers, "a value")
    # One stripe, and the same draws in each run.
    cache: fastcache.Cache[Any, Any] = fastcache.Cache(10 * KEYS, 600, jitter=5, seed=1)
    full: fastcache.Cache[Any, Any] = fastcache.Cache(KEYS, 600, jitter=5, seed=1)
    cache.update(of_texts)
    cache.update(of_numbers)
    full.update(of_texts)
    names = {
        "dict_get": of_texts.get,
        "dict_get_int": of_numbers.get,
        "by_lru": functools.lru_cache(10 * KEYS)(loader),
        "get": cache.get,
        "cache": cache,
        "get_or_load": cache.get_or_load,
        "loader": loader,
        "decorated": fastcache.cached(10 * KEYS, 600, jitter=5, seed=1)(loader),
        "alone": fastcache.lru_cache(functools.partial(loader, None)),
        "lru_alone": functools.lru_cache(functools.partial(loader, None)),
        "full": full,
        "small": fastcache.cached(KEYS, 600, jitter=5, seed=1)(loader),
        "key": stored[500],
        "copy": "".join(["key", "500"]),
        "number": 7_500,
        "value": "a value",
    }
    names["by_lru"](stored[500]), names["decorated"](stored[500])
    return names


def runner(statement: str, names: dict[str, Any]) -> Callable[[int], None]:
    made: dict[str, Any] = {}
    exec(f"def run(keys, {', '.join(names)}):\n    for k in keys:\n        {statement}\n", made)
    fresh = itertools.cycle(texts(RING, "fresh"))
    return lambda turns: made["run"](itertools.islice(fresh, turns), **names)


def main() -> None:
    gc.disable()
    names = scope()
    for statement in ("pass", *CONTROLS.values(), *OPERATIONS.values()):
        run = runner(statement, names)
        # Full containers and specialised bytecode before anything counts.
        run(2 * RING)
        os.getppid()
        run(TURNS)
        os.getppid()
        run(2 * TURNS)
        os.getppid()


if __name__ == "__main__":
    main()
