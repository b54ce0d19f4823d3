"""Cached functions that take a name in their module when they are made, and so last as long as it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType, FunctionType

from fastcache._core.function import CachedFunction
from fastcache._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any


def note_lasting(made: CachedFunction[..., Any], function: Callable[..., Any]) -> None:
    """Tells a cached function, not shared yet, if it lasts; called below the decorator that makes it."""
    caller: FrameType | None = sys._getframe(1)
    while caller is not None and caller.f_globals.get("__package__") == "fastcache":
        caller = caller.f_back
    if caller is not None and _takes_name_in_module(function, caller):
        made._last()


def _takes_name_in_module(function: Callable[..., Any], caller: FrameType) -> bool:
    """Whether the caller is a module that defines the function just now."""
    return (
        isinstance(function, FunctionType)
        and caller.f_code.co_name == "<module>"
        and caller.f_globals is function.__globals__
        and function.__qualname__.isidentifier()
        and caller.f_globals.get(function.__name__) is not function
    )
