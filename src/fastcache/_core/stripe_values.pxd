"""What callers do to one value of a stripe: read, write, remove, expire, touch, look.

Each function takes the stripe's lock and gives it back; those that only look, its mutex alone.  A verdict of IN_DOUBT
or NO_PLACE means that nothing was changed that matters; the caller settles the probe or evicts elsewhere, empties the
grave, and calls again.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint32_t

from fastcache._core.entry cimport (
    DUE, EXPIRED, Age, Entry, Extra, entry_age, entry_due_at, entry_ends_at, entry_extra, entry_is_over,
    entry_keep, entry_set_times, entry_trim, entry_unexpired, entry_value, entry_written_at, took_seconds,
)
from fastcache._core.evict cimport order_reserve, order_touch
from fastcache._core.grave cimport EXPIRED_VALUE, EXPLICIT, REPLACED, Grave
from fastcache._core.mutex cimport mutex_lock, mutex_unlock
from fastcache._core.outcome cimport USUAL_WINDOW, Outcome
from fastcache._core.probe cimport Probe
from fastcache._core.py cimport ALWAYS, FOREVER, py_incref
from fastcache._core.rules cimport Rules, rules_give_places
from fastcache._core.seqlock cimport write_begin, write_end, write_lock, write_unlock
from fastcache._core.stripe cimport (
    DONE, HIT, IN_DOUBT, MISS, NO_MEMORY, NO_PLACE, NO_TIME, UNREAD, Stripe, Verdict, stripe_count_hit_lock_held,
    stripe_note_removal_lock_held,
)
from fastcache._core.stripe_content cimport (
    stripe_age_lock_held, stripe_ahead_lock_held, stripe_bury_lock_held, stripe_detach_lock_held,
    stripe_drop_value_lock_held, stripe_fill_lock_held, stripe_may_remember_lock_held, stripe_new_lock_held,
    stripe_note_expiry_lock_held,
)
from fastcache._core.stripe_room cimport SWEEP_STEPS, stripe_make_room_lock_held, stripe_sweep_lock_held
from fastcache._core.table cimport ABSENT, DOUBT, FOUND, NO_SLOT, Search, table_entry, table_find

cdef struct Look:
    PyObject* value     # owned
    PyObject* error     # owned, or NULL
    PyObject* tags      # owned; a TagSet, or NULL
    int64_t weight      # 0 where nothing is weighed
    int64_t stale_window    # of this value alone, or USUAL_WINDOW; both or neither
    int64_t error_window
    Age age
    int64_t written_at
    int64_t due_at
    int64_t ends_at
    int64_t retry_at
    int64_t seen_at     # when it was looked at
    uint8_t took
    uint32_t failures
    bint loading


cdef inline Verdict stripe_get(
    Stripe* s, Rules* r, Probe* p, int64_t now, bint counted, Age oldest, PyObject** value, Grave* g,
) noexcept nogil:
    """HIT with a value no older than that, or MISS; uncounted, it leaves counters and order alone.

    ``now`` may be UNREAD.
    """
    cdef uint32_t slot
    cdef Entry* e
    cdef Age age
    cdef Verdict verdict = MISS
    mutex_lock(&s.lock.mutex)
    cdef Search found = table_find(&s.table, p, &slot)
    if found == DOUBT:
        mutex_unlock(&s.lock.mutex)
        return IN_DOUBT
    if found == FOUND:
        e = table_entry(&s.table, slot)
        if entry_value(e) != NULL:
            if now == UNREAD:
                mutex_unlock(&s.lock.mutex)
                return NO_TIME
            age = entry_age(e, now, r.stale_window, r.error_window)
            if age <= oldest:
                value[0] = entry_value(e)
                py_incref(value[0])
                verdict = HIT
                if counted:
                    order_touch(&s.order, e, slot)
            elif age == EXPIRED and (not e.has_extra or entry_extra(e).flight == NULL):
                write_begin(&s.lock)
                stripe_bury_lock_held(s, r, slot, EXPIRED_VALUE, now, g)
                write_end(&s.lock)
                s.counts.expirations += 1
    if counted and verdict == HIT and age > DUE:
        s.counts.stale_hits += 1
    elif counted and verdict == HIT:
        stripe_count_hit_lock_held(s, r, e, now)
    elif counted:
        s.counts.misses += 1
    mutex_unlock(&s.lock.mutex)
    return verdict


cdef inline Verdict stripe_put(
    Stripe* s, Rules* r, Probe* p, PyObject* value, const Outcome* o, int64_t now, PyObject** kept, Grave* g,
) noexcept nogil:
    """Writes a value; with ``kept`` given, an unexpired value stays and is handed out instead (HIT).

    A value heavier than all that the store may hold is not kept, nor is the one that it replaces.  MISS, and nothing
    changed, if a value is to be written and its weight is negative: not known yet.
    """
    cdef uint32_t slot
    cdef Entry* e
    cdef Verdict verdict = DONE
    cdef bint held = False
    cdef bint weighed = o.weight >= 0 or o.ttl == 0
    write_lock(&s.lock)
    cdef Search found = table_find(&s.table, p, &slot)
    if found == FOUND:
        e = table_entry(&s.table, slot)
        held = entry_value(e) != NULL
        if r.weighed and held and weighed and entry_is_over(e, now, r.keep):
            # What is expired leaves first when room is made, and this entry must stay until it is written.  So must its
            # flight: others may come between if room is made elsewhere.
            found = FOUND if e.has_extra and entry_extra(e).flight != NULL else ABSENT
            stripe_drop_value_lock_held(s, r, slot, True, EXPIRED_VALUE, now, g)
            s.counts.expirations += 1
            held = False
        elif not held and weighed and entry_extra(e).flight == NULL:
            # The same of an absence.
            stripe_bury_lock_held(s, r, slot, REPLACED, now, g)
            found = ABSENT
    if found == DOUBT:
        verdict = IN_DOUBT
    elif kept != NULL and found == FOUND and held and entry_unexpired(e, now):
        kept[0] = entry_value(e)
        py_incref(kept[0])
        order_touch(&s.order, e, slot)
        verdict = HIT
    elif not weighed:
        verdict = MISS
    elif o.ttl == 0 or o.weight > r.max_weight:
        s.counts.oversized += o.ttl != 0
        stripe_note_removal_lock_held(s, r)
        if found == FOUND:
            stripe_bury_lock_held(s, r, slot, REPLACED, now, g)
    elif (
        (found == FOUND and not held and not order_reserve(&s.order, &s.table, slot))
        or not stripe_may_remember_lock_held(s, o)
    ):
        verdict = NO_MEMORY
    elif not stripe_make_room_lock_held(s, r, slot if found == FOUND else NO_SLOT, o.weight, now, g):
        verdict = NO_PLACE
    else:
        if found == ABSENT:
            slot = stripe_new_lock_held(s, r, p.key, p.hash)
        if slot == NO_SLOT:
            rules_give_places(r, 1, o.weight)
            verdict = NO_MEMORY
        else:
            stripe_fill_lock_held(s, r, slot, value, o, -1, now, False, g)
    if verdict == DONE:
        stripe_sweep_lock_held(s, r, now, SWEEP_STEPS, False, g)
    write_unlock(&s.lock)
    return verdict


cdef inline Verdict stripe_remove(
    Stripe* s, Rules* r, Probe* p, int64_t now, PyObject** value, Grave* g,
) noexcept nogil:
    """Removes a key, its flight included: HIT with an unexpired value, MISS if there was nothing, DONE otherwise."""
    cdef uint32_t slot
    cdef Entry* e
    cdef Verdict verdict = MISS
    write_lock(&s.lock)
    cdef Search found = table_find(&s.table, p, &slot)
    if found == DOUBT:
        verdict = IN_DOUBT
    elif found == FOUND:
        e = table_entry(&s.table, slot)
        verdict = DONE
        if entry_value(e) != NULL and entry_unexpired(e, now):
            value[0] = entry_value(e)
            py_incref(value[0])
            verdict = HIT
        stripe_bury_lock_held(s, r, slot, EXPLICIT, now, g)
    if verdict != IN_DOUBT:
        stripe_note_removal_lock_held(s, r)
    write_unlock(&s.lock)
    return verdict


cdef inline Verdict stripe_expire(Stripe* s, Rules* r, Probe* p, int64_t now, Grave* g) noexcept nogil:
    """Ends a key's freshness and detaches its flight, leaving it to the windows; HIT if it was unexpired."""
    cdef uint32_t slot
    cdef Entry* e
    cdef Extra* x
    cdef Verdict verdict = MISS
    write_lock(&s.lock)
    cdef Search found = table_find(&s.table, p, &slot)
    if found == DOUBT:
        verdict = IN_DOUBT
    elif found == FOUND:
        e = table_entry(&s.table, slot)
        x = entry_extra(e)
        if entry_value(e) == NULL or entry_keep(e, r.keep) == 0:
            verdict = HIT if entry_value(e) != NULL and entry_unexpired(e, now) else MISS
            stripe_bury_lock_held(s, r, slot, EXPIRED_VALUE, now, g)
        else:
            stripe_detach_lock_held(s, x, g)
            if x != NULL:
                # Who expires a key wants it loaded, whatever failed before.
                x.retry_at = ALWAYS
            if entry_unexpired(e, now):
                verdict = HIT
                entry_set_times(e, min(entry_written_at(e), now), now, now)
                stripe_note_expiry_lock_held(s, r, now)
            entry_trim(e, &s.spare)
    if verdict != IN_DOUBT:
        stripe_note_removal_lock_held(s, r)
    write_unlock(&s.lock)
    return verdict


cdef inline Verdict stripe_touch(Stripe* s, Rules* r, Probe* p, int64_t ttl, int64_t now, Grave* g) noexcept nogil:
    """Begins the life of an unexpired value anew; HIT if there was one.  A load of it goes on."""
    cdef uint32_t slot
    cdef uint8_t took
    cdef Entry* e
    cdef Verdict verdict = MISS
    write_lock(&s.lock)
    cdef Search found = table_find(&s.table, p, &slot)
    if found == DOUBT:
        verdict = IN_DOUBT
    elif found == FOUND and entry_value(table_entry(&s.table, slot)) != NULL:
        e = table_entry(&s.table, slot)
        if entry_unexpired(e, now):
            verdict = HIT
            took = e.took
            stripe_age_lock_held(s, r, e, ttl, <int64_t>(took_seconds(took) * 1e9) if took != 0 else -1, now)
            e.took = took
            order_touch(&s.order, e, slot)
    write_unlock(&s.lock)
    return verdict


cdef inline Verdict stripe_resume(
    Stripe* s, Rules* r, Probe* p, int64_t left, int64_t age, int64_t now, Grave* g,
) noexcept nogil:
    """A value goes on with a life that began elsewhere ``age`` ago and has ``left`` to go, or FOREVER; no jitter."""
    cdef uint32_t slot
    cdef Verdict verdict = MISS
    write_lock(&s.lock)
    cdef Search found = table_find(&s.table, p, &slot)
    if found == DOUBT:
        verdict = IN_DOUBT
    elif found == FOUND and entry_value(table_entry(&s.table, slot)) != NULL:
        verdict = HIT
        if left == FOREVER:
            entry_set_times(table_entry(&s.table, slot), now - age, FOREVER, FOREVER)
        else:
            entry_set_times(
                table_entry(&s.table, slot), now - age, now + left - stripe_ahead_lock_held(s, r, left, -1), now + left,
            )
            stripe_note_expiry_lock_held(s, r, now + left)
    write_unlock(&s.lock)
    return verdict


cdef inline Verdict stripe_look(Stripe* s, Rules* r, Probe* p, int64_t now, Look* look) noexcept nogil:
    """Everything about one value, without a trace; MISS if there is none that could still be served."""
    cdef uint32_t slot
    cdef Entry* e
    cdef Extra* x
    cdef Verdict verdict = MISS
    mutex_lock(&s.lock.mutex)
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
            look.written_at = entry_written_at(e)
            look.due_at = entry_due_at(e)
            look.ends_at = entry_ends_at(e)
            look.tags = x.tags if x != NULL else NULL
            if look.tags != NULL:
                py_incref(look.tags)
            look.weight = s.weights.at[slot] if r.weighed else 0
            look.stale_window = x.stale_window if x != NULL else USUAL_WINDOW
            look.error_window = x.error_window if x != NULL else USUAL_WINDOW
            look.seen_at = now
            look.took = e.took
            look.retry_at = x.retry_at if x != NULL else ALWAYS
            look.failures = x.failures if x != NULL else 0
            look.loading = x != NULL and x.flight != NULL
    mutex_unlock(&s.lock.mutex)
    return verdict
