"""The lock of a stripe or a flight: the GIL where there is one, a PyMutex where there is none."""

from libc.stdint cimport int64_t

cdef extern from "mutex.h":
    ctypedef struct Mutex "fc_mutex":
        pass
    void mutex_lock "fc_mutex_lock"(Mutex*) noexcept nogil
    void mutex_unlock "fc_mutex_unlock"(Mutex*) noexcept nogil
    void mutex_reset "fc_mutex_reset"(Mutex*) noexcept nogil
    # Whether threads run Python at the same time, and whether they read without a stripe's lock.
    const bint PARALLEL "FC_PARALLEL"
    const bint FREE_READS "FC_FREE_READS"
    # Debug builds stop here if this thread holds a lock.
    void assert_outside "fc_assert_outside"() noexcept nogil

cdef extern from "atomics.h" nogil:
    int64_t atomic_load "fc_load"(const int64_t*) noexcept
    # What was stored before what is seen is seen as well.
    int64_t atomic_seen "fc_load_seen"(const int64_t*) noexcept
    void atomic_store "fc_store"(int64_t*, int64_t) noexcept
    # Who sees a pointer sees what was stored there before it was published.
    void* pointer_seen "fc_load_pointer"(void**) noexcept
    void pointer_publish "fc_store_pointer"(void**, void*) noexcept
    int64_t atomic_add "fc_add"(int64_t*, int64_t) noexcept
    bint atomic_swap_if "fc_swap_if"(int64_t*, int64_t expected, int64_t wanted) noexcept


cdef inline void raise_to(int64_t* p, int64_t wanted) noexcept nogil:
    cdef int64_t seen = atomic_load(p)
    while seen < wanted and not atomic_swap_if(p, seen, wanted):
        seen = atomic_load(p)
