"""One who waits for a flight by being told of its end."""

from fastcache._core.flight cimport Flight, Wait
from fastcache._core.seat cimport Seat

cdef class Watch(Seat):
    cdef readonly Flight flight
    cdef Flight leading     # what the waiter is loading himself, or None
    cdef Wait wait

    cdef int stand_down(self) except -2
    cdef int gather(self, list seats) except -1
