"""What a cache has counted, and what it holds, as immutable snapshots."""

# Without postponed annotations: a NamedTuple compiles each that is text, which takes the half of this module's import.
from typing import Any, NamedTuple

from fastcache._histogram import EMPTY, Histogram


class Stats(NamedTuple):
    """Counters of a cache since it was made; the difference of two is what happened between them.

    Every lookup counts as one of ``hits``, ``stale_hits``, ``negative_hits`` (told of an absence or failure that is
    remembered) and ``misses``; callers that waited for another's load are ``misses`` and also ``coalesced``, and those
    who asked for a load whatever there was (``force``, ``refresh``) are ``misses``, as is who got an old value
    in the end, for want of a load that succeeded, ended in time or had a place.
    ``refreshes_started`` are the loads behind a served value, of which some are ``ok``, ``failed`` or ``dropped``
    (no worker was free, or none for ``max_load_time``) and the others under way.  ``discarded`` results were loaded but
    not stored, since their key was written or removed meanwhile.  ``superseded`` loads had begun, and took longer than
    ``max_load_time``; ``timeouts`` and ``rejected`` count the callers whose ``wait_timeout`` ran out for a load or for
    a place.  ``negative_evictions`` are absences that left for younger ones.  ``oversized`` values were not kept, being
    heavier than ``max_weight``.
    ``entries`` and ``weight`` are states, not counters: the values held now, expired ones that were not swept yet
    included, and what they weigh (0 if nothing is weighed).

    ``load_times`` are those of loads that succeeded or failed, to a tick of the system's clock (1 to 10 ms; exactly
    with ``refresh_ahead="auto"``), without their waits for a place or a thread; ``wait_times`` those of waits for
    another's load, key by key.  ``hit_ages``: how long before a hit its value was written, to a few ticks, of a sample:
    about one in 1,024 hits, and only where something may expire.
    """

    hits: int = 0
    stale_hits: int = 0
    negative_hits: int = 0
    misses: int = 0
    coalesced: int = 0
    loads: int = 0
    load_errors: int = 0
    refreshes_started: int = 0
    refreshes_ok: int = 0
    refreshes_failed: int = 0
    refreshes_dropped: int = 0
    superseded: int = 0
    timeouts: int = 0
    rejected: int = 0
    discarded: int = 0
    evictions: int = 0
    negative_evictions: int = 0
    expirations: int = 0
    oversized: int = 0
    load_times: Histogram = EMPTY
    wait_times: Histogram = EMPTY
    hit_ages: Histogram = EMPTY
    entries: int = 0
    weight: int = 0

    @property
    def hit_ratio(self) -> float:
        """The share of lookups that were served without waiting; 0.0 before the first."""
        served = self.hits + self.stale_hits
        return served / (served + self.misses) if served + self.misses else 0.0

    def __sub__(self, earlier: "Stats") -> "Stats":
        if not isinstance(earlier, Stats):
            return NotImplemented
        states = ("entries", "weight")
        names = [name for name in self._fields if name not in states]
        passed = {name: getattr(self, name) - getattr(earlier, name) for name in names}
        return Stats(**passed, entries=self.entries, weight=self.weight)


class CacheInfo(NamedTuple):
    """The four fields of functools.lru_cache's."""

    hits: int
    misses: int
    maxsize: int | None
    currsize: int


class Entry(NamedTuple):
    """One cached value as it is now.

    ``state``: "fresh"; "due" (fresh, and to be refreshed at its next use); "stale" (expired, within a stale window);
    "stale_error" (the same, and its last load failed).  ``ttl_left``: seconds to its expiry, negative after it, None
    if it has none.  ``last_error``: what its last load raised, None after a success; ``failures`` in a row.
    ``retry_in``: seconds in which no reload will be tried.  ``loading``: whether one is under way.  ``age``: seconds
    since it was written (to a ten-millionth of its lifetime and a tick of the system's clock), None if nobody noted it,
    for want of anything that could expire.  ``tags`` and ``etag`` are as its loader or writer gave them.
    ``load_time``: seconds that its load took, to within an eighth and a tick of the system's clock, and between a
    microsecond and an hour; None if it was written and not loaded.
    """

    value: Any
    state: str
    ttl_left: float | None
    last_error: BaseException | None
    failures: int
    retry_in: float
    loading: bool
    age: float | None = None
    tags: tuple[str, ...] = ()
    etag: Any = None
    load_time: float | None = None


class FlightInfo(NamedTuple):
    """One load under way.

    ``age`` in seconds; ``waiters`` behind it; ``owner``, the loading thread's identifier (0: none yet); ``background``:
    whether it loads behind a served value.
    """

    key: Any
    age: float
    waiters: int
    owner: int
    background: bool
