"""``@cached``: a function or method whose results are kept."""

from __future__ import annotations

import functools

from fastcache._async_marks import is_async, is_async_generator, mark_async
from fastcache._cache import Cache
from fastcache._core.function import CachedFunction
from fastcache._lasting import note_lasting
from fastcache._typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from typing import Any, ParamSpec, TypeVar

    from typing_extensions import Unpack

    from fastcache._options import CacheOptions
    from fastcache._types import Seconds

    P = ParamSpec("P")
    R = TypeVar("R")


@overload
def cached(maxsize: Callable[P, R], /) -> CachedFunction[P, R]: ...
@overload
def cached(
    maxsize: int | None = 128,
    ttl: Seconds | None = None,
    *,
    typed: bool = False,
    per_instance: bool = False,
    key: Callable[..., Hashable] | None = None,
    **options: Unpack[CacheOptions],
) -> Callable[[Callable[P, R]], CachedFunction[P, R]]: ...
def cached(
    maxsize: Any = ...,
    ttl: Seconds | None = None,
    *,
    typed: bool = False,
    per_instance: bool = False,
    key: Callable[..., Hashable] | None = None,
    **options: Any,
) -> Any:
    """Keeps the results of a function; one call of it for all who ask for the same arguments meanwhile.

    ``@cached`` and ``@cached(ttl=60, ...)``; all options of ``Cache`` are taken (``maxsize`` is 128 unless it or
    ``max_weight`` is given), and:

    :param typed: whether arguments of different types are different, as 1 and 1.0.
    :param per_instance: for methods: one cache for each instance, known by identity and not kept alive.  Otherwise one
        cache serves all instances, with ``self`` as part of the key.
    :param key: makes the key from a call's arguments instead; for ``per_instance``, without ``self``.
    :param with_context: the function is also passed ``ctx=``, a ``LoadContext``, which is no part of the key.

    The result has ``cache_info``, ``cache_clear``, ``cache_parameters``, ``cache`` and, each taking the function's own
    arguments (``self`` included), ``cache_invalidate``, ``cache_contains``, ``cache_key`` and ``cache_refresh``.

    Raises TypeError or ValueError, naming the parameter and the value.  Exceptions are not kept, unless
    ``negative_ttl`` or ``error_ttl`` say so.
    """
    if callable(maxsize) or isinstance(maxsize, classmethod):
        return cached(ttl=ttl, typed=typed, per_instance=per_instance, key=key, **options)(maxsize)
    if maxsize is ...:
        maxsize = 128 if options.get("max_weight") is None else None
    if key is not None and not callable(key):
        raise TypeError(f"key must be callable or None, not {key!r}")
    for name, flag in (("typed", typed), ("per_instance", per_instance)):
        if not isinstance(flag, bool):
            raise TypeError(f"{name} must be a bool, not {flag!r}")
    # Wrong options are reported where they are written, not at the first call.
    Cache(maxsize, ttl, **options)

    def decorate(function: Callable[..., Any]) -> Any:
        if isinstance(function, classmethod):
            raise TypeError(f"cached goes below classmethod, not above it: {function!r}")
        if not callable(function):
            raise TypeError(f"cached needs a callable, not {function!r}")
        if is_async_generator(function):
            raise TypeError(f"cached does not take async generators, and {function!r} is one")
        awaited = is_async(function)

        def make(skipped: int) -> CachedFunction[..., Any]:
            named = {"name": getattr(function, "__qualname__", None), **options}
            made: CachedFunction[..., Any] = CachedFunction(
                Cache(maxsize, ttl, **named),
                function,
                key=key,
                typed=typed,
                skipped=skipped,
                awaited=awaited,
                parameters={"maxsize": maxsize, "typed": typed, "ttl": ttl, **options},
            )
            functools.update_wrapper(made, function)
            if awaited:
                mark_async(made, function)
            return made

        if per_instance:
            from fastcache._methods import PerInstance

            per = PerInstance(function, functools.partial(make, 1))
            if awaited:
                mark_async(per, function)
            return per
        made = make(0)
        note_lasting(made, function)
        return made

    return decorate
