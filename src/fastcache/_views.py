"""keys(), values() and items() of a cache: live, and safe to walk while it changes."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, ValuesView

from fastcache._typing import TYPE_CHECKING, K, V

if TYPE_CHECKING:
    from typing import Any

    from fastcache._core.mapping import Mapping


class Keys(KeysView[K]):
    """The unexpired keys."""

    _mapping: Mapping[K, Any]

    def __iter__(self) -> Iterator[K]:
        return iter(self._mapping)


class Values(ValuesView[V]):
    """The unexpired values."""

    _mapping: Mapping[Any, V]

    def __iter__(self) -> Iterator[V]:
        return self._mapping._values()

    def __contains__(self, value: object) -> bool:
        return any(value is v or value == v for v in self)


class Items(ItemsView[K, V]):
    """The unexpired pairs; a pair that expires on the way is left out, not an error."""

    _mapping: Mapping[K, V]

    def __iter__(self) -> Iterator[tuple[K, V]]:
        return self._mapping._pairs()

    def __contains__(self, item: object) -> bool:
        if not isinstance(item, tuple) or len(item) != 2:
            return False
        key, value = item
        # A look leaves no trace, unlike a lookup.
        found = self._mapping._look(key)
        return found is not None and found[1] in ("fresh", "due") and (found[0] is value or found[0] == value)
