"""Durations as callers give them, in nanoseconds."""

from libc.math cimport isfinite
from libc.stdint cimport int64_t

cdef extern from *:
    """
    #define FC_MOST_SECONDS 3155760000LL
    """
    # A century: sums of a few of these with an instant stay far from overflow.
    const int64_t MOST_SECONDS "FC_MOST_SECONDS"


cdef inline int64_t to_nanoseconds(str name, object seconds) except? -1:
    """A duration in seconds (int, float, timedelta) that is finite and not negative.

    Raises TypeError or ValueError, naming the parameter and the value.
    """
    cdef double number
    given = seconds
    if not isinstance(seconds, (int, float)) and hasattr(seconds, "total_seconds"):
        seconds = seconds.total_seconds()
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"{name} must be a number of seconds or a timedelta, not {given!r}")
    try:
        number = seconds
    except OverflowError:
        raise ValueError(f"{name} must be at most {MOST_SECONDS} seconds, not {given!r}") from None
    if not isfinite(number):
        raise ValueError(f"{name} must be finite, not {given!r}")
    if number < 0:
        raise ValueError(f"{name} must not be negative, not {given!r}")
    if number > MOST_SECONDS:
        raise ValueError(f"{name} must be at most {MOST_SECONDS} seconds, not {given!r}")
    if 0 < number < 1e-9:
        raise ValueError(f"{name} must be 0 or at least a nanosecond, not {given!r}")
    return <int64_t>(number * 1e9 + 0.5)
