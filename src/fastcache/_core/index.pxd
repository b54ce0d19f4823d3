"""The index of a table: words that point to its entries, in open addressing.

    | 0 | tag:8 slot+1:24 | 0 | ...     0 is empty; a power of two of words, at most 2/3 of them full

A search starts at the hash's home and walks on until it meets an empty word; the tag (bits 24-31 of the hash, never
0) spares it most looks at foreign entries.  A removed word leaves no mark behind: what it had pushed on moves back
(Knuth, The Art of Computer Programming 3, 6.4, algorithm R), so searches stay short however many keys come and go.
The five upper bits of a tag are also the five lower ones of the home, so that a word tells by itself how far it was
pushed, as long as no word of the table was pushed further than that.

Most of these walks are over eight words at once (words.h); past the end of the index they go on word by word.
"""

from libc.stdint cimport uint32_t

from fastcache._core.chunks cimport Table, table_entry
from fastcache._core.entry cimport Entry
from fastcache._core.key cimport TAG
from fastcache._core.py cimport likely

cdef extern from *:
    """
    #define FC_EMPTY 0u
    #define FC_SLOT 0x00FFFFFFu
    """
    const uint32_t EMPTY "FC_EMPTY"
    const uint32_t SLOT "FC_SLOT"

cdef extern from "words.h" nogil:
    const uint32_t WORDS "FC_WORDS"
    # Of the next WORDS words those that ..., as a set of bits.
    uint32_t words_equal "fc_words_equal"(const uint32_t* words, uint32_t word) noexcept
    uint32_t words_tagged "fc_words_tagged"(const uint32_t* words, uint32_t tag) noexcept
    uint32_t words_pushed "fc_words_pushed"(const uint32_t* words, uint32_t first, uint32_t bits) noexcept
    uint32_t first_of "fc_first_of"(uint32_t) noexcept

cdef enum:
    HOME_BITS = 5
    TAG_SHIFT = 24


cdef inline uint32_t home(uint32_t h) noexcept nogil:
    """Where a search starts, but for the index's mask."""
    return (h << HOME_BITS) | (h >> (32 - HOME_BITS))


cdef inline bint index_holds(const Table* t, uint32_t i) noexcept nogil:
    """Whether WORDS words from here on are in one piece."""
    return likely(i + WORDS <= t.mask + 1)


cdef inline uint32_t below(uint32_t empty) noexcept nogil:
    """The words before the first empty one, of which there is one."""
    return (empty & (0 - empty)) - 1


cdef inline Entry* index_first(const Table* t, uint32_t h, uint32_t* slot) noexcept nogil:
    """The entry of the word at the hash's home, if that has its tag: most probably the one; or NULL."""
    cdef uint32_t word = t.index[home(h) & t.mask]
    if (word ^ h) & TAG != 0:
        return NULL
    slot[0] = (word & SLOT) - 1
    return table_entry(t, slot[0])


cdef inline Entry* index_find(const Table* t, uint32_t h, uint32_t* slot) noexcept nogil:
    """The first entry of a search that has this half of a hash; NULL if there is none, and the key is surely absent."""
    cdef uint32_t i = home(h) & t.mask
    cdef uint32_t word = t.index[i]
    cdef uint32_t empty, tagged
    cdef Entry* e
    # Mostly it is the first, if it is there; that it is empty would be foretold half of the time.
    if (word ^ h) & TAG == 0:
        slot[0] = (word & SLOT) - 1
        e = table_entry(t, slot[0])
        if likely(e.hash == h):
            return e
    while index_holds(t, i):
        empty = words_equal(&t.index[i], EMPTY)
        tagged = words_tagged(&t.index[i], h >> TAG_SHIFT)
        if likely(empty != 0):
            tagged &= below(empty)
        while tagged != 0:
            slot[0] = (t.index[i + first_of(tagged)] & SLOT) - 1
            e = table_entry(t, slot[0])
            if likely(e.hash == h):
                return e
            tagged &= tagged - 1
        if likely(empty != 0):
            return NULL
        i += WORDS
    while True:
        word = t.index[i & t.mask]
        if word == EMPTY:
            return NULL
        if (word ^ h) & TAG == 0:
            slot[0] = (word & SLOT) - 1
            e = table_entry(t, slot[0])
            if e.hash == h:
                return e
        i += 1


cdef inline void index_put(Table* t, uint32_t h, uint32_t slot) noexcept nogil:
    cdef uint32_t start = home(h) & t.mask
    cdef uint32_t i = start
    cdef uint32_t empty = 0
    while index_holds(t, i):
        empty = words_equal(&t.index[i], EMPTY)
        if likely(empty != 0):
            i += first_of(empty)
            break
        i += WORDS
    if empty == 0:
        while t.index[i & t.mask] != EMPTY:
            i += 1
    t.index[i & t.mask] = (h & TAG) | (slot + 1)
    t.most_pushed = max(t.most_pushed, i - start)


cdef inline uint32_t index_of(const Table* t, uint32_t h, uint32_t slot) noexcept nogil:
    """Where the word of a slot with such a hash is."""
    cdef uint32_t word = (h & TAG) | (slot + 1)
    cdef uint32_t i = home(h) & t.mask
    cdef uint32_t found
    while index_holds(t, i):
        found = words_equal(&t.index[i], word)
        if likely(found != 0):
            return i + first_of(found)
        i += WORDS
    while t.index[i & t.mask] != word:
        i += 1
    return i & t.mask


cdef inline void index_take_out(Table* t, uint32_t hole) noexcept nogil:
    """Empties a word; those after it move back to where a search still passes."""
    cdef bint told = t.most_pushed < (1 << HOME_BITS)
    cdef uint32_t bits = ((1 << HOME_BITS) - 1) & t.mask
    cdef uint32_t distance = 0
    cdef uint32_t end = t.mask + 1
    cdef uint32_t i = hole + 1
    cdef uint32_t word, pushed, empty, moving
    if not told:
        # No word is pushed past an empty one: behind one just before the hole, tags tell for as far as they reach.
        end = 0
        if hole >= WORDS and words_equal(&t.index[hole - WORDS], EMPTY) != 0:
            end = min(hole - WORDS + (1 << HOME_BITS), t.mask + 1)
    while likely(i + WORDS <= end):
        empty = words_equal(&t.index[i], EMPTY)
        if empty == 0:
            break
        moving = words_pushed(&t.index[i], i, bits) & below(empty)
        if moving == 0:
            t.index[hole] = EMPTY
            return
        i += first_of(moving)
        t.index[hole] = t.index[i]
        hole = i
        i += 1
    i = hole
    while True:
        i = (i + 1) & t.mask
        distance += 1
        word = t.index[i]
        if word == EMPTY:
            break
        if likely(told):
            pushed = (i - (word >> (32 - HOME_BITS))) & bits
        else:
            pushed = (i - home(table_entry(t, (word & SLOT) - 1).hash)) & t.mask
        if pushed >= distance:
            t.index[hole] = word
            hole = i
            distance = 0
    t.index[hole] = EMPTY
