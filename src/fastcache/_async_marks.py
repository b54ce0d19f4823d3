"""Telling async functions, and being told for one: ``inspect.iscoroutinefunction`` stays true of what is decorated."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any


def call_of(function: Callable[..., Any]) -> Any:
    """What the class of an object runs when that is called."""
    name = "__call__"
    return getattr(type(function), name, None)


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling ``function`` gives a coroutine: async functions, partials of them, objects whose call is one."""
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call_of(function))


def mark_async(wrapper: Any, function: Callable[..., Any]) -> None:
    """Makes ``inspect`` and ``asyncio`` see an async function in ``wrapper``, whose ``__dict__`` is written."""
    # Not with the package: who decorates an async function needs it anyway.
    import asyncio.coroutines

    asyncio_mark = getattr(asyncio.coroutines, "_is_coroutine", None)
    if asyncio_mark is not None:
        wrapper._is_coroutine = asyncio_mark
    if hasattr(inspect, "markcoroutinefunction"):
        inspect.markcoroutinefunction(wrapper)
    elif isinstance(function, FunctionType):
        # Before 3.12 inspect looks at the code of what looks like a function.
        wrapper.__code__ = function.__code__
        wrapper.__defaults__ = function.__defaults__
        wrapper.__kwdefaults__ = function.__kwdefaults__
