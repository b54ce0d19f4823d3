"""One lock and all that it guards: a table, its order, its random state, its counters.

Locks.  A stripe's mutex is a leaf: nothing is locked while it is held, and two stripes are never locked together.
On a build with a GIL it compiles to nothing, for no section releases the GIL.  Only ``stripe_values``,
``stripe_loads``, ``swap``, the hit path in ``core`` and the check in ``cores`` take it; all functions here and in
``stripe_room`` expect it held, and those that change anything but marks and counters, that its sequence be odd.
``reader`` does without.

Under it: no Python code, no decref, no collector, no exception, no clock.  Objects that leave go into the caller's
grave; a comparison that needs Python makes the operation stop in doubt, to be called again once it is settled.

A flight belongs to the slot it was begun in.  Whatever replaces, removes or evicts that slot drops the flight,
and a late result that does not find itself there is not stored.
"""

from cpython.object cimport PyObject, visitproc
from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastcache._core.entry cimport (
    EXPIRED, Entry, Extra, entry_age, entry_due_at, entry_expires_at, entry_extra, entry_set_times, entry_value,
    entry_written_at, extra_free,
)
from fastcache._core.evict cimport (
    Order, order_add, order_check, order_drop, order_init, order_reserve, order_touch, order_trim,
)
from fastcache._core.glimpse cimport py_enable_try, py_readable
from fastcache._core.grave cimport EXPIRED_VALUE, REPLACED, Cause, Grave, grave_add, grave_add_removed
from fastcache._core.jitter cimport random_below, random_seeded
from fastcache._core.mutex cimport FREE_READS, atomic_load, atomic_store
from fastcache._core.probe cimport Probe
from fastcache._core.py cimport ALWAYS, FOREVER, py_incref, py_may_be_gc
from fastcache._core.rules cimport Rules, rules_give_places
from fastcache._core.seqlock cimport SeqLock, close_reads
from fastcache._core.table cimport NO_SLOT, Table, table_check, table_entry, table_init, table_insert, table_remove
from fastcache._core.weights cimport Weights, weights_reserve, weights_set, weights_trim

cdef enum Verdict:
    HIT         # a value, owned by the caller
    MISS
    REFRESH     # a value, and a flight that the caller is to load behind it
    LEAD        # a flight that the caller is to load
    FOLLOW      # a flight of another's to wait for, owned by the caller
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
    # Objects that one entry can put into a grave: key, value, flight, error.
    PER_ENTRY = 4

cdef struct Counts:
    int64_t hits
    int64_t stale_hits
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
    bint seen_by_gc         # some key or value was of a collected type
    uint32_t sweep_at       # the next slot to sweep
    uint32_t pop_at         # the next slot to look at for popitem
    int64_t first_expiry    # no value expires before this instant
    int64_t first_in_sweep  # the same for what the running sweep has passed
    Counts counts


cdef inline bint stripe_init(Stripe* s, const Rules* r, uint64_t seed, uint32_t number) noexcept nogil:
    """For zeroed memory."""
    order_init(&s.order, r.policy)
    s.random = random_seeded(seed, number)
    s.first_expiry = s.first_in_sweep = FOREVER
    return table_init(&s.table)


cdef inline void stripe_detach_lock_held(Stripe* s, Extra* x, Grave* g) noexcept nogil:
    """Takes an entry's flight off it, if it has one."""
    if x != NULL and x.flight != NULL:
        grave_add(g, x.flight)
        x.flight = NULL
        s.flights -= 1


cdef inline void stripe_hand_over_lock_held(
    const Rules* r, Entry* e, PyObject* value, PyObject* key, Cause cause, int64_t now, Grave* g,
) noexcept nogil:
    """Puts a value that is being removed into the grave; ``key`` is the entry's, taken over, or NULL if it stays.

    What is past all its windows has expired, whatever else befell it.
    """
    if not r.listening or value == NULL:
        grave_add(g, value)
        grave_add(g, key)
        return
    if key == NULL:
        key = e.key
        py_incref(key)
    grave_add_removed(g, value, key, EXPIRED_VALUE if entry_age(e, now, r.keep, r.keep) == EXPIRED else cause)


cdef inline void stripe_discount_lock_held(Stripe* s, Rules* r, uint32_t slot) noexcept nogil:
    """The slot's value is leaving: its place and weight are free, and it is in no order."""
    cdef int64_t weight = 0
    order_drop(&s.order, &s.table, slot)
    s.values -= 1
    if r.weighed:
        weight = s.weights.at[slot]
        weights_set(&s.weights, slot, 0)
    rules_give_places(r, 1, weight)


cdef inline void stripe_bury_lock_held(
    Stripe* s, Rules* r, uint32_t slot, Cause cause, int64_t now, Grave* g,
) noexcept nogil:
    """Removes an entry with all it owns."""
    cdef Entry* e = table_entry(&s.table, slot)
    cdef Extra* x = entry_extra(e)
    cdef PyObject* value = entry_value(e)
    cdef uint32_t room = s.table.room
    if value != NULL:
        stripe_discount_lock_held(s, r, slot)
    stripe_detach_lock_held(s, x, g)
    # While the Extra is still there: it tells the value's age.
    stripe_hand_over_lock_held(r, e, value, e.key, cause, now, g)
    if x != NULL:
        grave_add(g, x.error)
        extra_free(x, &s.spare)
    table_remove(&s.table, slot)
    if s.table.room < room:
        weights_trim(&s.weights, s.table.room)
        order_trim(&s.order, &s.table, s.table.room)


cdef inline void stripe_drop_value_lock_held(
    Stripe* s, Rules* r, uint32_t slot, bint keep_flight, Cause cause, int64_t now, Grave* g,
) noexcept nogil:
    """Removes a value; a flight stays with ``keep_flight``, or if callers wait for it: the next one must find it."""
    cdef Entry* e = table_entry(&s.table, slot)
    cdef Extra* x = entry_extra(e)
    if x == NULL or x.flight == NULL or (x.behind and not keep_flight):
        stripe_bury_lock_held(s, r, slot, cause, now, g)
        return
    stripe_discount_lock_held(s, r, slot)
    stripe_hand_over_lock_held(r, e, x.value, NULL, cause, now, g)
    grave_add(g, x.error)
    x.value = x.error = NULL
    x.retry_at = ALWAYS
    x.failures = 0


cdef inline void stripe_expose_lock_held(Stripe* s, PyObject* o) noexcept nogil:
    """Before readers without a lock may meet an object: some objects they must not."""
    if FREE_READS:
        py_enable_try(o)
        if not py_readable(o):
            close_reads(&s.lock)


cdef inline uint32_t stripe_new_lock_held(Stripe* s, const Rules* r, const Probe* p) noexcept nogil:
    """An entry without content for the probe's key, which is absent; NO_SLOT when memory is out."""
    cdef uint32_t slot = table_insert(&s.table, <uint32_t>p.hash)
    if slot == NO_SLOT:
        return NO_SLOT
    if not order_reserve(&s.order, &s.table, slot) or (r.weighed and not weights_reserve(&s.weights, slot)):
        table_remove(&s.table, slot)
        return NO_SLOT
    py_incref(p.key)
    stripe_expose_lock_held(s, p.key)
    table_entry(&s.table, slot).key = p.key
    s.seen_by_gc |= py_may_be_gc(p.key)
    return slot


cdef inline void stripe_note_expiry_lock_held(Stripe* s, Rules* r, int64_t expires_at) noexcept nogil:
    if expires_at < s.first_expiry:
        s.first_expiry = expires_at
    if expires_at < s.first_in_sweep:
        s.first_in_sweep = expires_at
    if expires_at < atomic_load(&r.first_expiry):
        atomic_store(&r.first_expiry, expires_at)


cdef inline int64_t stripe_lifetime_lock_held(Stripe* s, const Rules* r, int64_t ttl) noexcept nogil:
    """A ttl with its jitter, drawn now; a ttl shorter than the store's has its jitter scaled down with it."""
    cdef int64_t low = r.jitter_low
    cdef int64_t span = r.jitter_span
    cdef double scale
    if low == 0 and span == 0:
        return ttl
    if ttl < r.ttl:
        scale = <double>ttl / <double>r.ttl
        low = <int64_t>(low * scale)
        span = <int64_t>(span * scale)
    # Scaling rounds: a lifetime is never nothing.
    return max(ttl + low + random_below(&s.random, span + 1), 1)


cdef inline void stripe_age_lock_held(Stripe* s, Rules* r, Entry* e, int64_t ttl, int64_t now) noexcept nogil:
    """A value's life begins."""
    cdef int64_t lifetime, ahead
    if ttl == FOREVER:
        entry_set_times(e, now, FOREVER, FOREVER)
        return
    lifetime = stripe_lifetime_lock_held(s, r, ttl)
    # A lifetime that early refresh would use up starts it half-way.
    ahead = r.refresh_ahead if r.refresh_ahead < lifetime else lifetime >> 1
    entry_set_times(e, now, now + lifetime - ahead, now + lifetime)
    stripe_note_expiry_lock_held(s, r, now + lifetime)


cdef inline void stripe_fill_lock_held(
    Stripe* s, Rules* r, uint32_t slot, PyObject* value, int64_t ttl, int64_t weight, int64_t now, Grave* g,
) noexcept nogil:
    """Writes a value (a reference to it is taken) into an entry whose place and weight are taken.

    Flight and failure end with it.
    """
    cdef Entry* e = table_entry(&s.table, slot)
    cdef Extra* x = entry_extra(e)
    cdef PyObject* former = entry_value(e)
    if r.weighed:
        weights_set(&s.weights, slot, weight)
    stripe_detach_lock_held(s, x, g)
    # Before the instants change, which tell the old value's age.  An object that is written again has not left.
    if former == value:
        grave_add(g, former)
    elif former != NULL:
        stripe_hand_over_lock_held(r, e, former, NULL, REPLACED, now, g)
    if x != NULL:
        grave_add(g, x.error)
        extra_free(x, &s.spare)
        e.has_extra = False
    py_incref(value)
    stripe_expose_lock_held(s, value)
    e.content = value
    if former == NULL:
        s.values += 1
        order_add(&s.order, &s.table, slot)
    else:
        order_touch(&s.order, e, slot)
    s.seen_by_gc |= py_may_be_gc(value)
    stripe_age_lock_held(s, r, e, ttl, now)


cdef inline int stripe_visit(Stripe* s, visitproc visit, void* arg) noexcept:
    """For the collector, which runs with the world stopped or under the GIL: takes no lock, counts no reference."""
    cdef uint32_t slot
    cdef int stop = 0
    cdef Entry* e
    cdef Extra* x
    if not s.seen_by_gc and s.flights == 0:
        return 0
    for slot in range(s.table.fresh):
        e = table_entry(&s.table, slot)
        if e.key == NULL:
            continue
        stop = visit(e.key, arg)
        if stop == 0 and entry_value(e) != NULL:
            stop = visit(entry_value(e), arg)
        x = entry_extra(e)
        if stop == 0 and x != NULL and x.flight != NULL:
            stop = visit(x.flight, arg)
        if stop == 0 and x != NULL and x.error != NULL:
            stop = visit(x.error, arg)
        if stop != 0:
            return stop
    return 0


cdef inline const char* stripe_check_lock_held(const Stripe* s) noexcept nogil:
    """Recounts everything; what is wrong, or NULL."""
    cdef uint32_t slot, values = 0, flights = 0
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
        if s.weights.at != NULL:
            weight += s.weights.at[slot]
            if entry_value(e) == NULL and s.weights.at[slot] != 0:
                return b"a weight without a value"
        if entry_value(e) == NULL and (x == NULL or x.flight == NULL):
            return b"an entry holds neither value nor flight"
        if entry_value(e) != NULL and entry_expires_at(e) < s.first_expiry:
            return b"a value expires before the first expiry"
        if entry_value(e) != NULL and not entry_written_at(e) <= entry_due_at(e) <= entry_expires_at(e):
            return b"an entry is due before its write, or after its expiry"
    if values != s.values or flights != s.flights:
        return b"values or flights miscounted"
    if weight != s.weights.sum:
        return b"weights do not add up"
    return order_check(<Order*>&s.order, &s.table, values)
