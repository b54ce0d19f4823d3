"""What callers do to the values of a stripe: read, write, remove, expire, list.

Each function takes the stripe's lock and gives it back.  A verdict of IN_DOUBT or NO_PLACE means that nothing was
changed that matters; the caller settles the probe or evicts elsewhere, empties the grave, and calls again.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t

from fastcache._core.entry cimport (
    DUE, EXPIRED, Age, Entry, Extra, entry_age, entry_extra, entry_trim, entry_value,
)
from fastcache._core.evict cimport order_clear, order_touch
from fastcache._core.grave cimport Grave, grave_left
from fastcache._core.mutex cimport mutex_lock, mutex_unlock
from fastcache._core.probe cimport Probe
from fastcache._core.py cimport ALWAYS, FOREVER, py_incref
from fastcache._core.rules cimport Rules, rules_give_places
from fastcache._core.stripe cimport (
    DONE, HIT, IN_DOUBT, MISS, NO_MEMORY, NO_PLACE, PER_ENTRY, SWEEP_STEPS, Stripe, Verdict, stripe_bury_lock_held,
    stripe_detach_lock_held, stripe_evict_lock_held, stripe_fill_lock_held,
    stripe_make_place_lock_held, stripe_new_lock_held, stripe_note_expiry_lock_held, stripe_sweep_lock_held,
)
from fastcache._core.table cimport DOUBT, FOUND, NO_SLOT, Search, Table, table_entry, table_find

cdef struct Look:
    PyObject* value     # owned
    PyObject* error     # owned, or NULL
    Age age
    int64_t expires_at
    int64_t retry_at
    uint32_t failures
    bint loading


cdef inline Verdict stripe_get(
    Stripe* s, Rules* r, Probe* p, int64_t now, bint counted, PyObject** value, Grave* g,
) noexcept nogil:
    """HIT with an unexpired value, or MISS; uncounted, it leaves counters and order alone."""
    cdef uint32_t slot
    cdef Entry* e
    cdef Age age
    cdef Verdict verdict = MISS
    mutex_lock(&s.lock)
    cdef Search found = table_find(&s.table, p, &slot)
    if found == DOUBT:
        mutex_unlock(&s.lock)
        return IN_DOUBT
    if found == FOUND:
        e = table_entry(&s.table, slot)
        if entry_value(e) != NULL:
            age = entry_age(e, now, r.stale_window, r.error_window)
            if age <= DUE:
                value[0] = entry_value(e)
                py_incref(value[0])
                verdict = HIT
                if counted:
                    order_touch(&s.order, e, slot)
            elif age == EXPIRED and (not e.has_extra or entry_extra(e).flight == NULL):
                stripe_bury_lock_held(s, r, slot, g)
                s.counts.expirations += 1
    if counted:
        if verdict == HIT:
            s.counts.hits += 1
        else:
            s.counts.misses += 1
    mutex_unlock(&s.lock)
    return verdict


cdef inline Verdict stripe_put(
    Stripe* s, Rules* r, Probe* p, PyObject* value, int64_t ttl, int64_t now, PyObject** kept, Grave* g,
) noexcept nogil:
    """Writes a value; with ``kept`` given, an unexpired value stays and is handed out instead (HIT)."""
    cdef uint32_t slot
    cdef Entry* e
    cdef Verdict verdict = DONE
    mutex_lock(&s.lock)
    cdef Search found = table_find(&s.table, p, &slot)
    if found == DOUBT:
        verdict = IN_DOUBT
    elif found == FOUND:
        e = table_entry(&s.table, slot)
        if kept != NULL and entry_value(e) != NULL and entry_age(e, now, 0, 0) <= DUE:
            kept[0] = entry_value(e)
            py_incref(kept[0])
            order_touch(&s.order, e, slot)
            verdict = HIT
        elif ttl == 0:
            stripe_bury_lock_held(s, r, slot, g)
        elif entry_value(e) == NULL and not stripe_make_place_lock_held(s, r, now, g):
            verdict = NO_PLACE
        else:
            stripe_fill_lock_held(s, r, slot, value, ttl, now, g)
    elif ttl != 0:
        if not stripe_make_place_lock_held(s, r, now, g):
            verdict = NO_PLACE
        else:
            slot = stripe_new_lock_held(s, p)
            if slot == NO_SLOT:
                rules_give_places(r, 1)
                verdict = NO_MEMORY
            else:
                stripe_fill_lock_held(s, r, slot, value, ttl, now, g)
    if verdict == DONE:
        stripe_sweep_lock_held(s, r, now, SWEEP_STEPS, False, g)
    mutex_unlock(&s.lock)
    return verdict


cdef inline Verdict stripe_remove(
    Stripe* s, Rules* r, Probe* p, int64_t now, PyObject** value, Grave* g,
) noexcept nogil:
    """Removes a key, its flight included: HIT with an unexpired value, MISS if there was nothing, DONE otherwise."""
    cdef uint32_t slot
    cdef Entry* e
    cdef Verdict verdict = MISS
    mutex_lock(&s.lock)
    cdef Search found = table_find(&s.table, p, &slot)
    if found == DOUBT:
        verdict = IN_DOUBT
    elif found == FOUND:
        e = table_entry(&s.table, slot)
        verdict = DONE
        if entry_value(e) != NULL and entry_age(e, now, 0, 0) <= DUE:
            value[0] = entry_value(e)
            py_incref(value[0])
            verdict = HIT
        stripe_bury_lock_held(s, r, slot, g)
    mutex_unlock(&s.lock)
    return verdict


cdef inline Verdict stripe_expire(Stripe* s, Rules* r, Probe* p, int64_t now, Grave* g) noexcept nogil:
    """Ends a key's freshness and detaches its flight, leaving it to the windows; HIT if it was unexpired."""
    cdef uint32_t slot
    cdef Entry* e
    cdef Extra* x
    cdef Verdict verdict = MISS
    mutex_lock(&s.lock)
    cdef Search found = table_find(&s.table, p, &slot)
    if found == DOUBT:
        verdict = IN_DOUBT
    elif found == FOUND:
        e = table_entry(&s.table, slot)
        x = entry_extra(e)
        if entry_value(e) == NULL or r.keep == 0:
            verdict = HIT if entry_value(e) != NULL and entry_age(e, now, 0, 0) <= DUE else MISS
            stripe_bury_lock_held(s, r, slot, g)
        else:
            stripe_detach_lock_held(s, x, g)
            if x != NULL:
                # Who expires a key wants it loaded, whatever failed before.
                x.retry_at = ALWAYS
            if now < e.expires_at:
                verdict = HIT
                e.expires_at = now
                if x != NULL:
                    x.due_at = now
                else:
                    e.due_at = now
                stripe_note_expiry_lock_held(s, now)
            entry_trim(e)
    mutex_unlock(&s.lock)
    return verdict


cdef inline Verdict stripe_look(Stripe* s, Rules* r, Probe* p, int64_t now, Look* look) noexcept nogil:
    """Everything about one value, without a trace; MISS if there is none that could still be served."""
    cdef uint32_t slot
    cdef Entry* e
    cdef Extra* x
    cdef Verdict verdict = MISS
    mutex_lock(&s.lock)
    cdef Search found = table_find(&s.table, p, &slot)
    if found == DOUBT:
        verdict = IN_DOUBT
    elif found == FOUND:
        e = table_entry(&s.table, slot)
        x = entry_extra(e)
        look.age = entry_age(e, now, r.stale_window, r.error_window)
        if entry_value(e) != NULL and look.age < EXPIRED:
            verdict = HIT
            look.value = entry_value(e)
            py_incref(look.value)
            look.error = x.error if x != NULL else NULL
            if look.error != NULL:
                py_incref(look.error)
            look.expires_at = e.expires_at
            look.retry_at = x.retry_at if x != NULL else ALWAYS
            look.failures = x.failures if x != NULL else 0
            look.loading = x != NULL and x.flight != NULL
    mutex_unlock(&s.lock)
    return verdict


cdef inline bint stripe_evict(Stripe* s, Rules* r, int64_t now, Grave* g) noexcept nogil:
    cdef bint evicted
    mutex_lock(&s.lock)
    evicted = stripe_evict_lock_held(s, r, now, g)
    mutex_unlock(&s.lock)
    return evicted


cdef inline bint stripe_sweep(Stripe* s, Rules* r, int64_t now, Grave* g) noexcept nogil:
    """Removes expired values until the grave is full; False when none was left."""
    mutex_lock(&s.lock)
    # One pass more than once around, since the first may start anywhere.
    stripe_sweep_lock_held(s, r, now, 2 * s.table.fresh + 2, False, g)
    mutex_unlock(&s.lock)
    return grave_left(g) < PER_ENTRY


cdef inline uint32_t stripe_list(
    Stripe* s, int64_t now, PyObject** keys, PyObject** values, uint32_t room,
) noexcept nogil:
    """Copies unexpired keys, and values unless NULL, as new references; how many there are, copied only if they fit.

    With no room it only counts.
    """
    cdef uint32_t slot, n = 0
    cdef Entry* e
    mutex_lock(&s.lock)
    if s.values > room and room > 0:
        n = s.values
    else:
        for slot in range(s.table.fresh):
            e = table_entry(&s.table, slot)
            if e.key == NULL or entry_value(e) == NULL or now >= e.expires_at:
                continue
            if room > 0:
                keys[n] = e.key
                py_incref(keys[n])
                if values != NULL:
                    values[n] = entry_value(e)
                    py_incref(values[n])
            n += 1
    mutex_unlock(&s.lock)
    return n


cdef inline void stripe_swap_out(Stripe* s, Rules* r, Table* table) noexcept nogil:
    """Trades the stripe's table for an empty one; the caller drops what it held."""
    mutex_lock(&s.lock)
    table.version = s.table.version + 1
    s.table, table[0] = table[0], s.table
    rules_give_places(r, s.values)
    s.values = s.flights = 0
    order_clear(&s.order)
    s.sweep_at = 0
    s.first_expiry = s.first_in_sweep = FOREVER
    mutex_unlock(&s.lock)
