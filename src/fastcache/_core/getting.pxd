"""``get_or_load`` as Python calls it."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t

from fastcache._core.loading cimport LoadingStore

cdef class GettingStore(LoadingStore):
    cdef object get_or_load_slowly(
        self, PyObject* const* args, Py_ssize_t count, PyObject* names, int64_t ceiling, uint64_t hash,
    )
