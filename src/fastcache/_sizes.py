"""How many bytes an entry takes, for caches whose ``max_weight`` is in bytes."""

from __future__ import annotations

import sys

from fastcache._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

# What the cache itself keeps for an entry: its slot, its words of the index, its weight.
OVERHEAD = 64
# Py_TPFLAGS_HAVE_GC: objects of such types may refer to others.
_HAVE_GC = 1 << 14


def sizeof(key: Any, value: Any) -> int:
    """The bytes that an entry takes: those of its key and of its value, and 64 for its place in the cache.

    It knows str, bytes, bytearray, numbers, None and whatever else holds all its data itself, memoryviews (by the
    data that they show), and tuples of all these.  Of anything else, such as a list or an instance of your own
    class, it cannot tell what belongs to it: TypeError, and a weigher of your own is needed.
    """
    return OVERHEAD + _size(key) + _size(value)


def _size(o: Any) -> int:
    kind = type(o)
    if not kind.__flags__ & _HAVE_GC:
        return sys.getsizeof(o)
    if kind is tuple:
        return sys.getsizeof(o) + sum(map(_size, o))
    if kind is memoryview:
        return sys.getsizeof(o) + int(o.nbytes)
    raise TypeError(f"sizeof cannot tell the size of {kind.__qualname__!r} objects; give the cache its own weigher")
