"""One operation's visit to one stripe: the stripe, the instant, the search and what is to be dropped."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t

from fastcache._core.core cimport UNTIMED, Core, core_now, core_stripe
from fastcache._core.grave cimport Grave, grave_drop, grave_left
from fastcache._core.mutex cimport FREE_READS
from fastcache._core.probe cimport Probe, probe_settle, probe_start
from fastcache._core.py cimport unlikely
from fastcache._core.shelf cimport shelf_bytes
from fastcache._core.stripe cimport IN_DOUBT, NO_MEMORY, NO_PLACE, NO_TIME, PER_ENTRY, Stripe, Verdict
from fastcache._core.upkeep cimport MUCH_IN_STRIPE, core_evict_elsewhere, core_pause, core_sweep_elsewhere

cdef struct Visit:
    Core* core
    Stripe* stripe
    int64_t now     # one instant for the whole operation, or UNREAD
    Probe probe     # to be ended with probe_end
    Grave grave


cdef inline void visit_start(Visit* v, Core* core, PyObject* key, uint64_t hash, int64_t now) noexcept nogil:
    v.core = core
    v.stripe = core_stripe(core, hash)
    v.now = now
    v.grave.count = 0
    probe_start(&v.probe, key, hash)


cdef inline bint visit_retry(Visit* v, Verdict verdict) except -1:
    """Settles what kept a step from being done; True, for it is to be taken again."""
    # With its grave full the stripe could not let go of more, and has nothing to ask of others.
    cdef bint elsewhere = verdict == NO_PLACE and grave_left(&v.grave) >= 2 * PER_ENTRY
    grave_drop(&v.grave, v.core.listener)
    if verdict == IN_DOUBT:
        probe_settle(&v.probe)
        return True
    if elsewhere:
        core_evict_elsewhere(v.core, v.stripe, v.now, &v.grave)
        grave_drop(&v.grave, v.core.listener)
    if verdict == NO_TIME:
        v.now = core_now(v.core)
        return True
    if verdict == NO_MEMORY:
        raise MemoryError()
    return verdict == NO_PLACE


cdef inline bint visit_again(Visit* v, Verdict verdict) except -1:
    """After every step of a visit: drops what the stripe let go of; True if the step is to be taken again."""
    if unlikely(verdict == IN_DOUBT or verdict == NO_PLACE or verdict == NO_TIME or verdict == NO_MEMORY):
        return visit_retry(v, verdict)
    grave_drop(&v.grave, v.core.listener)
    if FREE_READS and unlikely(shelf_bytes(&v.stripe.table.shelf) > MUCH_IN_STRIPE):
        core_pause(v.core)
    return False


cdef inline void visit_tidy(Visit* v) noexcept:
    """After an operation that was not the fastest anyway: a little of the work that nobody waits for."""
    if v.core.timing != UNTIMED and v.core.stripe_count > 1:
        core_sweep_elsewhere(v.core, v.now, &v.grave)
        grave_drop(&v.grave, v.core.listener)
