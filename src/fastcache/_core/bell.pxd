"""One who waits for a flight by a call that is made at its end."""

from fastcache._core.flight cimport Flight, Wait

cdef class Bell:
    cdef Flight flight
    cdef Flight leading     # what the waiter is loading himself, or None
    cdef object ring
    cdef Wait wait

    cdef int stand_down(self) except -1
