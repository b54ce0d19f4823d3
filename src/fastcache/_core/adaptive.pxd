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
from fastcache._core.queue cimport (
    MAIN, OUT, SMALL, Queue, entry_queue, entry_stand, entry_stay, queue_clear, queue_free, queue_pop, queue_push,
    queue_trim, queue_weed,
)
from fastcache._core.table cimport NO_SLOT, Table, table_entry, table_skip

cdef enum:
    MARKS_FULL = 3
    TICKS = 64          # to a turnover of all values
    LEAST_SMALL = 3     # new values that can be read again before they leave
    HOT = 2             # marks that open the way from the small queue to main
    CHANCES = 3         # further rounds in the small queue that one call grants
    HAND_STEPS = 128    # values that the hand passes in one call, or slots it looks at for the next one
    LOOKS = 2           # values of main that a candidate is compared with
    GHOSTS_SPARE = 16   # buckets that keep their memory
    MORE_LOOKS = 8      # by one that is used twice as often as the first of them

cdef extern from *:
    """
    /* Of the values: the small queue's first share, and its bounds. */
    #define FC_FIRST_SHARE 0.05
    #define FC_LEAST_SHARE 0.01
    #define FC_MOST_SHARE 0.8
    /* A vote counts in full if so much more room, as a part of the values, would have kept the key. */
    #define FC_NEAR 0.1
    /* Places that an unused value which leaves the small queue takes from it. */
    #define FC_DRIFT 0.005
    """
    const double FIRST_SHARE "FC_FIRST_SHARE"
    const double LEAST_SHARE "FC_LEAST_SHARE"
    const double MOST_SHARE "FC_MOST_SHARE"
    const double NEAR "FC_NEAR"
    const double DRIFT "FC_DRIFT"

cdef struct Adaptive:
    Queue small
    Ghosts ghosts
    double share        # of the values, meant for the small queue
    uint32_t target     # the same as a number of values
    uint32_t unused     # values that left the small queue unused since the last tick
    uint32_t values     # held at the last tick, with the one to come
    uint32_t smalls     # values in the small queue
    uint32_t mains      # values in main
    uint32_t hand       # the next slot that main's hand looks at
    uint32_t leaving    # a value of main that gave way and leaves next, or NO_SLOT
    uint32_t tick
    uint32_t until      # insertions to the next tick

cdef enum Way:
    CLEAR       # a value gives way
    REFUSED     # by one that had less time than the candidate took to be used again
    CONTESTED   # by values that have been used: they were demoted
    NOBODY      # no value of main is within reach


cdef inline void adaptive_clear(Adaptive* a) noexcept nogil:
    queue_clear(&a.small)
    ghosts_free(&a.ghosts)
    a.share = FIRST_SHARE
    a.smalls = a.mains = a.hand = a.until = a.unused = 0
    a.values = 1
    a.target = LEAST_SMALL
    a.leaving = NO_SLOT


cdef inline void adaptive_free(Adaptive* a) noexcept nogil:
    queue_free(&a.small)
    ghosts_free(&a.ghosts)


@cython.cdivision(True)
cdef inline void adaptive_vote(Adaptive* a, double places) noexcept nogil:
    """Moves the small queue's share by so many places."""
    cdef double share = a.share + places / a.values
    if share > MOST_SHARE:
        share = MOST_SHARE
    if share < LEAST_SHARE:
        share = LEAST_SHARE
    a.share = share
    a.target = <uint32_t>(share * a.values)
    if a.target < LEAST_SMALL:
        a.target = LEAST_SMALL


cdef inline void adaptive_promote(Adaptive* a, Entry* e) noexcept nogil:
    """From the small queue, whose word for it is gone, to main."""
    e.marks = 0
    entry_stand(e, MAIN, a.tick)
    a.smalls -= 1
    a.mains += 1


cdef inline void adaptive_requeue(Adaptive* a, Entry* e, uint32_t slot) noexcept nogil:
    """Puts a value that was taken from the small queue to its end."""
    e.marks = 0
    entry_stand(e, SMALL, a.tick)
    queue_push(&a.small, e, slot)


cdef inline uint32_t adaptive_next(Adaptive* a, const Table* t) noexcept nogil:
    """Moves the hand past the next value of main: its slot, or NO_SLOT if there is none within reach."""
    cdef int steps
    cdef uint32_t slot
    for steps in range(HAND_STEPS):
        slot = table_skip(t, a.hand if a.hand < t.fresh else 0)
        a.hand = slot + 1
        if entry_queue(table_entry(t, slot)) == MAIN:
            return slot
    return NO_SLOT


cdef inline Way adaptive_make_way(
    Adaptive* a, const Table* t, double reuse, uint32_t* slot, uint32_t* stay,
) noexcept nogil:
    """Looks for a value of main that gives way to one used again after ``reuse`` ticks.

    CLEAR sets its slot; REFUSED sets how many ticks the one that refused had.
    """
    cdef Way way = NOBODY
    cdef int looks = LOOKS, i = 0
    cdef Entry* e
    while i < looks and a.mains > 0:
        slot[0] = adaptive_next(a, t)
        if slot[0] == NO_SLOT:
            break
        e = table_entry(t, slot[0])
        stay[0] = entry_stay(e, a.tick)
        if i == 0 and 2 * reuse <= stay[0]:
            looks = MORE_LOOKS
        i += 1
        if stay[0] < reuse:
            way = REFUSED
        elif e.marks == 0:
            return CLEAR
        else:
            e.marks -= 1
            entry_stand(e, MAIN, a.tick)
            way = CONTESTED
    return way


@cython.cdivision(True)
cdef inline bint adaptive_admit(Adaptive* a, const Table* t, int away) noexcept nogil:
    """Whether a key that has been away for so many ticks comes to main at once; its ghost votes."""
    cdef double length = a.values // TICKS if a.values >= TICKS else 1
    cdef double near = NEAR * a.values / length
    cdef double reuse = away + a.smalls / length
    cdef double more
    cdef uint32_t slot, stay = 0
    cdef Way way
    adaptive_vote(a, 1 if away <= near else near / away)
    if a.smalls >= a.target:
        return True
    way = adaptive_make_way(a, t, reuse, &slot, &stay)
    if way == CLEAR:
        a.leaving = slot
        return True
    if way == CONTESTED:
        adaptive_vote(a, -1)
    elif way == REFUSED and stay > 0:
        more = (reuse / stay - 1) * a.mains / length
        adaptive_vote(a, -1 if more <= near else -near / more)
    return False


cdef inline void adaptive_tick(Adaptive* a) noexcept nogil:
    a.tick += 1
    a.values = a.smalls + a.mains + 1
    a.until = a.values // TICKS
    adaptive_vote(a, -DRIFT * a.unused)
    a.unused = 0
    ghosts_sweep(&a.ghosts, a.tick)


cdef inline void adaptive_add(Adaptive* a, const Table* t, uint32_t slot) noexcept nogil:
    cdef Entry* e = table_entry(t, slot)
    cdef int away
    if a.until <= 1:
        adaptive_tick(a)
    else:
        a.until -= 1
    e.marks = 0
    away = ghosts_take(&a.ghosts, e.hash, a.tick)
    if away != NO_GHOST and adaptive_admit(a, t, away):
        entry_stand(e, MAIN, a.tick)
        a.mains += 1
        return
    entry_stand(e, SMALL, a.tick)
    queue_push(&a.small, e, slot)
    a.smalls += 1
    if a.smalls > a.target:
        adaptive_promote(a, table_entry(t, queue_pop(&a.small, t)))


cdef inline void adaptive_drop(Adaptive* a, const Table* t, uint32_t slot) noexcept nogil:
    cdef Entry* e = table_entry(t, slot)
    if entry_queue(e) == SMALL:
        a.smalls -= 1
    else:
        a.mains -= 1
    if a.leaving == slot:
        a.leaving = NO_SLOT
    entry_stand(e, OUT, 0)


cdef inline uint32_t adaptive_victim_of_main(Adaptive* a, const Table* t, uint32_t spared) noexcept nogil:
    """The first that the hand finds unused, or the last it may look at; NO_SLOT if it finds none within reach."""
    cdef uint32_t slot = NO_SLOT, next
    cdef int steps
    cdef Entry* e
    for steps in range(HAND_STEPS):
        next = adaptive_next(a, t)
        if next == NO_SLOT:
            break
        if next == spared:
            continue
        slot = next
        e = table_entry(t, slot)
        if e.marks == 0:
            break
        e.marks -= 1
        entry_stand(e, MAIN, a.tick)
    return slot


cdef inline uint32_t adaptive_victim(Adaptive* a, const Table* t, uint32_t spared) noexcept nogil:
    """The slot whose value leaves next, which must then be dropped; there is one besides ``spared`` (or NO_SLOT)."""
    cdef uint32_t slot = a.leaving, other, stay = 0
    cdef bint of_main = a.smalls < a.target and a.mains > 0
    cdef int chances = CHANCES, moves = HAND_STEPS
    cdef Entry* e
    ghosts_size(&a.ghosts, a.smalls + a.mains)
    if slot != NO_SLOT and slot != spared:
        return slot
    if spared != NO_SLOT:
        if entry_queue(table_entry(t, spared)) == SMALL:
            of_main |= a.smalls == 1
        elif a.mains == 1:
            of_main = False
    if of_main:
        slot = adaptive_victim_of_main(a, t, spared)
        while slot == NO_SLOT and a.smalls <= <uint32_t>(spared != NO_SLOT):
            slot = adaptive_victim_of_main(a, t, spared)
        if slot != NO_SLOT:
            return slot
    while True:
        slot = queue_pop(&a.small, t)
        e = table_entry(t, slot)
        if slot == spared:
            adaptive_requeue(a, e, slot)
            continue
        if a.smalls > a.target and moves > 0:
            moves -= 1
            adaptive_promote(a, e)
            continue
        # Where main has no share, one use is enough to stay.
        if e.marks >= (HOT if a.mains > 0 else 1):
            if adaptive_make_way(a, t, <double>entry_stay(e, a.tick) / (e.marks + 1), &other, &stay) == CLEAR:
                if other != spared:
                    adaptive_promote(a, e)
                    return other
            if chances > 0:
                chances -= 1
                adaptive_requeue(a, e, slot)
                continue
        a.unused += e.marks == 0
        ghosts_put(&a.ghosts, e.hash, a.tick)
        return slot


cdef inline void adaptive_trim(Adaptive* a, const Table* t) noexcept nogil:
    """Gives back memory that so few values will not need soon."""
    queue_trim(&a.small, t, a.smalls)
    if a.ghosts.count > a.smalls + a.mains + GHOSTS_SPARE:
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
    if smalls != a.smalls or mains != a.mains:
        return b"the queues are miscounted"
    if a.small.room > 0:
        queue_weed(&a.small, t)
    if a.small.count != smalls:
        return b"values missing from the small queue"
    if not LEAST_SHARE <= a.share <= 1:
        return b"the small queue's share is out of bounds"
    if a.leaving != NO_SLOT and (a.leaving >= t.fresh or entry_queue(table_entry(t, a.leaving)) != MAIN):
        return b"what is to leave is not in main"
    return NULL
