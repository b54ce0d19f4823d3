"""A stripe's values in the order in which they leave, for a store that has an exact one, and so a single stripe.

Each function takes the stripe's lock and gives it back.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t

from fastcache._core.entry cimport Entry, entry_expires_at, entry_unexpired, entry_value
from fastcache._core.grave cimport EXPIRED_VALUE, EXPLICIT, Grave, grave_left
from fastcache._core.links cimport links_newer, links_oldest
from fastcache._core.mutex cimport mutex_lock, mutex_unlock
from fastcache._core.py cimport py_incref
from fastcache._core.rules cimport Rules
from fastcache._core.seqlock cimport write_lock, write_unlock
from fastcache._core.stripe cimport PER_ENTRY, Stripe
from fastcache._core.stripe_content cimport stripe_bury_lock_held, stripe_drop_value_lock_held
from fastcache._core.table cimport NO_SLOT, table_entry

cdef enum:
    # Values that leave in one step: so many fit into a grave.
    LEAVING = 16

cdef struct Leaver:
    PyObject* key       # owned
    PyObject* value     # owned
    int64_t expires_at


cdef inline void leaver_take(Leaver* l, const Entry* e) noexcept nogil:
    l.key = e.key
    l.value = entry_value(e)
    l.expires_at = entry_expires_at(e)
    py_incref(l.key)
    py_incref(l.value)


cdef inline uint32_t leaving_list(Stripe* s, int64_t now, Leaver* leavers, uint32_t room) noexcept nogil:
    """Copies what has not expired, the first to leave first; how many there may be, copied only if they fit."""
    cdef uint32_t n = 0
    cdef uint32_t slot
    cdef Entry* e
    mutex_lock(&s.lock.mutex)
    if s.values > room:
        n = s.values
    else:
        slot = links_oldest(&s.order.links)
        while slot != NO_SLOT:
            e = table_entry(&s.table, slot)
            if entry_unexpired(e, now):
                leaver_take(&leavers[n], e)
                n += 1
            slot = links_newer(&s.order.links, slot)
    mutex_unlock(&s.lock.mutex)
    return n


cdef inline bint leaving_pop(Stripe* s, Rules* r, int64_t now, Leaver* leaver, Grave* g) noexcept nogil:
    """Removes the unexpired value that would leave first and hands it out; False if there is none."""
    cdef uint32_t slot
    cdef bint popped = False
    write_lock(&s.lock)
    slot = links_oldest(&s.order.links)
    while slot != NO_SLOT and not entry_unexpired(table_entry(&s.table, slot), now):
        slot = links_newer(&s.order.links, slot)
    if slot != NO_SLOT:
        leaver_take(leaver, table_entry(&s.table, slot))
        stripe_bury_lock_held(s, r, slot, EXPLICIT, now, g)
        popped = True
    write_unlock(&s.lock)
    return popped


cdef inline uint32_t leaving_expire(
    Stripe* s, Rules* r, int64_t until, uint32_t* start, Leaver* leavers, Grave* g,
) noexcept nogil:
    """Removes values that expire no later than ``until`` and hands them out, from slot ``start`` on.

    Fewer than LEAVING of them are the last.
    """
    cdef uint32_t n = 0
    cdef Entry* e
    write_lock(&s.lock)
    while start[0] < s.table.fresh and n < LEAVING and grave_left(g) >= PER_ENTRY:
        e = table_entry(&s.table, start[0])
        if e.key != NULL and entry_value(e) != NULL and until >= entry_expires_at(e):
            leaver_take(&leavers[n], e)
            n += 1
            stripe_drop_value_lock_held(s, r, start[0], True, EXPIRED_VALUE, until, g)
            s.counts.expirations += 1
        start[0] += 1
    write_unlock(&s.lock)
    return n
