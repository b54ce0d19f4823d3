"""The instants at which the bearers of a tag were expired, but for the last one.

What was loaded before one of them expired at that instant, and never anew, however often its tag is expired after
that.  There is room for so many; where another comes, two neighbours become one that holds for both and has the
instant of the earlier.  So a life may be shortened, never lengthened: by the time from the earlier to the one after
both, between which all ended that they stand for.  Where that one is longer ago than any window this shortens nothing.
Otherwise 18 are within the longest window, and the least of the times from each to the one after the next, which
together cover it twice, is under an eighth of it.

One thread adds at a time.  Others look meanwhile, without a lock, and look again if something was moved.
"""

from libc.stdint cimport int64_t

from fastcache._core.mutex cimport atomic_add, atomic_load, atomic_seen
from fastcache._core.py cimport FOREVER

cdef enum:
    MOST_EXPIRIES = 20

cdef struct Expiries:
    # Atomic; a number is that of an invalidation, or 0: free.
    int64_t moves
    int64_t numbers[MOST_EXPIRIES]
    int64_t instants[MOST_EXPIRIES]


cdef inline int64_t expiries_first(const Expiries* x, int64_t number) noexcept nogil:
    """The instant of the first one after so many invalidations; FOREVER if there is none."""
    cdef int64_t moves, first
    cdef int i
    while True:
        first = FOREVER
        moves = atomic_seen(&x.moves)
        for i in range(MOST_EXPIRIES):
            if atomic_seen(&x.numbers[i]) > number:
                first = min(first, atomic_seen(&x.instants[i]))
        if atomic_load(&x.moves) == moves:
            return first


cdef inline void expiries_put(int64_t* p, int64_t wanted) noexcept nogil:
    # Not a plain store: who sees it has to see what was put before.
    atomic_add(p, wanted - atomic_load(p))


cdef inline int expiries_next(const Expiries* x, int i) noexcept nogil:
    """Of those after that one, the first; -1 if there is none."""
    cdef int found = -1
    cdef int j
    for j in range(MOST_EXPIRIES):
        if x.numbers[j] > x.numbers[i] and (found < 0 or x.numbers[j] < x.numbers[found]):
            found = j
    return found


cdef inline int expiries_make_room(Expiries* x, int64_t coming, int64_t now, int64_t keep) noexcept nogil:
    """All places are taken: makes one of the two neighbours that lose the least by it, and gives the free place.

    ``coming``: the instant of the one that needs it.
    """
    cdef int64_t least = FOREVER
    cdef int64_t end, lost
    cdef int earlier = 0
    cdef int i, j, after
    for i in range(MOST_EXPIRIES):
        j = expiries_next(x, i)
        if j < 0:
            continue
        after = expiries_next(x, j)
        end = coming if after < 0 else x.instants[after]
        lost = 0 if now - end >= keep else end - x.instants[i]
        if lost < least:
            least = lost
            earlier = i
    expiries_put(&x.instants[expiries_next(x, earlier)], x.instants[earlier])
    expiries_put(&x.moves, x.moves + 1)
    expiries_put(&x.numbers[earlier], 0)
    return earlier


cdef inline void expiries_add(Expiries* x, int64_t number, int64_t instant, int64_t now, int64_t keep) noexcept nogil:
    """``keep``: after that long, in nanoseconds, nothing that expired is of use to anybody."""
    cdef int place = 0
    while place < MOST_EXPIRIES and x.numbers[place] != 0:
        place += 1
    if place == MOST_EXPIRIES:
        place = expiries_make_room(x, instant, now, keep)
    expiries_put(&x.instants[place], instant)
    expiries_put(&x.numbers[place], number)
