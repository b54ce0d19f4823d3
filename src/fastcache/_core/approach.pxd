"""A task's call for a key, on its way from one step to the next; and what it shares with a call for several."""

from libc.stdint cimport int64_t, uint64_t

from fastcache._core.calls cimport Call
from fastcache._core.errand cimport Errand
from fastcache._core.flight cimport Flight
from fastcache._core.loading cimport LoadingStore
from fastcache._core.terms cimport Terms

cdef class Way:
    cdef readonly LoadingStore store
    cdef readonly object key
    cdef Terms terms
    cdef object held            # what the terms borrow,
    cdef object refused         # and this; or None
    cdef int64_t since          # when the wait began
    cdef readonly Flight flight     # to be led or waited for; None in between
    cdef readonly object result     # once it is answered

    cdef bint answered(self, object result) except -1
    cdef bint waits_for_own(self) noexcept

cdef class Approach(Way):
    cdef uint64_t hash
    cdef tuple packed           # the call; what `call` borrows from
    cdef Call call
    cdef bint first
    cdef bint owes              # the flight is this call's to load, and nobody else will end it,
    cdef bint claimed           # nor take it over
    cdef Errand led             # the load of it, if it is this call's own

    cdef bint may_lead(self) except -1
    cdef Errand errand(self)

cdef int forsake(Flight flight) except -1
cdef Approach new_approach(LoadingStore store, object key, uint64_t hash, tuple packed, const Terms* terms, tuple held)
