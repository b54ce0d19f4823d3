"""The native store: values that age, in stripes."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t

from fastcache._core.core cimport Core
from fastcache._core.entry cimport Age
from fastcache._core.outcome cimport Outcome
from fastcache._core.tag cimport TagRegistry, TagSet

cdef class Store:
    cdef Core core
    # Keeps the memory that core.hands points into; never cleared, for a finalizer may still use the store.
    cdef readonly object clock
    # Written once.
    cdef object listener
    cdef object weigher
    cdef object copier      # makes what callers are handed of a value; or None
    cdef TagRegistry tags
    cdef bint configured

    cdef int bear(self, Outcome* o, TagSet tags, int64_t number) except -1
    cdef PyObject* find(self, PyObject* key, uint64_t hash, bint counted, Age oldest) except? NULL
    cdef PyObject* put(
        self, PyObject* key, uint64_t hash, PyObject* value, Outcome* o, int64_t now, bint keep,
    ) except? NULL
    cdef PyObject* remove(self, PyObject* key, bint* found) except? NULL
    cdef object handed(self, object value, PyObject* default)
    cdef int64_t weigh(self, object key, object value) except -1
