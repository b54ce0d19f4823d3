"""What an operation does for stripes other than its own: evict there, sweep a little where it is due, empty shelves."""

cimport cython
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t

from fastcache._core.core cimport Core, core_coarse_now, core_set_timed, core_stripe_at
from fastcache._core.grave cimport Grave
from fastcache._core.mutex cimport FREE_READS, atomic_load, atomic_store
from fastcache._core.py cimport FOREVER
from fastcache._core.shelf cimport shelf_empty, stop_world
from fastcache._core.stripe cimport UNREAD, Stripe
from fastcache._core.stripe_room cimport TURN_STEPS
from fastcache._core.stripe_whole cimport stripe_evict, stripe_expect_removals, stripe_sweep

cdef enum:
    # More bytes than this that nobody needs, in all stripes or in one, are worth a pause of all threads.
    MUCH_SHELVED = 1 << 20
    MUCH_IN_STRIPE = 1 << 17


@cython.cdivision(True)
cdef inline uint32_t core_turn(Core* core) noexcept nogil:
    """The stripe whose turn it is; all come round."""
    return <uint32_t>(atomic_load(&core.turn) % core.stripe_count)


cdef inline void core_end_turn(Core* core) noexcept nogil:
    cdef uint32_t i
    cdef int64_t first = FOREVER
    # A turn that is lost between threads comes again.
    atomic_store(&core.turn, atomic_load(&core.turn) + 1)
    if core_turn(core) == 0:
        # A round is over: what it swept is no longer what expires first.
        for i in range(core.stripe_count):
            first = min(first, atomic_load(&core_stripe_at(core, i).first_expiry))
        atomic_store(&core.rules.first_expiry, first)


@cython.cdivision(True)
cdef inline void core_evict_elsewhere(Core* core, const Stripe* full, int64_t now, Grave* g) noexcept:
    """Evicts one value from a stripe other than ``full``, which has none to evict."""
    cdef uint32_t i, first = core_turn(core)
    cdef Stripe* s
    for i in range(core.stripe_count):
        s = core_stripe_at(core, (first + i) % core.stripe_count)
        if s != full and stripe_evict(s, &core.rules, now, g):
            break
    core_end_turn(core)


cdef inline void core_sweep_elsewhere(Core* core, int64_t now, Grave* g) noexcept nogil:
    """Keys that are in use may all be of a few stripes; this brings the memory of the others back.

    ``now`` may be UNREAD.
    """
    if now == UNREAD:
        now = core_coarse_now(core)
    if stripe_sweep(core_stripe_at(core, core_turn(core)), &core.rules, now, TURN_STEPS, g) == 0:
        core_end_turn(core)


cdef inline int core_empty_shelves(Core* core) noexcept:
    """Frees what readers without a lock may have looked at: only with the world stopped, as for the collector."""
    cdef uint32_t i
    if FREE_READS:
        for i in range(core.stripe_count):
            shelf_empty(&core_stripe_at(core, i).table.shelf)
    return 0


cdef inline int empty_shelves_of(PyObject* _, void* core) noexcept:
    return core_empty_shelves(<Core*>core)


cdef inline void core_pause(Core* core) noexcept:
    """Stops the world to empty the shelves; not to be called by the collector, or with anything locked."""
    stop_world(empty_shelves_of, core)


cdef inline void core_expect_removals(Core* core, int64_t now) noexcept nogil:
    """After an invalidation of tags: sweeps are to look for what it removed."""
    cdef uint32_t i
    core_set_timed(core)
    for i in range(core.stripe_count):
        stripe_expect_removals(core_stripe_at(core, i), now, core.rules.keep)
    atomic_store(&core.rules.first_expiry, min(atomic_load(&core.rules.first_expiry), now - core.rules.keep))
