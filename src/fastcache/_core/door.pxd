"""The door of a flight: locked until the end, then passed on from one waiter to the next.

A waiter who has got it passes it on before he asks for the GIL, so that the next is awake when he has run.  But no more
than a crowd at a time: a thousand who ask for the GIL wake one another every few milliseconds, and get in each other's
way.  Who comes after the crowd keeps the door until he has the GIL; he gets it, so the next one gets the door.  A small
crowd would have to wait often for a thread that computes, which has the GIL for some milliseconds once in each round.
"""

from fastcache._core.mutex cimport PARALLEL

cdef extern from "Python.h":
    ctypedef enum LockStatus "PyLockStatus":
        ACQUIRED "PY_LOCK_ACQUIRED"
    void* lock_new "PyThread_allocate_lock"() noexcept nogil
    void lock_free "PyThread_free_lock"(void*) noexcept nogil
    int lock_try "PyThread_acquire_lock"(void*, int) noexcept nogil
    LockStatus lock_wait "PyThread_acquire_lock_timed"(void*, long long microseconds, int interruptible) noexcept nogil
    void lock_release "PyThread_release_lock"(void*) noexcept nogil

cdef extern from *:
    """
    /* Atomic on every build: without the GIL. */
    #if defined(_MSC_VER)
    #include <intrin.h>
    #define fc_count_in(p, n) (_InterlockedExchangeAdd(p, n) + (n))
    #else
    #define fc_count_in(p, n) __atomic_add_fetch(p, n, __ATOMIC_RELAXED)
    #endif
    """
    long count_in "fc_count_in"(long*, long) noexcept nogil

cdef enum:
    # Waiters between the door and the GIL, but for the one who keeps it.
    CROWD = 128

cdef struct Door:
    void* lock          # owned; NULL until the door is made
    long crowd          # waiters who have got through and ask for the GIL; atomic


cdef inline bint door_make(Door* door) noexcept nogil:
    """A closed door; False when memory is out."""
    door.lock = lock_new()
    if door.lock != NULL:
        lock_try(door.lock, 0)
    return door.lock != NULL


cdef inline void door_free(Door* door) noexcept nogil:
    if door.lock != NULL:
        lock_free(door.lock)


cdef inline void door_forget(Door* door) noexcept nogil:
    """In the child of a fork: who holds it may not be there, so it is left behind."""
    door.lock = NULL
    door.crowd = 0


cdef inline void door_open(Door* door) noexcept nogil:
    lock_release(door.lock)


cdef inline LockStatus door_wait(Door* door, long long microseconds, bint* kept) noexcept nogil:
    """Waits until the door is open, or for so long, or for a signal; then ``door_leave`` follows, with the GIL."""
    cdef LockStatus status = lock_wait(door.lock, microseconds, 1)
    kept[0] = not PARALLEL and status == ACQUIRED and count_in(&door.crowd, 1) > CROWD
    if status == ACQUIRED and not kept[0]:
        lock_release(door.lock)
    return status


cdef inline void door_leave(Door* door, LockStatus status, bint kept) noexcept nogil:
    if not PARALLEL and status == ACQUIRED:
        count_in(&door.crowd, -1)
        if kept:
            lock_release(door.lock)
