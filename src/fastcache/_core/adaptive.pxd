"""The default order: two queues whose sizes follow what comes back, and ghosts to tell what does.

    new value --> small queue --not used again--> out, and a ghost        used twice: main, if it may
                     (1-80 %)                       |
                  main, by a hand over the slots <--+ a key whose ghost is found again, if it may
                     not used since the hand last came: out

After S3-FIFO (Yang et al., SOSP 2023): a hit writes a two-bit mark and nothing else; the queues are put in order when
something has to leave.  What differs:

- Who may come to main (after LIRS, Jiang and Zhang, SIGMETRICS 2002): a value that was used again after D ticks
  takes the place of one that the hand finds unused for D or longer.  The hand demotes only what had its D ticks to be
  used in, and looks at few values at a time; so a loop longer than the cache does not push itself out.
- The small queue's share (after ARC, Megiddo and Modha, FAST 2003): each ghost found again votes for the queue that
  would have kept it, with a weight that falls with the room that would have taken.

Time is counted in ticks of 1/64 of the values' number in insertions.
"""

cimport cython
from libc.stdint cimport uint32_t

from fastcache._core.entry cimport Entry
from fastcache._core.ghost cimport NO_GHOST, Ghosts, ghosts_free, ghosts_put, ghosts_size, ghosts_sweep, ghosts_take
from fastcache._core.hand cimport CLEAR, CONTESTED, REFUSED, Hand, Way, hand_make_way, hand_victim
from fastcache._core.queue cimport (
    MAIN, OUT, SMALL, Queue, entry_queue, entry_stand, entry_stay, queue_advance, queue_clear, queue_first, queue_free,
    queue_pop, queue_push, queue_trim, queue_weed,
)
from fastcache._core.share cimport LEAST_SHARE, NEAR, Share, share_clear, share_tick, share_vote
from fastcache._core.table cimport NO_SLOT, Table, table_entry

cdef enum:
    MARKS_FULL = 3
    TICKS = 64          # to a turnover of all values
    HOT = 2             # marks that open the way from the small queue to main
    CHANCES = 3         # further rounds in the small queue that one call grants
    MOVES = 128         # values in excess of the small queue's share that one call moves to main
    GHOSTS_SPARE = 16   # buckets that keep their memory

cdef struct Adaptive:
    Queue small
    Hand main
    Ghosts ghosts
    Share share
    uint32_t smalls     # values in the small queue
    uint32_t leaving    # a value of main that gave way and leaves next, or NO_SLOT
    uint32_t tick
    uint32_t until      # insertions to the next tick


cdef inline void adaptive_clear(Adaptive* a) noexcept nogil:
    queue_clear(&a.small)
    ghosts_free(&a.ghosts)
    share_clear(&a.share)
    a.smalls = a.until = a.main.at = a.main.values = 0
    a.leaving = NO_SLOT


cdef inline void adaptive_free(Adaptive* a) noexcept nogil:
    queue_free(&a.small)
    ghosts_free(&a.ghosts)


cdef inline void adaptive_promote(Adaptive* a, Entry* e) noexcept nogil:
    """From the small queue, whose word for it is gone, to main."""
    e.marks = 0
    entry_stand(e, MAIN, a.tick)
    a.smalls -= 1
    a.main.values += 1


cdef inline void adaptive_requeue(Adaptive* a, Entry* e, uint32_t slot) noexcept nogil:
    """Puts a value that was taken from the small queue to its end."""
    e.marks = 0
    entry_stand(e, SMALL, a.tick)
    queue_push(&a.small, e, slot)


@cython.cdivision(True)
cdef inline bint adaptive_admit(Adaptive* a, const Table* t, int away) noexcept nogil:
    """Whether a key that has been away for so many ticks comes to main at once; its ghost votes."""
    cdef double length = a.share.values // TICKS if a.share.values >= TICKS else 1
    cdef double near = NEAR * a.share.values / length
    cdef double reuse = away + a.smalls / length
    cdef double more
    cdef uint32_t slot, stay = 0
    cdef Way way
    share_vote(&a.share, 1 if away <= near else near / away)
    if a.smalls >= a.share.target:
        return True
    way = hand_make_way(&a.main, t, a.tick, reuse, &slot, &stay)
    if way == CLEAR:
        a.leaving = slot
        return True
    if way == CONTESTED:
        share_vote(&a.share, -1)
    elif way == REFUSED and stay > 0:
        more = (reuse / stay - 1) * a.main.values / length
        share_vote(&a.share, -1 if more <= near else -near / more)
    return False


cdef inline void adaptive_tick(Adaptive* a) noexcept nogil:
    a.tick += 1
    share_tick(&a.share, a.smalls + a.main.values + 1)
    a.until = a.share.values // TICKS
    if a.ghosts.buckets != NULL:
        ghosts_size(&a.ghosts, a.smalls + a.main.values)
    ghosts_sweep(&a.ghosts, a.tick)


cdef inline void adaptive_add(Adaptive* a, const Table* t, Entry* e, uint32_t slot) noexcept nogil:
    cdef int away
    if a.until <= 1:
        adaptive_tick(a)
    else:
        a.until -= 1
    e.marks = 0
    away = ghosts_take(&a.ghosts, e.hash, a.tick)
    if away != NO_GHOST and adaptive_admit(a, t, away):
        entry_stand(e, MAIN, a.tick)
        a.main.values += 1
        return
    entry_stand(e, SMALL, a.tick)
    queue_push(&a.small, e, slot)
    a.smalls += 1
    if a.smalls > a.share.target:
        adaptive_promote(a, table_entry(t, queue_pop(&a.small, t)))


cdef inline void adaptive_drop(Adaptive* a, Entry* e, uint32_t slot) noexcept nogil:
    if entry_queue(e) == SMALL:
        a.smalls -= 1
    else:
        a.main.values -= 1
    if a.leaving == slot:
        a.leaving = NO_SLOT
    entry_stand(e, OUT, 0)


cdef inline void adaptive_forget(Adaptive* a, const Entry* e) noexcept nogil:
    """The value, whose word is gone, leaves from the small queue."""
    a.share.unused += e.marks == 0
    ghosts_put(&a.ghosts, e.hash, a.tick)


cdef inline uint32_t adaptive_victim(Adaptive* a, const Table* t, uint32_t spared) noexcept nogil:
    """The slot whose value leaves next, which must then be dropped; there is one besides ``spared`` (or NO_SLOT)."""
    cdef uint32_t slot
    cdef Entry* e
    # Most often the queues have their shares, and the oldest in the small one has not been used.
    if a.smalls == a.share.target and a.leaving == NO_SLOT and spared == NO_SLOT and a.ghosts.buckets != NULL:
        slot = queue_first(&a.small, t)
        e = table_entry(t, slot)
        if e.marks == 0:
            queue_advance(&a.small)
            adaptive_forget(a, e)
            return slot
    return adaptive_choose(a, t, spared)


cdef inline uint32_t adaptive_choose(Adaptive* a, const Table* t, uint32_t spared) noexcept nogil:
    cdef uint32_t slot = a.leaving, other, stay = 0
    cdef bint of_main = a.smalls < a.share.target and a.main.values > 0
    cdef int chances = CHANCES, moves = MOVES
    cdef Entry* e
    ghosts_size(&a.ghosts, a.smalls + a.main.values)
    if slot != NO_SLOT and slot != spared:
        return slot
    if spared != NO_SLOT:
        if entry_queue(table_entry(t, spared)) == SMALL:
            of_main |= a.smalls == 1
        elif a.main.values == 1:
            of_main = False
    if of_main:
        slot = hand_victim(&a.main, t, a.tick, spared)
        while slot == NO_SLOT and a.smalls <= <uint32_t>(spared != NO_SLOT):
            slot = hand_victim(&a.main, t, a.tick, spared)
        if slot != NO_SLOT:
            return slot
    while True:
        slot = queue_pop(&a.small, t)
        e = table_entry(t, slot)
        if slot == spared:
            adaptive_requeue(a, e, slot)
            continue
        if a.smalls > a.share.target and moves > 0:
            moves -= 1
            adaptive_promote(a, e)
            continue
        # Where main has no share, one use is enough to stay.
        if e.marks >= (HOT if a.main.values > 0 else 1):
            if hand_make_way(&a.main, t, a.tick, <double>entry_stay(e, a.tick) / (e.marks + 1), &other, &stay) == CLEAR:
                if other != spared:
                    adaptive_promote(a, e)
                    return other
            if chances > 0:
                chances -= 1
                adaptive_requeue(a, e, slot)
                continue
        adaptive_forget(a, e)
        return slot


cdef inline void adaptive_trim(Adaptive* a, const Table* t) noexcept nogil:
    """Gives back memory that so few values will not need soon."""
    queue_trim(&a.small, t, a.smalls)
    if a.ghosts.count > a.smalls + a.main.values + GHOSTS_SPARE:
        ghosts_free(&a.ghosts)


cdef inline const char* adaptive_check(Adaptive* a, const Table* t) noexcept nogil:
    """Recounts both queues; what is wrong, or NULL."""
    cdef uint32_t slot, smalls = 0, mains = 0
    cdef Entry* e
    for slot in range(t.fresh):
        e = table_entry(t, slot)
        if e.key != NULL:
            smalls += entry_queue(e) == SMALL
            mains += entry_queue(e) == MAIN
    if smalls != a.smalls or mains != a.main.values:
        return b"the queues are miscounted"
    if a.small.room > 0:
        queue_weed(&a.small, t)
    if a.small.count != smalls:
        return b"values missing from the small queue"
    if not LEAST_SHARE <= a.share.part <= 1:
        return b"the small queue's share is out of bounds"
    if a.leaving != NO_SLOT and (a.leaving >= t.fresh or entry_queue(table_entry(t, a.leaving)) != MAIN):
        return b"what is to leave is not in main"
    return NULL
