"""A function whose results are kept in a store."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t

from fastcache._core.awaiting cimport AwaitingStore
from fastcache._core.calls cimport Call

cdef extern from "Python.h":
    ctypedef PyObject* (*vectorcallfunc)(PyObject*, PyObject* const*, size_t, PyObject*)

cdef class CachedFunction:
    cdef vectorcallfunc vectorcall
    # Written once, by __init__.
    cdef AwaitingStore store
    cdef object function
    cdef dict parameters    # what cache_parameters tells
    cdef object key         # makes a call's key, or None
    cdef bint plain         # a call with one plain argument has it as its key
    cdef bint bare          # the same, and no leading argument is left out
    cdef bint typed
    cdef bint awaited       # the function is async
    cdef bint alone
    cdef bint never
    cdef bint late          # with alone: a call counts once it is over, by whether its value was stored
    cdef bint ordered       # by their names, whatever order named arguments come in
    cdef object state       # list or dict whose items are part of each key, or None
    cdef object unhashable  # called with nothing for arguments without a hash, which are not kept then; or None
    cdef Py_ssize_t skipped  # leading arguments that are no part of the key
    # What the store had counted at the last cache_clear.
    cdef int64_t hits_before
    cdef int64_t misses_before
    # What that is to be corrected by; atomic.
    cdef int64_t more_hits
    cdef int64_t more_misses
    cdef dict __dict__
    cdef object __weakref__

    cdef object key_of(self, const Call* call)
    cdef uint64_t hash_if_any(self, object key) except? 0
