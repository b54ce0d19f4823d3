"""The order in which values leave a full stripe: CLOCK by default, exact LRU on demand.

CLOCK (Corbato, 1968) with two-bit marks: a hit raises the entry's mark, up to three; the hand lowers marks as it
passes and takes the first value it finds without one.  LRU links the values, newest first, in two arrays beside
the table, so that entries pay for links only where they are wanted.
Keys that are loading for the first time hold no value and are not part of any order.
"""

from libc.stdint cimport uint32_t
from libc.string cimport memset

from fastcache._core.entry cimport Entry, entry_value
from fastcache._core.py cimport likely, raw_free, raw_resize
from fastcache._core.table cimport NO_SLOT, Table, table_entry

cdef enum Policy:
    CLOCK
    LRU

cdef enum:
    MARKS_FULL = 3
    # The hand takes whatever it stands on rather than walk further in one call.
    HAND_STEPS = 128
    # Slots whose links keep their memory though nobody may need it.
    SPARE = 64

cdef struct Order:
    Policy policy
    uint32_t hand       # CLOCK: the next slot to look at
    uint32_t newest     # LRU: NO_SLOT when empty
    uint32_t oldest
    uint32_t* newer     # LRU: owned; a slot's neighbours
    uint32_t* older
    uint32_t room       # slots that the links have memory for


cdef inline void order_init(Order* o, Policy policy) noexcept nogil:
    memset(o, 0, sizeof(Order))
    o.policy = policy
    o.newest = o.oldest = NO_SLOT


cdef inline void order_free(Order* o) noexcept nogil:
    raw_free(o.newer)
    raw_free(o.older)


cdef inline bint order_reserve(Order* o, uint32_t slot) noexcept nogil:
    """Memory to link a slot; to be had before the slot is filled."""
    cdef uint32_t room
    cdef uint32_t* links
    if o.policy == CLOCK or slot < o.room:
        return True
    room = slot + (slot >> 2) + 16
    links = <uint32_t*>raw_resize(o.newer, room * sizeof(uint32_t))
    if links == NULL:
        return False
    o.newer = links
    links = <uint32_t*>raw_resize(o.older, room * sizeof(uint32_t))
    if links == NULL:
        return False
    o.older = links
    o.room = room
    return True


cdef inline void order_add(Order* o, uint32_t slot) noexcept nogil:
    """A value has come into the slot."""
    if o.policy == CLOCK:
        return
    o.newer[slot] = NO_SLOT
    o.older[slot] = o.newest
    if o.newest == NO_SLOT:
        o.oldest = slot
    else:
        o.newer[o.newest] = slot
    o.newest = slot


cdef inline void order_drop(Order* o, uint32_t slot) noexcept nogil:
    """The slot's value is leaving."""
    cdef uint32_t newer, older
    if o.policy == CLOCK:
        return
    newer = o.newer[slot]
    older = o.older[slot]
    if newer == NO_SLOT:
        o.newest = older
    else:
        o.older[newer] = older
    if older == NO_SLOT:
        o.oldest = newer
    else:
        o.newer[older] = newer


cdef inline void order_touch(Order* o, Entry* e, uint32_t slot) noexcept nogil:
    """The slot's value has been used."""
    if likely(o.policy == CLOCK):
        if e.marks < MARKS_FULL:
            e.marks += 1
    elif o.newest != slot:
        order_drop(o, slot)
        order_add(o, slot)


cdef inline uint32_t order_victim(Order* o, const Table* t) noexcept nogil:
    """The slot whose value leaves next; the table holds at least one value."""
    cdef int steps = 0
    cdef uint32_t slot
    cdef Entry* e
    if o.policy == LRU:
        return o.oldest
    while True:
        if o.hand >= t.fresh:
            o.hand = 0
        slot = o.hand
        o.hand += 1
        e = table_entry(t, slot)
        if e.key == NULL or entry_value(e) == NULL:
            continue
        steps += 1
        if e.marks == 0 or steps > HAND_STEPS:
            return slot
        e.marks -= 1


cdef inline void order_trim(Order* o, uint32_t slots) noexcept nogil:
    """Gives back memory of links for slots from ``slots`` on, which are free for good."""
    cdef uint32_t room = slots + SPARE
    cdef uint32_t* links
    if o.room <= 2 * slots + SPARE:
        return
    links = <uint32_t*>raw_resize(o.newer, room * sizeof(uint32_t))
    if links != NULL:
        o.newer = links
    links = <uint32_t*>raw_resize(o.older, room * sizeof(uint32_t))
    if links != NULL:
        o.older = links
    o.room = room


cdef inline const char* order_check(const Order* o, const Table* t, uint32_t values) noexcept nogil:
    """Walks the links both ways; what is wrong, or NULL."""
    cdef uint32_t slot = o.newest, behind = NO_SLOT, seen = 0
    if o.policy == CLOCK:
        return NULL
    while slot != NO_SLOT:
        seen += 1
        if seen > values or slot >= t.fresh or table_entry(t, slot).key == NULL:
            return b"the links of the order lead astray"
        if entry_value(table_entry(t, slot)) == NULL or o.newer[slot] != behind:
            return b"the links of the order are broken"
        behind = slot
        slot = o.older[slot]
    if seen != values or o.oldest != behind:
        return b"values missing from the order"
    return NULL
