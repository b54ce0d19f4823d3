"""The usual hit and the usual miss: a key that is found at the first look, or that surely has no entry."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastcache._core.core cimport Core, core_glance_free, core_serve_lock_held, core_stripe
from fastcache._core.entry cimport Entry
from fastcache._core.index cimport index_find
from fastcache._core.key cimport YES, key_equal
from fastcache._core.mutex cimport FREE_READS, mutex_lock, mutex_unlock
from fastcache._core.py cimport likely, unlikely
from fastcache._core.stripe cimport Stripe
from fastcache._core.swap cimport core_may_sweep_lock_held
from fastcache._core.table cimport table_candidate


cdef inline bint core_miss_lock_held(const Core* core, Stripe* s, int64_t ceiling) noexcept nogil:
    """Counts a miss of a key without an entry; False, and it is not counted, if there is something to sweep as well."""
    if core_may_sweep_lock_held(core, s, ceiling):
        return False
    s.counts.misses += 1
    return True


cdef inline PyObject* core_glance_or_miss(
    Core* core, int64_t ceiling, PyObject* key, uint64_t hash, bint* missed,
) noexcept nogil:
    """``core_glance``; ``missed``, which is False before, says whether NULL is a miss that has been counted."""
    cdef Stripe* s = core_stripe(core, hash)
    cdef PyObject* value = NULL
    cdef uint32_t slot
    cdef Entry* e
    if FREE_READS:
        value = core_glance_free(core, s, ceiling, key, hash)
        if unlikely(value == NULL):
            mutex_lock(&s.lock.mutex)
            if index_find(&s.table, <uint32_t>hash, &slot) == NULL:
                missed[0] = core_miss_lock_held(core, s, ceiling)
            mutex_unlock(&s.lock.mutex)
        return value
    mutex_lock(&s.lock.mutex)
    e = table_candidate(&s.table, <uint32_t>hash, &slot)
    if likely(e != NULL):
        if likely(e.key == key) or (e.hash == <uint32_t>hash and key_equal(e.key, key) == YES):
            value = core_serve_lock_held(core, s, ceiling, e, slot)
    else:
        missed[0] = core_miss_lock_held(core, s, ceiling)
    mutex_unlock(&s.lock.mutex)
    return value


cdef inline int core_has(Core* core, int64_t ceiling, PyObject* key, uint64_t hash) noexcept nogil:
    """1: the key has a value that is certainly fresh; 0: surely no entry; -1: neither is certain.  Without a trace."""
    cdef Stripe* s = core_stripe(core, hash)
    cdef int has = -1
    cdef uint32_t slot
    cdef Entry* e
    mutex_lock(&s.lock.mutex)
    e = table_candidate(&s.table, <uint32_t>hash, &slot)
    if e == NULL:
        has = 0
    elif ceiling < e.due_at and (e.key == key or (e.hash == <uint32_t>hash and key_equal(e.key, key) == YES)):
        has = 1
    mutex_unlock(&s.lock.mutex)
    return has
