"""The small queue's share of the values, moved by votes between two bounds."""

cimport cython
from libc.stdint cimport uint32_t

cdef enum:
    LEAST_SMALL = 3     # new values that can be read again before they leave

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

cdef struct Share:
    double part         # of the values, meant for the small queue
    uint32_t target     # the same as a number of values
    uint32_t values     # held at the last tick, with the one to come
    uint32_t unused     # values that left the small queue unused since then


cdef inline void share_clear(Share* s) noexcept nogil:
    s.part = FIRST_SHARE
    s.target = LEAST_SMALL
    s.values = 1
    s.unused = 0


@cython.cdivision(True)
cdef inline void share_vote(Share* s, double places) noexcept nogil:
    """Moves the share by so many places."""
    cdef double part = s.part + places / s.values
    if part > MOST_SHARE:
        part = MOST_SHARE
    if part < LEAST_SHARE:
        part = LEAST_SHARE
    s.part = part
    s.target = <uint32_t>(part * s.values)
    if s.target < LEAST_SMALL:
        s.target = LEAST_SMALL


cdef inline void share_tick(Share* s, uint32_t values) noexcept nogil:
    """With so many values from now on; those that left unused have their say."""
    s.values = values
    share_vote(s, -DRIFT * s.unused)
    s.unused = 0
