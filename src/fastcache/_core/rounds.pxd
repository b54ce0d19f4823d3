"""A task's call for many keys, round by round."""

from fastcache._core.approach cimport Way
from fastcache._core.batch_errand cimport BatchErrand
from fastcache._core.bulk cimport BulkStore, Wanted

cdef class Rounds(Way):
    cdef BulkStore many         # the store
    cdef Wanted wanted
    # Of one round.
    cdef BatchErrand led        # the own load
    cdef bint owes              # its flights are this call's to end
    cdef bint away              # the caller has waited for something in vain
    cdef list waits_for         # (key, flight) of all that it wants
    cdef Py_ssize_t at          # of them, the first of which the call is a waiter without a seat
    cdef list lonely            # flights that nobody waits for since this call was cancelled

    cdef bint claim(self) except -1
    cdef bint is_late(self) except -1
    cdef int step_off(self) except -1

cdef class AwaitingManyStore(BulkStore):
    pass

cdef Rounds new_rounds(BulkStore store, Wanted wanted)
