"""A store that runs loaders and takes in what they come to."""

from cpython.object cimport PyObject

from fastcache._core.calls cimport Call
from fastcache._core.context cimport LoadContext
from fastcache._core.flight cimport Flight
from fastcache._core.mapping cimport Mapping
from fastcache._core.outcome cimport Outcome
from fastcache._core.terms cimport Terms

cdef class LandingStore(Mapping):
    # Written once, by _configure_loading.
    cdef object bulkhead        # or None
    cdef object log             # told of failures that callers do not see; or None
    cdef tuple negative         # exceptions that say that there is none
    cdef tuple stale_on         # exceptions that an old value stands in for
    cdef tuple fatal            # of these, those that it does not
    cdef object none_ttl        # of None as a value, or ...

    cdef void set_off(self, Flight flight) noexcept
    cdef object lead(self, Flight flight, const Call* call, Terms* terms)
    cdef object bring_in(self, Flight flight, const Call* call, PyObject* result, bint called, Terms* terms)
    cdef object run_loader(self, const Call* call, Terms* terms, object context)
    cdef PyObject* instead(self, Flight flight, Terms* terms) noexcept
    cdef LoadContext context_of(self, Flight flight)
    cdef object settled(self, Flight flight, object result, LoadContext context, const Terms* terms, Outcome* o)
    cdef object settle(self, Flight flight, object result, LoadContext context, const Terms* terms, Outcome* o)
    cdef bint is_special(self, object result, const Terms* terms) noexcept
    cdef void land(self, Flight flight, object value, Outcome* o) noexcept
    cdef void publish(self, Flight flight, PyObject* value, Outcome* o) noexcept
    cdef void land_absent(self, Flight flight, object error, object kept) noexcept
    cdef int fail(self, Flight flight, object error) except -1
    cdef bint hides(self, object error) noexcept
    cdef int find_fallback(self, Flight flight) except -1
    cdef void give_up(self, Flight flight) noexcept
    cdef bint call_off(self, Flight flight) except -1
    cdef int conclude(self, Flight flight) except -1
