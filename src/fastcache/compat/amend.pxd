"""What can be changed of one certain value's entry: the value for another, and whether it is there.

Each function takes the stripe's lock and gives it back; a verdict of IN_DOUBT is to be settled as everywhere.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t

from fastcache._core.entry cimport Entry, Extra, entry_extra, entry_unexpired, entry_value
from fastcache._core.evict cimport order_touch
from fastcache._core.grave cimport EXPLICIT, Grave, grave_add
from fastcache._core.probe cimport Probe
from fastcache._core.py cimport py_incref, py_may_be_gc
from fastcache._core.rules cimport Rules
from fastcache._core.seqlock cimport write_lock, write_unlock
from fastcache._core.stripe cimport DONE, IN_DOUBT, MISS, Stripe, Verdict
from fastcache._core.stripe_content cimport stripe_bury_lock_held, stripe_expose_lock_held
from fastcache._core.table cimport DOUBT, FOUND, Search, table_entry, table_find


cdef inline Verdict amend_value(
    Stripe* s, Probe* p, PyObject* former, PyObject* value, int64_t now, Grave* g,
) noexcept nogil:
    """Puts ``value`` where ``former``, that very object, is and has not expired; its life goes on.  DONE or MISS.

    For a store that neither weighs nor tells of removals.
    """
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
        if entry_value(e) == former and entry_unexpired(e, now):
            py_incref(value)
            stripe_expose_lock_held(s, value)
            if x != NULL:
                x.value = value
            else:
                e.content = value
            s.seen_by_gc |= py_may_be_gc(value)
            order_touch(&s.order, e, slot)
            grave_add(g, former)
            verdict = DONE
    write_unlock(&s.lock)
    return verdict


cdef inline Verdict amend_away(Stripe* s, Rules* r, Probe* p, PyObject* former, int64_t now, Grave* g) noexcept nogil:
    """Removes the key if ``former``, that very object, is its value.  DONE or MISS."""
    cdef uint32_t slot
    cdef Verdict verdict = MISS
    write_lock(&s.lock)
    cdef Search found = table_find(&s.table, p, &slot)
    if found == DOUBT:
        verdict = IN_DOUBT
    elif found == FOUND and entry_value(table_entry(&s.table, slot)) == former:
        stripe_bury_lock_held(s, r, slot, EXPLICIT, now, g)
        verdict = DONE
    write_unlock(&s.lock)
    return verdict
