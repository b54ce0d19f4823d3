"""A load to be made elsewhere."""

from fastcache._core.calls cimport Call
from fastcache._core.context cimport LoadContext
from fastcache._core.flight cimport Flight
from fastcache._core.landing cimport LandingStore
from fastcache._core.terms cimport Terms

cdef class Errand:
    cdef LandingStore store
    cdef readonly Flight flight
    cdef tuple packed           # the call
    cdef Terms terms
    cdef object tags            # what the terms borrow
    cdef LoadContext context
    cdef bint begun             # the load is made by this errand

    cdef bint enter_and_claim(self) except -1

cdef void unlink(LandingStore store, Flight flight) noexcept
cdef int keep_one_place(LandingStore store, Flight flight) except -1
cdef bint decline(LandingStore store, Flight flight) except -1
cdef bint supersede(LandingStore store, Flight flight) noexcept
cdef Errand new_errand(LandingStore store, Flight flight, const Call* call, const Terms* terms)
cdef Errand errand_behind(LandingStore store, Flight flight, const Call* call, const Terms* terms)
