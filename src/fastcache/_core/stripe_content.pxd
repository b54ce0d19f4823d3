"""What an entry of a stripe is given, and what is taken from it again.

All functions here expect the stripe's lock to be held.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastcache._core.entry cimport (
    Absence, Entry, Extra, entry_extend, entry_extra, entry_is_over, entry_limit, entry_set_life, entry_set_times,
    entry_value, extra_forget, extra_free, extra_remember, took_code,
)
from fastcache._core.evict cimport order_add, order_drop, order_reserve, order_touch, order_trim
from fastcache._core.glimpse cimport py_enable_try, py_readable
from fastcache._core.grave cimport EXPIRED_VALUE, EXPLICIT, REPLACED, Cause, Grave, grave_add, grave_add_removed
from fastcache._core.jitter cimport random_below, random_exponential
from fastcache._core.mutex cimport FREE_READS, atomic_load, atomic_store, raise_to
from fastcache._core.outcome cimport Outcome, outcome_is_usual
from fastcache._core.py cimport ALWAYS, FOREVER, likely, py_incref, py_may_be_gc, raw_alloc, unlikely
from fastcache._core.rules cimport Rules, rules_give_places, rules_take_absence
from fastcache._core.seqlock cimport close_reads
from fastcache._core.stripe cimport Stripe
from fastcache._core.stripe_absences cimport stripe_begin_absence_lock_held, stripe_end_absence_lock_held
from fastcache._core.table cimport NO_SLOT, table_entry, table_insert, table_remove
from fastcache._core.weights cimport weights_reserve, weights_set, weights_trim


cdef inline void stripe_detach_lock_held(Stripe* s, Extra* x, Grave* g) noexcept nogil:
    """Takes an entry's flights off it, if it has any."""
    if x != NULL and x.flight != NULL:
        grave_add(g, x.flight)
        grave_add(g, x.former)
        x.flight = x.former = NULL
        s.flights -= 1


cdef inline void stripe_hand_over_lock_held(
    const Rules* r, Entry* e, PyObject* value, PyObject* key, Cause cause, int64_t now, Grave* g,
) noexcept nogil:
    """Puts a value that is being removed into the grave; ``key`` is the entry's, taken over, or NULL if it stays.

    What is past all its windows has expired, whatever else befell it; what lost its tags was removed by that.
    """
    if not r.listening or value == NULL:
        grave_add(g, value)
        grave_add(g, key)
        return
    if key == NULL:
        key = e.key
        py_incref(key)
    if entry_limit(e) == ALWAYS:
        cause = EXPLICIT
    elif entry_is_over(e, now, r.keep):
        cause = EXPIRED_VALUE
    grave_add_removed(g, value, key, cause)


cdef inline void stripe_discount_lock_held(Stripe* s, Rules* r, uint32_t slot) noexcept nogil:
    """The slot's value is leaving: its place and weight are free, and it is in no order."""
    cdef int64_t weight = 0
    order_drop(&s.order, table_entry(&s.table, slot), slot)
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
        stripe_end_absence_lock_held(s, r, x)
        grave_add(g, x.error)
        grave_add(g, x.tags)
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
    extra_forget(x, g)
    x.value = x.error = NULL
    x.retry_at = ALWAYS
    x.failures = 0


cdef inline void stripe_expose_lock_held(Stripe* s, PyObject* o) noexcept nogil:
    """Before readers without a lock may meet an object: some objects they must not."""
    if FREE_READS:
        py_enable_try(o)
        if not py_readable(o):
            close_reads(&s.lock)


cdef inline uint32_t stripe_new_lock_held(Stripe* s, const Rules* r, PyObject* key, uint64_t hash) noexcept nogil:
    """An entry without content for a key that is absent; NO_SLOT when memory is out."""
    cdef uint32_t slot = table_insert(&s.table, <uint32_t>hash)
    if slot == NO_SLOT:
        return NO_SLOT
    if not order_reserve(&s.order, &s.table, slot) or (r.weighed and not weights_reserve(&s.weights, slot)):
        table_remove(&s.table, slot)
        return NO_SLOT
    py_incref(key)
    stripe_expose_lock_held(s, key)
    table_entry(&s.table, slot).key = key
    s.seen_by_gc |= py_may_be_gc(key)
    return slot


cdef inline void stripe_note_expiry_lock_held(Stripe* s, Rules* r, int64_t expires_at) noexcept nogil:
    # What a sweep has passed expires no sooner than all that the stripe has, nor that than all that the store has.
    if likely(expires_at >= s.first_in_sweep):
        return
    s.first_in_sweep = expires_at
    if expires_at < s.first_expiry:
        atomic_store(&s.first_expiry, expires_at)
    if expires_at < atomic_load(&r.first_expiry):
        atomic_store(&r.first_expiry, expires_at)


cdef inline int64_t stripe_lifetime_lock_held(Stripe* s, const Rules* r, int64_t ttl) noexcept nogil:
    """A ttl with its jitter, drawn now; a ttl shorter than the store's has its jitter scaled down with it."""
    cdef int64_t low, span
    cdef double scale
    if not r.jittered:
        return ttl
    low = r.jitter_low
    span = r.jitter_span
    if unlikely(ttl < r.ttl):
        scale = <double>ttl / <double>r.ttl
        low = <int64_t>(low * scale)
        span = <int64_t>(span * scale)
    # Scaling rounds: a lifetime is never nothing.
    return max(ttl + low + random_below(&s.random, span + 1), 1)


cdef inline int64_t stripe_ahead_lock_held(Stripe* s, const Rules* r, int64_t lifetime, int64_t took) noexcept nogil:
    """How long before its expiry a value is to be refreshed, if loading it took so long (negative: it was not loaded).

    The adaptive point is that of Vattani, Chierichetti and Lowenstein, Optimal Probabilistic Cache Stampede Prevention
    (VLDB 2015), with their beta of 1, drawn once at the write instead of at each read; one load time earlier, so that
    the new value is there in time.
    """
    cdef double ahead
    if not r.adaptive_ahead:
        # A lifetime that early refresh would use up starts it half-way.
        return r.refresh_ahead if r.refresh_ahead < lifetime else lifetime >> 1
    if took <= 0:
        return 0
    ahead = <double>took * (1.0 + random_exponential(&s.random))
    return <int64_t>ahead if ahead < <double>(lifetime >> 1) else lifetime >> 1


cdef inline void stripe_age_lock_held(
    Stripe* s, Rules* r, Entry* e, int64_t ttl, int64_t took, int64_t now,
) noexcept nogil:
    """A value's life begins; ``took`` is how long its load did, or negative."""
    cdef int64_t lifetime
    e.took = took_code(took) if unlikely(took >= 0) else 0
    if ttl == FOREVER:
        entry_set_times(e, now, FOREVER, FOREVER)
        return
    lifetime = stripe_lifetime_lock_held(s, r, ttl)
    if likely(r.punctual and now != ALWAYS):
        entry_set_life(e, now + lifetime, lifetime)
    else:
        entry_set_times(e, now, now + lifetime - stripe_ahead_lock_held(s, r, lifetime, took), now + lifetime)
    stripe_note_expiry_lock_held(s, r, now + lifetime)


cdef inline void stripe_age_plain_lock_held(Stripe* s, Rules* r, Entry* e, int64_t ttl, int64_t now) noexcept nogil:
    """The same of a value that was not loaded, in an entry without an Extra."""
    cdef int64_t lifetime
    if unlikely(not r.punctual or ttl == FOREVER or now == ALWAYS):
        stripe_age_lock_held(s, r, e, ttl, -1, now)
        return
    lifetime = stripe_lifetime_lock_held(s, r, ttl)
    # Both at once, in one byte.
    e.has_extra = False
    e.took = 0
    entry_set_life(e, now + lifetime, lifetime)
    stripe_note_expiry_lock_held(s, r, now + lifetime)


cdef inline bint stripe_may_remember_lock_held(Stripe* s, const Outcome* o) noexcept nogil:
    """Whether there is memory for what an entry is to remember of its value; before the entry is filled."""
    if not outcome_is_usual(o) and s.spare == NULL:
        s.spare = <Extra*>raw_alloc(sizeof(Extra))
        return s.spare != NULL
    return True


cdef inline void stripe_fill_lock_held(
    Stripe* s, Rules* r, uint32_t slot, PyObject* value, const Outcome* o, int64_t took, int64_t now,
    bint keep_flight, Grave* g,
) noexcept nogil:
    """Writes a value (a reference to it is taken) into an entry whose place and weight are taken.

    Failure and absence end with it, and flights unless they are kept.  An entry that needs an Extra for what is to be
    remembered of the value has one.
    """
    cdef Entry* e = table_entry(&s.table, slot)
    cdef Extra* x = entry_extra(e)
    cdef PyObject* former = entry_value(e)
    if r.weighed:
        weights_set(&s.weights, slot, o.weight)
    if not keep_flight:
        stripe_detach_lock_held(s, x, g)
    # Before the instants change, which tell the old value's age.  An object that is written again has not left.
    if former == value:
        grave_add(g, former)
    elif former != NULL:
        stripe_hand_over_lock_held(r, e, former, NULL, REPLACED, now, g)
    py_incref(value)
    stripe_expose_lock_held(s, value)
    if x != NULL:
        stripe_end_absence_lock_held(s, r, x)
        grave_add(g, x.error)
        grave_add(g, x.tags)
    if not keep_flight and outcome_is_usual(o):
        if x != NULL:
            extra_free(x, &s.spare)
            e.has_extra = False
        e.content = value
    else:
        # One that is made was got ready by stripe_may_remember_lock_held.
        x = entry_extend(e, &s.spare)
        x.value = value
        x.error = NULL
        x.retry_at = ALWAYS
        x.failures = 0
        extra_remember(x, o)
        raise_to(&r.longest_keep, max(o.stale_window, o.error_window))
    if former == NULL:
        s.values += 1
        order_add(&s.order, &s.table, e, slot)
    else:
        order_touch(&s.order, e, slot)
    s.seen_by_gc |= py_may_be_gc(value) or o.tags != NULL
    stripe_age_lock_held(s, r, e, o.ttl, took, now)
    if o.tags != NULL and entry_limit(e) != FOREVER and now != ALWAYS:
        # Its tags were invalidated while it was loaded.
        stripe_note_expiry_lock_held(s, r, max(entry_limit(e), now - r.keep))


cdef inline void stripe_absent_lock_held(
    Stripe* s, Rules* r, uint32_t slot, Absence absence, PyObject* error, int64_t ttl, int64_t now, Grave* g,
) noexcept nogil:
    """What a flight came to is an absence: the entry, whose value has been dropped and which has an Extra, holds it.

    ``error`` (a reference to it is taken) may be NULL.  Without a place in the quota nothing is kept of the entry.
    """
    cdef Entry* e = table_entry(&s.table, slot)
    cdef Extra* x = entry_extra(e)
    cdef int64_t lifetime
    stripe_detach_lock_held(s, x, g)
    stripe_end_absence_lock_held(s, r, x)
    if not rules_take_absence(r):
        if s.oldest_absence == NO_SLOT:
            stripe_bury_lock_held(s, r, slot, REPLACED, now, g)
            return
        stripe_forget_absence_lock_held(s, r, s.oldest_absence, now, g)
        s.counts.negative_evictions += 1
        if not rules_take_absence(r):
            # Another stripe took the place that was given back.
            stripe_bury_lock_held(s, r, slot, REPLACED, now, g)
            return
    stripe_begin_absence_lock_held(s, r, slot, absence)
    grave_add(g, x.error)
    if error != NULL:
        py_incref(error)
        s.seen_by_gc = True
    x.error = error
    lifetime = stripe_lifetime_lock_held(s, r, ttl)
    entry_set_times(e, now, now + lifetime, now + lifetime)
    stripe_note_expiry_lock_held(s, r, now + lifetime)


cdef inline void stripe_forget_absence_lock_held(
    Stripe* s, Rules* r, uint32_t slot, int64_t now, Grave* g,
) noexcept nogil:
    """Ends an absence, and with it the entry, unless its key is loading."""
    cdef Extra* x = entry_extra(table_entry(&s.table, slot))
    stripe_end_absence_lock_held(s, r, x)
    if x.flight == NULL:
        stripe_bury_lock_held(s, r, slot, EXPIRED_VALUE, now, g)
