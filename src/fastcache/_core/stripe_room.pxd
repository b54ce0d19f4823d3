"""Room in a stripe: what has expired is swept out, and what the store has no room for is evicted.

All functions here expect the stripe's lock to be held.
"""

from libc.stdint cimport int64_t, uint32_t

from fastcache._core.entry cimport (
    FAILED_LOAD, NOT_ABSENT, Entry, Extra, entry_ends_at, entry_extra, entry_is_over, entry_value, entry_written_at,
)
from fastcache._core.evict cimport order_victim
from fastcache._core.grave cimport EXPIRED_VALUE, SIZE, Grave, grave_left
from fastcache._core.mutex cimport atomic_store
from fastcache._core.py cimport FOREVER
from fastcache._core.rules cimport Rules, rules_give_places, rules_take_place, rules_take_weight
from fastcache._core.stripe cimport PER_ENTRY, Stripe
from fastcache._core.stripe_content cimport stripe_drop_value_lock_held, stripe_forget_absence_lock_held
from fastcache._core.table cimport NO_SLOT, table_entry, table_skip

cdef enum:
    # Slots that a write looks at for expired values, in its own stripe and in another.
    SWEEP_STEPS = 4
    TURN_STEPS = 6
    # How far an eviction looks for an expired value before a live one goes.
    EVICTION_SWEEP = 4096


cdef inline void stripe_sweep_absence_lock_held(
    Stripe* s, Rules* r, uint32_t slot, int64_t now, Grave* g,
) noexcept nogil:
    """For an entry without a value, which may only be loading."""
    cdef Extra* x = entry_extra(table_entry(&s.table, slot))
    cdef int64_t until = x.due_at
    if x.absence == NOT_ABSENT:
        return
    if x.absence == FAILED_LOAD:
        # As long again it is known how many failures there were in a row.
        until += until - entry_written_at(table_entry(&s.table, slot))
    if now < until:
        s.first_in_sweep = min(s.first_in_sweep, until)
    else:
        stripe_forget_absence_lock_held(s, r, slot, now, g)


cdef inline uint32_t stripe_sweep_some_lock_held(
    Stripe* s, Rules* r, int64_t now, uint32_t steps, bint one, Grave* g,
) noexcept nogil:
    """Looks at the next slots for values past all their windows and removes them: all of them, or only one.

    How many were removed.  Stops early when the grave is nearly full, and sooner for who wants room for a value.
    """
    cdef Entry* e
    cdef uint32_t removed = 0
    while steps > 0 and s.values + s.absences > 0 and grave_left(g) >= PER_ENTRY + one * PER_ENTRY:
        steps -= 1
        if s.sweep_at >= s.table.fresh:
            s.sweep_at = 0
            atomic_store(&s.first_expiry, s.first_in_sweep)
            s.first_in_sweep = FOREVER
            if now < s.first_expiry:
                break
        s.sweep_at = table_skip(&s.table, s.sweep_at)
        e = table_entry(&s.table, s.sweep_at)
        s.sweep_at += 1
        if e.key == NULL:
            continue
        if entry_value(e) == NULL:
            stripe_sweep_absence_lock_held(s, r, s.sweep_at - 1, now, g)
            continue
        if not entry_is_over(e, now, r.keep):
            s.first_in_sweep = min(s.first_in_sweep, entry_ends_at(e))
            continue
        stripe_drop_value_lock_held(s, r, s.sweep_at - 1, True, EXPIRED_VALUE, now, g)
        s.counts.expirations += 1
        removed += 1
        if one:
            break
    return removed


cdef inline uint32_t stripe_sweep_lock_held(
    Stripe* s, Rules* r, int64_t now, uint32_t steps, bint one, Grave* g,
) noexcept nogil:
    """``stripe_sweep_some_lock_held``, if some value may be past all its windows."""
    if now < s.first_expiry or now - s.first_expiry < r.keep:
        return 0
    return stripe_sweep_some_lock_held(s, r, now, steps, one, g)


cdef inline bint stripe_evict_lock_held(Stripe* s, Rules* r, uint32_t spared, int64_t now, Grave* g) noexcept nogil:
    """Removes one value, an expired one if there is any; False when the stripe has none but that of ``spared``.

    Also False when the grave is full.  The value in ``spared`` (or NO_SLOT) has not expired for good.
    """
    # Room also for what the caller of the eviction is about to take out.
    if s.values <= <uint32_t>(spared != NO_SLOT) or grave_left(g) < 2 * PER_ENTRY:
        return False
    if stripe_sweep_lock_held(s, r, now, EVICTION_SWEEP, True, g) == 0:
        # Absences that were swept have gone there too.
        if grave_left(g) < 2 * PER_ENTRY:
            return False
        stripe_drop_value_lock_held(s, r, order_victim(&s.order, &s.table, spared), False, SIZE, now, g)
        s.counts.evictions += 1
    return True


cdef inline bint stripe_make_room_lock_held(
    Stripe* s, Rules* r, uint32_t slot, int64_t weight, int64_t now, Grave* g,
) noexcept nogil:
    """Takes what the next value of a slot needs, evicting others from this stripe if need be; False if that cannot be.

    With NO_SLOT, or a slot without a value, that is a place and the weight, else the weight that it has more than the
    old value.
    """
    cdef bint more = slot == NO_SLOT or entry_value(table_entry(&s.table, slot)) == NULL
    if not more:
        if not r.weighed:
            return True
        weight -= s.weights.at[slot]
    while True:
        if not more or rules_take_place(r):
            if not r.weighed or rules_take_weight(r, weight):
                return True
            if more:
                rules_give_places(r, 1, 0)
        if not stripe_evict_lock_held(s, r, NO_SLOT if more else slot, now, g):
            return False
