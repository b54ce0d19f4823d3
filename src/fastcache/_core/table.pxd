"""One open-addressing table: entries in chunks that never move, and an index of words that point to them.

    index   | 0 | tag:8 slot+1:24 | 0 | ...     at most 2/3 full
    chunks  [512 entries] [512 entries] ...     a slot is chunk number * 512 + its number in the chunk

A full table rebuilds its index from the stored hashes and asks no key.  When most entries have left, and memory with
them, it is rebuilt smaller.
"""

from cpython.object cimport PyObject
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset

from fastcache._core.chunks cimport (
    CHUNK_ROOM, NO_SLOT, Table, slots_check, slots_shelve, table_entry, table_give_slot, table_retire, table_skip,
    table_take_slot,
)
from fastcache._core.entry cimport Entry
from fastcache._core.index cimport (
    EMPTY, SLOT, home, index_find, index_of, index_put, index_take_out,
)
from fastcache._core.key cimport ASK, TAG, YES, Equality, key_equal
from fastcache._core.ledger cimport NO_CHUNK
from fastcache._core.probe cimport Probe, probe_compare
from fastcache._core.py cimport likely, unlikely
from fastcache._core.shelf cimport Shelf, shelf_empty, shelve_words, take_words

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define FC_PREFETCH(p) __builtin_prefetch(p, 1)
    #else
    #define FC_PREFETCH(p) ((void)0)
    #endif
    """
    void prefetch "FC_PREFETCH"(const void*) noexcept nogil

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
    return table_renew(t)


cdef inline bint table_renew(Table* t) noexcept nogil:
    """Empties a table whose memory another copy of it has taken over; False, and nothing changed, if memory is out."""
    cdef uint64_t version = t.version + 1
    cdef Shelf shelf = t.shelf
    cdef uint32_t* index = <uint32_t*>take_words(&shelf, FIRST_INDEX * sizeof(uint32_t))
    if index == NULL:
        return False
    memset(t, 0, sizeof(Table))
    t.index = index
    t.mask = FIRST_INDEX - 1
    t.ledger.open = t.ledger.vacant = NO_CHUNK
    t.version = version
    t.shelf = shelf
    return True


cdef inline void table_shelve(Table* t, Shelf* shelf) noexcept nogil:
    """Gives up the memory, where readers may still look at it; what the entries own has been taken out."""
    slots_shelve(t, shelf)
    shelve_words(shelf, t.index, (<size_t>t.mask + 1) * sizeof(uint32_t))


cdef inline void table_free(Table* t) noexcept nogil:
    """Gives the memory back, and what is on the shelf; nobody can be looking."""
    table_shelve(t, &t.shelf)
    shelf_empty(&t.shelf)


cdef inline Search table_find(const Table* t, Probe* p, uint32_t* slot) noexcept nogil:
    """Looks for the probe's key; stops in DOUBT before a comparison that only Python can make."""
    cdef uint32_t h = <uint32_t>p.hash
    cdef uint32_t i = home(h) & t.mask
    cdef uint32_t word
    cdef Equality verdict
    cdef Entry* e
    if p.version == t.version:
        i = p.stopped_at
    else:
        e = index_find(t, h, slot)
        if e == NULL:
            return ABSENT
        if e.key == p.key:
            return FOUND
    while True:
        word = t.index[i]
        if word == EMPTY:
            return ABSENT
        if (word ^ h) & TAG == 0:
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
    cdef uint32_t i = home(h) & t.mask
    cdef uint32_t word = t.index[i]
    while unlikely((word ^ h) & TAG != 0):
        if word == EMPTY:
            return NULL
        i = (i + 1) & t.mask
        word = t.index[i]
    slot[0] = (word & SLOT) - 1
    return table_entry(t, slot[0])


cdef inline Entry* table_peek(const Table* t, PyObject* key, uint32_t h, uint32_t* slot) noexcept nogil:
    """The key's entry if that is certain without running Python, else NULL."""
    cdef uint32_t i = home(h) & t.mask
    cdef uint32_t word
    cdef Equality verdict
    cdef Entry* e = index_find(t, h, slot)
    if likely(e == NULL or e.key == key):
        return e
    while True:
        word = t.index[i]
        if word == EMPTY:
            return NULL
        if (word ^ h) & TAG == 0:
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


cdef inline bint table_rebuild(Table* t) noexcept nogil:
    """A new index, at most half full; False, and nothing changed, when memory is out."""
    cdef uint32_t words = FIRST_INDEX
    cdef uint32_t* index
    cdef uint32_t* former = t.index
    cdef size_t size = (<size_t>t.mask + 1) * sizeof(uint32_t)
    cdef uint32_t slot = 0
    cdef uint32_t i, stop
    cdef Entry* e
    while words < 2 * t.used:
        words *= 2
    index = <uint32_t*>take_words(&t.shelf, words * sizeof(uint32_t))
    if index == NULL:
        return False
    t.index = index
    t.mask = words - 1
    t.most_pushed = 0
    while slot < t.fresh:
        slot = table_skip(t, slot)
        stop = min(slot + BATCH, (slot | (CHUNK_ROOM - 1)) + 1, t.fresh)
        e = table_entry(t, slot)
        # Whatever the places in the index are: they are fetched together, not one after the other.
        for i in range(stop - slot):
            prefetch(&index[home(e[i].hash) & t.mask])
        for i in range(stop - slot):
            if e[i].key != NULL:
                index_put(t, e[i].hash, slot + i)
        slot = stop
    table_retire(t, former, size, False)
    t.version += 1
    return True


cdef inline uint32_t table_insert(Table* t, uint32_t h) noexcept nogil:
    """A slot for a key that is absent, its entry blank but for the hash; NO_SLOT when memory is out."""
    cdef uint32_t slot
    cdef Entry* e
    if 3 * <size_t>(t.used + 1) > 2 * (<size_t>t.mask + 1) and not table_rebuild(t):
        return NO_SLOT
    slot = table_take_slot(t)
    if slot == NO_SLOT:
        return NO_SLOT
    e = table_entry(t, slot)
    memset(e, 0, sizeof(Entry))
    e.hash = h
    index_put(t, h, slot)
    t.used += 1
    t.version += 1
    return slot


cdef inline void table_reuse(Table* t, Entry* e, uint32_t slot, uint32_t h) noexcept nogil:
    """Gives a slot, of which everything has been taken out, to a key that is absent; its entry is as if inserted."""
    index_take_out(t, index_of(t, e.hash, slot))
    memset(e, 0, sizeof(Entry))
    e.hash = h
    index_put(t, h, slot)
    t.version += 1


cdef inline void table_remove(Table* t, uint32_t slot) noexcept nogil:
    """Forgets a slot; what its entry owned has been taken out.  No other entry moves."""
    index_take_out(t, index_of(t, table_entry(t, slot).hash, slot))
    t.used -= 1
    t.version += 1
    if table_give_slot(t, slot) and t.mask >= SMALL_INDEX and t.used < (t.mask + 1) >> 3:
        # Where memory was given back.  If there is none for a smaller index, the large one is as good.
        table_rebuild(t)


cdef inline const char* table_check(const Table* t) noexcept nogil:
    """Recounts everything; what is wrong, or NULL."""
    cdef uint32_t slot, i, pushed, keys = 0, filled = 0
    cdef Entry* e
    for i in range(t.mask + 1):
        filled += t.index[i] != EMPTY
    if filled != t.used or 3 * <size_t>filled > 2 * (<size_t>t.mask + 1):
        return b"index words miscounted or too many"
    for slot in range(t.fresh):
        e = table_entry(t, slot)
        if e.key == NULL:
            continue
        if e.hash & TAG == 0:
            return b"a hash has the tag of an empty word"
        keys += 1
        i = home(e.hash) & t.mask
        pushed = 0
        while t.index[i] != ((e.hash & TAG) | (slot + 1)):
            if t.index[i] == EMPTY:
                return b"an entry is not in the index"
            i = (i + 1) & t.mask
            pushed += 1
        if pushed > t.most_pushed:
            return b"a word was pushed further than is known"
    if keys != t.used:
        return b"entries miscounted"
    return slots_check(t)
