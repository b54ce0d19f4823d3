"""What callers are handed of a value: the very object that is kept, or a copy of their own."""

from __future__ import annotations

from collections.abc import Callable

from fastcache._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from fastcache._types import Copy


def copier(given: Copy) -> Callable[[Any], Any]:
    """What makes the copies; ValueError names the value of ``copy``."""
    if isinstance(given, str):
        import copy

        if given in ("shallow", "deep"):
            return copy.copy if given == "shallow" else copy.deepcopy
    elif callable(given):
        return given
    raise ValueError(f"copy must be None, 'shallow', 'deep' or a callable, not {given!r}")
