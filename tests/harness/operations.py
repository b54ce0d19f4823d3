"""Everything a cache does with one key, by name, for tests that try each."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from fastcache import Cache

Operation = Callable[[Cache[Any, Any], Any], object]


def _delete_item(cache: Cache[Any, Any], key: Any) -> None:
    del cache[key]


def _load(key: Any) -> str:
    return "new"


READS: dict[str, Operation] = {
    "get": lambda cache, key: cache.get(key),
    "getitem": lambda cache, key: cache[key],
    "contains": lambda cache, key: key in cache,
    "get_entry": lambda cache, key: cache.get_entry(key),
}
WRITES: dict[str, Operation] = {
    "set": lambda cache, key: cache.set(key, "new"),
    "set_ttl": lambda cache, key: cache.set(key, "new", ttl=5),
    "setitem": lambda cache, key: cache.__setitem__(key, "new"),
    "setdefault": lambda cache, key: cache.setdefault(key, "new"),
    "update": lambda cache, key: cache.update([(key, "new")]),
    "get_or_load": lambda cache, key: cache.get_or_load(key, _load),
}
REMOVALS: dict[str, Operation] = {
    "delitem": _delete_item,
    "delete": lambda cache, key: cache.delete(key),
    "pop": lambda cache, key: cache.pop(key, None),
    "expire": lambda cache, key: cache.expire(key),
}
ALL: dict[str, Operation] = {**READS, **WRITES, **REMOVALS}


def attempt(operation: str, cache: Cache[Any, Any], key: Any) -> object:
    """What an operation returns; None if the key is missing."""
    with contextlib.suppress(KeyError):
        return ALL[operation](cache, key)
    return None


# What strangers' code may do to a cache in the midst of one of its operations.
DEEDS: dict[str, Callable[[Cache[Any, Any]], object]] = {
    "get": lambda cache: cache.get("another"),
    "set": lambda cache: cache.set("another", 1),
    "delete": lambda cache: cache.delete("another"),
    "clear": lambda cache: cache.clear(),
    "len": lambda cache: len(cache),
    "list": lambda cache: list(cache.items()),
    "load": lambda cache: cache.get_or_load("another", lambda _: 1),
    "fill": lambda cache: cache.update((n, n) for n in range(200)),
    "stats": lambda cache: (cache.stats(), cache.flights()),
    "check": lambda cache: cache._check(),
}
