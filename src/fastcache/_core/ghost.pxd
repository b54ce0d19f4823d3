"""The keys that left not long ago, as 16 bits of their hashes and the time they left: 3 bytes each.

    bucket   | print x 8 | tick x 8 |      a hash's high bits choose the bucket, its low ones are the print

The newest comes first, and pushes the oldest out of a full bucket.  Two keys of one print are taken for one: one look
in some 8,000.  Time is counted in ticks, of which ghosts keep the low byte: they are swept out before they seem young
again.
"""

from libc.stdint cimport uint32_t, uint64_t

from fastcache._core.py cimport raw_free, raw_zeroed

cdef extern from *:
    """
    #define FC_LANE_ONES 0x0001000100010001u
    #define FC_LANE_TOPS 0x8000800080008000u
    """
    const uint64_t LANE_ONES "FC_LANE_ONES"
    const uint64_t LANE_TOPS "FC_LANE_TOPS"

cdef enum:
    BUCKET_ROOM = 8
    # Older ghosts are forgotten, within 32 ticks more.
    GHOST_TICKS = 192
    NO_GHOST = -1

cdef struct Bucket:
    # Lanes of 16 and 8 bits, the newest key in the lowest; a print of 0 is a free lane.
    uint64_t newer      # prints of the four newest
    uint64_t older
    uint64_t ticks

cdef struct Ghosts:
    Bucket* buckets     # owned; NULL until there is need, or for want of memory
    uint32_t count      # of buckets
    uint32_t swept       # the next bucket to look through for old ghosts


cdef inline void ghosts_free(Ghosts* g) noexcept nogil:
    raw_free(g.buckets)
    g.buckets = NULL
    g.count = g.swept = 0


cdef inline void ghosts_size(Ghosts* g, uint32_t values) noexcept nogil:
    """Room for twice as many ghosts as there are values; whoever outgrows it by half begins anew."""
    cdef uint32_t wanted = values // (BUCKET_ROOM // 2) + 1
    if wanted > g.count + g.count // 2:
        ghosts_free(g)
        g.buckets = <Bucket*>raw_zeroed(wanted, sizeof(Bucket))
        if g.buckets != NULL:
            g.count = wanted


cdef inline Bucket* ghosts_bucket(const Ghosts* g, uint32_t h) noexcept nogil:
    return g.buckets + ((<uint64_t>h * g.count) >> 32)


cdef inline uint64_t ghost_print(uint32_t h) noexcept nogil:
    return (h & 0xFFFF) or 1


cdef inline uint64_t lanes_equal(uint64_t lanes, uint64_t print_) noexcept nogil:
    """Not 0 if a lane holds the print; the lowest bit set is the highest of the first such lane."""
    cdef uint64_t differ = lanes ^ (print_ * LANE_ONES)
    return (differ - LANE_ONES) & ~differ & LANE_TOPS


cdef inline int ghosts_take(Ghosts* g, uint32_t h, uint32_t tick) noexcept nogil:
    """Takes a key out; the ticks since it left, or NO_GHOST."""
    cdef uint64_t found, below
    cdef int lane = 0, age
    cdef Bucket* b
    if g.buckets == NULL:
        return NO_GHOST
    b = ghosts_bucket(g, h)
    found = lanes_equal(b.newer, ghost_print(h))
    if found == 0:
        found = lanes_equal(b.older, ghost_print(h))
        if found == 0:
            return NO_GHOST
        lane = 4
    while not found & 0x8000:
        found >>= 16
        lane += 1
    age = <int>((tick - (b.ticks >> (8 * lane))) & 0xFF)
    # What is older moves up.
    below = (<uint64_t>1 << (8 * lane)) - 1
    b.ticks = (b.ticks & below) | ((b.ticks >> 8) & ~below)
    below = (<uint64_t>1 << (16 * (lane & 3))) - 1
    if lane < 4:
        b.newer = (b.newer & below) | (((b.newer >> 16) | (b.older << 48)) & ~below)
        b.older >>= 16
    else:
        b.older = (b.older & below) | ((b.older >> 16) & ~below)
    return age


cdef inline void ghosts_put(Ghosts* g, uint32_t h, uint32_t tick) noexcept nogil:
    cdef Bucket* b
    if g.buckets == NULL:
        return
    b = ghosts_bucket(g, h)
    b.older = (b.older << 16) | (b.newer >> 48)
    b.newer = (b.newer << 16) | ghost_print(h)
    b.ticks = (b.ticks << 8) | (tick & 0xFF)


cdef inline void ghosts_sweep(Ghosts* g, uint32_t tick) noexcept nogil:
    """At each tick: forgets the old ones of one bucket in 32."""
    cdef int lane
    cdef Bucket* b
    if g.buckets == NULL:
        return
    for _ in range((g.count >> 5) + 1):
        b = g.buckets + g.swept
        g.swept = g.swept + 1 if g.swept + 1 < g.count else 0
        lane = 7
        # The oldest first; free lanes come before them.
        while lane >= 0:
            if (b.older if lane > 3 else b.newer) >> (16 * (lane & 3)) & 0xFFFF:
                if ((tick - (b.ticks >> (8 * lane))) & 0xFF) <= GHOST_TICKS:
                    break
                if lane > 3:
                    b.older &= ~(<uint64_t>0xFFFF << (16 * (lane & 3)))
                else:
                    b.newer &= ~(<uint64_t>0xFFFF << (16 * lane))
            lane -= 1
