"""``get_or_load`` as Python calls it."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t

from fastcache._core.calls cimport Call
from fastcache._core.flight cimport Flight
from fastcache._core.loading cimport LoadingStore

cdef class GettingStore(LoadingStore):
    cdef object load_usual(self, PyObject* key, uint64_t hash, int64_t ceiling, const Call* call)
    cdef object lead_straight(self, Flight flight, const Call* call)
    cdef object land_straight(self, Flight flight, object value)
    cdef object get_or_load_usual(self, PyObject* const* args, int64_t ceiling, uint64_t hash)
    cdef object get_or_load_slowly(
        self, PyObject* const* args, Py_ssize_t count, PyObject* names, int64_t ceiling, uint64_t hash,
    )
