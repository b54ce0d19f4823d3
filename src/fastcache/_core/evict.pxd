"""The order in which values leave a full stripe: adaptive by default, exact LRU or FIFO on demand.

Keys that are loading for the first time hold no value and are not part of any order; a store without bound keeps none.
"""

from libc.stdint cimport uint32_t
from libc.string cimport memset

from fastcache._core.adaptive cimport (
    MARKS_FULL, Adaptive, adaptive_add, adaptive_check, adaptive_clear, adaptive_drop, adaptive_free, adaptive_trim,
    adaptive_victim,
)
from fastcache._core.entry cimport Entry, entry_value
from fastcache._core.links cimport (
    Links, links_add, links_clear, links_drop, links_free, links_newer, links_newest, links_older, links_oldest,
    links_renew, links_reserve, links_trim,
)
from fastcache._core.py cimport likely
from fastcache._core.queue cimport queue_reserve
from fastcache._core.table cimport NO_SLOT, Table, table_entry

cdef enum Policy:
    UNORDERED
    ADAPTIVE
    LRU
    FIFO

cdef struct Order:
    Policy policy
    Adaptive adaptive
    Links links         # LRU and FIFO


cdef inline void order_clear(Order* o) noexcept nogil:
    """For a table without values."""
    adaptive_clear(&o.adaptive)
    links_clear(&o.links)


cdef inline void order_init(Order* o, Policy policy) noexcept nogil:
    memset(o, 0, sizeof(Order))
    o.policy = policy
    order_clear(o)


cdef inline void order_free(Order* o) noexcept nogil:
    adaptive_free(&o.adaptive)
    links_free(&o.links)


cdef inline bint order_reserve(Order* o, const Table* t, uint32_t slot) noexcept nogil:
    """Memory for a slot's value to have a place in the order; to be had before the slot is filled."""
    if o.policy == ADAPTIVE:
        return queue_reserve(&o.adaptive.small, t)
    return o.policy == UNORDERED or links_reserve(&o.links, slot)


cdef inline void order_add(Order* o, const Table* t, Entry* e, uint32_t slot) noexcept nogil:
    """A value has come into the slot, whose entry is ``e``."""
    if o.policy == ADAPTIVE:
        adaptive_add(&o.adaptive, t, e, slot)
        return
    # Full from the start where a hit changes nothing: then it looks no further.
    e.marks = 0 if o.policy == LRU else MARKS_FULL
    if o.policy != UNORDERED:
        links_add(&o.links, slot)


cdef inline void order_drop(Order* o, Entry* e, uint32_t slot) noexcept nogil:
    """The slot's value is leaving."""
    if o.policy == ADAPTIVE:
        adaptive_drop(&o.adaptive, e, slot)
    elif o.policy != UNORDERED:
        links_drop(&o.links, slot)


cdef inline void order_touch(Order* o, Entry* e, uint32_t slot) noexcept nogil:
    """The slot's value has been used."""
    if likely(e.marks == MARKS_FULL):
        return
    if o.policy == LRU:
        links_renew(&o.links, slot)
    else:
        e.marks += 1


cdef inline uint32_t order_victim(Order* o, const Table* t, uint32_t spared) noexcept nogil:
    """The slot whose value leaves next, which must then be dropped; there is one besides ``spared`` (or NO_SLOT)."""
    cdef uint32_t slot
    if o.policy == ADAPTIVE:
        return adaptive_victim(&o.adaptive, t, spared)
    slot = links_oldest(&o.links)
    return slot if slot != spared else links_newer(&o.links, slot)


cdef inline void order_trim(Order* o, const Table* t, uint32_t slots) noexcept nogil:
    """Gives back memory that was for slots from ``slots`` on, which are free for good."""
    if o.policy == ADAPTIVE:
        adaptive_trim(&o.adaptive, t)
    else:
        links_trim(&o.links, slots)


cdef inline const char* order_check(Order* o, const Table* t, uint32_t values) noexcept nogil:
    """Recounts everything; what is wrong, or NULL."""
    cdef uint32_t slot = links_newest(&o.links), behind = NO_SLOT, seen = 0
    if o.policy == ADAPTIVE:
        if o.adaptive.smalls + o.adaptive.main.values != values:
            return b"values missing from the order"
        return adaptive_check(&o.adaptive, t)
    if o.policy == UNORDERED:
        return NULL
    while slot != NO_SLOT:
        seen += 1
        if seen > values or slot >= t.fresh or table_entry(t, slot).key == NULL:
            return b"the links of the order lead astray"
        if entry_value(table_entry(t, slot)) == NULL or links_newer(&o.links, slot) != behind:
            return b"the links of the order are broken"
        behind = slot
        slot = links_older(&o.links, slot)
    if seen != values or links_oldest(&o.links) != behind:
        return b"values missing from the order"
    return NULL
