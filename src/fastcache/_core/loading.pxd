"""A store that loads what it misses, once for all who ask."""

from cpython.object cimport PyObject
from libc.stdint cimport uint64_t

from fastcache._core.calls cimport Call
from fastcache._core.flight cimport QUEUED, Flight, FlightState
from fastcache._core.landing cimport LandingStore
from fastcache._core.stripe cimport HIT, Verdict
from fastcache._core.terms cimport Terms

cdef class LoadingStore(LandingStore):
    # Written once, by _configure_loading.
    cdef Terms usual            # of a call without options
    cdef bint straight          # such a call needs no place and no context, and its result no second look

    cdef Verdict begin(
        self, PyObject* key, uint64_t hash, Flight offered, Terms* terms, bint counted, PyObject** value,
        PyObject** joined,
    ) except? HIT
    cdef Flight offer(self, PyObject* key, uint64_t hash)
    cdef object load(self, PyObject* key, uint64_t hash, const Call* call, Terms* terms)
    cdef object join(self, Flight flight, const Call* call, Terms* terms)
    cdef object admit(self, Flight flight, const Call* call, Terms* terms)
    cdef object take_lead(self, Flight flight, const Call* call, Terms* terms)
    cdef bint await_place(self, list flights, Terms* terms) except -1
    cdef object lead_elsewhere(self, Flight flight, const Call* call, Terms* terms)
    cdef object follow(self, Flight flight, Terms* terms, bint led)
    cdef FlightState await_end(self, Flight flight, Terms* terms, bint led, PyObject** served) except? QUEUED
    cdef object outcome(self, Flight flight, FlightState state, PyObject* old, Terms* terms, bint led)
    cdef object answer(self, Flight flight, Terms* terms, bint led)
    cdef object absent(self, object error, Terms* terms)
    cdef PyObject* acceptable(self, PyObject* key, Terms* terms) except? NULL
    cdef int refresh(self, Flight flight, const Call* call, const Terms* terms) except -1
    cdef int hand_over(self, object errand) except -1

cdef object rejection(object key)

# What ``follow`` returns of a load that came to nothing.
cdef object AGAIN
