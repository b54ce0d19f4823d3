"""One lock and all that it guards: a table, its order, its random state, its counters.

Locks.  A stripe's mutex is a leaf: nothing is locked while it is held, and two stripes are never locked together.
On a build with a GIL it compiles to nothing, for no section releases the GIL.  Only ``stripe_values``,
``stripe_loads``, ``swap``, the hit path in ``core`` and the check in ``cores`` take it; all functions here, in
``stripe_content``, ``stripe_absences`` and ``stripe_room`` expect it held, and those that change anything but marks
and counters, that its sequence be odd.  ``reader`` does without.

Under it: no Python code, no decref, no collector, no exception, no clock.  Objects that leave go into the caller's
grave; a comparison that needs Python makes the operation stop in doubt, to be called again once it is settled.

A flight belongs to the slot it was begun in.  Whatever replaces, removes or evicts that slot drops the flight,
and a late result that does not find itself there is not stored.
"""

from cpython.object cimport PyObject, visitproc
from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastcache._core.entry cimport (
    NOT_ABSENT, Entry, Extra, entry_due_at, entry_expires_at, entry_extra, entry_value, entry_written_at,
)
from fastcache._core.evict cimport LRU, Order, order_check, order_init
from fastcache._core.histogram cimport histogram_add
from fastcache._core.jitter cimport random_seeded
from fastcache._core.mutex cimport atomic_load, atomic_store
from fastcache._core.py cimport ALWAYS, FOREVER, unlikely
from fastcache._core.rules cimport Rules
from fastcache._core.seqlock cimport SeqLock, close_reads
from fastcache._core.table cimport NO_SLOT, Table, table_check, table_entry, table_init
from fastcache._core.weights cimport Weights

cdef enum Verdict:
    HIT         # a value, owned by the caller
    MISS
    REFRESH     # a value, and a flight that the caller is to load behind it
    LEAD        # a flight that the caller is to load
    FOLLOW      # a flight of another's to wait for, owned by the caller
    ALONE       # load, for this caller only, beside a flight of another's, owned by the caller
    NOTHING     # it is known that there is none: what to raise, owned by the caller
    WHOSE       # a flight, owned by the caller, to be superseded unless it is his own: settle that, and call again
    DONE
    IN_DOUBT    # settle the probe, and call again
    NO_PLACE    # the store is full and nothing could leave this stripe: evict elsewhere, and call again
    NO_MEMORY   # nothing was changed
    NO_TIME     # there is a value, and ``now`` is UNREAD: read the clock, and call again

cdef extern from *:
    """
    #define FC_UNREAD INT64_MIN
    """
    # An instant that nobody has read off a clock yet: most keys that are not found need none.
    const int64_t UNREAD "FC_UNREAD"

cdef enum:
    # Objects that one entry can put into a grave: key, value, two flights, error, tags.
    PER_ENTRY = 6
    # One of so many hits, a power of two, notes how old its value was.
    HITS_A_SAMPLE = 1024

cdef struct Counts:
    int64_t hits
    int64_t stale_hits
    int64_t negative_hits
    int64_t misses
    int64_t coalesced
    int64_t loads
    int64_t load_errors
    int64_t refreshes_started
    int64_t refreshes_ok
    int64_t refreshes_failed
    int64_t refreshes_dropped
    int64_t discarded
    int64_t evictions
    int64_t negative_evictions
    int64_t expirations
    int64_t oversized

cdef struct Stripe:
    SeqLock lock
    Table table
    Order order
    Weights weights         # of the values, where they are weighed
    uint64_t random
    Extra* spare            # owned; ready for the next load, or NULL
    uint32_t values         # entries that hold a value
    uint32_t flights        # entries that hold a flight
    uint32_t absences       # entries that hold an absence
    uint32_t oldest_absence     # slots, or NO_SLOT
    uint32_t newest_absence
    bint seen_by_gc         # some key or value was of a collected type
    uint32_t sweep_at       # the next slot to sweep
    uint32_t pop_at         # the next slot to look at for popitem
    int64_t first_expiry    # no value expires before this instant; atomic, for other stripes look at it without a lock
    int64_t first_in_sweep  # the same for what the running sweep has passed
    int64_t hits_to_sample  # counts down hits; those before are among the counts
    Counts counts
    int64_t last_removal    # how many batches had begun when somebody last removed or expired a key; atomic


cdef inline bint stripe_init(Stripe* s, const Rules* r, uint64_t seed, uint32_t number) noexcept nogil:
    """For zeroed memory."""
    order_init(&s.order, r.policy)
    s.random = random_seeded(seed, number)
    s.first_expiry = s.first_in_sweep = FOREVER
    s.oldest_absence = s.newest_absence = NO_SLOT
    s.hits_to_sample = HITS_A_SAMPLE
    if r.policy == LRU:
        # A hit changes the order.
        close_reads(&s.lock)
    return table_init(&s.table)


cdef inline void stripe_note_removal_lock_held(Stripe* s, const Rules* r) noexcept nogil:
    """Somebody wants a key to be gone: values of the stripe that loads under way bring unasked come too late."""
    atomic_store(&s.last_removal, atomic_load(&r.batches))


cdef inline void stripe_sample_hit_lock_held(Rules* r, const Entry* e, int64_t now) noexcept nogil:
    """Notes how long ago the value of a hit was written, to a tick, if that and the time are known."""
    cdef int64_t written_at = entry_written_at(e)
    if written_at != ALWAYS and now >= written_at:
        histogram_add(&r.hit_ages, now - written_at)


cdef inline void stripe_count_hit_lock_held(Stripe* s, Rules* r, const Entry* e, int64_t now) noexcept nogil:
    s.hits_to_sample -= 1
    if unlikely(s.hits_to_sample == 0):
        s.counts.hits += HITS_A_SAMPLE
        s.hits_to_sample = HITS_A_SAMPLE
        stripe_sample_hit_lock_held(r, e, now)


cdef inline int extra_visit(Extra* x, visitproc visit, void* arg) noexcept:
    cdef int stop = 0
    if x.flight != NULL:
        stop = visit(x.flight, arg)
    if stop == 0 and x.former != NULL:
        stop = visit(x.former, arg)
    if stop == 0 and x.error != NULL:
        stop = visit(x.error, arg)
    if stop == 0 and x.tags != NULL:
        stop = visit(x.tags, arg)
    return stop


cdef inline int stripe_visit(Stripe* s, visitproc visit, void* arg) noexcept:
    """For the collector, which runs with the world stopped or under the GIL: takes no lock, counts no reference."""
    cdef uint32_t slot
    cdef int stop = 0
    cdef Entry* e
    if not s.seen_by_gc:
        return 0
    for slot in range(s.table.fresh):
        e = table_entry(&s.table, slot)
        if e.key == NULL:
            continue
        stop = visit(e.key, arg)
        if stop == 0 and entry_value(e) != NULL:
            stop = visit(entry_value(e), arg)
        if stop == 0 and e.has_extra:
            stop = extra_visit(entry_extra(e), visit, arg)
        if stop != 0:
            return stop
    return 0


cdef inline const char* stripe_check_lock_held(const Stripe* s) noexcept nogil:
    """Recounts everything; what is wrong, or NULL."""
    cdef uint32_t slot, values = 0, flights = 0, absences = 0
    cdef int64_t weight = 0
    cdef Entry* e
    cdef Extra* x
    cdef const char* wrong = table_check(&s.table)
    if wrong != NULL:
        return wrong
    for slot in range(s.table.fresh):
        e = table_entry(&s.table, slot)
        if e.key == NULL:
            continue
        x = entry_extra(e)
        values += entry_value(e) != NULL
        flights += x != NULL and x.flight != NULL
        if x != NULL and x.absence != NOT_ABSENT:
            absences += 1
            if x.value != NULL:
                return b"a value is absent"
        if s.weights.at != NULL:
            weight += s.weights.at[slot]
            if entry_value(e) == NULL and s.weights.at[slot] != 0:
                return b"a weight without a value"
        if entry_value(e) == NULL and (x == NULL or (x.flight == NULL and x.absence == NOT_ABSENT)):
            return b"an entry holds neither value nor flight nor absence"
        if entry_value(e) != NULL and entry_expires_at(e) < s.first_expiry:
            return b"a value expires before the first expiry"
        if entry_value(e) != NULL and not entry_written_at(e) <= entry_due_at(e) <= entry_expires_at(e):
            return b"an entry is due before its write, or after its expiry"
    if values != s.values or flights != s.flights:
        return b"values or flights miscounted"
    if absences != s.absences:
        return b"absences miscounted"
    if weight != s.weights.sum:
        return b"weights do not add up"
    return order_check(<Order*>&s.order, &s.table, values)
