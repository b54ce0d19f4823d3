"""The native store: values that age, in stripes."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t

from fastcache._core.core cimport Core

cdef class Store:
    cdef Core core
    # Keeps the memory that core.hands points into; never cleared, for a finalizer may still use the store.
    cdef readonly object clock
    # Written once.
    cdef object listener
    cdef object weigher
    cdef bint configured

    cdef int64_t ttl_of(self, object ttl) except? -1
    cdef PyObject* find(self, PyObject* key, uint64_t hash, bint counted) except? NULL
    cdef PyObject* put(
        self, PyObject* key, uint64_t hash, PyObject* value, int64_t ttl, int64_t now, bint keep,
    ) except? NULL
    cdef PyObject* remove(self, PyObject* key, bint* found) except? NULL
    cdef int64_t weigh(self, object key, object value) except -1
