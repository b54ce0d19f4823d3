"""One who waits for a flight by being told of its end."""

from fastcache._core.flight cimport Flight, Wait

cdef class Watch:
    cdef readonly Flight flight
    cdef Flight leading     # what the waiter is loading himself, or None
    cdef Wait wait
    cdef object told        # called without arguments

    cdef int stand_down(self) except -2
