"""The slots of a table: entries in chunks that never move, and which of them are free.

A slot is chunk number * 512 + its number in the chunk.  A chunk without entries is given back: in its stead stands one
zeroed chunk that all tables share, so that whoever walks over the slots finds them free.  Chunks at the end of the
table leave it altogether.
"""

from libc.stdint cimport uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from fastcache._core.entry cimport Entry
from fastcache._core.ledger cimport (
    NO_CHUNK, NONE_FREE, VACANT, Chunk, Ledger, ledger_forget, ledger_link, ledger_start, ledger_unlink, ledger_vacate,
)
from fastcache._core.mutex cimport FREE_READS
from fastcache._core.py cimport assume, raw_free, raw_resize
from fastcache._core.shelf cimport Shelf, shelve_chunk, shelve_words, take_chunk, take_words

cdef extern from "pages.h" nogil:
    void vacate_pages "fc_vacate_pages"(void* memory, size_t size) noexcept

cdef extern from *:
    """
    #define FC_NO_SLOT 0xFFFFFFFFu
    #if defined(__GNUC__)
    __attribute__((unused))
    #endif
    static uint64_t fc_zeroed_chunk[512 * 5];
    """
    const uint32_t NO_SLOT "FC_NO_SLOT"
    # Only read.  Each extension module has its own.
    uint64_t* ZEROED_CHUNK "fc_zeroed_chunk"

cdef enum:
    CHUNK_BITS = 9
    CHUNK_ROOM = 512
    FIRST_ROOM = 4
    SMALL_ROOM = 16
    # Slots are numbered from 1 in 24 bits.
    TABLE_LIMIT = (1 << 24) - 1

cdef struct Table:
    # Of the index, which is table.pxd's.
    uint32_t* index     # owned
    uint32_t mask       # words in the index - 1
    uint32_t most_pushed  # furthest that a word was put from its home
    uint64_t version    # changes with the index; never 0
    uint32_t used       # entries
    # Of the slots.
    uint32_t fresh      # slots from here on were never used, or are as good
    uint32_t room       # slots up to here have memory, but for those in vacant chunks
    uint32_t chunk_room  # how many chunks and ledger have memory for
    Entry** chunks      # owned, as is each chunk that is not vacant
    Ledger ledger
    Shelf shelf         # owned


cdef inline Entry* table_entry(const Table* t, uint32_t slot) noexcept nogil:
    cdef Entry* e = t.chunks[slot >> CHUNK_BITS] + (slot & (CHUNK_ROOM - 1))
    assume(e != NULL)
    return e


cdef inline uint32_t table_skip(const Table* t, uint32_t slot) noexcept nogil:
    """The next slot in use or free from here on that may hold an entry: chunks without any are passed over.

    The last chunk counts as holding one.
    """
    while t.ledger.of[slot >> CHUNK_BITS].used == 0 and (slot | (CHUNK_ROOM - 1)) + 1 < t.fresh:
        slot = (slot | (CHUNK_ROOM - 1)) + 1
    return slot


cdef inline void slots_shelve(Table* t, Shelf* shelf) noexcept nogil:
    """Gives up the memory of all chunks, where readers may still look at it."""
    cdef uint32_t i
    for i in range((t.room + CHUNK_ROOM - 1) >> CHUNK_BITS):
        if t.ledger.of[i].free_slot != VACANT:
            shelve_chunk(shelf, t.chunks[i], min(t.room, <uint32_t>CHUNK_ROOM) * sizeof(Entry))
    raw_free(t.ledger.of)
    shelve_words(shelf, t.chunks, t.chunk_room * sizeof(Entry*))


cdef inline void table_retire(Table* t, void* memory, size_t size, bint chunk) noexcept nogil:
    """Memory that the table has no use for any more: the entries of a chunk, or an index."""
    if not FREE_READS:
        vacate_pages(memory, size)
        raw_free(memory)
    elif chunk:
        shelve_chunk(&t.shelf, memory, size)
    else:
        shelve_words(&t.shelf, memory, size)


cdef inline void* table_grown(Shelf* shelf, void* old, size_t size, size_t wanted, bint chunk) noexcept nogil:
    """A larger copy of a chunk or of the array of chunks; NULL, and the old one stays, when memory is out."""
    cdef void* grown
    if not FREE_READS:
        return raw_resize(old, wanted)
    grown = take_chunk(shelf, wanted) if chunk else take_words(shelf, wanted)
    if grown != NULL and old != NULL:
        memcpy(grown, old, size)
        if chunk:
            shelve_chunk(shelf, old, size)
        else:
            shelve_words(shelf, old, size)
    return grown


cdef inline bint table_add_room(Table* t) noexcept nogil:
    """Memory for more slots: the first chunk doubles up to its full size, then whole chunks follow."""
    cdef uint32_t room = FIRST_ROOM if t.room == 0 else 2 * t.room if t.room < CHUNK_ROOM else t.room + CHUNK_ROOM
    cdef uint32_t number = (room - 1) >> CHUNK_BITS
    cdef uint32_t chunk_room = 2 * t.chunk_room + 1
    cdef Entry** chunks
    cdef Entry* entries
    cdef Chunk* ledger
    if number >= t.chunk_room:
        chunks = <Entry**>table_grown(
            &t.shelf, t.chunks, t.chunk_room * sizeof(Entry*), chunk_room * sizeof(Entry*), False,
        )
        if chunks == NULL:
            return False
        t.chunks = chunks
        ledger = <Chunk*>raw_resize(t.ledger.of, chunk_room * sizeof(Chunk))
        if ledger == NULL:
            return False
        t.ledger.of = ledger
        t.chunk_room = chunk_room
    if t.room != 0 and number == 0:
        entries = <Entry*>table_grown(&t.shelf, t.chunks[0], t.room * sizeof(Entry), room * sizeof(Entry), True)
    else:
        entries = <Entry*>take_chunk(&t.shelf, min(room, <uint32_t>CHUNK_ROOM) * sizeof(Entry))
    if entries == NULL:
        return False
    if t.room == 0 or number > 0:
        ledger_start(&t.ledger, number)
    t.chunks[number] = entries
    t.room = room
    return True


cdef inline bint table_revive(Table* t, uint32_t number) noexcept nogil:
    """Gives a vacant chunk memory again, all its slots free; False when memory is out."""
    cdef Entry* entries = <Entry*>take_chunk(&t.shelf, CHUNK_ROOM * sizeof(Entry))
    cdef uint32_t i
    if entries == NULL:
        return False
    memset(entries, 0, CHUNK_ROOM * sizeof(Entry))
    for i in range(CHUNK_ROOM):
        entries[i].hash = i + 1 if i + 1 < CHUNK_ROOM else NONE_FREE
    ledger_forget(&t.ledger, number)
    ledger_link(&t.ledger, &t.ledger.open, number)
    t.ledger.of[number].free_slot = 0
    t.chunks[number] = entries
    return True


cdef inline uint32_t table_take_slot(Table* t) noexcept nogil:
    """A free slot, its entry not yet blank; NO_SLOT when memory is out."""
    cdef uint32_t number = t.ledger.open
    cdef uint32_t slot
    cdef Chunk* c
    if number == NO_CHUNK and t.ledger.vacant != NO_CHUNK:
        if not table_revive(t, t.ledger.vacant):
            return NO_SLOT
        number = t.ledger.open
    if number == NO_CHUNK:
        if t.fresh == TABLE_LIMIT or (t.fresh == t.room and not table_add_room(t)):
            return NO_SLOT
        slot = t.fresh
        t.fresh += 1
        t.ledger.of[slot >> CHUNK_BITS].used += 1
        return slot
    c = &t.ledger.of[number]
    slot = (number << CHUNK_BITS) + c.free_slot
    c.free_slot = <uint16_t>table_entry(t, slot).hash
    if c.free_slot == NONE_FREE:
        ledger_unlink(&t.ledger, &t.ledger.open, number)
    c.used += 1
    return slot


cdef inline void table_vacate(Table* t, uint32_t number) noexcept nogil:
    """Gives the memory of a chunk without entries back; at the end of the table, that of its like before it, too."""
    if number != (t.fresh - 1) >> CHUNK_BITS:
        table_retire(t, t.chunks[number], CHUNK_ROOM * sizeof(Entry), True)
        t.chunks[number] = <Entry*>ZEROED_CHUNK
        ledger_vacate(&t.ledger, number)
        return
    while True:
        # What a first chunk had to begin with is not worth the while.
        if t.room > SMALL_ROOM:
            if t.ledger.of[number].free_slot != VACANT:
                table_retire(t, t.chunks[number], min(t.room, <uint32_t>CHUNK_ROOM) * sizeof(Entry), True)
                t.chunks[number] = <Entry*>ZEROED_CHUNK
            t.room = number << CHUNK_BITS
        ledger_forget(&t.ledger, number)
        t.fresh = number << CHUNK_BITS
        if number == 0 or t.ledger.of[number - 1].used > 0:
            return
        number -= 1


cdef inline bint table_give_slot(Table* t, uint32_t slot) noexcept nogil:
    """Frees a slot, what its entry owned having been taken out; True if its chunk was given back."""
    cdef uint32_t number = slot >> CHUNK_BITS
    cdef Chunk* c = &t.ledger.of[number]
    cdef Entry* e = table_entry(t, slot)
    e.key = NULL
    e.hash = c.free_slot
    if c.free_slot == NONE_FREE:
        ledger_link(&t.ledger, &t.ledger.open, number)
    c.free_slot = slot & (CHUNK_ROOM - 1)
    c.used -= 1
    if c.used > 0:
        return False
    table_vacate(t, number)
    return True

cdef inline const char* slots_check(const Table* t) noexcept nogil:
    """Recounts what is free and what is not; what is wrong, or NULL."""
    cdef uint32_t i, slot, used, listed, open_chunks = 0
    if t.fresh > t.room:
        return b"slots in use without memory"
    for i in range((t.fresh + CHUNK_ROOM - 1) >> CHUNK_BITS):
        used = listed = 0
        for slot in range(i << CHUNK_BITS, min(t.fresh, (i + 1) << CHUNK_BITS)):
            used += table_entry(t, slot).key != NULL
        slot = t.ledger.of[i].free_slot
        open_chunks += slot < CHUNK_ROOM
        if slot == VACANT:
            # All its slots are free, and in no list.
            listed = CHUNK_ROOM
        while slot < CHUNK_ROOM:
            listed += 1
            if listed > CHUNK_ROOM or t.chunks[i][slot].key != NULL:
                return b"the list of free slots is broken"
            slot = t.chunks[i][slot].hash
        if used != t.ledger.of[i].used or (used == 0 and t.ledger.of[i].free_slot != VACANT):
            return b"the entries of a chunk are miscounted, or it is empty and was not given back"
        if used + listed != min(t.fresh - (i << CHUNK_BITS), <uint32_t>CHUNK_ROOM):
            return b"free slots miscounted"
    i = t.ledger.open
    while i != NO_CHUNK:
        open_chunks -= 1
        i = t.ledger.of[i].next
    if open_chunks != 0:
        return b"chunks with free slots miscounted"
    return NULL
