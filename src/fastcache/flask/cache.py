"""Flask-Caching's ``Cache``, whose decorators run a function once for all who ask for the same result meanwhile.

A call that finds nothing for its key does all that the original does (look again, call, filter, keep) within a flight
of that key.  Those who waited then look for themselves, so that each gets a copy of his own; what was not kept, each
computes for himself, as before.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from flask_caching import Cache as Original
from flask_caching.utils import function_namespace

from fastcache._single import SingleFlight

# The function whose wrapper is about to ask for its key, and that key, so that it is computed once.
_known: ContextVar[tuple[Callable[..., Any], str] | None] = ContextVar("fastcache.flask.known", default=None)


class Cache(Original):  # type: ignore[misc]
    """``flask_caching.Cache``, with any backend, but ``cached`` and ``memoize`` coalesce.

    A call does not wait if there is a value that it will not take (``forced_update``, ``is_stale``).  A function that
    asks for its own result raises ``fastcache.RecursiveLoadError``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._flights = SingleFlight()
        super().__init__(*args, **kwargs)

    def cached(self, *args: Any, **options: Any) -> Callable[[Callable[..., Any]], Any]:
        """As ``flask_caching.Cache.cached``."""
        given = _given(Original.cached, args, options)
        unless = given.pop("unless", None)
        own = given.get("make_cache_key")

        def decorate(function: Callable[..., Any]) -> Any:
            if callable(own):
                given["make_cache_key"] = _recalling(function, own)
            inner = super(Cache, self).cached(**given)(function)
            # The original asks for its key under this name.
            inner.make_cache_key = _recalling(function, inner.make_cache_key)

            def key(outer: Any, *args: Any, **kwargs: Any) -> Any:
                if callable(own):
                    return own(*args, **kwargs)
                return outer.make_cache_key(*args, use_request=True, **kwargs)

            return self._coalesced(function, inner, key, unless)

        return decorate

    def memoize(self, *args: Any, **options: Any) -> Callable[[Callable[..., Any]], Any]:
        """As ``flask_caching.Cache.memoize``."""
        given = _given(Original.memoize, args, options)
        unless = given.pop("unless", None)

        def decorate(function: Callable[..., Any]) -> Any:
            inner = super(Cache, self).memoize(**given)(function)

            def key(outer: Any, *args: Any, **kwargs: Any) -> Any:
                return outer.make_cache_key(function, *args, **kwargs)

            return self._coalesced(function, inner, key, unless)

        return decorate

    def _memoize_make_cache_key(self, *args: Any, **options: Any) -> Callable[..., Any]:
        original = super()._memoize_make_cache_key(*args, **options)

        def recalled(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            return _recalling(function, original)(function, *args, **kwargs)

        return recalled

    def _memoize_version(self, f: Any, args: Any = None, *more: Any, **options: Any) -> Any:
        """The version that is part of all keys of a function; where there is none, one caller makes it for all."""
        make = functools.partial(super()._memoize_version, f, args, *more, **options)
        function, instance = function_namespace(f, args=args)
        keys = [self._memvname(name) for name in (function, instance) if name]
        backend = self.cache
        if options.get("reset") or options.get("delete") or None not in map(backend.get, keys):
            return make()
        made: list[Any] = []
        self._flights.do((id(backend), keys[0], "version"), lambda: made.append(make()))
        # Who waited may have another instance, whose version is still to be made.
        return made[0] if made else self._memoize_version(f, args, *more, **options)

    def _coalesced(
        self,
        function: Callable[..., Any],
        inner: Any,
        key: Callable[..., Any],
        unless: Callable[..., Any] | None,
    ) -> Any:
        """What the application gets for ``inner``, the original's wrapper of ``function``."""

        @functools.wraps(inner)
        def outer(*args: Any, **kwargs: Any) -> Any:
            if self._bypass_cache(unless, function, *args, **kwargs):
                return self._call_fn(function, *args, **kwargs)
            # The application sets it on what it got.
            inner.cache_timeout = vars(outer)["cache_timeout"]
            try:
                name = key(outer, *args, **kwargs)
                held = self.cache.has(name)
            except Exception:
                # The original will meet it too, and knows what to do.
                return inner(*args, **kwargs)
            call = functools.partial(_call_knowing, function, name, inner, args, kwargs)
            return call() if held else self._call_once(name, call)

        return outer

    def _call_once(self, name: str, call: Callable[[], Any]) -> Any:
        mine = False

        def lead() -> Any:
            nonlocal mine
            mine = True
            return call()

        try:
            value = self._flights.do((id(self.cache), name), lead).value
        except Exception:
            # Some exceptions are kept; who finds one raises it himself.
            if mine or not self.cache.has(name):
                raise
        return value if mine else call()


def _given(function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a method by name, without ``self``."""
    given = dict(inspect.signature(function).bind(None, *args, **options).arguments)
    del given["self"]
    return given


def _call_knowing(function: Callable[..., Any], name: str, inner: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    token = _known.set((function, name))
    try:
        return inner(*args, **kwargs)
    finally:
        _known.reset(token)


def _recalling(function: Callable[..., Any], make_key: Callable[..., Any]) -> Callable[..., Any]:
    """``make_key``, but the key of ``function`` that is known is taken instead, once."""

    @functools.wraps(make_key)
    def recalled(*args: Any, **kwargs: Any) -> Any:
        known = _known.get()
        if known is None or known[0] is not function:
            return make_key(*args, **kwargs)
        _known.set(None)
        return known[1]

    return recalled
