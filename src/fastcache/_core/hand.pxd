"""Main, the long-lived part of the default order: a hand that goes round the slots, passing values that are used.

A value stays while the hand finds a mark on it, and loses one mark each time (CLOCK: Corbato, 1968).  ``stay`` is how
many ticks a value has had to be used in, since it came or the hand last passed it.
"""

from libc.stdint cimport uint32_t

from fastcache._core.entry cimport Entry
from fastcache._core.queue cimport MAIN, entry_queue, entry_stand, entry_stay
from fastcache._core.table cimport NO_SLOT, Table, table_entry, table_skip

cdef enum:
    HAND_STEPS = 128    # values that the hand passes in one call, or slots it looks at for the next one
    LOOKS = 2           # values that a candidate is compared with
    MORE_LOOKS = 8      # by one that is used twice as often as the first of them

cdef struct Hand:
    uint32_t at         # the next slot to look at
    uint32_t values     # in main

cdef enum Way:
    CLEAR       # a value gives way
    REFUSED     # by one that had less time than the candidate took to be used again
    CONTESTED   # by values that have been used: they were demoted
    NOBODY      # no value is within reach


cdef inline uint32_t hand_next(Hand* h, const Table* t) noexcept nogil:
    """Moves the hand past the next value of main: its slot, or NO_SLOT if there is none within reach."""
    cdef uint32_t slot
    for _ in range(HAND_STEPS):
        slot = table_skip(t, h.at if h.at < t.fresh else 0)
        h.at = slot + 1
        if entry_queue(table_entry(t, slot)) == MAIN:
            return slot
    return NO_SLOT


cdef inline Way hand_make_way(
    Hand* h, const Table* t, uint32_t tick, double reuse, uint32_t* slot, uint32_t* stay,
) noexcept nogil:
    """Looks for a value that gives way to one used again after ``reuse`` ticks.

    CLEAR sets its slot; REFUSED sets how many ticks the one that refused had.
    """
    cdef Way way = NOBODY
    cdef int looks = LOOKS, i = 0
    cdef Entry* e
    while i < looks and h.values > 0:
        slot[0] = hand_next(h, t)
        if slot[0] == NO_SLOT:
            break
        e = table_entry(t, slot[0])
        stay[0] = entry_stay(e, tick)
        if i == 0 and 2 * reuse <= stay[0]:
            looks = MORE_LOOKS
        i += 1
        if stay[0] < reuse:
            way = REFUSED
        elif e.marks == 0:
            return CLEAR
        else:
            e.marks -= 1
            entry_stand(e, MAIN, tick)
            way = CONTESTED
    return way


cdef inline uint32_t hand_victim(Hand* h, const Table* t, uint32_t tick, uint32_t spared) noexcept nogil:
    """The first that the hand finds unused, or the last it may look at; NO_SLOT if it finds none within reach."""
    cdef uint32_t slot = NO_SLOT, next
    cdef Entry* e
    for _ in range(HAND_STEPS):
        next = hand_next(h, t)
        if next == NO_SLOT:
            break
        if next == spared:
            continue
        slot = next
        e = table_entry(t, slot)
        if e.marks == 0:
            break
        e.marks -= 1
        entry_stand(e, MAIN, tick)
    return slot
