"""Many keys in one call."""

from fastcache._core.batch cimport Batch
from fastcache._core.awaiting cimport AwaitingStore
from fastcache._core.flight cimport Flight
from fastcache._core.terms cimport Terms

cdef class BulkStore

cdef class Wanted:
    cdef object loader
    cdef Terms terms
    cdef dict options           # what the terms borrow,
    cdef dict refused           # and this, of each key: a list with what `Ask` says, or without
    cdef object default         # of keys that have no value, or LEFT_OUT
    cdef bint returned          # errors stand in the result
    cdef unsigned long who      # calls, and stands in line for its flights: a thread, or A_TASK
    cdef Py_ssize_t most        # keys in one call of the loader
    cdef dict values            # of each key in the order of the request, or LEFT_OUT
    cdef dict errors            # of keys that have no value for that reason
    cdef bint sorted            # there has been a round
    cdef list missing           # keys for the next round
    # Of one round.
    cdef Batch own              # what this call is to load
    cdef Batch behind           # what is to be loaded behind served values; or None
    cdef list joined            # (key, flight) of those that others load

    cdef dict given(self, BulkStore store)

cdef class BulkStore(AwaitingStore):
    cdef dict load_many(self, Wanted w)
    cdef Wanted wanted(self, str method, object keys, object loader, dict options, bint anew)
    cdef int sort(self, Wanted w) except -1
    cdef int begin_many(self, Wanted w) except -1
    cdef int begin_one(self, Wanted w, object key, bint counted) except -1
    cdef int lead_many(self, Wanted w) except -1
    cdef int take_own(self, Wanted w, object key, Flight flight) except -1
    cdef int admit_many(self, Wanted w) except -1
    cdef bint find_place(self, Wanted w) except -1
    cdef int reject(self, Wanted w) except -1
    cdef int lead_many_elsewhere(self, Wanted w) except -1
    cdef int follow_many(self, Wanted w) except -1
