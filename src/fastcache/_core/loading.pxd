"""A store that loads what it misses, once for all who ask."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t

from fastcache._core.calls cimport Call
from fastcache._core.flight cimport Flight
from fastcache._core.mapping cimport Mapping
from fastcache._core.stripe cimport HIT, Verdict

cdef struct Terms:
    int64_t ttl             # of what is loaded
    int64_t deadline        # of a follower's wait, in real monotonic nanoseconds; FOREVER: none
    bint force              # load even if there is a value
    bint shared             # out: others got the same result

cdef class LoadingStore(Mapping):
    cdef Verdict begin(
        self, PyObject* key, uint64_t hash, Flight offered, const Terms* terms, bint counted,
        PyObject** value, PyObject** joined,
    ) except? HIT
    cdef object get_or_load_slowly(
        self, PyObject* const* args, Py_ssize_t count, PyObject* names, int64_t ceiling, uint64_t hash,
    )
    cdef object load(self, PyObject* key, uint64_t hash, const Call* call, Terms* terms)
    cdef object lead(self, Flight flight, const Call* call, Terms* terms)
    cdef object follow(self, Flight flight, Terms* terms)
    cdef int refresh(self, Flight flight, const Call* call, const Terms* terms) except -1
    cdef void publish(self, Flight flight, object value, int64_t ttl, int64_t weight) noexcept
    cdef void fail(self, Flight flight, object error) noexcept
    cdef void give_up(self, Flight flight) noexcept
