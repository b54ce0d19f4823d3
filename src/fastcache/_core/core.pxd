"""A store's native whole: its rules, its stripes, its clock."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

from fastcache._core.clock cimport clock_coarse, clock_exact, clock_lag
from fastcache._core.entry cimport Entry
from fastcache._core.evict cimport FIFO, LRU, order_touch
from fastcache._core.mutex cimport Mutex, atomic_load, mutex_lock, mutex_unlock
from fastcache._core.py cimport FOREVER, py_incref, raw_free, raw_zeroed
from fastcache._core.rules cimport Rules
from fastcache._core.stripe cimport Stripe, stripe_init
from fastcache._core.table cimport table_free, table_peek

cdef extern from *:
    """
    #ifdef Py_GIL_DISABLED
    #define FC_PARALLEL 1
    #else
    #define FC_PARALLEL 0
    #endif
    """
    # Whether threads run Python at the same time.
    const bint PARALLEL "FC_PARALLEL"

cdef enum:
    MOST_STRIPES = 64
    # More entries than this in one index would make its rebuilding felt.
    STRIPE_ENTRIES = 32_768
    # Fewer than this and a stripe of a parallel build has no policy worth the name.
    LEAST_STRIPE_ENTRIES = 256
    # What neighbouring processors may fetch together.
    CACHE_LINE = 128

cdef struct Core:
    Rules rules
    Stripe* stripes         # in `memory`, each on cache lines of its own
    uint32_t stripe_mask    # stripes - 1
    size_t stripe_size
    void* memory            # owned
    bint timed              # some value may expire
    int64_t lag
    const int64_t* hands    # borrowed from a movable clock, or NULL; atomic
    Core* next              # all cores, guarded by the mutex of that list
    Core* previous


cdef inline uint32_t core_stripes_for(const Rules* r, uint32_t processors) noexcept nogil:
    """How many stripes to use: one while that is exact and its pauses short, a power of two."""
    cdef int64_t wanted = 1
    if r.policy == LRU or r.policy == FIFO:
        return 1
    if PARALLEL:
        while wanted < 4 * processors:
            wanted *= 2
        while wanted > 1 and r.maxsize // wanted < LEAST_STRIPE_ENTRIES:
            wanted //= 2
    while wanted < MOST_STRIPES and r.maxsize // wanted > STRIPE_ENTRIES:
        wanted *= 2
    return <uint32_t>(wanted if wanted < MOST_STRIPES else MOST_STRIPES)


cdef inline Stripe* core_stripe_at(const Core* core, uint32_t number) noexcept nogil:
    return <Stripe*>(<char*>core.stripes + number * core.stripe_size)


cdef inline Stripe* core_stripe(const Core* core, uint64_t hash) noexcept nogil:
    return core_stripe_at(core, <uint32_t>(hash >> 56) & core.stripe_mask)


cdef inline bint core_init(Core* core, const Rules* r, uint32_t stripes, uint64_t seed) noexcept nogil:
    """For zeroed memory; False when memory is out."""
    cdef uint32_t i, j
    core.rules = r[0]
    core.stripe_mask = stripes - 1
    core.stripe_size = (sizeof(Stripe) + CACHE_LINE - 1) & ~<size_t>(CACHE_LINE - 1)
    core.memory = raw_zeroed(stripes * core.stripe_size + CACHE_LINE, 1)
    if core.memory == NULL:
        return False
    core.stripes = <Stripe*>((<size_t>core.memory + CACHE_LINE - 1) & ~<size_t>(CACHE_LINE - 1))
    core.timed = r.ttl != FOREVER
    core.lag = clock_lag()
    for i in range(stripes):
        if not stripe_init(core_stripe_at(core, i), &core.rules, seed, i):
            for j in range(stripes):
                table_free(&core_stripe_at(core, j).table)
            raw_free(core.memory)
            core.memory = NULL
            return False
    return True


cdef inline int64_t core_now(const Core* core) noexcept nogil:
    return clock_exact() if core.hands == NULL else atomic_load(core.hands)


cdef inline int64_t core_ceiling(const Core* core) noexcept nogil:
    """A cheap instant that is certainly not before now."""
    if not core.timed:
        return 0
    if core.hands != NULL:
        return atomic_load(core.hands)
    return clock_coarse() + core.lag


cdef inline PyObject* core_peek(Core* core, PyObject* key, uint64_t hash) noexcept nogil:
    """The hit path: a new reference to a value that is certainly fresh, or NULL when only the slow path can tell."""
    cdef int64_t ceiling = core_ceiling(core)
    cdef Stripe* s = core_stripe(core, hash)
    cdef PyObject* value = NULL
    cdef uint32_t slot
    cdef Entry* e
    mutex_lock(&s.lock)
    e = table_peek(&s.table, key, <uint32_t>hash, &slot)
    if e != NULL and ceiling < e.due_at:
        value = <PyObject*>e.content
        py_incref(value)
        s.counts.hits += 1
        order_touch(&s.order, e, slot)
    mutex_unlock(&s.lock)
    return value
