"""Every public method of a cache, by the calls of it that tests play in each state of a key."""

from __future__ import annotations

import contextlib
import copy
import pickle
from typing import Any

from fastcache import Cache, Loaded, NotFound
from fastcache.testing import InlineExecutor, MovableClock
from tests.harness.acts import (
    PATIENCE,
    Act,
    bad,
    each,
    each_later,
    exhaust,
    fail,
    find_nothing,
    in_loop,
    keyed,
    later,
    odd,
    same,
)
from tests.harness.keys import FaultyKeyError


def make_cache(clock: MovableClock) -> Cache[Any, Any]:
    return Cache(
        8, 10, refresh_ahead=5, stale_while_revalidate=5, stale_if_error=10, negative_ttl=60, error_ttl=5,
        executor=InlineExecutor(), on_removal=lambda key, value, cause: None, clock=clock, seed=1,
    )  # fmt: skip


def _aged(seconds: float) -> Act:
    def prepare(cache: Cache[Any, Any], key: Any) -> None:
        cache.clear()
        cache.set(key, key, tags=("tag",))
        cache[odd(key)] = key
        assert cache.clock is not None
        cache.clock.advance(seconds)

    return prepare


def _missing(cache: Cache[Any, Any], key: Any) -> None:
    cache.clear()


def _full(cache: Cache[Any, Any], key: Any) -> None:
    cache.clear()
    for number in range(8):
        cache[number] = key


def _absent(cache: Cache[Any, Any], key: Any) -> None:
    cache.clear()
    with contextlib.suppress(NotFound):
        cache.get_or_load(key, find_nothing)
    with contextlib.suppress(FaultyKeyError):
        cache.get_or_load(odd(key), fail)


STATES: dict[str, Act] = {
    "fresh": _aged(0),
    "due": _aged(7),
    "stale": _aged(12),
    "fallback": _aged(18),
    "missing": _missing,
    "full": _full,
    "absent": _absent,
}


def _loads(name: str, loader: Any = same) -> tuple[Act, ...]:
    def call(cache: Any, *args: Any, **options: Any) -> Any:
        return getattr(cache, name)(*args, **options)

    return (
        lambda c, k: call(c, k, loader),
        lambda c, k: call(c, odd(k), loader, ttl=3, tags=("tag", "other")),
        lambda c, k: call(c, k, lambda k: Loaded(k, ttl=4, tags="tag", etag=k)),
        lambda c, k: call(c, k, loader, force=True),
        lambda c, k: call(c, k, loader, max_age=1, coalesce=False),
        lambda c, k: call(c, k, loader, with_status=True, default=k, ttl=0),
        lambda c, k: call(c, k, fail, default=k),
        lambda c, k: call(c, k, fail),
        lambda c, k: call(c, k, find_nothing, force=True),
        lambda c, k: call(c, k, exhaust),
        lambda c, k: call(c, k, lambda k: c.delete(k) or k, force=True),
        lambda c, k: call(c, k, lambda k: call(c, k, same)),
        lambda c, k: call(c, bad(k), loader),
        lambda c, k: call(c, k, k),
        lambda c, k: call(c, k, loader, ttl=k),
    )


def _loads_many(name: str, loader: Any = each) -> tuple[Act, ...]:
    def call(cache: Any, *args: Any, **options: Any) -> Any:
        return getattr(cache, name)(*args, **options)

    return (
        lambda c, k: call(c, [k, odd(k), 1], loader),
        lambda c, k: call(c, [k, odd(k), 1], loader, ttl=3, tags=("tag",), max_batch=2),
        lambda c, k: call(c, [k, odd(k)], lambda keys: {key: Loaded(key, tags="tag") for key in keys}),
        lambda c, k: call(c, [k, 1], lambda keys: {k: k, "more": k}),
        lambda c, k: call(c, [k, odd(k)], fail),
        lambda c, k: call(c, [k, odd(k)], lambda keys: k),
        lambda c, k: call(c, [k, bad(k)], loader),
        lambda c, k: call(c, k, loader),
        lambda c, k: call(c, [k], loader, max_batch=k),
    )


def _awaited(acts: tuple[Act, ...]) -> tuple[Act, ...]:
    def awaited(act: Act) -> Act:
        async def call(cache: Any, key: Any) -> Any:
            return await act(cache, key)  # type: ignore[misc]

        return lambda cache, key: in_loop(lambda: call(cache, key))

    return tuple(map(awaited, acts))


def _done(acts: tuple[Act, ...]) -> tuple[Act, ...]:
    def done(act: Act) -> Act:
        return lambda cache, key: act(cache, key).result(PATIENCE)  # type: ignore[attr-defined]

    return tuple(map(done, acts))


# In a thread of its own.
ELSEWHERE: tuple[Act, ...] = (lambda c, k: c.get_or_load(k, same, wait_timeout=PATIENCE),)


def _del(cache: Any, key: Any) -> None:
    del cache[key]


def _enter(cache: Any, key: Any) -> None:
    with cache as entered:
        entered[key] = key


CACHE: dict[str, tuple[Act, ...]] = {
    "__contains__": keyed(lambda c, k: k in c),
    "__deepcopy__": (lambda c, k: copy.deepcopy(c), lambda c, k: c.__deepcopy__(k)),
    "__delitem__": keyed(_del),
    "__enter__": (_enter,),
    "__exit__": (lambda c, k: c.__exit__(None, None, None),),
    "__getitem__": keyed(lambda c, k: c[k]),
    "__iter__": (lambda c, k: list(c), lambda c, k: next(iter(c))),
    "__len__": (lambda c, k: len(c),),
    "__reduce__": (lambda c, k: c.__reduce__(), lambda c, k: pickle.dumps(c)),
    "__repr__": (lambda c, k: repr(c),),
    "__setitem__": (*keyed(lambda c, k: c.__setitem__(k, k)), lambda c, k: c.__setitem__("new", k)),
    "__setstate__": (lambda c, k: c.__setstate__(([(k, k, None, None, (), None)], {})), lambda c, k: c.__setstate__(k)),
    "aclose": _awaited((lambda c, k: c.aclose(),)),
    "aget_many_or_load": (*_awaited(_loads_many("aget_many_or_load")),
                          *_awaited(_loads_many("aget_many_or_load", each_later))),
    "aget_or_load": (*_awaited(_loads("aget_or_load")), *_awaited(_loads("aget_or_load", later))),
    "arefresh": _awaited((lambda c, k: c.arefresh(k, later), lambda c, k: c.arefresh(odd(k), fail),
                          lambda c, k: c.arefresh(k, k), lambda c, k: c.arefresh(bad(k), later))),
    "arefresh_many": _awaited((lambda c, k: c.arefresh_many([k, odd(k)], each_later),
                               lambda c, k: c.arefresh_many([k], fail), lambda c, k: c.arefresh_many(k, each))),
    "awarm": _awaited((lambda c, k: c.awarm([k, 1, 2], later, concurrency=2), lambda c, k: c.awarm([k], fail),
                       lambda c, k: c.awarm([bad(k)], later), lambda c, k: c.awarm([k], k))),
    "cache_info": (lambda c, k: c.cache_info(),),
    "clear": (lambda c, k: c.clear(),),
    "clock": (lambda c, k: c.clock,),
    "close": (lambda c, k: c.close(),),
    "delete": keyed(lambda c, k: c.delete(k)),
    "delete_many": (lambda c, k: c.delete_many([k, odd(k), 1]), lambda c, k: c.delete_many([k, bad(k)]),
                    lambda c, k: c.delete_many(k)),
    "expire": keyed(lambda c, k: c.expire(k)),
    "expire_tag": (lambda c, k: c.expire_tag("tag"), lambda c, k: (c.expire_tag("tag"), c.expire_tag("tag")),
                   lambda c, k: c.expire_tag("none"), lambda c, k: c.expire_tag(k)),
    "flights": (lambda c, k: c.flights(), lambda c, k: c.get_or_load(k, lambda k: c.flights(), force=True)),
    "get": (*keyed(lambda c, k: c.get(k)), lambda c, k: c.get(k, k), lambda c, k: c.get(k, k, k)),
    "get_entry": keyed(lambda c, k: c.get_entry(k)),
    "get_many": (lambda c, k: c.get_many([k, odd(k), 1]), lambda c, k: c.get_many([k, bad(k)]),
                 lambda c, k: c.get_many(k)),
    "get_many_or_load": _loads_many("get_many_or_load"),
    "get_or_load": (*_loads("get_or_load"), *ELSEWHERE),
    "invalidate_tag": (lambda c, k: c.invalidate_tag("tag"), lambda c, k: c.invalidate_tag("none"),
                       lambda c, k: c.invalidate_tag(k)),
    "items": (lambda c, k: list(c.items()), lambda c, k: (k, k) in c.items(), lambda c, k: next(iter(c.items()))),
    "keys": (lambda c, k: list(c.keys()), lambda c, k: k in c.keys(), lambda c, k: c.keys() & {k}),  # noqa: SIM118
    "name": (lambda c, k: c.name,),
    "namespace": (lambda c, k: c.namespace("n").get(k), lambda c, k: c.namespace(k)),
    "pop": (*keyed(lambda c, k: c.pop(k)), lambda c, k: c.pop(k, k), lambda c, k: c.pop(k, k, k)),
    "popitem": (lambda c, k: c.popitem(), lambda c, k: c.popitem(k)),
    "refresh": _done((lambda c, k: c.refresh(k, same), lambda c, k: c.refresh(odd(k), fail),
                      lambda c, k: c.refresh(bad(k), same), lambda c, k: c.refresh(k, k))),
    "refresh_many": _done((lambda c, k: c.refresh_many([k, 1], each), lambda c, k: c.refresh_many([k, odd(k)], fail),
                           lambda c, k: c.refresh_many([bad(k)], each), lambda c, k: c.refresh_many(k, each))),
    "set": (*keyed(lambda c, k: c.set(k, k)), lambda c, k: c.set(k, k, ttl=3, tags=("tag", "other")),
            lambda c, k: c.set(k, k, ttl=0), lambda c, k: c.set(k, k, ttl=k), lambda c, k: c.set(k, k, tags=k)),
    "set_many": (lambda c, k: c.set_many({k: k, odd(k): k, 1: k}), lambda c, k: c.set_many({k: k}, ttl=3, tags="tag"),
                 lambda c, k: c.set_many(dict.fromkeys(range(20), k)), lambda c, k: c.set_many(k)),
    "setdefault": (*keyed(lambda c, k: c.setdefault(k, k)), lambda c, k: c.setdefault(k)),
    "stats": (lambda c, k: c.stats(),),
    "sweep": (lambda c, k: c.sweep(),),
    "touch": (*keyed(lambda c, k: c.touch(k)), lambda c, k: c.touch(k, ttl=30), lambda c, k: c.touch(k, ttl=k)),
    "update": (lambda c, k: c.update({k: k}, name=k), lambda c, k: c.update([(k, k), (bad(k), k)]),
               lambda c, k: c.update((n, k) for n in range(20)), lambda c, k: c.update(k)),
    "values": (lambda c, k: list(c.values()), lambda c, k: k in c.values(), lambda c, k: next(iter(c.values()))),
    "warm": (lambda c, k: c.warm([k, 1, 2], same, concurrency=1), lambda c, k: c.warm([k, 1, 2], same, concurrency=2),
             lambda c, k: c.warm([k], fail), lambda c, k: c.warm([bad(k)], same), lambda c, k: c.warm([k], k)),
}  # fmt: skip
