"""Hits of readers without a lock, counted on a line of memory for each thread.

    Tallies   | how many, the ones before | thread 1: own, others | thread 2: own, others | ...

A line belongs to the first thread that counts on it, for ever, and only the owner adds to ``own``, so plainly; a
thread that finds no line of its own near its place adds to ``others`` atomically.  So the sum is exact once the threads
that count are done.  A store begins with one line, and gets more when a second thread comes.
"""

from libc.stdint cimport int64_t, uint64_t

from fastcache._core.mutex cimport atomic_add, atomic_load, atomic_store, atomic_swap_if
from fastcache._core.py cimport raw_free, raw_zeroed, unlikely

cdef extern from *:
    """
    #if FC_FREE_READS
    #define fc_thread_id() ((int64_t)_Py_ThreadId())
    #define fc_published(p) fc_acquire_load(ptr, p)
    #define fc_swap_pointer_if(p, expected, wanted) \\
        _Py_atomic_compare_exchange_ptr(p, &(void *){expected}, wanted)
    #else
    #define fc_thread_id() ((int64_t)0)
    #define fc_published(p) (*(p))
    #define fc_swap_pointer_if(p, expected, wanted) ((void)(p), (void)(expected), (void)(wanted), 0)
    #endif
    """
    # Not zero, and no other living thread's.
    int64_t thread_id "fc_thread_id"() noexcept nogil
    void* published "fc_published"(void* const*) noexcept nogil
    bint swap_pointer_if "fc_swap_pointer_if"(void** p, void* expected, void* wanted) noexcept nogil

cdef enum:
    # What neighbouring processors may fetch together.
    CACHE_LINE = 128
    MOST_TALLIES = 64
    # Lines that a thread looks at before it counts on another's.
    TALLY_TRIES = 4

cdef struct Tally:
    int64_t owner       # a thread's id, or 0; atomic, written once
    int64_t own         # written by the owner alone; atomic
    int64_t others      # atomic
    int64_t padding[13]

cdef struct Tallies:
    uint64_t mask       # lines - 1
    uint64_t room       # as many lines as the store will have at most
    Tallies* former     # owned with the store's memory; counted on before, or NULL
    void* memory        # owned; or NULL for those in the store's memory
    uint64_t padding[12]
    Tally lines[1]      # mask + 1 of them


cdef inline void tallies_expect(Tallies* t, uint64_t processors) noexcept nogil:
    """Before the store is shared: how many lines may be wanted."""
    t.room = 4
    while t.room < 2 * processors and t.room < MOST_TALLIES:
        t.room *= 2


cdef inline Tally* tally_near(Tallies* t, int64_t thread, uint64_t steps) noexcept nogil:
    # Thread ids are addresses, alike in their low bits.
    return &t.lines[((((<uint64_t>thread * <uint64_t>0x9E3779B97F4A7C15ULL) >> 40) + steps) & t.mask)]


cdef inline Tally* tally_claim(Tallies* t, int64_t thread) noexcept nogil:
    """The thread's own line, or NULL if those near its place are all others'."""
    cdef uint64_t steps
    cdef Tally* line
    for steps in range(t.mask + 1 if t.mask < TALLY_TRIES else TALLY_TRIES):
        line = tally_near(t, thread, steps)
        if atomic_load(&line.owner) == thread or atomic_swap_if(&line.owner, 0, thread):
            return line
    return NULL


cdef inline Tallies* tallies_more(Tallies** at, Tallies* few) noexcept nogil:
    """Those that take the place of the first one; NULL when memory is out."""
    cdef void* memory = raw_zeroed(1, sizeof(Tallies) + few.room * CACHE_LINE)
    cdef Tallies* more = <Tallies*>((<size_t>memory + CACHE_LINE - 1) & ~<size_t>(CACHE_LINE - 1))
    if memory == NULL:
        return NULL
    more.mask = few.room - 1
    more.former = few
    more.memory = memory
    if swap_pointer_if(<void**>at, few, more):
        return more
    raw_free(memory)
    return <Tallies*>published(<void* const*>at)


cdef inline int64_t tallies_add_slowly(Tallies** at, Tallies* t, int64_t thread) noexcept nogil:
    cdef Tally* line = tally_claim(t, thread)
    cdef Tallies* more
    if line == NULL and t.former == NULL and t.room > 1:
        more = tallies_more(at, t)
        if more != NULL:
            t = more
            line = tally_claim(t, thread)
    if line == NULL:
        return atomic_add(&tally_near(t, thread, 0).others, 1)
    atomic_store(&line.own, line.own + 1)
    return line.own


cdef inline int64_t tallies_add(Tallies** at) noexcept nogil:
    """Counts one hit of this thread; how many there are on its line now."""
    cdef Tallies* t = <Tallies*>published(<void* const*>at)
    cdef int64_t thread = thread_id()
    cdef Tally* line = tally_near(t, thread, 0)
    cdef int64_t own
    if unlikely(atomic_load(&line.owner) != thread):
        return tallies_add_slowly(at, t, thread)
    own = line.own + 1
    atomic_store(&line.own, own)
    return own


cdef inline int64_t tallies_sum(Tallies* const* at) noexcept nogil:
    cdef Tallies* t = <Tallies*>published(<void* const*>at)
    cdef int64_t sum = 0
    cdef uint64_t i
    while t != NULL:
        for i in range(t.mask + 1):
            sum += atomic_load(&t.lines[i].own) + atomic_load(&t.lines[i].others)
        t = t.former
    return sum


cdef inline void tallies_free(Tallies* t) noexcept nogil:
    if t != NULL and t.memory != NULL:
        raw_free(t.memory)
