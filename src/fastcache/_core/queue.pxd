"""A first-in first-out queue of slots in a ring, 4 bytes a slot, for values that seldom leave from its middle.

    words   | stamp:8 slot:24 | ...     oldest at `first`, `count` of them, wrapping round

Nothing is taken out of the middle.  An entry's standing says which queue its value is in and when it came there;
a word whose slot stands elsewhere, or has another stamp, is stale and passed over.  A slot that was emptied and filled
again within a tick takes its older place.  A full ring is rid of stale and double words before it grows.
"""

from libc.stdint cimport uint16_t, uint32_t
from libc.string cimport memmove

from fastcache._core.entry cimport Entry
from fastcache._core.index cimport SLOT
from fastcache._core.py cimport raw_alloc, raw_free, raw_resize
from fastcache._core.table cimport NO_SLOT, Table, table_entry

cdef enum Standing:
    OUT         # in no queue: a slot without a value
    SMALL
    MAIN
    SEEN        # only while a ring is weeded

cdef enum:
    STAMP_BITS = 14
    STAMP_MASK = (1 << STAMP_BITS) - 1
    # Words that keep their memory though nobody may need it.
    SPARE = 64

cdef struct Queue:
    uint32_t* words     # owned
    uint32_t room
    uint32_t first
    uint32_t count


cdef inline Standing entry_queue(const Entry* e) noexcept nogil:
    return <Standing>(e.standing & 3)


cdef inline void entry_stand(Entry* e, Standing queue, uint32_t tick) noexcept nogil:
    e.standing = <uint16_t>(((tick & STAMP_MASK) << 2) | <uint32_t>queue)


cdef inline uint32_t entry_stay(const Entry* e, uint32_t tick) noexcept nogil:
    """Ticks since the value came to where it stands."""
    return (tick - (<uint32_t>e.standing >> 2)) & STAMP_MASK


cdef inline uint32_t queue_word(const Entry* e, uint32_t slot) noexcept nogil:
    return ((<uint32_t>e.standing >> 2) << 24) | slot


cdef inline uint32_t queue_place(const Queue* q, uint32_t n) noexcept nogil:
    """Where the n-th oldest word is."""
    return q.first + n if n < q.room - q.first else n - (q.room - q.first)


cdef inline Entry* queue_entry(const Table* t, uint32_t word) noexcept nogil:
    """The entry that a word counts for, or NULL."""
    cdef uint32_t slot = word & SLOT
    cdef Entry* e
    if slot >= t.fresh:
        return NULL
    e = table_entry(t, slot)
    return e if e.key != NULL and entry_queue(e) == SMALL and queue_word(e, slot) == word else NULL


cdef inline void queue_clear(Queue* q) noexcept nogil:
    q.first = q.count = 0


cdef inline void queue_push(Queue* q, const Entry* e, uint32_t slot) noexcept nogil:
    q.words[queue_place(q, q.count)] = queue_word(e, slot)
    q.count += 1


cdef inline void queue_advance(Queue* q) noexcept nogil:
    """Takes out the word that came first."""
    q.first = q.first + 1 if q.first + 1 < q.room else 0
    q.count -= 1


cdef inline uint32_t queue_first(Queue* q, const Table* t) noexcept nogil:
    """The slot that came first, or NO_SLOT."""
    cdef uint32_t word
    while q.count > 0:
        word = q.words[q.first]
        if queue_entry(t, word) != NULL:
            return word & SLOT
        queue_advance(q)
    return NO_SLOT


cdef inline uint32_t queue_pop(Queue* q, const Table* t) noexcept nogil:
    """Takes out the slot that came first; NO_SLOT if there is none."""
    cdef uint32_t slot = queue_first(q, t)
    if slot != NO_SLOT:
        queue_advance(q)
    return slot


cdef inline void queue_weed(Queue* q, const Table* t) noexcept nogil:
    """Leaves one word for each slot that stands here, in their order."""
    cdef uint32_t n = q.count, kept = 0, word
    cdef Entry* e
    # From the newest: they move towards the end, over places already read.
    while n > 0:
        n -= 1
        word = q.words[queue_place(q, n)]
        e = queue_entry(t, word)
        if e != NULL:
            e.standing |= SEEN
            kept += 1
            q.words[queue_place(q, q.count - kept)] = word
    q.first = queue_place(q, q.count - kept) if kept > 0 else 0
    q.count = kept
    for n in range(kept):
        e = table_entry(t, q.words[queue_place(q, n)] & SLOT)
        e.standing = (e.standing & ~3) | SMALL


cdef inline bint queue_reserve(Queue* q, const Table* t) noexcept nogil:
    """Memory for one more word; False when it is out."""
    cdef uint32_t room
    cdef uint32_t* words
    if q.count < q.room:
        return True
    if q.room > 0:
        queue_weed(q, t)
    if q.count < q.room - (q.room >> 2):
        return True
    room = q.room + (q.room >> 2) + 8
    words = <uint32_t*>raw_resize(q.words, room * sizeof(uint32_t))
    if words == NULL:
        return q.count < q.room
    # The part that ran to the old end runs to the new one.
    memmove(words + q.first + (room - q.room), words + q.first, (q.room - q.first) * sizeof(uint32_t))
    if q.room > 0:
        q.first += room - q.room
    q.words = words
    q.room = room
    return True


cdef inline void queue_trim(Queue* q, const Table* t, uint32_t held) noexcept nogil:
    """Gives back memory if more than half of it is not needed for the slots that stand here, ``held`` of them."""
    cdef uint32_t room = held + (held >> 2) + 8
    cdef uint32_t n
    cdef uint32_t* words
    if q.room <= 2 * room + SPARE:
        return
    queue_weed(q, t)
    words = <uint32_t*>raw_alloc(room * sizeof(uint32_t))
    if words == NULL:
        return
    for n in range(q.count):
        words[n] = q.words[queue_place(q, n)]
    raw_free(q.words)
    q.words = words
    q.room = room
    q.first = 0


cdef inline void queue_free(Queue* q) noexcept nogil:
    raw_free(q.words)
