"""A share, as a jitter is given by."""

from __future__ import annotations

from collections import namedtuple


class percent(namedtuple("_Share", "share")):  # noqa: N801 - reads as a unit: jitter=percent(10)
    """A jitter as a share of the ttl: ``percent(10)`` spreads lifetimes over ttl * 0.9 to ttl * 1.1."""

    __slots__ = ()

    share: float

    def __new__(cls, share: float) -> percent:
        if isinstance(share, bool) or not isinstance(share, (int, float)):
            raise TypeError(f"percent must be a number, not {share!r}")
        if not 0 <= share < 100:
            raise ValueError(f"percent must be at least 0 and below 100, not {share!r}")
        return super().__new__(cls, share)
