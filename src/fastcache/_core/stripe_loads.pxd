"""What a load does to a stripe: begin, publish, fail, give up.

A flight is linked to the entry it was begun in, and found again by its slot and its own identity, so that ending
one compares no keys.  Each function takes the stripe's lock and gives it back.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t

from fastcache._core.entry cimport (
    EXPIRED, FALLBACK, FRESH, STALE, Age, Entry, Extra, entry_age, entry_expires_at, entry_extend, entry_extra,
    entry_trim, entry_value,
)
from fastcache._core.evict cimport order_reserve, order_touch
from fastcache._core.grave cimport EXPIRED_VALUE, REPLACED, Grave, grave_add
from fastcache._core.jitter cimport random_below
from fastcache._core.mutex cimport mutex_lock, mutex_unlock
from fastcache._core.probe cimport Probe
from fastcache._core.py cimport py_incref
from fastcache._core.rules cimport LEAST_PAUSE, Rules
from fastcache._core.seqlock cimport write_lock, write_unlock
from fastcache._core.stripe cimport (
    DONE, FOLLOW, HIT, IN_DOUBT, LEAD, MISS, NO_MEMORY, NO_PLACE, NO_TIME, REFRESH, UNREAD, Stripe, Verdict,
    stripe_bury_lock_held, stripe_detach_lock_held, stripe_drop_value_lock_held, stripe_fill_lock_held,
    stripe_new_lock_held,
)
from fastcache._core.stripe_room cimport SWEEP_STEPS, stripe_make_room_lock_held, stripe_sweep_lock_held
from fastcache._core.table cimport ABSENT, DOUBT, NO_SLOT, Search, table_entry, table_find


cdef inline Verdict stripe_decide_lock_held(
    Stripe* s, const Rules* r, Entry* e, int64_t now, bint force,
) noexcept nogil:
    """What a caller does about an entry: serve it, refresh it behind, load it, or wait for who does."""
    cdef Extra* x = entry_extra(e)
    cdef bint loading = x != NULL and x.flight != NULL
    cdef bint pausing = x != NULL and now < x.retry_at
    cdef Age age = EXPIRED
    if entry_value(e) != NULL and not force:
        age = entry_age(e, now, r.stale_window, r.error_window)
    if age == FRESH:
        return HIT
    if age <= STALE:
        return HIT if loading or pausing else REFRESH
    if loading:
        return FOLLOW
    # Only a failure is a reason not to try; a refresh that was dropped is not.
    return HIT if age == FALLBACK and pausing and x.error != NULL else LEAD


cdef inline Verdict stripe_begin(
    Stripe* s, Rules* r, Probe* p, int64_t now, bint force, bint counted, PyObject* offered,
    PyObject** value, PyObject** flight, uint32_t* slot, Grave* g,
) noexcept nogil:
    """Serves a key or joins it to a flight, in one step: no second look is needed.  ``now`` may be UNREAD.

    On LEAD and REFRESH the offered flight (a reference to it is taken) is now the key's and ``slot`` is set.  The
    verdicts that serve set ``value``, FOLLOW sets ``flight``; both are new references.
    """
    cdef Verdict verdict
    cdef Entry* e
    cdef Extra* x
    write_lock(&s.lock)
    cdef Search found = table_find(&s.table, p, slot)
    if found == DOUBT:
        write_unlock(&s.lock)
        return IN_DOUBT
    if found == ABSENT:
        slot[0] = stripe_new_lock_held(s, r, p)
        if slot[0] == NO_SLOT:
            write_unlock(&s.lock)
            return NO_MEMORY
    e = table_entry(&s.table, slot[0])
    if now == UNREAD and entry_value(e) != NULL:
        write_unlock(&s.lock)
        return NO_TIME
    verdict = stripe_decide_lock_held(s, r, e, now, force)
    if verdict == LEAD or verdict == REFRESH:
        x = entry_extend(e, &s.spare)
        if x == NULL:
            if found == ABSENT:
                stripe_bury_lock_held(s, r, slot[0], EXPIRED_VALUE, now, g)
            write_unlock(&s.lock)
            return NO_MEMORY
        py_incref(offered)
        x.flight = offered
        x.followers = 0
        x.behind = verdict == REFRESH
        s.flights += 1
        s.seen_by_gc = True
    if verdict == HIT or verdict == REFRESH:
        value[0] = entry_value(e)
        py_incref(value[0])
        order_touch(&s.order, e, slot[0])
        if now < entry_expires_at(e):
            s.counts.hits += 1
        else:
            s.counts.stale_hits += 1
        s.counts.refreshes_started += verdict == REFRESH
    else:
        s.counts.misses += counted
        if verdict == FOLLOW:
            flight[0] = entry_extra(e).flight
            py_incref(flight[0])
            entry_extra(e).followers += 1
            entry_extra(e).behind = False
            s.counts.coalesced += counted
    write_unlock(&s.lock)
    return verdict


cdef inline Extra* stripe_landing_lock_held(Stripe* s, uint32_t slot, PyObject* flight) noexcept nogil:
    """The Extra that a flight is still linked to, or NULL if its key was removed, replaced or evicted meanwhile."""
    cdef Entry* e
    if slot >= s.table.fresh:
        return NULL
    e = table_entry(&s.table, slot)
    if e.key == NULL or not e.has_extra or entry_extra(e).flight != flight:
        return NULL
    return entry_extra(e)


cdef inline Verdict stripe_publish(
    Stripe* s, Rules* r, uint32_t slot, PyObject* flight, PyObject* value, int64_t ttl, int64_t weight, int64_t now,
    bint behind, bint* shared, Grave* g,
) noexcept nogil:
    """Stores what a flight has loaded and unlinks it; MISS if it may not be stored, or is heavier than the store.

    ``behind`` says that the load ran behind a served value; ``shared`` is set if others have joined it.
    """
    cdef Verdict verdict = DONE
    cdef Extra* x
    write_lock(&s.lock)
    x = stripe_landing_lock_held(s, slot, flight)
    if x != NULL and x.followers > 0:
        shared[0] = True
    if x == NULL:
        verdict = MISS
        s.counts.discarded += 1
    elif ttl == 0 or weight > r.max_weight:
        verdict = MISS
        s.counts.oversized += ttl != 0
        stripe_bury_lock_held(s, r, slot, REPLACED, now, g)
    elif (x.value == NULL or r.weighed) and not order_reserve(&s.order, &s.table, slot):
        # Other values have come since the load began, and may have taken the memory that there was for this one.
        verdict = MISS
        stripe_bury_lock_held(s, r, slot, REPLACED, now, g)
    else:
        if r.weighed and x.value != NULL and entry_age(table_entry(&s.table, slot), now, r.keep, r.keep) == EXPIRED:
            # As in stripe_put; the flight stays in the entry.
            stripe_drop_value_lock_held(s, r, slot, True, EXPIRED_VALUE, now, g)
            s.counts.expirations += 1
        if not stripe_make_room_lock_held(s, r, slot, weight, now, g):
            write_unlock(&s.lock)
            return NO_PLACE
        stripe_fill_lock_held(s, r, slot, value, ttl, weight, now, g)
        stripe_sweep_lock_held(s, r, now, SWEEP_STEPS, False, g)
    s.counts.loads += 1
    s.counts.refreshes_ok += behind
    write_unlock(&s.lock)
    return verdict


cdef inline int64_t stripe_pause_lock_held(Stripe* s, const Rules* r, uint32_t failures, int64_t took) noexcept nogil:
    """How long to leave a failing key alone: doubling, capped, and spread over its upper half."""
    cdef int64_t pause = took if took > r.retry_base else r.retry_base
    while failures > 0 and pause < r.retry_cap:
        failures -= 1
        pause *= 2
    if pause > r.retry_cap:
        pause = r.retry_cap
    return pause // 2 + random_below(&s.random, pause // 2 + 1)


cdef inline void stripe_fail(
    Stripe* s, Rules* r, uint32_t slot, PyObject* flight, PyObject* error, int64_t now, int64_t took, bint behind,
    PyObject** fallback, Grave* g,
) noexcept nogil:
    """Ends a flight that raised.  A value that may still be served is kept, with the error, and left alone for a pause.

    ``fallback`` becomes a new reference to that value, or NULL.
    """
    cdef Extra* x
    cdef Entry* e
    write_lock(&s.lock)
    s.counts.load_errors += 1
    s.counts.refreshes_failed += behind
    fallback[0] = NULL
    x = stripe_landing_lock_held(s, slot, flight)
    if x != NULL:
        e = table_entry(&s.table, slot)
        if x.value == NULL or entry_age(e, now, r.stale_window, r.error_window) == EXPIRED:
            stripe_bury_lock_held(s, r, slot, EXPIRED_VALUE, now, g)
        else:
            stripe_detach_lock_held(s, x, g)
            grave_add(g, x.error)
            py_incref(error)
            x.error = error
            x.retry_at = now + stripe_pause_lock_held(s, r, x.failures, took)
            x.failures += 1
            fallback[0] = x.value
            py_incref(x.value)
    write_unlock(&s.lock)


cdef inline void stripe_give_up(
    Stripe* s, Rules* r, uint32_t slot, PyObject* flight, int64_t now, bint behind, Grave* g,
) noexcept nogil:
    """Unlinks a flight whose leader will not end it; one behind a served value is not tried again at once."""
    cdef Extra* x
    write_lock(&s.lock)
    s.counts.refreshes_dropped += behind
    x = stripe_landing_lock_held(s, slot, flight)
    if x != NULL and x.value == NULL:
        stripe_bury_lock_held(s, r, slot, EXPIRED_VALUE, now, g)
    elif x != NULL:
        stripe_detach_lock_held(s, x, g)
        if behind:
            x.retry_at = now + LEAST_PAUSE
        entry_trim(table_entry(&s.table, slot), &s.spare)
    write_unlock(&s.lock)


cdef inline PyObject* stripe_next_flight(Stripe* s, uint32_t* cursor) noexcept nogil:
    """A new reference to the next linked flight, or NULL after the last; the cursor starts at 0."""
    cdef PyObject* flight = NULL
    cdef Entry* e
    mutex_lock(&s.lock.mutex)
    while flight == NULL and s.flights > 0 and cursor[0] < s.table.fresh:
        e = table_entry(&s.table, cursor[0])
        cursor[0] += 1
        if e.key != NULL and e.has_extra:
            flight = entry_extra(e).flight
    if flight != NULL:
        py_incref(flight)
    mutex_unlock(&s.lock.mutex)
    return flight
