"""What copies and pickles of a cache hold: its options, and its unexpired values with what is left of their lives.

A lifetime travels as a duration, for another process has another monotonic clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from fastcache._core.mapping import Mapping


class Item(NamedTuple):
    """One value; seconds to its expiry (None: it has none) and since it was written (None: nobody noted it)."""

    key: Any
    value: Any
    left: float | None
    age: float | None
    tags: tuple[str, ...]
    etag: Any


def items_of(cache: Mapping[Any, Any]) -> list[Item]:
    """The unexpired values; it leaves no trace in the cache."""
    items = []
    for key in cache:
        found = cache._look(key, kept=True)
        # One that expires on the way is left out.
        if found is not None and found[1] in ("fresh", "due"):
            value, _, left, *_, age, tags, etag, _ = found
            items.append(Item(key, value, left, age, tags, etag))
    return items


def resume(cache: Mapping[Any, Any], items: Iterable[Item]) -> None:
    """Writes values that go on with their lives."""
    for item in items:
        cache._resume(*item)
