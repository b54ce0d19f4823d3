"""Many keys in one call."""

from libc.stdint cimport int64_t

from fastcache._core.batch cimport Batch
from fastcache._core.awaiting cimport AwaitingStore
from fastcache._core.terms cimport Terms

cdef class Wanted:
    cdef object loader
    cdef Terms terms
    cdef Py_ssize_t most        # keys in one call of the loader
    cdef int64_t patience_ends  # the instant after which an old value will do, in real monotonic nanoseconds
    cdef dict values            # of each key in the order of the request, or LEFT_OUT
    cdef dict errors            # of keys that have no value for that reason
    # Of one round.
    cdef Batch own              # what this call is to load
    cdef Batch behind           # what is to be loaded behind served values
    cdef list joined            # (key, flight) of those that others load

    cdef dict given(self, object default, bint returned)

cdef class BulkStore(AwaitingStore):
    cdef dict load_many(self, Wanted w, list missing, object default, bint returned)
    cdef int begin_many(self, Wanted w, list missing, bint counted) except -1
    cdef int begin_one(self, Wanted w, object key, bint counted) except -1
    cdef int lead_many(self, Wanted w) except -1
    cdef int admit_many(self, Wanted w) except -1
    cdef int lead_many_elsewhere(self, Wanted w) except -1
    cdef list follow_many(self, Wanted w)
