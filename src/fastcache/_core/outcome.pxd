"""What a load came to, and how it is to be kept."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from fastcache._core.py cimport FOREVER
from fastcache._core.tag cimport TagMarks, TagSet

cdef enum:
    # For a window: as the store has it.
    USUAL_WINDOW = -1

cdef struct Outcome:
    bint absent             # there is no value; ``error`` is what callers are told
    int64_t ttl             # 0: not to be kept
    int64_t weight
    int64_t stale_window    # USUAL_WINDOW, or nanoseconds; both or neither
    int64_t error_window
    # Borrowed.
    PyObject* error         # of an absence
    PyObject* tags          # a TagSet, or NULL
    const TagMarks* marks   # in it
    int64_t number          # of invalidations before the load began


cdef inline void outcome_init(Outcome* o, int64_t ttl) noexcept nogil:
    o.absent = False
    o.ttl = ttl
    o.weight = 0
    o.stale_window = o.error_window = USUAL_WINDOW
    o.error = o.tags = NULL
    o.marks = NULL
    o.number = 0


cdef inline bint outcome_is_usual(const Outcome* o) noexcept nogil:
    """Whether an entry needs to remember nothing but its value and instants."""
    return o.tags == NULL and o.stale_window == USUAL_WINDOW


cdef inline void outcome_bear(Outcome* o, TagSet tags, int64_t number) noexcept:
    """The value bears these tags, which the caller holds, and is as old as that number of invalidations."""
    o.tags = <PyObject*>tags
    o.marks = &tags.marks
    o.number = number
