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

from fastcache._core.grave cimport Grave, grave_add
from fastcache._core.outcome cimport USUAL_WINDOW, Outcome
from fastcache._core.py cimport ALWAYS, FOREVER, py_incref, raw_alloc, raw_free
from fastcache._core.tag cimport TagMarks, tags_limit

cdef extern from *:
    """
    #define FC_LONG_AGO 9e18f
    """
    # Nanoseconds before a value was due, if nobody noted when it was written.
    const float LONG_AGO "FC_LONG_AGO"

cdef enum Age:
    FRESH
    DUE
    STALE
    FALLBACK
    EXPIRED

# Why an entry has no value, though nobody is loading one.
cdef enum Absence:
    NOT_ABSENT
    NOT_FOUND       # the loader said that there is none
    FAILED_LOAD     # the load failed, and that is remembered
    UNCACHEABLE     # the value may not be kept: callers need not wait for each other

cdef struct Extra:
    PyObject* value     # owned; NULL while the first load is in flight, and for an absence
    PyObject* flight    # owned; NULL when nobody is loading
    PyObject* former    # owned; the flight that `flight` has superseded and whose load has not ended; or NULL
    PyObject* error     # owned; what the last load raised; NULL after a success
    PyObject* tags      # owned; a TagSet, or NULL
    const TagMarks* marks   # in `tags`
    int64_t number      # of invalidations before the value was loaded
    int64_t due_at      # of an absence: its end
    int64_t retry_at    # no load behind a served value before this instant
    int64_t begun_at    # when the flight was
    int64_t stale_window    # of this value alone, or USUAL_WINDOW
    int64_t error_window
    uint32_t failures   # in a row
    uint32_t followers  # callers that joined the flight
    uint32_t asks       # callers that were served while it was under way
    uint32_t older      # slots, in the list of absences
    uint32_t newer
    Absence absence
    bint behind         # nobody waits for the flight: it loads behind a served value

cdef extern from "entry.h":
    ctypedef struct Span "fc_span":
        float to_expiry
        float since_write
    ctypedef union Distances "fc_distances":
        Span span
        int64_t written_at
    ctypedef struct Entry "fc_entry":
        PyObject* key
        void* content
        int64_t due_at
        Distances times
        uint32_t hash
        uint8_t marks
        bint has_extra
        # How long the load of the value did, as a code, to within an eighth; 0: it was not loaded.
        uint8_t took
        uint16_t standing
    uint8_t took_code "fc_took_code"(int64_t nanoseconds) noexcept nogil
    double took_seconds "fc_took_seconds"(uint8_t code) noexcept nogil


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
    if due_at == FOREVER:
        return e.times.written_at
    return due_at - <int64_t>e.times.span.since_write if e.times.span.since_write < LONG_AGO else ALWAYS


cdef inline bint is_older(int64_t written_at, int64_t now, int64_t age) noexcept nogil:
    """Whether a value was written longer ago than ``age``; also if nobody noted when (ALWAYS), but not for FOREVER."""
    return age != FOREVER and (written_at == ALWAYS or now - written_at > age)


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
        e.times.span.since_write = <float>(due_at - written_at) if written_at != ALWAYS else LONG_AGO
    if e.has_extra:
        (<Extra*>e.content).due_at = due_at
    else:
        e.due_at = due_at


cdef inline void entry_set_life(Entry* e, int64_t expires_at, int64_t lifetime) noexcept nogil:
    """``entry_set_times`` of a value that is fresh until it expires."""
    e.times.span.to_expiry = 0
    e.times.span.since_write = <float>lifetime
    if e.has_extra:
        (<Extra*>e.content).due_at = expires_at
    else:
        e.due_at = expires_at


cdef inline int64_t entry_limit(const Entry* e) noexcept nogil:
    """When invalidations of the entry's tags ended its freshness: FOREVER: not yet; ALWAYS: it was removed."""
    cdef Extra* x = entry_extra(e)
    return FOREVER if x == NULL or x.tags == NULL else tags_limit(x.marks, x.number)


cdef inline int64_t entry_ends_at(const Entry* e) noexcept nogil:
    """Its expiry, or the earlier instant when its tags were invalidated."""
    return min(entry_expires_at(e), entry_limit(e))


cdef inline bint entry_unexpired(const Entry* e, int64_t now) noexcept nogil:
    return now < entry_ends_at(e)


cdef inline Age entry_age(const Entry* e, int64_t now, int64_t stale_window, int64_t error_window) noexcept nogil:
    """The windows are the store's; those of the entry itself come first."""
    cdef Extra* x = entry_extra(e)
    cdef int64_t limit = entry_limit(e)
    cdef int64_t late, ends_at
    if now < min(entry_due_at(e), limit):
        return FRESH
    ends_at = min(entry_expires_at(e), limit)
    if now < ends_at:
        return DUE
    if limit == ALWAYS:
        return EXPIRED
    if x != NULL and x.stale_window != USUAL_WINDOW:
        stale_window = x.stale_window
        error_window = x.error_window
    # Subtract rather than add: ends_at + window could overflow.
    late = now - ends_at
    if late < stale_window:
        return STALE
    return FALLBACK if late < error_window else EXPIRED


cdef inline int64_t entry_keep(const Entry* e, int64_t keep) noexcept nogil:
    """How long after its end a value may be of use; ``keep`` is what the store has."""
    cdef Extra* x = entry_extra(e)
    if x == NULL or x.stale_window == USUAL_WINDOW:
        return keep
    return max(x.stale_window, x.error_window)


cdef inline bint entry_is_over(const Entry* e, int64_t now, int64_t keep) noexcept nogil:
    """Whether a value is past its expiry and all windows; ``keep`` is the larger one of the store's."""
    return entry_age(e, now, keep, keep) == EXPIRED


cdef inline void extra_free(Extra* x, Extra** spare) noexcept nogil:
    """Gives an Extra back, or keeps it as the one that is ready for the next load."""
    if spare[0] == NULL:
        spare[0] = x
    else:
        raw_free(x)


cdef inline void extra_forget(Extra* x, Grave* g) noexcept nogil:
    """Takes out what is remembered of the value: tags and windows of its own."""
    grave_add(g, x.tags)
    x.tags = NULL
    x.marks = NULL
    x.stale_window = x.error_window = USUAL_WINDOW


cdef inline void extra_remember(Extra* x, const Outcome* o) noexcept nogil:
    """The same of a value that is being written."""
    if o.tags != NULL:
        py_incref(o.tags)
    x.tags = o.tags
    x.marks = o.marks
    x.number = o.number
    x.stale_window = o.stale_window
    x.error_window = o.error_window


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
        x.flight = x.former = x.error = x.tags = NULL
        x.marks = NULL
        x.due_at = e.due_at
        x.retry_at = ALWAYS
        x.stale_window = x.error_window = USUAL_WINDOW
        x.failures = x.followers = x.behind = 0
        x.absence = NOT_ABSENT
        e.content = x
        e.has_extra = True
        e.due_at = ALWAYS
    return x


cdef inline void entry_trim(Entry* e, Extra** spare) noexcept nogil:
    """Gives the Extra of a value back when it says nothing any more; what it owned besides has been taken out."""
    cdef Extra* x = entry_extra(e)
    if (
        x != NULL and x.flight == NULL and x.error == NULL and x.retry_at == ALWAYS
        and x.tags == NULL and x.stale_window == USUAL_WINDOW
    ):
        e.content = x.value
        e.due_at = x.due_at
        e.has_extra = False
        extra_free(x, spare)
