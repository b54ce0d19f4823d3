"""The keys of calls, as cachetools makes them: tuples of the arguments."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

__all__ = ("hashkey", "methodkey", "typedkey", "typedmethodkey")


class Named:
    """Stands in a key between positional and named arguments; the class itself does, so that it survives pickling."""


def _key(args: tuple[Any, ...], kwargs: dict[str, Any], typed: bool) -> tuple[Hashable, ...]:
    named = sorted(kwargs.items()) if kwargs else []
    key = (*args, Named, *named) if kwargs else args
    if typed:
        key += tuple(type(value) for _, value in named) + tuple(map(type, args))
    return key


def hashkey(*args: Any, **kwargs: Any) -> tuple[Hashable, ...]:
    """The arguments; the order of the named ones does not matter, and 1, 1.0 and True are the same."""
    return _key(args, kwargs, False) if kwargs else args


def typedkey(*args: Any, **kwargs: Any) -> tuple[Hashable, ...]:
    """The arguments and their types."""
    return _key(args, kwargs, True)


def methodkey(self: object, /, *args: Any, **kwargs: Any) -> tuple[Hashable, ...]:
    """The arguments without the first, which is the method's ``self``."""
    return _key(args, kwargs, False) if kwargs else args


def typedmethodkey(self: object, /, *args: Any, **kwargs: Any) -> tuple[Hashable, ...]:
    """The arguments without the first, and their types."""
    return _key(args, kwargs, True)
