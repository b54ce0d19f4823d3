"""A store's native whole: its rules, its stripes, its clock."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastcache._core.clock cimport ClockReader, clock_boot, clock_coarse, clock_exact, clock_lag, clock_reader
from fastcache._core.entry cimport Entry, entry_due_at, entry_limit, entry_value
from fastcache._core.evict cimport FIFO, LRU, order_touch
from fastcache._core.glimpse cimport see_pointer
from fastcache._core.histogram cimport Histogram
from fastcache._core.key cimport YES, items_equal, key_equal
from fastcache._core.mutex cimport FREE_READS, PARALLEL, Mutex, atomic_load, mutex_lock, mutex_unlock
from fastcache._core.py cimport ALWAYS, FOREVER, likely, py_incref, raw_free, raw_zeroed, unlikely
from fastcache._core.reader cimport reader_equal, reader_first, reader_get, reader_take
from fastcache._core.rules cimport Rules
from fastcache._core.seqlock cimport read_allowed, read_begin, read_holds
from fastcache._core.stripe cimport (
    HITS_A_SAMPLE, Stripe, stripe_count_hit_lock_held, stripe_init, stripe_sample_hit_lock_held,
)
from fastcache._core.table cimport table_candidate, table_free, table_peek
from fastcache._core.tally cimport CACHE_LINE, Tallies, tallies_add, tallies_expect

cdef enum:
    MOST_STRIPES = 128
    # More entries than this in one index would make its rebuilding felt.
    STRIPE_ENTRIES = 32_768
    # What an index of 32,768 words may hold, but for 5 %: some stripes get more keys than others.
    STRIPE_FILL = 20_900
    # Fewer than this and a stripe of a parallel build has no policy worth the name.
    LEAST_STRIPE_ENTRIES = 256
    # A lifetime of so many times the lag, and a lag is eight ticks at least, loses under a thousandth by a tick.
    TICKS_MATTER = 128

cdef enum Timing:
    UNTIMED     # nothing expires: the hit path reads no clock
    SYSTEM
    MOVABLE
    BOOT        # the system's clock that goes on while it is suspended
    COPYING     # any; callers get copies, so the hit path is to serve nothing

cdef struct Core:
    # What a hit reads comes first, and together.
    Stripe* stripes         # in `memory`, each on cache lines of its own
    uint32_t stripe_count
    Timing timing
    ClockReader coarse
    int64_t lag
    int64_t brief           # a ttl under this one would feel the loss of a tick
    const int64_t* hands    # borrowed from a movable clock, or NULL; atomic
    bint boot               # its clock is BOOT
    Tallies* tallies        # hits that no stripe counts; in `memory`, or owned; NULL where readers lock
    Rules rules
    void* memory            # owned
    PyObject* listener      # borrowed from the store, which is told of removals; or NULL
    int64_t invalidations   # of tags; atomic
    Mutex expiring          # guards what tags remember of earlier expiries
    int64_t timeouts        # atomic
    int64_t rejections      # atomic
    int64_t superseded      # loads that had begun; atomic
    Histogram load_times
    Histogram wait_times
    int64_t turn            # which stripe the others look after next; atomic, and only a hint
    Core* next              # all cores, guarded by the mutex of that list
    Core* previous


cdef inline uint32_t core_stripes_for(const Rules* r, uint32_t processors) noexcept nogil:
    """How many stripes: one while that is exact and its pauses short, then as many as fill their indexes well."""
    cdef int64_t wanted = 1
    cdef int64_t fill = STRIPE_FILL
    cdef int64_t entries = min(r.maxsize, r.max_weight)
    if r.policy == LRU or r.policy == FIFO:
        return 1
    if PARALLEL:
        while wanted < 4 * processors:
            wanted *= 2
        while wanted > 1 and entries // wanted < LEAST_STRIPE_ENTRIES:
            wanted //= 2
    if entries == FOREVER:
        wanted = MOST_STRIPES
    elif entries > STRIPE_ENTRIES:
        while entries // fill >= MOST_STRIPES:
            fill *= 2
        wanted = max(wanted, entries // fill + 1)
    return <uint32_t>min(wanted, MOST_STRIPES)


cdef inline size_t stripe_stride() noexcept nogil:
    return (sizeof(Stripe) + CACHE_LINE - 1) & ~<size_t>(CACHE_LINE - 1)


cdef inline Stripe* core_stripe_at(const Core* core, uint32_t number) noexcept nogil:
    return <Stripe*>(<char*>core.stripes + number * stripe_stride())


cdef inline uint32_t core_stripe_number(const Core* core, uint64_t hash) noexcept nogil:
    return <uint32_t>((hash >> 48) * core.stripe_count >> 16)


cdef inline Stripe* core_stripe(const Core* core, uint64_t hash) noexcept nogil:
    # A single stripe is foretold, and its index looked up before the hash is there.
    if not PARALLEL and likely(core.stripe_count == 1):
        return core.stripes
    return core_stripe_at(core, core_stripe_number(core, hash))


cdef inline bint core_init(Core* core, const Rules* r, uint32_t stripes, uint64_t seed) noexcept nogil:
    """For zeroed memory; False when memory is out."""
    cdef uint32_t i, j
    core.rules = r[0]
    core.stripe_count = stripes
    core.memory = raw_zeroed(stripes * stripe_stride() + FREE_READS * sizeof(Tallies) + CACHE_LINE, 1)
    if core.memory == NULL:
        return False
    core.stripes = <Stripe*>((<size_t>core.memory + CACHE_LINE - 1) & ~<size_t>(CACHE_LINE - 1))
    if FREE_READS:
        core.tallies = <Tallies*>core_stripe_at(core, stripes)
        tallies_expect(core.tallies, 1)
    core.coarse = clock_reader()
    core.lag = clock_lag()
    core.brief = TICKS_MATTER * core.lag
    for i in range(stripes):
        if not stripe_init(core_stripe_at(core, i), &core.rules, seed, i):
            for j in range(stripes):
                table_free(&core_stripe_at(core, j).table)
            raw_free(core.memory)
            core.memory = NULL
            return False
    if r.ttl != FOREVER:
        core_set_timed(core)
    return True


cdef inline void core_set_timed(Core* core) noexcept nogil:
    """Some value may expire from now on."""
    if core.timing != COPYING:
        core.timing = MOVABLE if core.hands != NULL else BOOT if core.boot else SYSTEM


cdef inline void core_expect(Core* core, uint64_t processors) noexcept nogil:
    """Before the core is shared: how many threads may run at a time."""
    if core.tallies != NULL:
        tallies_expect(core.tallies, processors)


cdef inline int64_t core_now(const Core* core) noexcept nogil:
    if core.hands != NULL:
        return atomic_load(core.hands)
    return clock_boot() if core.boot else clock_exact()


cdef inline int64_t core_coarse_now(const Core* core) noexcept nogil:
    """An instant up to one tick before now, cheaply."""
    if unlikely(core.hands != NULL or core.boot):
        return core_now(core)
    return clock_coarse(core.coarse)


cdef inline int64_t core_birth(const Core* core, int64_t ttl) noexcept nogil:
    """The instant from which a new value's ``ttl`` counts: now, or the last tick where that takes nothing from it."""
    if likely(core.timing == SYSTEM and ttl >= core.brief):
        return clock_coarse(core.coarse)
    if core.timing == UNTIMED:
        # Nobody notes it.
        return ALWAYS
    return core_now(core) if ttl < core.brief else core_coarse_now(core)


cdef inline int64_t core_birth_at(const Core* core, int64_t ttl, int64_t coarse) noexcept nogil:
    """``core_birth`` for who has just read the coarse clock."""
    if core.timing == UNTIMED:
        return ALWAYS
    return core_now(core) if unlikely(ttl < core.brief) else coarse


cdef inline int64_t core_ceiling(const Core* core) noexcept nogil:
    """A cheap instant that is certainly not before now; what is due later is served by the hit path."""
    if likely(core.timing == SYSTEM):
        return clock_coarse(core.coarse) + core.lag
    if core.timing == COPYING:
        return FOREVER
    return 0 if core.timing == UNTIMED else core_now(core)


cdef inline int64_t core_before_ceiling(const Core* core, int64_t ceiling) noexcept nogil:
    """``core_coarse_now`` for who has just asked for the ceiling."""
    return ceiling - core.lag if likely(core.timing == SYSTEM) else core_coarse_now(core)


cdef inline PyObject* core_serve_lock_held(
    Core* core, Stripe* s, int64_t ceiling, Entry* e, uint32_t slot,
) noexcept nogil:
    """An entry's value as a new reference if it is certainly fresh, counted as a hit; else NULL."""
    cdef PyObject* value
    if unlikely(ceiling >= e.due_at):
        return NULL
    value = <PyObject*>e.content
    py_incref(value)
    stripe_count_hit_lock_held(s, &core.rules, e, ceiling)
    order_touch(&s.order, e, slot)
    return value


cdef inline PyObject* core_serve_extended_lock_held(
    Core* core, Stripe* s, int64_t ceiling, Entry* e, uint32_t slot,
) noexcept nogil:
    """The same for an entry with an Extra."""
    cdef PyObject* value = entry_value(e)
    if value == NULL or ceiling >= min(entry_due_at(e), entry_limit(e)):
        return NULL
    py_incref(value)
    stripe_count_hit_lock_held(s, &core.rules, e, ceiling)
    order_touch(&s.order, e, slot)
    return value


cdef inline void core_sample(Core* core, int64_t ceiling, uint64_t hash) noexcept nogil:
    """Notes the age of a hit that took no lock; of keys with equal hashes any one will do."""
    cdef Stripe* s = core_stripe(core, hash)
    cdef uint32_t slot
    cdef Entry* e
    mutex_lock(&s.lock.mutex)
    e = table_candidate(&s.table, <uint32_t>hash, &slot)
    if e != NULL and e.hash == <uint32_t>hash and entry_value(e) != NULL:
        stripe_sample_hit_lock_held(&core.rules, e, ceiling)
    mutex_unlock(&s.lock.mutex)


cdef inline void core_count_read(Core* core, int64_t ceiling, uint64_t hash) noexcept nogil:
    if unlikely(tallies_add(&core.tallies) & (HITS_A_SAMPLE - 1) == 0):
        core_sample(core, ceiling, hash)


cdef inline PyObject* core_glance(Core* core, int64_t ceiling, PyObject* key, uint64_t hash) noexcept nogil:
    """``core_peek`` for a key whose tag no other key bears before it, and that nobody writes; NULL leaves others to it.

    This is what is inlined into callers.  They read the ceiling first of all, while few registers must be saved.
    """
    cdef Stripe* s = core_stripe(core, hash)
    cdef PyObject* value = NULL
    cdef uint32_t slot
    cdef Entry* e
    if FREE_READS:
        return core_glance_free(core, s, ceiling, key, hash)
    mutex_lock(&s.lock.mutex)
    e = table_candidate(&s.table, <uint32_t>hash, &slot)
    if likely(e != NULL) and (likely(e.key == key) or (e.hash == <uint32_t>hash and key_equal(e.key, key) == YES)):
        value = core_serve_lock_held(core, s, ceiling, e, slot)
    mutex_unlock(&s.lock.mutex)
    return value


cdef inline PyObject* core_glance_items(
    Core* core, int64_t ceiling, PyObject* const* items, Py_ssize_t count, uint64_t hash,
) noexcept nogil:
    """``core_glance`` for the tuple of these items, which need not exist."""
    cdef Stripe* s = core_stripe(core, hash)
    cdef PyObject* value = NULL
    cdef bint settled
    cdef uint32_t slot
    cdef Entry* e
    if FREE_READS:
        value = core_try_read(core, ceiling, NULL, items, count, hash, 0, &settled)
        if value != NULL or settled:
            return value
    mutex_lock(&s.lock.mutex)
    e = table_candidate(&s.table, <uint32_t>hash, &slot)
    if likely(e != NULL and e.hash == <uint32_t>hash and items_equal(e.key, items, count)):
        value = core_serve_lock_held(core, s, ceiling, e, slot)
    mutex_unlock(&s.lock.mutex)
    return value


cdef inline PyObject* core_try_read(
    Core* core, int64_t ceiling, PyObject* key, PyObject* const* items, Py_ssize_t count, uint64_t hash, uint32_t skip,
    bint* settled,
) noexcept nogil:
    """``core_peek`` or ``core_glance_items`` without a lock, from the word after ``skip`` others on.

    If there is nothing, ``settled`` says whether nobody wrote meanwhile.
    """
    cdef Stripe* s = core_stripe(core, hash)
    cdef PyObject* value
    cdef uint64_t sequence = read_begin(&s.lock)
    if likely(read_allowed(sequence)):
        value = reader_get(s, sequence, key, items, count, <uint32_t>hash, skip, ceiling)
        if likely(value != NULL):
            core_count_read(core, ceiling, hash)
            return value
    settled[0] = read_allowed(sequence) and read_holds(&s.lock, sequence)
    return NULL


cdef inline PyObject* core_glance_free(
    Core* core, Stripe* s, int64_t ceiling, PyObject* key, uint64_t hash,
) noexcept nogil:
    """``core_glance`` without a lock."""
    cdef uint64_t sequence = read_begin(&s.lock)
    cdef bint settled
    cdef PyObject* value
    cdef Entry* e
    if not read_allowed(sequence) or not reader_first(s, sequence, <uint32_t>hash, &e):
        # Should a writer have put the key into the first word since, the caller looks again.
        return core_try_read(core, ceiling, key, NULL, 0, hash, 1, &settled)
    if <PyObject*>see_pointer(<void**>&e.key) != key and not reader_equal(s, sequence, e, key, <uint32_t>hash):
        return NULL
    value = reader_take(s, sequence, e, ceiling)
    if likely(value != NULL):
        core_count_read(core, ceiling, hash)
    return value


cdef inline PyObject* core_read(Core* core, int64_t ceiling, PyObject* key, uint64_t hash) noexcept nogil:
    """``core_peek``, where hits only mark and take the lock only if somebody writes meanwhile."""
    cdef bint settled
    cdef PyObject* value = core_try_read(core, ceiling, key, NULL, 0, hash, 0, &settled)
    return value if likely(value != NULL or settled) else core_peek_locking(core, ceiling, key, hash)


cdef inline PyObject* core_peek(Core* core, int64_t ceiling, PyObject* key, uint64_t hash) noexcept nogil:
    """The hit path: a new reference to a value that is certainly fresh, or NULL when only the slow path can tell."""
    if FREE_READS:
        return core_read(core, ceiling, key, hash)
    return core_peek_locking(core, ceiling, key, hash)


cdef inline PyObject* core_peek_locking(Core* core, int64_t ceiling, PyObject* key, uint64_t hash) noexcept nogil:
    cdef Stripe* s = core_stripe(core, hash)
    cdef PyObject* value = NULL
    cdef uint32_t slot
    cdef Entry* e
    mutex_lock(&s.lock.mutex)
    e = table_peek(&s.table, key, <uint32_t>hash, &slot)
    if e != NULL:
        value = core_serve_lock_held(core, s, ceiling, e, slot)
        if value == NULL and e.has_extra:
            value = core_serve_extended_lock_held(core, s, ceiling, e, slot)
    mutex_unlock(&s.lock.mutex)
    return value
