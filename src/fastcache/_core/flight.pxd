"""One load of one key while it is in progress: who leads, who waits, how it ended."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t

from fastcache._core.door cimport Door
from fastcache._core.mutex cimport Mutex

cdef enum FlightState:
    QUEUED      # waits for a thread, or for a place in the bulkhead; any caller who could load it may claim it
    RUNNING
    LANDED      # value is set
    FAILED      # error is set, and fallback where an old value may be served instead
    ABANDONED   # its leader is gone; whoever waits begins anew
    MOVED       # only as the answer to a wait: another flight has taken its place; whoever waits begins anew

cdef enum:
    # Who stands in line for a flight, if it is no thread: a task; or a greenlet, with this bit in its address, which is
    # in that of no other.
    A_TASK = 1
    A_GREENLET = 2

cdef struct Wait:
    PyObject* flight    # borrowed: who waits holds it
    Wait* earlier       # of the same leader
    unsigned long thread    # that waits, with all tasks of the loop that runs in it; 0: one task alone
    Wait* earlier_thread

cdef class Flight:
    # Written by the leader before the state that announces them, and never again.
    cdef object key
    cdef object value
    cdef object error
    cdef object fallback
    cdef bint has_fallback
    cdef int64_t fallback_written_at
    cdef int64_t fallback_ends_at
    cdef bint absent            # the error says that there is no value
    cdef object interrupt       # what ended its leader's load, or came as it had ended; no error of the load; or None
    cdef object tags            # a TagSet that the value is to bear, or None
    cdef bint behind            # loads behind a served value
    cdef bint shared            # others got the result too
    cdef int64_t started_at     # monotonic nanoseconds of the store's clock
    cdef bint waited            # for a place or a thread, since then
    cdef uint32_t stripe        # where it is linked
    cdef uint32_t slot
    cdef int64_t number         # of invalidations of tags before it began
    cdef object admitted        # the bulkhead in which it has a place, to be given back at its end; or None
    cdef int forks_when_admitted    # which had led to the process in which it has that place
    cdef object late            # what was raised as it was; or None
    cdef tuple lent             # bulkheads in which the thread that waits for it has a place; or None
    cdef object beside          # the flight that this one, which is linked nowhere, runs beside; or None
    # For the log.
    cdef double took_over       # seconds that the flight had taken whose place this one took; 0: none
    cdef double useless         # seconds that its value lives, if loading it took longer; else 0
    cdef double retry_in        # seconds, after a failure
    cdef uint32_t failures      # in a row: before a success, or with this one
    # Guarded by the mutex.
    cdef Mutex mutex
    cdef FlightState state
    # The leading thread, or that of the loop whose task leads, or stands in line to; else 0.
    cdef unsigned long owner
    cdef bint on_loop           # a task does, so that its loop must not be blocked
    cdef bint in_greenlet       # a greenlet does, so that its hub must not be blocked; written by it
    cdef readonly object task   # what cancels that, or None; written once
    cdef Door door              # made for the first who waits
    cdef int waiters
    cdef bint moved             # its followers are to begin anew, though the load goes on
    cdef bint open              # the door has been opened
    # While queued, who stands in line for its place in the bulkhead (see ``who_runs``), or A_TASK; or 0.
    cdef unsigned long in_line
    # Those who are told of the end by a call; who takes one out makes it.  Made by the first.
    cdef dict watchers
    # The flight in whose load a task, or a thread on its behalf, began this one; or None.  Written by the leader before
    # anything is begun in the load of this one.
    cdef object parent
    # Guarded by the mutex of the graph.  Borrowed: a flight outlives its turn on its leader's stack.
    cdef PyObject* outer        # the flight in whose load the leader began this one
    cdef PyObject* inner        # the flight that the leader began in the load of this one
    cdef Wait* waits            # what the leader waits for in this load; the latest first
    cdef int64_t walk           # the last one that came here,
    cdef PyObject* walked_from  # from where, or NULL,
    cdef PyObject* walk_next    # and where it went on after it had come
    cdef Wait turn              # the parent's for this one, if a thread leads it; else its flight is NULL

    cdef tuple seen(self, int64_t now)
    cdef void queue(self) noexcept
    cdef bint claim(self) noexcept
    cdef bint stand_in_line(self, unsigned long who) noexcept
    cdef void leave_line(self, unsigned long who) noexcept
    cdef bint has_line(self) noexcept
    cdef bint is_stood_for(self, unsigned long who) noexcept
    cdef void lead_on_loop(self) noexcept
    cdef bint is_on_this_loop(self) noexcept
    cdef void end(self, FlightState state) noexcept
    cdef void move_followers(self) noexcept
    cdef void let_go_lock_held(self) noexcept
    cdef void tell_watchers(self) noexcept
    cdef int watch(self, object watcher) except -1
    cdef bint unwatch(self, object watcher) except -1
    cdef bint is_over(self) noexcept
    cdef int count_waiter(self, int more) noexcept
    cdef FlightState wait(self, int64_t deadline) except? QUEUED
    cdef bint survive_fork(self) noexcept

cdef Flight new_flight(object key)
cdef void park(Flight flight) noexcept
cdef int forks_so_far() noexcept
cdef void flights_survive_fork(PyObject* innermost) noexcept
