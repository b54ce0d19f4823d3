"""Which slots of a table's chunks are free: a count and a list for each chunk, so that an empty one can be given back.

A chunk is in at most one of two lists: ``open`` if it has freed slots, ``vacant`` if its memory was given back.  The
freed slots of one chunk are a list of their own, linked in the entries themselves.
"""

from libc.stdint cimport uint16_t, uint32_t

cdef extern from *:
    """
    #define FC_NO_CHUNK 0xFFFFFFFFu
    """
    const uint32_t NO_CHUNK "FC_NO_CHUNK"

cdef enum:
    NONE_FREE = 0xFFFF
    VACANT = 0xFFFE     # instead of a first free slot: the chunk has no memory

cdef struct Chunk:
    uint16_t used           # slots with an entry
    uint16_t free_slot     # first of the freed slots, counted within the chunk; or NONE_FREE, or VACANT
    uint32_t next           # chunk of the same list, or NO_CHUNK
    uint32_t previous

cdef struct Ledger:
    Chunk* of           # owned; by chunk
    uint32_t open       # first of the chunks with freed slots, or NO_CHUNK
    uint32_t vacant     # first of the chunks without memory, or NO_CHUNK


cdef inline void ledger_start(Ledger* l, uint32_t chunk) noexcept nogil:
    """A chunk none of whose slots was ever used."""
    l.of[chunk].used = 0
    l.of[chunk].free_slot = NONE_FREE
    l.of[chunk].next = l.of[chunk].previous = NO_CHUNK


cdef inline void ledger_link(Ledger* l, uint32_t* first, uint32_t chunk) noexcept nogil:
    l.of[chunk].previous = NO_CHUNK
    l.of[chunk].next = first[0]
    if first[0] != NO_CHUNK:
        l.of[first[0]].previous = chunk
    first[0] = chunk


cdef inline void ledger_unlink(Ledger* l, uint32_t* first, uint32_t chunk) noexcept nogil:
    cdef Chunk* c = &l.of[chunk]
    if c.next != NO_CHUNK:
        l.of[c.next].previous = c.previous
    if c.previous != NO_CHUNK:
        l.of[c.previous].next = c.next
    else:
        first[0] = c.next


cdef inline void ledger_forget(Ledger* l, uint32_t chunk) noexcept nogil:
    """Takes a chunk without entries off whatever list it is in."""
    if l.of[chunk].free_slot == VACANT:
        ledger_unlink(l, &l.vacant, chunk)
    elif l.of[chunk].free_slot != NONE_FREE:
        ledger_unlink(l, &l.open, chunk)
    l.of[chunk].free_slot = NONE_FREE


cdef inline void ledger_vacate(Ledger* l, uint32_t chunk) noexcept nogil:
    """The memory of a chunk without entries is gone."""
    ledger_forget(l, chunk)
    ledger_link(l, &l.vacant, chunk)
    l.of[chunk].free_slot = VACANT
