"""Names that entries bear, so that all who bear one can be invalidated in one step.

Invalidations of a store are numbered.  A tag remembers the last one that removed its bearers and those that ended
their freshness; what was loaded from a later number on is not concerned.  So invalidating costs the same for one
bearer and for a million, and reaches loads under way, which took their number when they began.
"""

from libc.stdint cimport int64_t

from fastcache._core.expiries cimport Expiries, expiries_first
from fastcache._core.mutex cimport Mutex, atomic_load, atomic_seen, pointer_seen
from fastcache._core.py cimport ALWAYS, FOREVER

cdef struct TagState:
    # Atomic; numbers of invalidations, which only grow.
    int64_t removed
    int64_t expired
    int64_t expired_at      # the instant of `expired`, written before it
    int64_t bearers         # sets that hold the tag
    int64_t retired         # it is no longer found by its name
    Expiries* past          # owned; those before `expired`, added before it changes; NULL if there were none

cdef struct TagMarks:
    int count
    TagState** of           # borrowed from the set's tags

cdef class Tag:
    cdef TagState state

cdef class TagSet:
    cdef readonly tuple names
    cdef readonly object etag   # what the loader wants to know of the value at its next load; or None
    cdef list tags              # keeps `marks` true
    cdef TagMarks marks

cdef class TagRegistry:
    cdef dict known             # Tags by name; keys are exactly str, so looking one up runs no strangers' code
    cdef Py_ssize_t room        # of names, before those without bearers are looked for
    cdef TagState nameless      # of all tags that no set held when they were invalidated, or since; without a past
    cdef Mutex* expiring        # borrowed from the store's core; guards the past of all tags

    cdef Tag bear(self, str name)
    cdef TagSet set_of(self, tuple names, object etag)
    cdef int invalidate(self, str name, int64_t number, bint soft, int64_t now, int64_t keep) except -1
    cdef int retire(self) except -1

cdef str checked_name(object tag)
cdef tuple checked_names(object tags)


cdef inline int64_t tags_limit(const TagMarks* marks, int64_t number) noexcept nogil:
    """When the freshness of what bears these tags ended, if it was loaded with so many invalidations behind it.

    FOREVER: it has not; ALWAYS: it was removed.
    """
    cdef int64_t limit = FOREVER
    cdef Expiries* past
    cdef int i
    for i in range(marks.count):
        if atomic_load(&marks.of[i].removed) > number:
            return ALWAYS
        if atomic_seen(&marks.of[i].expired) > number:
            limit = min(limit, atomic_seen(&marks.of[i].expired_at))
            past = <Expiries*>pointer_seen(<void**>&marks.of[i].past)
            if past != NULL:
                limit = min(limit, expiries_first(past, number))
    return limit
