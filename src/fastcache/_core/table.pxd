"""One open-addressing table: entries in chunks that never move, and an index of words that point to them.

    index   | 0 | tag:8 slot+1:24 | 0 | all ones | ...     0 empty, all ones a tombstone; power of two, at most 2/3 full
    chunks  [512 entries] [512 entries] ...                a slot is chunk number * 512 + its number in the chunk

A search starts at the low bits of the hash and walks on until it meets an empty word; the tag (bits 24-31)
spares it most looks at foreign entries.  A full table rebuilds its index from the stored hashes and asks no key.
When most entries have left, and memory with them, it is rebuilt smaller.
"""

from cpython.object cimport PyObject
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset

from fastcache._core.chunks cimport (
    CHUNK_ROOM, NO_SLOT, Table, slots_check, slots_free, table_entry, table_give_slot, table_retire, table_skip,
    table_take_slot,
)
from fastcache._core.entry cimport Entry
from fastcache._core.key cimport ASK, YES, Equality, key_equal
from fastcache._core.ledger cimport NO_CHUNK
from fastcache._core.probe cimport Probe, probe_compare
from fastcache._core.py cimport raw_free, raw_zeroed

cdef extern from *:
    """
    #define FC_EMPTY 0u
    #define FC_TOMBSTONE 0xFFFFFFFFu
    #define FC_TAG 0xFF000000u
    #define FC_SLOT 0x00FFFFFFu
    #if defined(__GNUC__)
    #define FC_PREFETCH(p) __builtin_prefetch(p, 1)
    #else
    #define FC_PREFETCH(p) ((void)0)
    #endif
    """
    void prefetch "FC_PREFETCH"(const void*) noexcept nogil
    const uint32_t EMPTY "FC_EMPTY"
    const uint32_t TOMBSTONE "FC_TOMBSTONE"
    const uint32_t TAG "FC_TAG"
    const uint32_t SLOT "FC_SLOT"

cdef enum:
    FIRST_INDEX = 8
    BATCH = 32
    # Indexes of up to so many words are not made smaller.
    SMALL_INDEX = 32

cdef enum Search:
    ABSENT
    FOUND
    DOUBT       # the probe owns a key to compare, with nothing locked


cdef inline bint table_init(Table* t) noexcept nogil:
    memset(t, 0, sizeof(Table))
    t.ledger.open = t.ledger.vacant = NO_CHUNK
    t.version = 1
    t.mask = FIRST_INDEX - 1
    t.index = <uint32_t*>raw_zeroed(FIRST_INDEX, sizeof(uint32_t))
    return t.index != NULL


cdef inline void table_free(Table* t) noexcept nogil:
    """Gives the memory back; what the entries own has been taken out."""
    slots_free(t)
    raw_free(t.index)


cdef inline Search table_search(
    const Table* t, PyObject* key, uint32_t h, Probe* p, uint32_t* slot,
) noexcept nogil:
    """Looks for a key; without a probe to remember what Python said, an uncertain key is left at DOUBT."""
    cdef uint32_t i = h & t.mask
    cdef uint32_t word
    cdef Equality verdict
    cdef Entry* e
    if p != NULL and p.version == t.version:
        i = p.stopped_at
    while True:
        word = t.index[i]
        if word == EMPTY:
            return ABSENT
        if ((word ^ h) & TAG) == 0 and word != TOMBSTONE:
            slot[0] = (word & SLOT) - 1
            e = table_entry(t, slot[0])
            if e.key == key:
                return FOUND
            if e.hash == h:
                verdict = key_equal(e.key, key) if p == NULL else probe_compare(p, e.key)
                if verdict == YES:
                    return FOUND
                if verdict == ASK:
                    if p != NULL:
                        p.stopped_at = i
                        p.version = t.version
                    return DOUBT
        i = (i + 1) & t.mask


cdef inline Search table_find(const Table* t, Probe* p, uint32_t* slot) noexcept nogil:
    return table_search(t, p.key, <uint32_t>p.hash, p, slot)


cdef inline Entry* table_peek(const Table* t, PyObject* key, uint32_t h, uint32_t* slot) noexcept nogil:
    """The key's entry if that is certain without running Python, else NULL."""
    return table_entry(t, slot[0]) if table_search(t, key, h, NULL, slot) == FOUND else NULL


cdef inline void index_put(uint32_t* index, uint32_t mask, uint32_t h, uint32_t slot) noexcept nogil:
    cdef uint32_t i = h & mask
    while index[i] != EMPTY:
        i = (i + 1) & mask
    index[i] = (h & TAG) | (slot + 1)


cdef inline bint table_rebuild(Table* t) noexcept nogil:
    """A new index without tombstones, at most half full; False, and nothing changed, when memory is out."""
    cdef uint32_t words = FIRST_INDEX
    cdef uint32_t* index
    cdef uint32_t slot = 0
    cdef uint32_t i, stop
    cdef Entry* e
    while words < 2 * t.used:
        words *= 2
    index = <uint32_t*>raw_zeroed(words, sizeof(uint32_t))
    if index == NULL:
        return False
    while slot < t.fresh:
        slot = table_skip(t, slot)
        stop = min(slot + BATCH, (slot | (CHUNK_ROOM - 1)) + 1, t.fresh)
        e = table_entry(t, slot)
        # Whatever the places in the index are: they are fetched together, not one after the other.
        for i in range(stop - slot):
            prefetch(&index[e[i].hash & (words - 1)])
        for i in range(stop - slot):
            if e[i].key != NULL:
                index_put(index, words - 1, e[i].hash, slot + i)
        slot = stop
    table_retire(t, t.index, (<size_t>t.mask + 1) * sizeof(uint32_t))
    t.index = index
    t.mask = words - 1
    t.filled = t.used
    t.version += 1
    return True


cdef inline uint32_t table_insert(Table* t, uint32_t h) noexcept nogil:
    """A slot for a key that is absent, its entry blank but for the hash; NO_SLOT when memory is out."""
    cdef uint32_t slot
    cdef Entry* e
    if 3 * <size_t>(t.filled + 1) > 2 * (<size_t>t.mask + 1) and not table_rebuild(t):
        return NO_SLOT
    slot = table_take_slot(t)
    if slot == NO_SLOT:
        return NO_SLOT
    e = table_entry(t, slot)
    memset(e, 0, sizeof(Entry))
    e.hash = h
    index_put(t.index, t.mask, h, slot)
    t.used += 1
    t.filled += 1
    t.version += 1
    return slot


cdef inline void table_remove(Table* t, uint32_t slot) noexcept nogil:
    """Forgets a slot; what its entry owned has been taken out.  No other entry moves."""
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
    t.used -= 1
    t.version += 1
    if table_give_slot(t, slot) and t.mask >= SMALL_INDEX and t.used < (t.mask + 1) >> 3:
        # Where memory was given back.  If there is none for a smaller index, the large one is as good.
        table_rebuild(t)


cdef inline const char* table_check(const Table* t) noexcept nogil:
    """Recounts everything; what is wrong, or NULL."""
    cdef uint32_t slot, i, keys = 0, filled = 0
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
    if keys != t.used:
        return b"entries miscounted"
    return slots_check(t)
