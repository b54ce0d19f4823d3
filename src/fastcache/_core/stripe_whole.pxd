"""What is done to a stripe as a whole: evict, sweep, pop, list, swap out.

Each function takes the stripe's lock and gives it back; those that only look, its mutex alone.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t

from fastcache._core.entry cimport Entry, entry_unexpired, entry_value
from fastcache._core.evict cimport order_clear
from fastcache._core.grave cimport EXPLICIT, Grave
from fastcache._core.mutex cimport atomic_store, mutex_lock, mutex_unlock
from fastcache._core.py cimport FOREVER, py_incref
from fastcache._core.rules cimport Rules, rules_give_absences, rules_give_places
from fastcache._core.seqlock cimport write_lock, write_unlock
from fastcache._core.shelf cimport shelf_bytes
from fastcache._core.stripe cimport Stripe, stripe_note_removal_lock_held
from fastcache._core.stripe_content cimport stripe_bury_lock_held
from fastcache._core.stripe_room cimport stripe_evict_lock_held, stripe_sweep_lock_held
from fastcache._core.table cimport NO_SLOT, Table, table_entry, table_renew, table_shelve
from fastcache._core.weights cimport weights_clear


cdef inline bint stripe_evict(Stripe* s, Rules* r, int64_t now, Grave* g) noexcept nogil:
    cdef bint evicted
    write_lock(&s.lock)
    evicted = stripe_evict_lock_held(s, r, NO_SLOT, now, g)
    write_unlock(&s.lock)
    return evicted


cdef inline uint32_t stripe_sweep(Stripe* s, Rules* r, int64_t now, uint32_t steps, Grave* g) noexcept nogil:
    """Removes expired values until the grave is full or so many slots have been looked at; how many."""
    cdef uint32_t removed
    write_lock(&s.lock)
    removed = stripe_sweep_lock_held(s, r, now, steps, False, g)
    write_unlock(&s.lock)
    return removed


cdef inline bint stripe_pop(
    Stripe* s, Rules* r, int64_t now, uint32_t steps, PyObject** key, PyObject** value, Grave* g,
) noexcept nogil:
    """Removes an unexpired pair and hands it out, as new references; looks at ``steps`` slots at most."""
    cdef uint32_t slot
    cdef Entry* e
    cdef bint popped = False
    write_lock(&s.lock)
    while steps > 0 and s.values > 0 and not popped:
        steps -= 1
        if s.pop_at >= s.table.fresh:
            s.pop_at = 0
        slot = s.pop_at
        s.pop_at += 1
        e = table_entry(&s.table, slot)
        if e.key != NULL and entry_value(e) != NULL and entry_unexpired(e, now):
            key[0] = e.key
            value[0] = entry_value(e)
            py_incref(key[0])
            py_incref(value[0])
            stripe_bury_lock_held(s, r, slot, EXPLICIT, now, g)
            stripe_note_removal_lock_held(s, r)
            popped = True
    write_unlock(&s.lock)
    return popped


cdef inline uint32_t stripe_list(
    Stripe* s, int64_t now, PyObject** keys, PyObject** values, uint32_t room,
) noexcept nogil:
    """Copies keys and values of what has not expired, each unless NULL, as new references.

    How many there are, copied only if they fit; with no room it only counts.
    """
    cdef uint32_t slot, n = 0
    cdef Entry* e
    mutex_lock(&s.lock.mutex)
    if s.values > room and room > 0:
        n = s.values
    else:
        for slot in range(s.table.fresh):
            e = table_entry(&s.table, slot)
            if e.key == NULL or entry_value(e) == NULL or not entry_unexpired(e, now):
                continue
            if room > 0:
                if keys != NULL:
                    keys[n] = e.key
                    py_incref(keys[n])
                if values != NULL:
                    values[n] = entry_value(e)
                    py_incref(values[n])
            n += 1
    mutex_unlock(&s.lock.mutex)
    return n


cdef inline bint stripe_swap_out(Stripe* s, Rules* r, Table* table) noexcept nogil:
    """Takes the stripe's table out, to be dropped and then shelved by the caller; False when memory is out."""
    write_lock(&s.lock)
    table[0] = s.table
    if not table_renew(&s.table):
        write_unlock(&s.lock)
        return False
    stripe_note_removal_lock_held(s, r)
    rules_give_places(r, s.values, s.weights.sum)
    weights_clear(&s.weights)
    s.values = s.flights = 0
    rules_give_absences(r, s.absences)
    s.absences = 0
    s.oldest_absence = s.newest_absence = NO_SLOT
    order_clear(&s.order)
    s.sweep_at = s.pop_at = 0
    atomic_store(&s.first_expiry, FOREVER)
    s.first_in_sweep = FOREVER
    write_unlock(&s.lock)
    return True


cdef inline size_t stripe_shelve(Stripe* s, Table* table) noexcept nogil:
    """Takes back the memory of a table that was taken out; how many bytes now lie on the shelf."""
    cdef size_t shelved
    mutex_lock(&s.lock.mutex)
    table_shelve(table, &s.table.shelf)
    shelved = shelf_bytes(&s.table.shelf)
    mutex_unlock(&s.lock.mutex)
    return shelved


cdef inline void stripe_expect_removals(Stripe* s, int64_t now, int64_t keep) noexcept nogil:
    """Some values may have come to their end before their time: sweeps are to look for them."""
    write_lock(&s.lock)
    atomic_store(&s.first_expiry, min(s.first_expiry, now - keep))
    s.first_in_sweep = min(s.first_in_sweep, now - keep)
    write_unlock(&s.lock)
