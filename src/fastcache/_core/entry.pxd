"""One cached value, and how it ages.

    written              due_at           expires_at      + stale window    + error window
       |------ FRESH ------|----- DUE ------|---- STALE ----|--- FALLBACK ---|-- EXPIRED
         hit                 hit; refresh     stale hit;      load; the old    miss
                             behind it        refresh         value if it
                                              behind it       fails

Both windows count from ``expires_at``.  Every instant is an int64 of monotonic nanoseconds; ``FOREVER`` never
comes, ``ALWAYS`` has always come.  Time is an argument: nothing here reads a clock.

An entry is 40 bytes.  Of its three instants only ``due_at`` is stored, for a hit looks at nothing else; the others by
their distance from it, in 32 bits: the expiry is exact, the point of refresh follows from it (and comes up to a
ten-millionth of ``refresh_ahead`` early), and the write is known to a ten-millionth of the lifetime.  A value that
never expires has the instant of its write in their place.

What few entries have at a time (a flight, a failure) lives in an ``Extra``; such an entry is ALWAYS due, so that the
fast path leaves it to the slow one.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from fastcache._core.py cimport ALWAYS, FOREVER, raw_alloc, raw_free

cdef enum Age:
    FRESH
    DUE
    STALE
    FALLBACK
    EXPIRED

cdef struct Extra:
    PyObject* value     # owned; NULL while the first load is in flight
    PyObject* flight    # owned; NULL when nobody is loading
    PyObject* error     # owned; what the last load raised; NULL after a success
    int64_t due_at
    int64_t retry_at    # no load behind a served value before this instant
    uint32_t failures   # in a row
    uint32_t followers  # callers that joined the flight
    bint behind         # nobody waits for the flight: it loads behind a served value

cdef struct Span:
    float to_expiry     # from due_at
    float since_write   # to due_at

cdef union Distances:
    Span span           # where due_at is an instant
    int64_t written_at  # where it is FOREVER

cdef struct Entry:
    PyObject* key       # owned; NULL marks a free slot
    void* content       # the value (owned), or the Extra when has_extra
    int64_t due_at      # ALWAYS with an Extra, which then has it
    Distances times
    uint32_t hash       # low half of the mixed hash; in a free slot, the next free one
    uint8_t marks       # recent use, for eviction
    uint8_t has_extra
    uint16_t standing   # queue, and the time of coming there, for eviction


cdef inline Extra* entry_extra(const Entry* e) noexcept nogil:
    return <Extra*>e.content if e.has_extra else NULL


cdef inline PyObject* entry_value(const Entry* e) noexcept nogil:
    """Borrowed; NULL for a key that is loading for the first time."""
    return (<Extra*>e.content).value if e.has_extra else <PyObject*>e.content


cdef inline int64_t entry_due_at(const Entry* e) noexcept nogil:
    return (<Extra*>e.content).due_at if e.has_extra else e.due_at


cdef inline int64_t entry_expires_at(const Entry* e) noexcept nogil:
    cdef int64_t due_at = entry_due_at(e)
    return FOREVER if due_at == FOREVER else due_at + <int64_t>e.times.span.to_expiry


cdef inline int64_t entry_written_at(const Entry* e) noexcept nogil:
    cdef int64_t due_at = entry_due_at(e)
    return e.times.written_at if due_at == FOREVER else due_at - <int64_t>e.times.span.since_write


cdef inline void entry_set_times(Entry* e, int64_t written_at, int64_t due_at, int64_t expires_at) noexcept nogil:
    """``written_at`` <= ``due_at`` <= ``expires_at``; the first two become what can be stored."""
    cdef float ahead
    if expires_at == FOREVER:
        due_at = FOREVER
        e.times.written_at = written_at
    else:
        ahead = <float>(expires_at - due_at)
        due_at = expires_at - <int64_t>ahead
        e.times.span.to_expiry = ahead
        e.times.span.since_write = <float>(due_at - written_at)
    if e.has_extra:
        (<Extra*>e.content).due_at = due_at
    else:
        e.due_at = due_at


cdef inline Age entry_age(const Entry* e, int64_t now, int64_t stale_window, int64_t error_window) noexcept nogil:
    cdef int64_t late, expires_at
    if now < entry_due_at(e):
        return FRESH
    expires_at = entry_expires_at(e)
    if now < expires_at:
        return DUE
    # Subtract rather than add: expires_at + window could overflow.
    late = now - expires_at
    if late < stale_window:
        return STALE
    return FALLBACK if late < error_window else EXPIRED


cdef inline void extra_free(Extra* x, Extra** spare) noexcept nogil:
    """Gives an Extra back, or keeps it as the one that is ready for the next load."""
    if spare[0] == NULL:
        spare[0] = x
    else:
        raw_free(x)


cdef inline Extra* entry_extend(Entry* e, Extra** spare) noexcept nogil:
    """The entry's Extra, made if there is none; NULL when memory is out."""
    cdef Extra* x
    if e.has_extra:
        return <Extra*>e.content
    x = spare[0]
    spare[0] = NULL
    if x == NULL:
        x = <Extra*>raw_alloc(sizeof(Extra))
    if x != NULL:
        x.value = <PyObject*>e.content
        x.flight = x.error = NULL
        x.due_at = e.due_at
        x.retry_at = ALWAYS
        x.failures = x.followers = x.behind = 0
        e.content = x
        e.has_extra = True
        e.due_at = ALWAYS
    return x


cdef inline void entry_trim(Entry* e, Extra** spare) noexcept nogil:
    """Gives the Extra back when it says nothing any more; its flight and error have been taken out."""
    cdef Extra* x = entry_extra(e)
    if x != NULL and x.flight == NULL and x.error == NULL and x.retry_at == ALWAYS:
        e.content = x.value
        e.due_at = x.due_at
        e.has_extra = False
        extra_free(x, spare)
