"""The keys that left not long ago, as 16 bits of their hashes and the time they left: 3 bytes each.

    bucket   | print x 8 | tick x 8 |      a hash's high bits choose the bucket, its low ones are the print

A full bucket forgets the key that left first.  Two keys of one print are taken for one: one look in some 8,000.
Time is counted in ticks; the table of ghosts keeps their low byte, so that old ghosts must be swept out in time.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from fastcache._core.py cimport raw_free, raw_zeroed

cdef enum:
    BUCKET_ROOM = 8
    # Older ghosts are forgotten, within 32 ticks: before 256 their age would seem young again.
    GHOST_TICKS = 192
    NO_GHOST = -1

cdef struct Bucket:
    uint16_t prints[BUCKET_ROOM]    # 0: a free place
    uint8_t ticks[BUCKET_ROOM]

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


cdef inline uint16_t ghost_print(uint32_t h) noexcept nogil:
    return <uint16_t>((h & 0xFFFF) or 1)


cdef inline int ghosts_take(Ghosts* g, uint32_t h, uint32_t tick) noexcept nogil:
    """Takes a key out; the ticks since it left, or NO_GHOST."""
    cdef uint16_t print_ = ghost_print(h)
    cdef Bucket* b
    cdef int i
    if g.buckets == NULL:
        return NO_GHOST
    b = ghosts_bucket(g, h)
    for i in range(BUCKET_ROOM):
        if b.prints[i] == print_:
            b.prints[i] = 0
            return (tick - b.ticks[i]) & 0xFF
    return NO_GHOST


cdef inline void ghosts_put(Ghosts* g, uint32_t h, uint32_t tick) noexcept nogil:
    cdef int i, age, oldest = -1, place = 0
    cdef Bucket* b
    if g.buckets == NULL:
        return
    b = ghosts_bucket(g, h)
    for i in range(BUCKET_ROOM):
        if b.prints[i] == 0:
            place = i
            break
        age = (tick - b.ticks[i]) & 0xFF
        if age > oldest:
            oldest = age
            place = i
    b.prints[place] = ghost_print(h)
    b.ticks[place] = <uint8_t>tick


cdef inline void ghosts_sweep(Ghosts* g, uint32_t tick) noexcept nogil:
    """At each tick: forgets the old ones of one bucket in 32."""
    cdef uint32_t n
    cdef int i
    cdef Bucket* b
    if g.buckets == NULL:
        return
    for n in range((g.count >> 5) + 1):
        b = g.buckets + g.swept
        g.swept = g.swept + 1 if g.swept + 1 < g.count else 0
        for i in range(BUCKET_ROOM):
            if <uint32_t>((tick - b.ticks[i]) & 0xFF) > GHOST_TICKS:
                b.prints[i] = 0
