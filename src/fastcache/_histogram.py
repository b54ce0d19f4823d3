"""How long things took, counted by powers of two."""

from __future__ import annotations

from collections.abc import Iterable

# Seconds; bucket i counts what took less than BOUNDS[i], and not less than the bound before.
BOUNDS: tuple[float, ...] = (*(2**i / 1e6 for i in range(40)), float("inf"))


class Histogram:
    """Durations by powers of two of a microsecond, as a snapshot; the difference of two is what came between them.

    ``counts[i]`` is how many took less than ``bounds[i]`` seconds and at least ``bounds[i - 1]``.
    """

    __slots__ = ("counts",)

    counts: tuple[int, ...]
    bounds = BOUNDS

    def __init__(self, counts: Iterable[int] = (0,) * len(BOUNDS), /) -> None:
        given = tuple(counts)
        if len(given) != len(BOUNDS):
            raise ValueError(f"counts must be {len(BOUNDS)}, not {given!r}")
        self.counts = given

    @property
    def total(self) -> int:
        """How many were counted."""
        return sum(self.counts)

    def quantile(self, share: float, /) -> float:
        """Seconds that this share of all took at most: the upper bound of a bucket; 0.0 if nothing was counted.

        :param share: from 0 to 1, 0.99 for the 99th percentile.
        """
        if not 0 <= share <= 1:
            raise ValueError(f"share must be from 0 to 1, not {share!r}")
        # A share that was given as 0.07 is a little more than that in binary.
        left = share * self.total * (1 - 1e-12)
        for count, bound in zip(self.counts, BOUNDS, strict=True):
            left -= count
            if count and left <= 0:
                return bound
        return 0.0

    def __sub__(self, earlier: Histogram) -> Histogram:
        if not isinstance(earlier, Histogram):
            return NotImplemented
        return Histogram(now - before for now, before in zip(self.counts, earlier.counts, strict=True))

    def __eq__(self, other: object) -> bool:
        return self.counts == other.counts if isinstance(other, Histogram) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.counts)

    def __repr__(self) -> str:
        filled = {bound: count for bound, count in zip(BOUNDS, self.counts, strict=True) if count}
        return f"<Histogram of {self.total}: {filled}>"


# Nothing counted.
EMPTY = Histogram()
