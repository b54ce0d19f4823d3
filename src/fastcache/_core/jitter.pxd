"""Random state of a stripe, and what is drawn from it: lifetimes and pauses.

Sequences are xorshift64* (Marsaglia, "Xorshift RNGs", 2003; Vigna, 2016), each seeded through one step of
splitmix64 (Steele, Lea, Flood, 2014), which never yields equal or zero states for neighbouring seeds.
The state is advanced under its stripe's lock.
"""

from libc.math cimport log
from libc.stdint cimport int64_t, uint64_t

cdef extern from "hash.h" nogil:
    uint64_t mul_high "fc_mul_high"(uint64_t, uint64_t) noexcept


cdef inline uint64_t random_seeded(uint64_t seed, uint64_t stream) noexcept nogil:
    cdef uint64_t z = seed + (stream + 1) * <uint64_t>0x9E3779B97F4A7C15ULL
    z = (z ^ (z >> 30)) * <uint64_t>0xBF58476D1CE4E5B9ULL
    z = (z ^ (z >> 27)) * <uint64_t>0x94D049BB133111EBULL
    z ^= z >> 31
    # Zero is the one state that xorshift never leaves.
    return z if z != 0 else <uint64_t>0x9E3779B97F4A7C15ULL


cdef inline uint64_t random_next(uint64_t* state) noexcept nogil:
    cdef uint64_t x = state[0]
    x ^= x >> 12
    x ^= x << 25
    x ^= x >> 27
    state[0] = x
    return x * <uint64_t>0x2545F4914F6CDD1DULL


cdef inline int64_t random_below(uint64_t* state, int64_t bound) noexcept nogil:
    """Uniform on [0, bound); bound > 0.  The bias is at most bound / 2**64."""
    return <int64_t>mul_high(random_next(state), <uint64_t>bound)


cdef inline double random_exponential(uint64_t* state) noexcept nogil:
    """Exponentially distributed with mean 1."""
    # 53 bits, in (0, 1].
    return -log((<double>(random_next(state) >> 11) + 1.0) / 9007199254740992.0)
