"""The first look of a call for its result, where most hits end; NULL leaves the call to others.

Nothing here calls anything that could raise, so a hit has little to save and restore.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastcache._core.core cimport Core, core_ceiling, core_glance, core_serve_lock_held, core_stripe
from fastcache._core.entry cimport Entry
from fastcache._core.key cimport YES, key_equal
from fastcache._core.mutex cimport FREE_READS, mutex_lock, mutex_unlock
from fastcache._core.py cimport likely, unlikely
from fastcache._core.stripe cimport Stripe
from fastcache._core.table cimport table_candidate, table_entry


cdef inline PyObject* glance(Core* core, PyObject* key, uint64_t hash, bint* absent) noexcept nogil:
    """``core_glance`` that also tells if the key is surely absent, so that nobody looks again: with a GIL alone."""
    cdef int64_t ceiling = core_ceiling(core)
    cdef Stripe* s = core_stripe(core, hash)
    cdef PyObject* value = NULL
    cdef uint32_t slot
    cdef Entry* e
    absent[0] = False
    if FREE_READS:
        return core_glance(core, ceiling, key, hash)
    mutex_lock(&s.lock.mutex)
    e = table_candidate(&s.table, <uint32_t>hash, &slot)
    if unlikely(e == NULL):
        absent[0] = True
    elif likely(e.key == key) or (e.hash == <uint32_t>hash and key_equal(e.key, key) == YES):
        value = core_serve_lock_held(core, s, ceiling, e, slot)
    mutex_unlock(&s.lock.mutex)
    return value


cdef inline PyObject* glance_at_only(Core* core, PyObject* key, uint64_t hash) noexcept nogil:
    """The value of a key that most probably is the only one, and so in the first slot; with a GIL alone."""
    cdef int64_t ceiling = core_ceiling(core)
    cdef Stripe* s = core_stripe(core, hash)
    cdef PyObject* value = NULL
    mutex_lock(&s.lock.mutex)
    if likely(s.table.fresh != 0 and table_entry(&s.table, 0).key == key):
        value = core_serve_lock_held(core, s, ceiling, table_entry(&s.table, 0), 0)
    mutex_unlock(&s.lock.mutex)
    return value
