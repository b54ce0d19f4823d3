"""The two usual writes: a new value for a key that has one, and a new key for the one that leaves a full store.

Both decline, and leave it to the whole procedure, where anything else is to be done: where a load or a failure is
noted beside a value, expired values wait to be swept, values are weighed, or somebody listens to removals.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastcache._core.core cimport Core, core_stripe
from fastcache._core.entry cimport Entry
from fastcache._core.evict cimport order_add, order_drop, order_reserve, order_touch, order_victim
from fastcache._core.grave cimport SIZE, Grave, grave_add
from fastcache._core.index cimport index_find, index_first
from fastcache._core.key cimport YES, key_equal
from fastcache._core.mutex cimport atomic_load
from fastcache._core.py cimport likely, py_incref, py_may_be_gc, unlikely
from fastcache._core.rules cimport rules_are_full
from fastcache._core.seqlock cimport write_lock, write_unlock
from fastcache._core.stripe cimport Stripe
from fastcache._core.stripe_content cimport (
    stripe_age_plain_lock_held, stripe_drop_value_lock_held, stripe_expose_lock_held,
)
from fastcache._core.table cimport NO_SLOT, table_entry, table_reuse


cdef inline bint core_may_sweep_lock_held(const Core* core, const Stripe* s, int64_t now) noexcept nogil:
    """Whether a write has some sweeping to do, in its own stripe or in another."""
    cdef int64_t first = s.first_expiry if core.stripe_count == 1 else atomic_load(&core.rules.first_expiry)
    return now >= first and now - first >= core.rules.keep


cdef inline PyObject* core_swap(
    Core* core, PyObject* key, uint64_t hash, PyObject* value, int64_t ttl, int64_t now, bint* absent,
) noexcept nogil:
    """Writes a value and hands out the former one, owned by the caller; NULL, and nothing done, if it declines.

    If that is since the key has no entry, ``absent`` is set, the stripe stays locked, and ``core_displace`` must go on.
    """
    cdef Stripe* s = core_stripe(core, hash)
    cdef PyObject* former
    cdef uint32_t slot
    cdef Entry* e
    write_lock(&s.lock)
    e = index_first(&s.table, <uint32_t>hash, &slot)
    if unlikely(e == NULL or e.key != key):
        e = index_find(&s.table, <uint32_t>hash, &slot)
        if e == NULL:
            absent[0] = True
            return NULL
        if e.key != key and key_equal(e.key, key) != YES:
            write_unlock(&s.lock)
            return NULL
    if unlikely(not core.rules.plain or e.has_extra or core_may_sweep_lock_held(core, s, now)):
        write_unlock(&s.lock)
        return NULL
    former = <PyObject*>e.content
    py_incref(value)
    stripe_expose_lock_held(s, value)
    e.content = value
    if unlikely(py_may_be_gc(value)):
        s.seen_by_gc = True
    order_touch(&s.order, e, slot)
    stripe_age_plain_lock_held(s, &core.rules, e, ttl, now)
    write_unlock(&s.lock)
    return former


cdef inline bint core_displace(
    Core* core, PyObject* key, uint64_t hash, PyObject* value, int64_t ttl, int64_t now, Grave* g,
) noexcept nogil:
    """Writes a new key into the slot of the value that leaves next; False, and nothing written, if it declines.

    Goes on after ``core_swap``, and gives the lock back that was left to it.
    """
    cdef Stripe* s = core_stripe(core, hash)
    cdef bint written = False
    cdef uint32_t slot
    cdef Entry* e
    if (
        core.rules.plain and s.values > 0 and rules_are_full(&core.rules)
        and not core_may_sweep_lock_held(core, s, now)
        # The slot that leaves has its memory already; a place in a queue may not.
        and order_reserve(&s.order, &s.table, 0)
    ):
        slot = order_victim(&s.order, &s.table, NO_SLOT)
        e = table_entry(&s.table, slot)
        s.counts.evictions += 1
        if e.has_extra:
            stripe_drop_value_lock_held(s, &core.rules, slot, False, SIZE, now, g)
        else:
            order_drop(&s.order, e, slot)
            grave_add(g, <PyObject*>e.content)
            grave_add(g, e.key)
            table_reuse(&s.table, e, slot, <uint32_t>hash)
            py_incref(key)
            py_incref(value)
            stripe_expose_lock_held(s, key)
            stripe_expose_lock_held(s, value)
            e.key = key
            e.content = value
            s.seen_by_gc |= py_may_be_gc(key) | py_may_be_gc(value)
            order_add(&s.order, &s.table, e, slot)
            stripe_age_plain_lock_held(s, &core.rules, e, ttl, now)
            written = True
    write_unlock(&s.lock)
    return written
