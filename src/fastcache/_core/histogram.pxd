"""How long things took: counts by powers of two.

    bucket 0: under 1 us;  bucket i: from 2**(i - 1) us to under 2**i us;  the last: all that took longer
"""

from libc.stdint cimport int64_t

from fastcache._core.mutex cimport atomic_add

cdef enum:
    # The last one begins at 6 days.
    BUCKETS = 41

cdef struct Histogram:
    int64_t counts[BUCKETS]     # atomic


cdef inline void histogram_add(Histogram* h, int64_t nanoseconds) noexcept nogil:
    cdef int64_t rest = nanoseconds // 1000
    cdef int bucket = 0
    while rest > 0 and bucket < BUCKETS - 1:
        rest >>= 1
        bucket += 1
    atomic_add(&h.counts[bucket], 1)
