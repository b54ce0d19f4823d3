"""One cached value, and how it ages.

    written              due_at           expires_at      + stale window    + error window
       |------ FRESH ------|----- DUE ------|---- STALE ----|--- FALLBACK ---|-- EXPIRED
         hit                 hit; refresh     stale hit;      load; the old    miss
                             behind it        refresh         value if it
                                              behind it       fails

Both windows count from ``expires_at``.  Every instant is an int64 of monotonic nanoseconds; ``FOREVER`` never
comes, ``ALWAYS`` has always come.  Time is an argument: nothing here reads a clock.

An entry is 40 bytes.  What few entries have at a time (a flight, a failure) lives in an ``Extra``; such an entry
is ALWAYS due, so that the fast path, which looks at ``due_at`` alone, leaves it to the slow one.
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

cdef struct Entry:
    PyObject* key       # owned; NULL marks a free slot
    void* content       # the value (owned), or the Extra when has_extra
    int64_t due_at      # <= expires_at
    int64_t expires_at
    uint32_t hash       # low half of the mixed hash; in a free slot, the next free one
    uint8_t marks       # recent use, for eviction
    uint8_t has_extra
    uint16_t standing   # queue, and the time of coming there, for eviction


cdef inline Extra* entry_extra(const Entry* e) noexcept nogil:
    return <Extra*>e.content if e.has_extra else NULL


cdef inline PyObject* entry_value(const Entry* e) noexcept nogil:
    """Borrowed; NULL for a key that is loading for the first time."""
    return (<Extra*>e.content).value if e.has_extra else <PyObject*>e.content


cdef inline Age entry_age(const Entry* e, int64_t now, int64_t stale_window, int64_t error_window) noexcept nogil:
    cdef int64_t late
    if now < ((<Extra*>e.content).due_at if e.has_extra else e.due_at):
        return FRESH
    if now < e.expires_at:
        return DUE
    # Subtract rather than add: expires_at + window could overflow.
    late = now - e.expires_at
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
