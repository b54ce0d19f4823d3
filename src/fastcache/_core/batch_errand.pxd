"""A batch that a task loads."""

from fastcache._core.batch cimport Batch
from fastcache._core.flight cimport Flight

cdef class BatchErrand:
    cdef Batch batch
    cdef tuple flights      # all of the batch's; written before it is shared
    cdef object task        # what is told when nobody waits; or None
    cdef bint ended         # nothing is left to be loaded or given up

    cdef bint claim(self) except -1
    cdef bint goes_on(self) except -1
    cdef int share(self) except -1
    cdef bint is_under_way(self) noexcept
    cdef bint leads(self, Flight flight) noexcept
