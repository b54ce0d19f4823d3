"""How much faster the stand-ins are than the originals, as docs/migrating.md says; after ``make compat``:

$ PYTHONPATH=src .venv-compat/3.11/fastcache/bin/python tests/compat/gains.py
"""

from __future__ import annotations

import asyncio
import functools
import timeit
from collections.abc import Callable
from typing import Any

import async_lru
import cachelib
import cachetools
import cachetools.func
from django.conf import settings
from django.core.cache.backends.locmem import LocMemCache

import fastcache
import fastcache.cachelib
from fastcache.compat import alru
from fastcache.compat import cachetools as ours
from fastcache.django import FastCache

settings.configure()
TURNS = 200
CALLS = 1000
DICT = {"a": 1, "b": [1, 2, 3]}


def told(name: str, theirs: Callable[[], Any], mine: Callable[[], Any]) -> None:
    """Prints how many times as fast the second is: the least of many turns, in turns."""
    least = [1e9, 1e9]
    for _ in range(TURNS):
        for i, call in enumerate((theirs, mine)):
            least[i] = min(least[i], timeit.timeit(call, number=CALLS))
    print(f"{name:34}{least[0] / least[1]:6.1f}")


def awaited(cache: Any, calls: int) -> float:
    async def get() -> None:
        for _ in range(calls):
            await cache.aget("str")

    return min(timeit.timeit(lambda: asyncio.run(get()), number=1) for _ in range(9)) / calls


def of_hits(name: str, theirs: Any, mine: Any, call: str) -> None:
    """Of two decorated functions, each called where it is compiled: a call of a call takes longer than our hit."""
    timers = [timeit.Timer(call, globals={"f": function}) for function in (theirs, mine)]
    least = [1e9, 1e9]
    for _ in range(TURNS):
        for i, timer in enumerate(timers):
            least[i] = min(least[i], timer.timeit(CALLS))
    print(f"{name:34}{least[0] / least[1]:6.1f}")


def many(*args: Any, **kwargs: Any) -> int:
    return len(args) + len(kwargs)


def of_functools() -> None:
    for maxsize in (128, None):
        theirs, mine = (module.lru_cache(maxsize)(many) for module in (functools, fastcache))
        for call in ("f(1)", 'f("key")', 'f(1, "key")', "f(a=1)", "f()"):
            of_hits(f"lru_cache({maxsize}): {call}", theirs, mine, call)
    keys = list(range(100_000))
    for maxsize in (128, None):
        theirs, mine = (module.lru_cache(maxsize)(many) for module in (functools, fastcache))
        least = [1e9, 1e9]
        for _ in range(5):
            for i, function in enumerate((theirs, mine)):
                function.cache_clear()
                least[i] = min(least[i], timeit.timeit(lambda function=function: [*map(function, keys)], number=1))
        print(f"{f'lru_cache({maxsize}): misses':34}{least[0] / least[1]:6.1f}")


def of_async_lru() -> None:
    async def load(key: str) -> str:
        return key

    least = []
    for module in (async_lru, alru):
        function = module.alru_cache(load)

        async def hits(function: Any = function) -> float:
            await function("key")
            best = 1e9
            for _ in range(TURNS):
                begun = timeit.default_timer()
                for _ in range(CALLS):
                    await function("key")
                best = min(best, timeit.default_timer() - begun)
            return best

        least.append(asyncio.run(hits()))
    print(f"{'alru_cache: a hit':34}{least[0] / least[1]:6.1f}")


def of_cachetools() -> None:
    caches = cachetools.TTLCache(1000, 60), ours.TTLCache(1000, 60)
    for cache in caches:
        cache["key"] = 1
    for statement in ('cache.get("key")', 'cache["key"]', 'cache["key"] = 1'):
        # Compiled with the cache at hand, for a call takes longer than our hit.
        theirs, mine = (timeit.Timer(statement, globals={"cache": cache}) for cache in caches)
        least = [min(timer.repeat(TURNS, CALLS)) for timer in (theirs, mine)]
        print(f"{'TTLCache: ' + statement:34}{least[0] / least[1]:6.1f}")
    decorated = [module.cached(module.TTLCache(1000, 60))(abs) for module in (cachetools, ours)]
    told("cached", lambda: decorated[0](1), lambda: decorated[1](1))
    functions = [module.func.ttl_cache()(abs) for module in (cachetools, ours)]
    told("func.ttl_cache", lambda: functions[0](1), lambda: functions[1](1))


def of_backends() -> None:
    locmem, packed, same = LocMemCache("", {}), FastCache("a", {}), FastCache("b", {"OPTIONS": {"COPY": "none"}})
    simple, fast = cachelib.SimpleCache(), fastcache.cachelib.FastCache()
    for cache in (locmem, packed, same, simple, fast):
        cache.set("str", "text")
        cache.set("dict", DICT)
        cache.set("int", 10**6)
    told("Django: get a str", lambda: locmem.get("str"), lambda: packed.get("str"))
    told("Django: get a dict", lambda: locmem.get("dict"), lambda: packed.get("dict"))
    told("Django: get a dict, COPY none", lambda: locmem.get("dict"), lambda: same.get("dict"))
    told("Django: incr", lambda: locmem.incr("int"), lambda: packed.incr("int"))
    print(f"{'Django: aget a str':34}{awaited(locmem, 400) / awaited(packed, 20_000):6.1f}")
    told("cachelib: get a str", lambda: simple.get("str"), lambda: fast.get("str"))
    told("cachelib: get a dict", lambda: simple.get("dict"), lambda: fast.get("dict"))


if __name__ == "__main__":
    of_functools()
    of_async_lru()
    of_cachetools()
    of_backends()
