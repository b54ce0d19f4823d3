"""A share, as a jitter is given by."""

from __future__ import annotations


# Not a namedtuple: making the class of one takes longer than the import of most modules here.
class percent(tuple[float]):  # noqa: N801 - reads as a unit: jitter=percent(10)
    """A jitter as a share of the ttl: ``percent(10)`` spreads lifetimes over ttl * 0.9 to ttl * 1.1."""

    __slots__ = ()

    def __new__(cls, share: float) -> percent:
        if isinstance(share, bool) or not isinstance(share, (int, float)):
            raise TypeError(f"percent must be a number, not {share!r}")
        if not 0 <= share < 100:
            raise ValueError(f"percent must be at least 0 and below 100, not {share!r}")
        return super().__new__(cls, (share,))

    @property
    def share(self) -> float:
        """In percent of the ttl."""
        return self[0]

    def __repr__(self) -> str:
        return f"percent(share={self.share!r})"

    def __getnewargs__(self) -> tuple[float]:
        # What copies and pickles are made from.
        return (self.share,)
