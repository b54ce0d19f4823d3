"""One open-addressing table: entries in chunks that never move, and an index of words that point to them.

    index   | 0 | tag:8 slot+1:24 | 0 | all ones | ...     0 empty, all ones a tombstone; power of two, at most 2/3 full
    chunks  [512 entries] [512 entries] ...                a slot is chunk number * 512 + place in the chunk

A search starts at the low bits of the hash and walks on until it meets an empty word; the tag (bits 24-31)
spares it most looks at foreign entries.  A full table rebuilds its index from the stored hashes and asks no key.
Freed slots form a list through ``Entry.hash``.
"""

from cpython.object cimport PyObject
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset

from fastcache._core.entry cimport Entry
from fastcache._core.key cimport ASK, YES, Equality, key_equal
from fastcache._core.probe cimport Probe, probe_compare
from fastcache._core.py cimport raw_alloc, raw_free, raw_resize, raw_zeroed, unlikely

cdef extern from *:
    """
    #define FC_EMPTY 0u
    #define FC_TOMBSTONE 0xFFFFFFFFu
    #define FC_TAG 0xFF000000u
    #define FC_SLOT 0x00FFFFFFu
    #define FC_NO_SLOT 0xFFFFFFFFu
    """
    const uint32_t EMPTY "FC_EMPTY"
    const uint32_t TOMBSTONE "FC_TOMBSTONE"
    const uint32_t TAG "FC_TAG"
    const uint32_t SLOT "FC_SLOT"
    const uint32_t NO_SLOT "FC_NO_SLOT"

cdef enum:
    CHUNK_BITS = 9
    CHUNK_ROOM = 512
    FIRST_INDEX = 8
    FIRST_ROOM = 4
    # Slots are numbered from 1 in 24 bits, and the last number is part of the tombstone.
    TABLE_LIMIT = (1 << 24) - 2

cdef enum Search:
    ABSENT
    FOUND
    DOUBT       # the probe owns a key to compare, with nothing locked

cdef struct Table:
    uint32_t* index     # owned
    uint32_t mask       # words in the index - 1
    uint32_t filled     # words that are not empty
    uint32_t used       # entries
    uint32_t fresh      # slots from here on were never used
    uint32_t room       # slots that have memory
    uint32_t free_slot  # first of the freed slots, or NO_SLOT
    uint32_t chunk_room  # places in chunks
    Entry** chunks      # owned, as is each chunk
    uint64_t version    # changes with the index; never 0


cdef inline Entry* table_entry(const Table* t, uint32_t slot) noexcept nogil:
    return t.chunks[slot >> CHUNK_BITS] + (slot & (CHUNK_ROOM - 1))


cdef inline bint table_init(Table* t) noexcept nogil:
    memset(t, 0, sizeof(Table))
    t.free_slot = NO_SLOT
    t.version = 1
    t.mask = FIRST_INDEX - 1
    t.index = <uint32_t*>raw_zeroed(FIRST_INDEX, sizeof(uint32_t))
    return t.index != NULL


cdef inline void table_free(Table* t) noexcept nogil:
    """Gives the memory back; what the entries own has been taken out."""
    cdef uint32_t i
    for i in range((t.room + CHUNK_ROOM - 1) >> CHUNK_BITS):
        raw_free(t.chunks[i])
    raw_free(t.chunks)
    raw_free(t.index)


cdef inline Search table_find(const Table* t, Probe* p, uint32_t* slot) noexcept nogil:
    """Looks for the probe's key; stops in DOUBT before a comparison that only Python can make."""
    cdef uint32_t h = <uint32_t>p.hash
    cdef uint32_t i = h & t.mask
    cdef uint32_t word
    cdef Equality verdict
    cdef Entry* e
    if p.version == t.version:
        i = p.stopped_at
    while True:
        word = t.index[i]
        if word == EMPTY:
            return ABSENT
        if ((word ^ h) & TAG) == 0 and word != TOMBSTONE:
            slot[0] = (word & SLOT) - 1
            e = table_entry(t, slot[0])
            if e.key == p.key:
                return FOUND
            if e.hash == h:
                verdict = probe_compare(p, e.key)
                if verdict == YES:
                    return FOUND
                if verdict == ASK:
                    p.stopped_at = i
                    p.version = t.version
                    return DOUBT
        i = (i + 1) & t.mask


cdef inline Entry* table_candidate(const Table* t, uint32_t h, uint32_t* slot) noexcept nogil:
    """The first entry of a search that has the tag of the hash, most probably the one; NULL if there is none."""
    cdef uint32_t i = h & t.mask
    cdef uint32_t word = t.index[i]
    while unlikely((word ^ h) & TAG != 0 or word == TOMBSTONE):
        if word == EMPTY:
            return NULL
        i = (i + 1) & t.mask
        word = t.index[i]
    if unlikely(word == EMPTY):
        return NULL
    slot[0] = (word & SLOT) - 1
    return table_entry(t, slot[0])


cdef inline Entry* table_peek(const Table* t, PyObject* key, uint32_t h, uint32_t* slot) noexcept nogil:
    """The key's entry if that is certain without running Python, else NULL."""
    cdef uint32_t i = h & t.mask
    cdef uint32_t word
    cdef Equality verdict
    cdef Entry* e
    while True:
        word = t.index[i]
        if word == EMPTY:
            return NULL
        if (word ^ h) & TAG == 0 and word != TOMBSTONE:
            slot[0] = (word & SLOT) - 1
            e = table_entry(t, slot[0])
            if e.key == key:
                return e
            if e.hash == h:
                verdict = key_equal(e.key, key)
                if verdict == YES:
                    return e
                if verdict == ASK:
                    return NULL
        i = (i + 1) & t.mask


cdef inline void index_put(uint32_t* index, uint32_t mask, uint32_t h, uint32_t slot) noexcept nogil:
    cdef uint32_t i = h & mask
    while index[i] != EMPTY:
        i = (i + 1) & mask
    index[i] = (h & TAG) | (slot + 1)


cdef inline bint table_rebuild(Table* t) noexcept nogil:
    """A new index without tombstones, at most half full; False, and nothing changed, when memory is out."""
    cdef uint32_t words = FIRST_INDEX
    cdef uint32_t* index
    cdef uint32_t slot
    cdef Entry* e
    while words < 2 * t.used:
        words *= 2
    index = <uint32_t*>raw_zeroed(words, sizeof(uint32_t))
    if index == NULL:
        return False
    for slot in range(t.fresh):
        e = table_entry(t, slot)
        if e.key != NULL:
            index_put(index, words - 1, e.hash, slot)
    raw_free(t.index)
    t.index = index
    t.mask = words - 1
    t.filled = t.used
    t.version += 1
    return True


cdef inline bint table_add_room(Table* t) noexcept nogil:
    """Memory for more slots: the first chunk doubles up to its full size, then whole chunks follow."""
    cdef uint32_t room = FIRST_ROOM if t.room == 0 else 2 * t.room if t.room < CHUNK_ROOM else t.room + CHUNK_ROOM
    cdef uint32_t chunk = (room - 1) >> CHUNK_BITS
    cdef Entry** chunks
    cdef Entry* entries
    if chunk >= t.chunk_room:
        chunks = <Entry**>raw_resize(t.chunks, (2 * t.chunk_room + 1) * sizeof(Entry*))
        if chunks == NULL:
            return False
        chunks[t.chunk_room] = NULL
        t.chunks = chunks
        t.chunk_room = 2 * t.chunk_room + 1
    if chunk == 0:
        entries = <Entry*>raw_resize(t.chunks[0], room * sizeof(Entry))
    else:
        entries = <Entry*>raw_alloc(CHUNK_ROOM * sizeof(Entry))
    if entries == NULL:
        return False
    t.chunks[chunk] = entries
    t.room = room
    return True


cdef inline uint32_t table_insert(Table* t, uint32_t h) noexcept nogil:
    """A slot for a key that is absent, its entry blank but for the hash; NO_SLOT when memory is out."""
    cdef uint32_t slot
    cdef Entry* e
    if 3 * <size_t>(t.filled + 1) > 2 * (<size_t>t.mask + 1) and not table_rebuild(t):
        return NO_SLOT
    slot = t.free_slot
    if slot != NO_SLOT:
        t.free_slot = table_entry(t, slot).hash
    else:
        if t.fresh == TABLE_LIMIT or (t.fresh == t.room and not table_add_room(t)):
            return NO_SLOT
        slot = t.fresh
        t.fresh += 1
    e = table_entry(t, slot)
    memset(e, 0, sizeof(Entry))
    e.hash = h
    index_put(t.index, t.mask, h, slot)
    t.used += 1
    t.filled += 1
    t.version += 1
    return slot


cdef inline void table_remove(Table* t, uint32_t slot) noexcept nogil:
    """Forgets a slot; what its entry owned has been taken out."""
    cdef Entry* e = table_entry(t, slot)
    cdef uint32_t word = (e.hash & TAG) | (slot + 1)
    cdef uint32_t i = e.hash & t.mask
    while t.index[i] != word:
        i = (i + 1) & t.mask
    t.index[i] = TOMBSTONE
    # A tombstone only bridges to what follows: before an empty word there is nothing to bridge to.
    if t.index[(i + 1) & t.mask] == EMPTY:
        while t.index[i] == TOMBSTONE:
            t.index[i] = EMPTY
            t.filled -= 1
            i = (i - 1) & t.mask
    e.key = NULL
    e.hash = t.free_slot
    t.free_slot = slot
    t.used -= 1
    t.version += 1


cdef inline const char* table_check(const Table* t) noexcept nogil:
    """Recounts everything; what is wrong, or NULL."""
    cdef uint32_t slot, i, keys = 0, free_slots = 0, filled = 0
    cdef Entry* e
    for i in range(t.mask + 1):
        filled += t.index[i] != EMPTY
    if filled != t.filled or 3 * <size_t>filled > 2 * (<size_t>t.mask + 1):
        return b"index words miscounted or too many"
    for slot in range(t.fresh):
        e = table_entry(t, slot)
        if e.key == NULL:
            continue
        keys += 1
        i = e.hash & t.mask
        while t.index[i] != ((e.hash & TAG) | (slot + 1)):
            if t.index[i] == EMPTY:
                return b"an entry is not in the index"
            i = (i + 1) & t.mask
    slot = t.free_slot
    while slot != NO_SLOT:
        free_slots += 1
        if slot >= t.fresh or free_slots > t.fresh or table_entry(t, slot).key != NULL:
            return b"the list of free slots is broken"
        slot = table_entry(t, slot).hash
    if keys != t.used or keys + free_slots != t.fresh or t.fresh > t.room:
        return b"entries miscounted"
    return NULL
