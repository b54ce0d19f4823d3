"""A store as the mapping that Python sees."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t

from fastcache._core.store cimport Store
from fastcache._core.tag cimport TagSet

cdef class Mapping(Store):
    cdef int write_tagged(self, object key, object value, int64_t ttl, TagSet borne, int64_t number) except -1
    cdef int displace(self, PyObject* key, uint64_t hash, PyObject* value, int64_t ttl, int64_t now) except -1
    cdef int set_slowly(self, PyObject* key, uint64_t hash, PyObject* value, int64_t ttl, int64_t now) except -1
    cdef object item_slowly(self, object key, int64_t ceiling, uint64_t hash)
    cdef object get_slowly(self, PyObject* const* args, Py_ssize_t count, int64_t ceiling, uint64_t hash)
    cdef object get_oddly(self, PyObject* const* args, Py_ssize_t count, PyObject* names)
    cdef bint discard(self, object key) except -1

cdef int check_iterable(object keys) except -1
