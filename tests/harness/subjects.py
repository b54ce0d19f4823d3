"""All classes whose public methods tests play, with every method of each."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

from fastcache import Cache, LoadContext, Loaded, Namespace, SingleFlight, cached
from fastcache.testing import InlineExecutor, MovableClock
from tests.harness.acts import Act, Subject, bad, exhaust, fail, find_nothing, in_loop, keyed, later, odd, same
from tests.harness.cache_acts import CACHE, STATES, make_cache


def _in_context(use: Callable[[Any], object]) -> tuple[Act, ...]:
    def act(cache: Any, key: Any) -> object:
        def load(key: Any, context: Any) -> Any:
            use(context)
            return key

        return cache.get_or_load(key, load, with_context=True, force=True)

    return (act,)


CONTEXT: dict[str, tuple[Act, ...]] = {
    **{name: _in_context(lambda context, name=name: getattr(context, name)) for name in  # type: ignore[misc]
       ("age", "has_stale_value", "key", "stale_value", "stale_etag")},
    "etag": _in_context(lambda context: setattr(context, "etag", context.etag or context.key)),
    "fail": (*_in_context(lambda context: context.fail(3)), *_in_context(lambda context: context.fail("no").args)),
    "no_store": _in_context(lambda context: context.no_store()),
    "not_found": _in_context(lambda context: context.not_found()),
    "not_modified": _in_context(lambda context: context.not_modified()),
    "stale_if_error": _in_context(lambda context: setattr(context, "stale_if_error", 3)),
    "stale_while_revalidate": _in_context(lambda context: setattr(context, "stale_while_revalidate", 3)),
    "tags": _in_context(lambda context: setattr(context, "tags", ("tag",))),
    "ttl": (*_in_context(lambda context: setattr(context, "ttl", 3)),
            *_in_context(lambda context: setattr(context, "ttl", "soon"))),
    "weight": _in_context(lambda context: setattr(context, "weight", 1)),
    "__reduce__": _in_context(lambda context: context.__reduce__()),
    "__setstate__": _in_context(lambda context: context.__setstate__(context)),
}  # fmt: skip


def make_function(clock: MovableClock) -> Any:
    @cached(8, 10, refresh_ahead=5, stale_while_revalidate=5, stale_if_error=10, negative_ttl=60, error_ttl=5,
            executor=InlineExecutor(), clock=clock, seed=1)  # fmt: skip
    def function(a: Any, b: Any = None, *more: Any, act: Act | None = None) -> Any:
        return a if act is None else act(function, a)

    return function


def _function_aged(seconds: float) -> Act:
    def prepare(function: Any, key: Any) -> None:
        function.cache_clear()
        function(key)
        function.cache.clock.advance(seconds)

    return prepare


class _Owner:
    """One for all: free-threaded 3.13 never frees a class that is made after the first thread, nor what it holds."""

    call: Any


def _method(function: Any, key: Any) -> object:
    _Owner.call = function
    try:
        return _Owner().call(key), _Owner.call(key)
    finally:
        del _Owner.call


def _again(function: Any, key: Any) -> Any:
    return function(key)


def _called(name: str) -> tuple[Act, ...]:
    return (
        lambda f, k: getattr(f, name)(k),
        lambda f, k: getattr(f, name)(k, k, k),
        lambda f, k: getattr(f, name)(k, b=k),
        lambda f, k: getattr(f, name)(bad(k)),
        lambda f, k: getattr(f, name)(k, act=fail),
        lambda f, k: getattr(f, name)(k, act=find_nothing),
        lambda f, k: getattr(f, name)(k, act=exhaust),
        lambda f, k: getattr(f, name)(k, act=_again),
        lambda f, k: getattr(f, name)(c=k),
    )


FUNCTION: dict[str, tuple[Act, ...]] = {
    "__call__": _called("__call__"),
    "__copy__": (lambda f, k: copy.copy(f),),
    "__deepcopy__": (lambda f, k: copy.deepcopy(f),),
    "__get__": (_method, lambda f, k: f.__get__(None, object), lambda f, k: f.__get__(k)),
    "__reduce__": (lambda f, k: f.__reduce__(), lambda f, k: pickle.dumps(f)),
    "__repr__": (lambda f, k: repr(f),),
    "cache": (lambda f, k: f.cache,),
    "cache_clear": (lambda f, k: f.cache_clear(), lambda f, k: f.cache_clear(k)),
    "cache_contains": _called("cache_contains"),
    "cache_info": (lambda f, k: f.cache_info(),),
    "cache_invalidate": _called("cache_invalidate"),
    "cache_key": _called("cache_key"),
    "cache_parameters": (lambda f, k: f.cache_parameters(),),
    "cache_refresh": _called("cache_refresh"),
}


def _in_namespace(prepare: Act) -> Act:
    def prepared(space: Any, key: Any) -> None:
        prepare(space._cache, (space.name, key))
        space.set("other", key)

    return prepared


def _del(space: Any, key: Any) -> None:
    del space[key]


NAMESPACE: dict[str, tuple[Act, ...]] = {
    "__contains__": keyed(lambda n, k: k in n),
    "__delitem__": keyed(_del),
    "__getitem__": keyed(lambda n, k: n[k]),
    "__iter__": (lambda n, k: list(n), lambda n, k: next(iter(n))),
    "__len__": (lambda n, k: len(n),),
    "__repr__": (lambda n, k: repr(n),),
    "__setitem__": keyed(lambda n, k: n.__setitem__(k, k)),
    "aget_or_load": (
        lambda n, k: in_loop(lambda: n.aget_or_load(k, later)),
        lambda n, k: in_loop(lambda: n.aget_or_load(odd(k), fail)),
    ),
    "clear": (lambda n, k: n.clear(),),
    "delete": keyed(lambda n, k: n.delete(k)),
    "expire": keyed(lambda n, k: n.expire(k)),
    "expire_all": (lambda n, k: n.expire_all(),),
    "get": keyed(lambda n, k: n.get(k, k)),
    "get_or_load": (
        *keyed(lambda n, k: n.get_or_load(k, same)),
        lambda n, k: n.get_or_load(k, fail),
        lambda n, k: n.get_or_load(k, lambda k: Loaded(k, tags="tag"), ttl=3, tags=("other",)),
        lambda n, k: n.get_or_load(k, k),
    ),
    "name": (lambda n, k: n.name,),
    "set": (*keyed(lambda n, k: n.set(k, k)), lambda n, k: n.set(k, k, tags=("tag",), ttl=3)),
    "tag": (lambda n, k: n.tag,),
}

SINGLE: dict[str, tuple[Act, ...]] = {
    "__reduce__": (lambda s, k: s.__reduce__(),),
    "do": (
        *keyed(lambda s, k: s.do(k, same, k)),
        lambda s, k: s.do(k, fail),
        lambda s, k: s.do(k, exhaust),
        lambda s, k: s.do(k, lambda *args, **named: named, k, more=k),
        lambda s, k: s.do(k, lambda: s.do(k, same, k)),
        lambda s, k: s.do(k, k),
    ),
    "flights": (lambda s, k: s.flights(), lambda s, k: s.do(k, s.flights)),
    "forget": (*keyed(lambda s, k: s.forget(k)), lambda s, k: s.do(k, lambda: s.forget(k))),
}


def _loaded(use: Callable[[Any, Any], object]) -> tuple[Act, ...]:
    return (
        lambda made, k: use(made(k), k),
        lambda made, k: use(made(k, ttl=3, stale_if_error=3, stale_while_revalidate=3, tags="tag", etag=k), k),
        lambda made, k: use(made(k, ttl=k), k),
    )


LOADED: dict[str, tuple[Act, ...]] = {
    **{
        name: _loaded(lambda loaded, k, name=name: getattr(loaded, name))  # type: ignore[misc]
        for name in ("value", "ttl", "stale_if_error", "stale_while_revalidate", "tags", "etag", "weight")
    },
    "__reduce__": _loaded(lambda loaded, k: loaded.__reduce__()),
    "__repr__": _loaded(lambda loaded, k: repr(loaded)),
    "__setstate__": _loaded(lambda loaded, k: loaded.__setstate__(k)),
}

CLOCK: dict[str, tuple[Act, ...]] = {
    "advance": (lambda c, k: c.advance(1), lambda c, k: c.advance(-1), lambda c, k: c.advance(k)),
    "now": (lambda c, k: c.now(), lambda c, k: c.now),
    "__reduce__": (lambda c, k: c.__reduce__(),),
    "__setstate__": (lambda c, k: c.__setstate__(k),),
}


def _as_it_is(subject: Any, key: Any) -> None:
    pass


SUBJECTS: dict[str, Subject] = {
    "cache": Subject(Cache, make_cache, STATES, CACHE),
    "context": Subject(LoadContext, make_cache, {name: STATES[name] for name in ("stale", "missing")}, CONTEXT),
    "function": Subject(
        type(make_function(MovableClock())),
        make_function,
        {
            **{name: _function_aged(age) for name, age in {"fresh": 0, "due": 7, "stale": 12, "fallback": 18}.items()},
            "missing": lambda function, key: function.cache_clear(),
        },
        FUNCTION,
    ),
    "namespace": Subject(
        Namespace,
        lambda clock: make_cache(clock).namespace("space"),
        {name: _in_namespace(STATES[name]) for name in ("fresh", "stale", "missing")},
        NAMESPACE,
    ),
    "single": Subject(SingleFlight, lambda clock: SingleFlight(), {"as it is": _as_it_is}, SINGLE),
    "loaded": Subject(Loaded, lambda clock: Loaded, {"as it is": _as_it_is}, LOADED),
    "clock": Subject(MovableClock, lambda clock: clock, {"as it is": _as_it_is}, CLOCK),
}
METHODS = [(name, method) for name, subject in SUBJECTS.items() for method in subject.acts]
