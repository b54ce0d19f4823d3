"""``clru_cache``: that of the older distribution called fastcache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from fastcache._core.function import CachedFunction
from fastcache._memo import Memo
from fastcache._types import State, Unhashable

P = ParamSpec("P")
R = TypeVar("R")


def clru_cache(
    maxsize: int | None = 128, typed: bool = False, state: State | None = None, unhashable: Unhashable = "error"
) -> Callable[[Callable[P, R]], CachedFunction[P, R]]:
    """Keeps the results of a function as ``clru_cache`` of fastcache 1.1 did; only the called form is taken.

    It is ``lru_cache`` but for this: None and negative ``maxsize`` are no bound, and False is 128; the order of named
    arguments does not matter; a call that raises is no miss, and one whose result another thread stored meanwhile is a
    hit.

    The parameters are those of ``lru_cache``.  Raises TypeError, naming the parameter and the value.
    """
    bound: Any = 128 if maxsize is False else maxsize
    if bound is not None and not isinstance(bound, int):
        raise TypeError(f"maxsize must be an int or None, not {maxsize!r}")
    if bound is not None:
        bound = None if bound < 0 else int(bound)
    memo = Memo(bound, bool(typed), state, unhashable, late=True, ordered=True)
    # Wrong options are reported where they are written, not at the first call.
    memo.check()
    return memo.of
