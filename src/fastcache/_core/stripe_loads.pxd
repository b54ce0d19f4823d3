"""How a load ends in a stripe: published, failed, given up.

A flight is linked to the entry it was begun in, and found again by its slot and its own identity, so that ending
one compares no keys.  A superseded flight stays linked behind the one that took its place: if it ends first, its value
is kept until the other's comes, and if the other fails, it is the key's flight again.
Each function takes the stripe's lock and gives it back.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t

from fastcache._core.entry cimport (
    EXPIRED, FAILED_LOAD, NOT_ABSENT, NOT_FOUND, UNCACHEABLE, Entry, Extra, entry_age, entry_ends_at, entry_extra,
    entry_is_over, entry_trim, entry_written_at,
)
from fastcache._core.evict cimport order_reserve
from fastcache._core.grave cimport EXPIRED_VALUE, REPLACED, Grave, grave_add
from fastcache._core.jitter cimport random_below
from fastcache._core.mutex cimport mutex_lock, mutex_unlock
from fastcache._core.outcome cimport Outcome
from fastcache._core.py cimport ALWAYS, py_incref
from fastcache._core.rules cimport LEAST_PAUSE, Rules
from fastcache._core.seqlock cimport write_lock, write_unlock
from fastcache._core.stripe cimport DONE, MISS, NO_PLACE, Stripe, Verdict, stripe_note_removal_lock_held
from fastcache._core.stripe_content cimport (
    stripe_absent_lock_held, stripe_bury_lock_held, stripe_detach_lock_held, stripe_drop_value_lock_held,
    stripe_fill_lock_held, stripe_may_remember_lock_held,
)
from fastcache._core.stripe_room cimport SWEEP_STEPS, stripe_make_room_lock_held, stripe_sweep_lock_held
from fastcache._core.table cimport table_entry


# What a failure leaves behind.
cdef struct Failure:
    PyObject* fallback      # owned; an old value that may be served, or NULL
    int64_t written_at      # of that
    int64_t ends_at
    int64_t retry_at        # when the key will be tried again
    uint32_t failures       # in a row
    bint linked             # the key was still the flight's


cdef inline Extra* stripe_landing_lock_held(Stripe* s, uint32_t slot, PyObject* flight) noexcept nogil:
    """The Extra that a flight is still linked to, or NULL if its key was removed, replaced or evicted meanwhile."""
    cdef Entry* e
    cdef Extra* x
    if slot >= s.table.fresh:
        return NULL
    e = table_entry(&s.table, slot)
    x = entry_extra(e)
    if e.key == NULL or x == NULL or (x.flight != flight and x.former != flight):
        return NULL
    return x


cdef inline void stripe_set_off(Stripe* s, uint32_t slot, PyObject* flight, int64_t now) noexcept nogil:
    """The load of a flight begins, long after it was linked maybe."""
    cdef Extra* x
    write_lock(&s.lock)
    x = stripe_landing_lock_held(s, slot, flight)
    if x != NULL and x.flight == flight:
        x.begun_at = now
    write_unlock(&s.lock)


cdef inline bint stripe_unlink_lock_held(Stripe* s, Extra* x, PyObject* flight, Grave* g) noexcept nogil:
    """Takes one flight off its entry; True if the entry is still loading."""
    if x.former == flight:
        grave_add(g, flight)
        x.former = NULL
        return True
    if x.former == NULL:
        stripe_detach_lock_held(s, x, g)
        return False
    grave_add(g, flight)
    x.flight = x.former
    x.former = NULL
    # It has taken too long already.
    x.begun_at = ALWAYS // 2
    x.followers = 0
    return True


cdef inline void stripe_come_to_nothing_lock_held(
    Stripe* s, Rules* r, uint32_t slot, const Outcome* o, int64_t now, Grave* g,
) noexcept nogil:
    """What a flight came to is no value, or none that is kept: the old one goes, and it may be remembered why."""
    cdef Extra* x = entry_extra(table_entry(&s.table, slot))
    cdef int64_t ttl = o.ttl if o.absent else r.uncacheable_ttl if o.ttl == 0 else 0
    # It was no failure.
    x.failures = 0
    if ttl == 0 or r.most_absences == 0:
        stripe_bury_lock_held(s, r, slot, REPLACED, now, g)
        return
    if x.value != NULL:
        # The flight stays in the entry, and so the entry.
        stripe_drop_value_lock_held(s, r, slot, True, REPLACED, now, g)
    stripe_absent_lock_held(s, r, slot, NOT_FOUND if o.absent else UNCACHEABLE, o.error, ttl, now, g)


cdef inline Verdict stripe_publish(
    Stripe* s, Rules* r, uint32_t slot, PyObject* flight, PyObject* value, const Outcome* o, int64_t took,
    int64_t now, bint behind, bint* shared, uint32_t* failures, Grave* g,
) noexcept nogil:
    """Stores what a flight has loaded and unlinks it; MISS if it may not be stored, or is heavier than the store.

    ``failures`` becomes how many there were in a row before.  ``value`` is NULL for an absence.  ``behind`` says that
    the load ran behind a served value; ``shared`` is set if others have joined it.
    """
    cdef Verdict verdict = DONE
    cdef Extra* x
    cdef bint early
    write_lock(&s.lock)
    x = stripe_landing_lock_held(s, slot, flight)
    if x != NULL and x.followers > 0 and x.flight == flight:
        shared[0] = True
    failures[0] = x.failures if x != NULL else 0
    # A superseded load that comes in first: the one that took its place will still be newer.
    early = x != NULL and x.former == flight
    if x == NULL:
        verdict = MISS
        s.counts.discarded += 1
    elif early and (value == NULL or o.ttl == 0 or o.weight > r.max_weight):
        verdict = MISS
        stripe_unlink_lock_held(s, x, flight, g)
    elif value == NULL or o.ttl == 0 or o.weight > r.max_weight:
        verdict = MISS
        s.counts.oversized += value != NULL and o.ttl != 0
        stripe_come_to_nothing_lock_held(s, r, slot, o, now, g)
    elif (
        ((x.value == NULL or r.weighed) and not order_reserve(&s.order, &s.table, slot))
        or not stripe_may_remember_lock_held(s, o)
    ):
        # Other values have come since the load began, and may have taken the memory that there was for this one.
        verdict = MISS
        stripe_bury_lock_held(s, r, slot, REPLACED, now, g)
    else:
        if r.weighed and x.value != NULL and entry_is_over(table_entry(&s.table, slot), now, r.keep):
            # As in stripe_put; the flight stays in the entry.
            stripe_drop_value_lock_held(s, r, slot, True, EXPIRED_VALUE, now, g)
            s.counts.expirations += 1
        if not stripe_make_room_lock_held(s, r, slot, o.weight, now, g):
            write_unlock(&s.lock)
            return NO_PLACE
        if early:
            stripe_unlink_lock_held(s, x, flight, g)
        stripe_fill_lock_held(s, r, slot, value, o, took, now, early, g)
        stripe_sweep_lock_held(s, r, now, SWEEP_STEPS, False, g)
    s.counts.loads += 1
    s.counts.refreshes_ok += behind
    write_unlock(&s.lock)
    return verdict


cdef inline int64_t stripe_pause_lock_held(
    Stripe* s, int64_t base, int64_t cap, uint32_t failures,
) noexcept nogil:
    """How long to leave a failing key alone: doubling, capped, and spread over its upper half."""
    cdef int64_t pause = base
    while failures > 0 and pause < cap:
        failures -= 1
        pause *= 2
    if pause > cap:
        pause = cap
    return pause // 2 + random_below(&s.random, pause // 2 + 1)


cdef inline void stripe_note_failure_lock_held(
    Stripe* s, const Rules* r, Extra* x, PyObject* error, int64_t now, int64_t took, Grave* g,
) noexcept nogil:
    """Beside a value that may still be served; it is left alone for a pause."""
    grave_add(g, x.error)
    py_incref(error)
    x.error = error
    x.retry_at = now + stripe_pause_lock_held(
        s, took if took > r.retry_base else r.retry_base, r.retry_cap, x.failures,
    )
    x.failures += 1


cdef inline void stripe_fail_cold_lock_held(
    Stripe* s, Rules* r, uint32_t slot, PyObject* error, bint hidden, int64_t now, Failure* f, Grave* g,
) noexcept nogil:
    """Without such a value.  The failure itself may be remembered, for longer each time."""
    cdef Extra* x = entry_extra(table_entry(&s.table, slot))
    cdef uint32_t failures = x.failures
    cdef int64_t pause
    if r.error_ttl == 0 or r.most_absences == 0 or not hidden:
        stripe_bury_lock_held(s, r, slot, EXPIRED_VALUE, now, g)
        return
    pause = stripe_pause_lock_held(s, r.error_ttl, max(r.retry_cap, r.error_ttl), failures)
    if x.value != NULL:
        stripe_drop_value_lock_held(s, r, slot, True, EXPIRED_VALUE, now, g)
    x.failures = failures + 1
    f.failures = failures + 1
    f.retry_at = now + pause
    stripe_absent_lock_held(s, r, slot, FAILED_LOAD, error, pause, now, g)


cdef inline void stripe_fail(
    Stripe* s, Rules* r, uint32_t slot, PyObject* flight, PyObject* error, bint hidden, int64_t now, int64_t took,
    bint behind, Failure* f, Grave* g,
) noexcept nogil:
    """Ends a flight that raised.  A value that may still be served is kept, with the error.

    Without ``hidden`` the error is not one that an old value stands in for.
    """
    cdef Extra* x
    cdef Entry* e
    cdef bint servable = False
    cdef bint latest
    write_lock(&s.lock)
    s.counts.load_errors += 1
    s.counts.refreshes_failed += behind
    f.fallback = NULL
    f.failures = 1
    f.retry_at = now
    x = stripe_landing_lock_held(s, slot, flight)
    f.linked = x != NULL
    if x != NULL:
        e = table_entry(&s.table, slot)
        servable = x.value != NULL and entry_age(e, now, r.stale_window, r.error_window) < EXPIRED
        if x.former == NULL and not servable:
            stripe_fail_cold_lock_held(s, r, slot, error, hidden, now, f, g)
        else:
            latest = x.flight == flight
            stripe_unlink_lock_held(s, x, flight, g)
            # What the failure of a load that has been superseded means, the later one will tell.
            if latest and servable:
                stripe_note_failure_lock_held(s, r, x, error, now, took, g)
                f.failures = x.failures
                f.retry_at = x.retry_at
    if servable and hidden:
        f.fallback = x.value
        py_incref(x.value)
        f.written_at = entry_written_at(e)
        f.ends_at = entry_ends_at(e)
    write_unlock(&s.lock)


cdef inline void stripe_give_up(
    Stripe* s, Rules* r, uint32_t slot, PyObject* flight, int64_t now, bint behind, Grave* g,
) noexcept nogil:
    """Unlinks a flight whose leader will not end it; one behind a served value is not tried again at once."""
    cdef Extra* x
    write_lock(&s.lock)
    s.counts.refreshes_dropped += behind
    x = stripe_landing_lock_held(s, slot, flight)
    if x != NULL and not behind:
        # Who forced it asks again, and is not to find what a loader of others brought that had begun before.
        stripe_note_removal_lock_held(s, r)
    if x != NULL and not stripe_unlink_lock_held(s, x, flight, g):
        if x.value != NULL:
            if behind:
                x.retry_at = now + LEAST_PAUSE
            entry_trim(table_entry(&s.table, slot), &s.spare)
        elif x.absence == NOT_ABSENT:
            stripe_bury_lock_held(s, r, slot, EXPIRED_VALUE, now, g)
    write_unlock(&s.lock)


cdef inline PyObject* stripe_next_flight(Stripe* s, uint32_t* cursor) noexcept nogil:
    """A new reference to the next linked flight, or NULL after the last; the cursor starts at 0."""
    cdef PyObject* flight = NULL
    cdef Extra* x
    mutex_lock(&s.lock.mutex)
    # Twice the slot, and one more for the flight that it superseded.
    while flight == NULL and s.flights > 0 and cursor[0] < 2 * s.table.fresh:
        x = NULL
        if table_entry(&s.table, cursor[0] >> 1).key != NULL:
            x = entry_extra(table_entry(&s.table, cursor[0] >> 1))
        if x != NULL:
            flight = x.former if cursor[0] & 1 else x.flight
        cursor[0] += 1
    if flight != NULL:
        py_incref(flight)
    mutex_unlock(&s.lock.mutex)
    return flight


cdef inline uint32_t stripe_heat(Stripe* s, uint32_t slot, PyObject* flight) noexcept nogil:
    """How much a key is asked for that a flight is to be loaded behind; 0 if it need not be any more."""
    cdef uint32_t heat = 0
    cdef Extra* x
    mutex_lock(&s.lock.mutex)
    x = stripe_landing_lock_held(s, slot, flight)
    if x != NULL:
        heat = x.asks + table_entry(&s.table, slot).marks
    mutex_unlock(&s.lock.mutex)
    return heat
