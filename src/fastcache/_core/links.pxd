"""A doubly linked list of slots, newest first, beside the table: 8 bytes a slot.

It is a circle, closed by a link of no slot, so that no step asks for an end.
"""

from libc.stdint cimport uint32_t

from fastcache._core.py cimport raw_free, raw_resize
from fastcache._core.table cimport NO_SLOT

cdef enum:
    # Slots whose links keep their memory though nobody may need it.
    SPARE = 64

cdef struct Link:
    # Neighbours, as slot + 1.  What closes the circle is 0: it comes after the newest and before the oldest.
    uint32_t newer
    uint32_t older

cdef struct Links:
    uint32_t room       # slots that there is memory for
    Link* at            # owned; NULL until a slot is reserved


cdef inline void links_clear(Links* l) noexcept nogil:
    if l.at != NULL:
        l.at[0].newer = l.at[0].older = 0


cdef inline void links_free(Links* l) noexcept nogil:
    raw_free(l.at)


cdef inline bint links_resize(Links* l, uint32_t room) noexcept nogil:
    cdef Link* at = <Link*>raw_resize(l.at, (<size_t>room + 1) * sizeof(Link))
    if at == NULL:
        return False
    if l.at == NULL:
        at[0].newer = at[0].older = 0
    l.at = at
    l.room = room
    return True


cdef inline bint links_reserve(Links* l, uint32_t slot) noexcept nogil:
    return slot < l.room or links_resize(l, slot + (slot >> 2) + 16)


cdef inline uint32_t links_newest(const Links* l) noexcept nogil:
    """NO_SLOT when empty."""
    return NO_SLOT if l.at == NULL else l.at[0].older - 1


cdef inline uint32_t links_oldest(const Links* l) noexcept nogil:
    """NO_SLOT when empty."""
    return NO_SLOT if l.at == NULL else l.at[0].newer - 1


cdef inline uint32_t links_newer(const Links* l, uint32_t slot) noexcept nogil:
    """The slot that comes after this one; NO_SLOT after the newest."""
    return l.at[slot + 1].newer - 1


cdef inline uint32_t links_older(const Links* l, uint32_t slot) noexcept nogil:
    return l.at[slot + 1].older - 1


cdef inline void links_add(Links* l, uint32_t slot) noexcept nogil:
    cdef uint32_t newest = l.at[0].older
    l.at[slot + 1].newer = 0
    l.at[slot + 1].older = newest
    l.at[newest].newer = slot + 1
    l.at[0].older = slot + 1


cdef inline void links_drop(Links* l, uint32_t slot) noexcept nogil:
    cdef Link link = l.at[slot + 1]
    l.at[link.newer].older = link.older
    l.at[link.older].newer = link.newer


cdef inline void links_renew(Links* l, uint32_t slot) noexcept nogil:
    """Makes a slot the newest."""
    if l.at[0].older != slot + 1:
        links_drop(l, slot)
        links_add(l, slot)


cdef inline void links_trim(Links* l, uint32_t slots) noexcept nogil:
    """Gives back memory of links for slots from ``slots`` on, which are free for good."""
    if l.room > 2 * slots + SPARE:
        links_resize(l, slots + SPARE)
