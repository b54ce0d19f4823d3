"""Work on whole cores, and the list of all that live, which the child of a fork must mend.

Only ``store.pyx`` uses this file: the list is its own.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

from fastcache._core.core cimport Core, core_now, core_stripe_at
from fastcache._core.entry cimport Entry, Extra, entry_extra, entry_is_over, entry_limit, entry_value
from fastcache._core.evict cimport order_free
from fastcache._core.flight cimport Flight
from fastcache._core.graph cimport graph_survives_fork
from fastcache._core.grave cimport EXPIRED_VALUE, EXPLICIT, Grave, report_removal
from fastcache._core.jitter cimport random_seeded
from fastcache._core.mutex cimport Mutex, assert_outside, atomic_load, mutex_lock, mutex_reset, mutex_unlock
from fastcache._core.py cimport ALWAYS, py_decref, raw_free, steal
from fastcache._core.seqlock cimport seqlock_reset
from fastcache._core.stripe cimport HITS_A_SAMPLE, Counts, Stripe, stripe_check_lock_held
from fastcache._core.stripe_loads cimport stripe_give_up, stripe_next_flight
from fastcache._core.stripe_whole cimport stripe_shelve, stripe_swap_out
from fastcache._core.table cimport Table, table_entry, table_free
from fastcache._core.tally cimport tallies_free, tallies_sum
from fastcache._core.upkeep cimport MUCH_SHELVED, core_pause
from fastcache._core.weights cimport weights_clear

cdef extern from *:
    """
    struct __pyx_t_9fastcache_5_core_4core_Core;
    static struct __pyx_t_9fastcache_5_core_4core_Core *fc_all_cores = NULL;
    static fc_mutex fc_all_cores_mutex;
    """
    Core* all_cores "fc_all_cores"
    Mutex all_cores_mutex "fc_all_cores_mutex"


cdef inline void core_enlist(Core* core) noexcept nogil:
    global all_cores
    mutex_lock(&all_cores_mutex)
    core.previous = NULL
    core.next = all_cores
    if all_cores != NULL:
        all_cores.previous = core
    all_cores = core
    mutex_unlock(&all_cores_mutex)


cdef inline void core_unlist(Core* core) noexcept nogil:
    global all_cores
    mutex_lock(&all_cores_mutex)
    if core.next != NULL:
        core.next.previous = core.previous
    if core.previous != NULL:
        core.previous.next = core.next
    elif all_cores == core:
        all_cores = core.next
    mutex_unlock(&all_cores_mutex)


cdef inline void extra_drop(Extra* x) noexcept:
    if x.flight != NULL:
        py_decref(x.flight)
    if x.former != NULL:
        py_decref(x.former)
    if x.error != NULL:
        py_decref(x.error)
    if x.tags != NULL:
        py_decref(x.tags)


cdef inline void drop_contents(Table* t, PyObject* listener, int64_t keep, int64_t now) noexcept:
    """Drops what a table owns that is in no stripe any more; ``listener`` may be NULL."""
    cdef uint32_t slot
    cdef Entry* e
    assert_outside()
    for slot in range(t.fresh):
        e = table_entry(t, slot)
        if e.key == NULL:
            continue
        if listener != NULL and entry_value(e) != NULL:
            report_removal(
                listener, e.key, entry_value(e),
                EXPIRED_VALUE if entry_limit(e) != ALWAYS and entry_is_over(e, now, keep) else EXPLICIT,
            )
        if e.has_extra:
            extra_drop(entry_extra(e))
        if entry_value(e) != NULL:
            py_decref(entry_value(e))
        py_decref(e.key)
        if e.has_extra:
            raw_free(e.content)


cdef inline void core_drop(Core* core) noexcept:
    """Gives up a core that nobody can reach any more, and all that it owns."""
    cdef uint32_t i
    if core.memory == NULL:
        return
    for i in range(core.stripe_count):
        drop_contents(&core_stripe_at(core, i).table, NULL, 0, 0)
        table_free(&core_stripe_at(core, i).table)
        order_free(&core_stripe_at(core, i).order)
        weights_clear(&core_stripe_at(core, i).weights)
        raw_free(core_stripe_at(core, i).spare)
    tallies_free(core.tallies)
    raw_free(core.memory)
    core.memory = NULL


cdef inline bint core_clear(Core* core, bint may_pause) noexcept:
    """Empties every stripe, one after the other; False when memory is out.

    The collector may not pause all threads for the memory's sake.
    """
    cdef int64_t now = core_now(core)
    cdef size_t shelved = 0
    cdef Table table
    cdef uint32_t i
    cdef Stripe* s
    for i in range(core.stripe_count):
        s = core_stripe_at(core, i)
        if not stripe_swap_out(s, &core.rules, &table):
            return False
        drop_contents(&table, core.listener, core.rules.keep, now)
        shelved += stripe_shelve(s, &table)
    if may_pause and shelved > MUCH_SHELVED:
        core_pause(core)
    return True


cdef inline int64_t core_sum(Core* core, Counts* sum) noexcept nogil:
    """Adds up the counters of all stripes; the number of values held."""
    cdef int64_t values = 0
    cdef int64_t* to = <int64_t*>sum
    cdef int64_t* of
    cdef uint32_t i
    cdef size_t j
    cdef Stripe* s
    memset(sum, 0, sizeof(Counts))
    for i in range(core.stripe_count):
        s = core_stripe_at(core, i)
        of = <int64_t*>&s.counts
        mutex_lock(&s.lock.mutex)
        for j in range(sizeof(Counts) // sizeof(int64_t)):
            to[j] += of[j]
        sum.hits += HITS_A_SAMPLE - s.hits_to_sample
        values += s.values
        mutex_unlock(&s.lock.mutex)
    sum.hits += tallies_sum(&core.tallies)
    return values if values < core.rules.maxsize else core.rules.maxsize


cdef inline const char* core_check(Core* core) noexcept nogil:
    """Recounts everything; what is wrong, or NULL.  For a store that no other thread is changing."""
    cdef const char* wrong = NULL
    cdef int64_t values = 0, weight = 0, absences = 0
    cdef uint32_t i
    cdef Stripe* s
    for i in range(core.stripe_count):
        s = core_stripe_at(core, i)
        mutex_lock(&s.lock.mutex)
        wrong = stripe_check_lock_held(s)
        values += s.values
        absences += s.absences
        weight += s.weights.sum
        mutex_unlock(&s.lock.mutex)
        if wrong != NULL:
            return wrong
    if atomic_load(&core.rules.values) > core.rules.maxsize:
        return b"more values than maxsize"
    if absences != atomic_load(&core.rules.absences) or absences > core.rules.most_absences:
        return b"absences and their quota differ"
    if values != atomic_load(&core.rules.values):
        return b"places and values differ"
    if atomic_load(&core.rules.weight) > core.rules.max_weight:
        return b"more weight than max_weight"
    if weight != atomic_load(&core.rules.weight):
        return b"the weight taken and that of the values differ"
    return NULL


cdef inline void core_mend(Core* core, uint64_t seed) noexcept:
    """In the child of a fork: no lock held, no flight of a thread that is gone, other random numbers."""
    cdef int64_t now = core_now(core)
    cdef PyObject* found
    cdef Flight flight
    cdef uint32_t i, cursor
    cdef Stripe* s
    cdef Grave g
    mutex_reset(&core.expiring)
    for i in range(core.stripe_count):
        s = core_stripe_at(core, i)
        seqlock_reset(&s.lock)
        s.random = random_seeded(seed ^ s.random, i)
        cursor = 0
        while True:
            found = stripe_next_flight(s, &cursor)
            if found == NULL:
                break
            flight = <Flight>steal(found)
            if not flight.survive_fork():
                # Left behind, never dropped: a finalizer could free a core in the middle of the walk.
                g.count = 0
                stripe_give_up(s, &core.rules, flight.slot, <PyObject*>flight, now, flight.behind, &g)
                # The one that it had superseded may be in its place now.
                cursor -= 1


cdef inline void cores_mend(uint64_t seed) noexcept:
    cdef Core* core = all_cores
    mutex_reset(&all_cores_mutex)
    graph_survives_fork()
    while core != NULL:
        core_mend(core, seed)
        core = core.next
