"""A doubly linked list of slots, newest first, in two arrays beside the table: 8 bytes a slot."""

from libc.stdint cimport uint32_t

from fastcache._core.py cimport raw_free, raw_resize
from fastcache._core.table cimport NO_SLOT

cdef enum:
    # Slots whose links keep their memory though nobody may need it.
    SPARE = 64

cdef struct Links:
    uint32_t newest     # NO_SLOT when empty
    uint32_t oldest
    uint32_t room       # slots that there is memory for
    uint32_t* newer     # owned; a slot's neighbours
    uint32_t* older


cdef inline void links_clear(Links* l) noexcept nogil:
    l.newest = l.oldest = NO_SLOT


cdef inline void links_free(Links* l) noexcept nogil:
    raw_free(l.newer)
    raw_free(l.older)


cdef inline bint links_reserve(Links* l, uint32_t slot) noexcept nogil:
    cdef uint32_t room
    cdef uint32_t* links
    if slot < l.room:
        return True
    room = slot + (slot >> 2) + 16
    links = <uint32_t*>raw_resize(l.newer, room * sizeof(uint32_t))
    if links == NULL:
        return False
    l.newer = links
    links = <uint32_t*>raw_resize(l.older, room * sizeof(uint32_t))
    if links == NULL:
        return False
    l.older = links
    l.room = room
    return True


cdef inline void links_add(Links* l, uint32_t slot) noexcept nogil:
    l.newer[slot] = NO_SLOT
    l.older[slot] = l.newest
    if l.newest == NO_SLOT:
        l.oldest = slot
    else:
        l.newer[l.newest] = slot
    l.newest = slot


cdef inline void links_drop(Links* l, uint32_t slot) noexcept nogil:
    cdef uint32_t newer = l.newer[slot]
    cdef uint32_t older = l.older[slot]
    if newer == NO_SLOT:
        l.newest = older
    else:
        l.older[newer] = older
    if older == NO_SLOT:
        l.oldest = newer
    else:
        l.newer[older] = newer


cdef inline void links_renew(Links* l, uint32_t slot) noexcept nogil:
    """Makes a slot the newest."""
    if l.newest != slot:
        links_drop(l, slot)
        links_add(l, slot)


cdef inline void links_trim(Links* l, uint32_t slots) noexcept nogil:
    """Gives back memory of links for slots from ``slots`` on, which are free for good."""
    cdef uint32_t room = slots + SPARE
    cdef uint32_t* links
    if l.room <= 2 * slots + SPARE:
        return
    links = <uint32_t*>raw_resize(l.newer, room * sizeof(uint32_t))
    if links != NULL:
        l.newer = links
    links = <uint32_t*>raw_resize(l.older, room * sizeof(uint32_t))
    if links != NULL:
        l.older = links
    l.room = room
