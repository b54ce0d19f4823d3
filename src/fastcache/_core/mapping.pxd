"""A store as the mapping that Python sees."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t

from fastcache._core.core cimport core_birth
from fastcache._core.key cimport key_hash
from fastcache._core.listing cimport Part
from fastcache._core.py cimport likely, py_decref
from fastcache._core.store cimport Store
from fastcache._core.swap cimport core_swap
from fastcache._core.tag cimport TagSet

cdef class Mapping(Store):
    cdef object walk(self, Part part)
    cdef int write_tagged(self, object key, object value, int64_t ttl, TagSet borne, int64_t number) except -1
    cdef int displace(self, PyObject* key, uint64_t hash, PyObject* value, int64_t ttl, int64_t now) except -1
    cdef int set_slowly(self, PyObject* key, uint64_t hash, PyObject* value, int64_t ttl, int64_t now) except -1
    cdef object item_slowly(self, object key, int64_t ceiling, uint64_t hash)
    cdef object get_slowly(self, PyObject* const* args, Py_ssize_t count, int64_t ceiling, uint64_t hash)
    cdef object get_oddly(self, PyObject* const* args, Py_ssize_t count, PyObject* names)
    cdef bint discard(self, object key) except -1

cdef int check_iterable(object keys) except -1


cdef inline int mapping_write(Mapping self, PyObject* key, PyObject* value, int64_t ttl) except -1:
    """Writes a value that lives for ``ttl`` nanoseconds from now; of 0, what it would have replaced leaves."""
    cdef uint64_t hash = key_hash(key)
    cdef int64_t now = core_birth(&self.core, ttl)
    cdef PyObject* former = NULL
    cdef bint absent = False
    if ttl != 0:
        former = core_swap(&self.core, key, hash, value, ttl, now, &absent)
    if likely(former != NULL):
        py_decref(former)
        return 0
    if likely(absent):
        return self.displace(key, hash, value, ttl, now)
    return self.set_slowly(key, hash, value, ttl, now)
