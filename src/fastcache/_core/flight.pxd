"""One load of one key while it is in progress: who leads, who waits, how it ended."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t

from fastcache._core.mutex cimport Mutex

cdef extern from "Python.h":
    ctypedef void* Door "PyThread_type_lock"

cdef enum FlightState:
    QUEUED      # waits for a refresh worker; any caller who needs it may claim it
    RUNNING
    LANDED      # value is set
    FAILED      # error is set, and fallback where an old value may be served instead
    ABANDONED   # its leader is gone; whoever waits begins anew

cdef struct Wait:
    PyObject* flight    # borrowed: the waiting thread holds it
    Wait* earlier

cdef class Flight:
    # Written by the leader before the state that announces them, and never again.
    cdef object key
    cdef object value
    cdef object error
    cdef object fallback
    cdef bint has_fallback
    cdef bint behind            # loads behind a served value
    cdef bint shared            # others got the result too
    cdef int64_t started_at     # monotonic nanoseconds of the store's clock
    cdef uint32_t stripe        # where it is linked
    cdef uint32_t slot
    # Guarded by the mutex.
    cdef Mutex mutex
    cdef FlightState state
    cdef unsigned long owner    # the leading thread; 0 while queued
    cdef Door door              # owned; locked until the end, made for the first who waits
    cdef int waiters
    # Guarded by the mutex of the graph.  Borrowed: a flight outlives its turn on its leader's stack.
    cdef PyObject* outer        # the flight in whose load the leader began this one
    cdef PyObject* inner        # the flight that the leader began in the load of this one
    cdef Wait* waits            # what the leader waits for in this load; the latest first

    cdef tuple seen(self, int64_t now)
    cdef void queue(self) noexcept
    cdef bint claim(self) noexcept
    cdef bint is_mine(self) noexcept
    cdef void enter(self) noexcept
    cdef void leave(self) noexcept
    cdef void end(self, FlightState state) noexcept
    cdef FlightState wait(self, int64_t deadline) except? QUEUED
    cdef FlightState wait_at_door(self, int64_t deadline) except? QUEUED
    cdef bint survive_fork(self) noexcept

cdef Flight new_flight(object key)
cdef void graph_survives_fork() noexcept
