"""A clock that stands still until it is moved."""

from libc.stdint cimport int64_t

cdef class MovableClock:
    cdef int64_t nanoseconds    # atomic; stores read it in place
