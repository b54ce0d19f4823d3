"""What the values of a stripe weigh, in an array beside the table: entries pay for it only where values are weighed."""

from libc.stdint cimport int64_t, uint32_t

from fastcache._core.py cimport raw_free, raw_resize

cdef extern from "Python.h":
    long long as_integer "PyLong_AsLongLongAndOverflow"(object, int*) except? -1

cdef enum:
    # Weights stay below this, so that a few of them can be added without care.
    WEIGHT_BITS = 62
    # Slots that keep their memory though nobody may need it.
    SPARE = 64

cdef struct Weights:
    int64_t* at         # owned; by slot, 0 where there is no value
    uint32_t room       # slots that have memory
    int64_t sum


cdef inline bint weights_reserve(Weights* w, uint32_t slot) noexcept nogil:
    """Memory for a slot; to be had before the slot is filled."""
    cdef uint32_t room = slot + (slot >> 2) + 16
    cdef int64_t* at
    if slot >= w.room:
        at = <int64_t*>raw_resize(w.at, room * sizeof(int64_t))
        if at == NULL:
            return False
        w.at = at
        w.room = room
    w.at[slot] = 0
    return True


cdef inline void weights_set(Weights* w, uint32_t slot, int64_t weight) noexcept nogil:
    w.sum += weight - w.at[slot]
    w.at[slot] = weight


cdef inline void weights_clear(Weights* w) noexcept nogil:
    """Forgets all weights, and gives the memory back."""
    raw_free(w.at)
    w.at = NULL
    w.room = 0
    w.sum = 0


cdef inline void weights_trim(Weights* w, uint32_t slots) noexcept nogil:
    """Gives back memory that was for slots from ``slots`` on."""
    cdef int64_t* at
    if w.room > 2 * slots + SPARE:
        at = <int64_t*>raw_resize(w.at, (slots + SPARE) * sizeof(int64_t))
        if at != NULL:
            w.at = at
            w.room = slots + SPARE


cdef inline int64_t checked_weight(object said, str who, object weigher) except -1:
    """A weight as a program says it; TypeError or ValueError names ``who`` said it, and the value."""
    cdef int overflow = 0
    cdef int64_t weight
    if isinstance(said, bool) or not isinstance(said, int):
        raise TypeError(f"{who} {weigher!r} must return an int, not {said!r}" if weigher is not None
                        else f"{who} must be an int, not {said!r}")
    weight = as_integer(said, &overflow)
    if overflow != 0 or weight < 0 or weight >> WEIGHT_BITS != 0:
        raise ValueError(f"{who} {weigher!r} must return at least 0 and less than 2**62, not {said!r}"
                         if weigher is not None else f"{who} must be at least 0 and less than 2**62, not {said!r}")
    return weight


cdef inline int64_t weight_of(object weigher, object key, object value) except -1:
    """What the weigher says, checked; runs strangers' code, so nothing may be locked."""
    return checked_weight(weigher(key, value), "weigher", weigher)
