"""What annotations need of typing, for checkers alone: its import would take as long as all the rest."""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Generic, TypeVar, overload

    K = TypeVar("K")
    V = TypeVar("V")
    T = TypeVar("T")
else:
    from types import GenericAlias

    K, V, T = "KVT"

    class Generic:
        """A base of classes that may be written with types in brackets."""

        __slots__ = ()
        __class_getitem__ = classmethod(GenericAlias)

    def overload(function):
        return function


__all__ = ["TYPE_CHECKING", "Generic", "K", "T", "V", "overload"]
