"""The usual write: a new value for a key that has one, and nothing else to be done."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastcache._core.core cimport Core, core_stripe
from fastcache._core.entry cimport Entry
from fastcache._core.evict cimport order_touch
from fastcache._core.key cimport YES, key_equal
from fastcache._core.mutex cimport mutex_lock, mutex_unlock
from fastcache._core.py cimport likely, py_incref, py_may_be_gc, unlikely
from fastcache._core.stripe cimport Stripe, stripe_age_lock_held, stripe_may_sweep_lock_held
from fastcache._core.table cimport table_candidate


cdef inline PyObject* core_swap(
    Core* core, PyObject* key, uint64_t hash, PyObject* value, int64_t ttl, int64_t now,
) noexcept nogil:
    """Writes a value and hands out the former one, owned by the caller; NULL, and nothing done, if it takes more.

    It takes more where the key is new or not told at a glance, where a load or a failure is noted beside the value,
    where expired values wait to be swept, where values are weighed, and where somebody listens to removals.
    """
    cdef Stripe* s = core_stripe(core, hash)
    cdef PyObject* former = NULL
    cdef uint32_t slot
    cdef Entry* e
    mutex_lock(&s.lock)
    e = table_candidate(&s.table, <uint32_t>hash, &slot)
    if (
        likely(e != NULL and core.rules.plain and not e.has_extra)
        and not stripe_may_sweep_lock_held(s, &core.rules, now)
        and (likely(e.key == key) or (e.hash == <uint32_t>hash and key_equal(e.key, key) == YES))
    ):
        former = <PyObject*>e.content
        py_incref(value)
        e.content = value
        if unlikely(py_may_be_gc(value)):
            s.seen_by_gc = True
        order_touch(&s.order, e, slot)
        stripe_age_lock_held(s, &core.rules, e, ttl, now)
    mutex_unlock(&s.lock)
    return former
