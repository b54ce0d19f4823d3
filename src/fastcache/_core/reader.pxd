"""A search without a lock: what a stripe holds for a key, as long as its sequence says that nobody was writing.

    see a word -> does the sequence hold? -> follow it -> see a word -> ... -> take a reference -> does it hold still?

What a reader follows has been confirmed, so it existed a moment ago, and its memory is still there: index and chunks
are shelved, not freed (shelf.h); objects lie in memory that CPython keeps (glimpse.h).  The reference to the value
is tried for, and given back if the sequence no longer holds; then it may have been to another object.
The one thing a reader writes is the mark of recent use, which may come too late and hit another entry: harmless.

Any doubt means NULL, and the caller asks again under the lock.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from fastcache._core.chunks cimport CHUNK_BITS, CHUNK_ROOM
from fastcache._core.entry cimport Entry
from fastcache._core.evict cimport MARKS_FULL
from fastcache._core.glimpse cimport (
    glimpse_equal, glimpse_items, leave_u8, py_give_back, py_try_incref, see_i64, see_pointer, see_u8, see_u32,
)
from fastcache._core.index cimport EMPTY, SLOT, home
from fastcache._core.key cimport ASK, TAG, YES, Equality
from fastcache._core.py cimport unlikely
from fastcache._core.seqlock cimport read_holds
from fastcache._core.stripe cimport Stripe


cdef inline bint reader_entry(Stripe* s, uint64_t sequence, uint32_t slot, Entry** entry) noexcept nogil:
    """Where a slot is; False if the sequence no longer holds."""
    cdef void** chunks = <void**>see_pointer(<void**>&s.table.chunks)
    cdef Entry* chunk
    # Together the slot and the chunks are true, so the slot lies within them.
    if not read_holds(&s.lock, sequence):
        return False
    chunk = <Entry*>see_pointer(&chunks[slot >> CHUNK_BITS])
    if not read_holds(&s.lock, sequence):
        return False
    entry[0] = chunk + (slot & (CHUNK_ROOM - 1))
    return True


cdef inline bint reader_first(Stripe* s, uint64_t sequence, uint32_t h, Entry** entry) noexcept nogil:
    """The entry of the word at the hash's home, if that has its tag: most probably the one; False if it has not."""
    cdef uint32_t* index = <uint32_t*>see_pointer(<void**>&s.table.index)
    cdef uint32_t mask = see_u32(&s.table.mask)
    cdef uint32_t word
    if not read_holds(&s.lock, sequence):
        return False
    word = see_u32(&index[home(h) & mask])
    if (word ^ h) & TAG != 0:
        return False
    return reader_entry(s, sequence, (word & SLOT) - 1, entry)


cdef inline Entry* reader_find(
    Stripe* s, uint64_t sequence, PyObject* key, PyObject* const* items, Py_ssize_t count, uint32_t h, uint32_t skip,
) noexcept nogil:
    """The key's entry, if that is certain without Python and the sequence holds after it has been used; or NULL.

    With ``items`` the key is the tuple of these, ``count`` of them, which need not exist.  The first ``skip`` words
    were looked at.
    """
    cdef uint32_t* index = <uint32_t*>see_pointer(<void**>&s.table.index)
    cdef uint32_t mask = see_u32(&s.table.mask)
    cdef uint32_t i = (home(h) + skip) & mask
    cdef uint32_t word
    cdef PyObject* stored
    cdef Equality verdict
    cdef Entry* e
    # In each round: the words seen so far are of one instant, so index and mask fit, and an empty word will come.
    while read_holds(&s.lock, sequence):
        word = see_u32(&index[i])
        if word == EMPTY:
            return NULL
        if (word ^ h) & TAG == 0:
            if not reader_entry(s, sequence, (word & SLOT) - 1, &e):
                return NULL
            stored = <PyObject*>see_pointer(<void**>&e.key)
            if items == NULL and stored == key:
                return e
            if see_u32(&e.hash) == h and read_holds(&s.lock, sequence):
                if items == NULL:
                    verdict = glimpse_equal(stored, key, &s.lock, sequence)
                else:
                    verdict = glimpse_items(stored, items, count, &s.lock, sequence)
                if verdict == YES:
                    return e
                if verdict == ASK:
                    return NULL
        i = (i + 1) & mask
    return NULL


cdef inline bint reader_equal(Stripe* s, uint64_t sequence, const Entry* e, PyObject* key, uint32_t h) noexcept nogil:
    """Whether an entry's key, which may be another object, is certainly equal."""
    return (
        see_u32(&e.hash) == h and read_holds(&s.lock, sequence)
        and glimpse_equal(<PyObject*>see_pointer(<void**>&e.key), key, &s.lock, sequence) == YES
    )


cdef inline PyObject* reader_take(Stripe* s, uint64_t sequence, Entry* e, int64_t ceiling) noexcept nogil:
    """A new reference to the value of an entry that was found, if it is certainly fresh; or NULL."""
    cdef PyObject* value = <PyObject*>see_pointer(&e.content)
    cdef int64_t due_at = see_i64(&e.due_at)
    cdef uint8_t marks
    cdef int taken
    # An entry that is never due at once has no Extra: its content is the value.
    if ceiling >= due_at or not read_holds(&s.lock, sequence):
        return NULL
    taken = py_try_incref(value)
    if unlikely(taken == 0):
        return NULL
    if unlikely(not read_holds(&s.lock, sequence)):
        if taken == 1:
            py_give_back(value)
        return NULL
    marks = see_u8(&e.marks)
    if unlikely(marks < MARKS_FULL):
        leave_u8(&e.marks, marks + 1)
    return value


cdef inline PyObject* reader_get(
    Stripe* s, uint64_t sequence, PyObject* key, PyObject* const* items, Py_ssize_t count, uint32_t h, uint32_t skip,
    int64_t ceiling,
) noexcept nogil:
    cdef Entry* e = reader_find(s, sequence, key, items, count, h, skip)
    return NULL if e == NULL else reader_take(s, sequence, e, ceiling)
