"""Telling async functions, and being told for one: ``inspect.iscoroutinefunction`` stays true of what is decorated."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import FunctionType, MethodType

from fastcache._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

# Bits of a code object's co_flags.
COROUTINE = 0x80
ASYNC_GENERATOR = 0x200


def called(function: Any) -> Any:
    """What a call of ``function`` calls in the end: through partials, methods, and the ``__call__`` of objects."""
    while isinstance(function, (functools.partial, staticmethod, MethodType)):
        function = function.func if isinstance(function, functools.partial) else function.__func__
    name = "__call__"
    method = None if isinstance(function, FunctionType) else getattr(type(function), name, None)
    return method if isinstance(method, FunctionType) else function


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling ``function`` gives a coroutine."""
    inner = called(function)
    if type(inner) is FunctionType and (inner.__code__.co_flags & COROUTINE or "inspect" not in sys.modules):
        # Only inspect marks functions as async that do not look so.
        return bool(inner.__code__.co_flags & COROUTINE)
    import inspect

    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(inner)


def is_async_generator(function: Callable[..., Any]) -> bool:
    """Whether calling ``function`` gives an async generator."""
    inner = called(function)
    return type(inner) is FunctionType and bool(inner.__code__.co_flags & ASYNC_GENERATOR)


def mark_async(wrapper: Any, function: Callable[..., Any]) -> None:
    """Makes ``inspect`` and ``asyncio`` see an async function in ``wrapper``, whose ``__dict__`` is written."""
    # Not with the package: who decorates an async function needs it anyway.
    import asyncio.coroutines
    import inspect

    asyncio_mark = getattr(asyncio.coroutines, "_is_coroutine", None)
    if asyncio_mark is not None:
        wrapper._is_coroutine = asyncio_mark
    if hasattr(inspect, "markcoroutinefunction"):
        inspect.markcoroutinefunction(wrapper)
        return
    # Before 3.12 inspect looks at the code of what looks like a function.
    inner = called(function)
    if isinstance(inner, FunctionType):
        wrapper.__name__ = getattr(wrapper, "__name__", inner.__name__)
        wrapper.__code__ = inner.__code__
        wrapper.__defaults__ = inner.__defaults__
        wrapper.__kwdefaults__ = inner.__kwdefaults__
