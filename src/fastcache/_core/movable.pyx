"""A clock that stands still until it is moved."""

from libc.stdint cimport int64_t

from fastcache._core.mutex cimport atomic_add, atomic_load
from fastcache._core.seconds cimport MOST_SECONDS, to_nanoseconds


cdef class MovableClock:
    """A monotonic clock under the caller's control, for ``Cache(clock=...)``.

    :param start: where it stands at first, in seconds.
    """

    def __cinit__(self, start=1000.0):
        self.nanoseconds = to_nanoseconds("start", start)

    @property
    def now(self):
        """Seconds."""
        return atomic_load(&self.nanoseconds) / 1e9

    def advance(self, seconds):
        """Moves it forward by ``seconds`` (a number or timedelta, not negative); OverflowError after two centuries."""
        cdef int64_t by = to_nanoseconds("seconds", seconds)
        if atomic_load(&self.nanoseconds) > MOST_SECONDS * 2_000_000_000 - by:
            raise OverflowError(f"the clock stands at {self.now} s and cannot be moved by {seconds!r}")
        atomic_add(&self.nanoseconds, by)
