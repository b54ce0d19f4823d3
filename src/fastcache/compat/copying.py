"""Whether callers get the very object that was cached, or a copy of their own, as from a cache on a server."""

from __future__ import annotations

import pickle
from typing import Any, Literal, TypeAlias, get_args

Copy: TypeAlias = Literal["pickle", "none"]

# Nobody can change these, so they need no copy.
CONSTANT = frozenset({str, bytes, int, float, complex, bool, type(None)})


class Packed:
    """A pickled value."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


def checked_copy(name: str, copy: object) -> Copy:
    """ValueError unless it is one of the two."""
    if copy not in get_args(Copy):
        raise ValueError(f"{name} must be 'pickle' or 'none', not {copy!r}")
    return copy  # type: ignore[return-value]


def pack(copy: Copy, value: Any) -> Any:
    """What is kept of a value; raises what pickling it raises."""
    if copy == "none" or type(value) in CONSTANT:
        return value
    return Packed(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))


def unpack(kept: Any) -> Any:
    """The value, or a new copy of it."""
    return pickle.loads(kept.data) if type(kept) is Packed else kept
