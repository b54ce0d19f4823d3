"""One lock and all that it guards: a table, its order, its random state, its counters.

Locks.  A stripe's mutex is a leaf: nothing is locked while it is held, and two stripes are never locked together.
On a build with a GIL it compiles to nothing, for no section releases the GIL.  Only ``stripe_values``,
``stripe_loads``, the hit path in ``core`` and the check in ``cores`` take it; all functions here expect it held.

Under it: no Python code, no decref, no collector, no exception, no clock.  Objects that leave go into the caller's
grave; a comparison that needs Python makes the operation stop in doubt, to be called again once it is settled.

A flight belongs to the slot it was begun in.  Whatever replaces, removes or evicts that slot drops the flight,
and a late result that does not find itself there is not stored.
"""

from cpython.object cimport PyObject, visitproc
from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastcache._core.entry cimport EXPIRED, Entry, Extra, entry_age, entry_extra, entry_value
from fastcache._core.evict cimport (
    Order, order_add, order_check, order_drop, order_init, order_reserve, order_touch, order_victim,
)
from fastcache._core.grave cimport Grave, grave_add, grave_left
from fastcache._core.jitter cimport random_below, random_seeded
from fastcache._core.mutex cimport Mutex
from fastcache._core.probe cimport Probe
from fastcache._core.py cimport ALWAYS, FOREVER, py_incref, py_is_gc, raw_free
from fastcache._core.rules cimport Rules, rules_give_places, rules_take_place
from fastcache._core.table cimport NO_SLOT, Table, table_check, table_entry, table_init, table_insert, table_remove

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

cdef enum:
    # Objects that one entry can put into a grave: key, value, flight, error.
    PER_ENTRY = 4
    SWEEP_STEPS = 4
    # How far an eviction looks for an expired value before a live one goes.
    EVICTION_SWEEP = 4096

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

cdef struct Stripe:
    Mutex lock
    Table table
    Order order
    uint64_t random
    uint32_t values         # entries that hold a value
    uint32_t flights        # entries that hold a flight
    bint seen_by_gc         # some key or value was of a collected type
    uint32_t sweep_at       # the next slot to sweep
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


cdef inline void stripe_discount_lock_held(Stripe* s, Rules* r, uint32_t slot) noexcept nogil:
    """The slot's value is leaving: its place is free, and it has none in the order."""
    order_drop(&s.order, &s.table, slot)
    s.values -= 1
    rules_give_places(r, 1)


cdef inline void stripe_bury_lock_held(Stripe* s, Rules* r, uint32_t slot, Grave* g) noexcept nogil:
    """Removes an entry with all it owns."""
    cdef Entry* e = table_entry(&s.table, slot)
    cdef Extra* x = entry_extra(e)
    cdef PyObject* value = entry_value(e)
    if value != NULL:
        stripe_discount_lock_held(s, r, slot)
    stripe_detach_lock_held(s, x, g)
    if x != NULL:
        grave_add(g, x.error)
        raw_free(x)
    grave_add(g, value)
    grave_add(g, e.key)
    table_remove(&s.table, slot)


cdef inline void stripe_drop_value_lock_held(
    Stripe* s, Rules* r, uint32_t slot, bint keep_flight, Grave* g,
) noexcept nogil:
    """Removes a value; a flight stays with ``keep_flight``, or if callers wait for it: the next one must find it."""
    cdef Extra* x = entry_extra(table_entry(&s.table, slot))
    if x == NULL or x.flight == NULL or (x.behind and not keep_flight):
        stripe_bury_lock_held(s, r, slot, g)
        return
    stripe_discount_lock_held(s, r, slot)
    grave_add(g, x.value)
    grave_add(g, x.error)
    x.value = x.error = NULL
    x.retry_at = ALWAYS
    x.failures = 0


cdef inline bint stripe_sweep_lock_held(
    Stripe* s, Rules* r, int64_t now, uint32_t steps, bint one, Grave* g,
) noexcept nogil:
    """Looks at the next slots for values past all their windows and removes them: all of them, or only one.

    True if something was removed.  Stops early when the grave is nearly full.
    """
    cdef Entry* e
    cdef bint removed = False
    if s.values == 0 or now < s.first_expiry or now - s.first_expiry < r.keep:
        return False
    while steps > 0 and grave_left(g) >= PER_ENTRY:
        steps -= 1
        if s.sweep_at >= s.table.fresh:
            s.sweep_at = 0
            s.first_expiry = s.first_in_sweep
            s.first_in_sweep = FOREVER
            if now < s.first_expiry:
                break
        e = table_entry(&s.table, s.sweep_at)
        s.sweep_at += 1
        if e.key == NULL or entry_value(e) == NULL:
            continue
        if entry_age(e, now, r.keep, r.keep) < EXPIRED:
            if e.expires_at < s.first_in_sweep:
                s.first_in_sweep = e.expires_at
            continue
        stripe_drop_value_lock_held(s, r, s.sweep_at - 1, True, g)
        s.counts.expirations += 1
        removed = True
        if one:
            break
    return removed


cdef inline bint stripe_evict_lock_held(Stripe* s, Rules* r, int64_t now, Grave* g) noexcept nogil:
    """Removes one value, an expired one if there is any; False when the stripe holds none or the grave is full."""
    # Room also for what the caller of the eviction is about to take out.
    if s.values == 0 or grave_left(g) < 2 * PER_ENTRY:
        return False
    if not stripe_sweep_lock_held(s, r, now, EVICTION_SWEEP, True, g):
        stripe_drop_value_lock_held(s, r, order_victim(&s.order, &s.table), False, g)
        s.counts.evictions += 1
    return True


cdef inline bint stripe_make_place_lock_held(Stripe* s, Rules* r, int64_t now, Grave* g) noexcept nogil:
    """Takes a place for one more value, evicting from this stripe if need be; False if that cannot be."""
    while not rules_take_place(r):
        if not stripe_evict_lock_held(s, r, now, g):
            return False
    return True


cdef inline uint32_t stripe_new_lock_held(Stripe* s, const Probe* p) noexcept nogil:
    """An entry without content for the probe's key, which is absent; NO_SLOT when memory is out."""
    cdef uint32_t slot = table_insert(&s.table, <uint32_t>p.hash)
    if slot == NO_SLOT:
        return NO_SLOT
    if not order_reserve(&s.order, &s.table, slot):
        table_remove(&s.table, slot)
        return NO_SLOT
    py_incref(p.key)
    table_entry(&s.table, slot).key = p.key
    s.seen_by_gc |= py_is_gc(p.key)
    return slot


cdef inline void stripe_note_expiry_lock_held(Stripe* s, int64_t expires_at) noexcept nogil:
    if expires_at < s.first_expiry:
        s.first_expiry = expires_at
    if expires_at < s.first_in_sweep:
        s.first_in_sweep = expires_at


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


cdef inline void stripe_fill_lock_held(
    Stripe* s, const Rules* r, uint32_t slot, PyObject* value, int64_t ttl, int64_t now, Grave* g,
) noexcept nogil:
    """Writes a value (its reference is taken) into an entry whose place is taken; flight and failure end with it."""
    cdef Entry* e = table_entry(&s.table, slot)
    cdef Extra* x = entry_extra(e)
    cdef PyObject* former = entry_value(e)
    cdef int64_t lifetime
    stripe_detach_lock_held(s, x, g)
    if x != NULL:
        grave_add(g, x.error)
        raw_free(x)
        e.has_extra = False
    py_incref(value)
    e.content = value
    if former == NULL:
        s.values += 1
        order_add(&s.order, &s.table, slot)
    else:
        grave_add(g, former)
        order_touch(&s.order, e, slot)
    s.seen_by_gc |= py_is_gc(value)
    if ttl == FOREVER:
        e.due_at = e.expires_at = FOREVER
        return
    lifetime = stripe_lifetime_lock_held(s, r, ttl)
    e.expires_at = now + lifetime
    # A lifetime that early refresh would use up starts it half-way.
    e.due_at = e.expires_at - (r.refresh_ahead if r.refresh_ahead < lifetime else lifetime // 2)
    stripe_note_expiry_lock_held(s, e.expires_at)


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
        if entry_value(e) == NULL and (x == NULL or x.flight == NULL):
            return b"an entry holds neither value nor flight"
        if entry_value(e) != NULL and e.expires_at < s.first_expiry:
            return b"a value expires before the first expiry"
        if not e.has_extra and e.due_at > e.expires_at:
            return b"an entry is due after its expiry"
    if values != s.values or flights != s.flights:
        return b"values or flights miscounted"
    return order_check(<Order*>&s.order, &s.table, values)
