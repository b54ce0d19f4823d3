"""One load of one key while it is in progress: who leads, who waits, how it ended.

        queue          claim                    end
    RUNNING ---> QUEUED ---> RUNNING ---> LANDED | FAILED | ABANDONED

Waiting.  A flight is a condition of its own: waiters stand at its door, which is made when the first of them comes and
is opened at the end.  They wait with the GIL released; signals get through.  Waiters of other kinds can be told by
``end``, which knows of every end.
"""

cimport cython
from cpython.exc cimport PyErr_CheckSignals, PyErr_SetInterrupt
from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from fastcache._core.clock cimport clock_exact
from fastcache._core.door cimport (
    ACQUIRED, LockStatus, door_forget, door_free, door_leave, door_make, door_open, door_wait,
)
from fastcache._core.mutex cimport PARALLEL, mutex_lock, mutex_reset, mutex_unlock
from fastcache._core.py cimport FOREVER, py_incref, steal

from threading import main_thread


cdef extern from "Python.h":
    Py_ssize_t reference_count "Py_REFCNT"(PyObject*) noexcept
    unsigned long this_thread "PyThread_get_thread_ident"() noexcept nogil

cdef extern from *:
    """
    #if PY_VERSION_HEX >= 0x030D0000
    #define fc_finalizing() Py_IsFinalizing()
    #else
    #define fc_finalizing() _Py_IsFinalizing()
    #endif
    #ifdef _WIN32
    #define FC_SIGNAL_SLICE 100000LL    /* lock waits cannot be interrupted there */
    #else
    #define FC_SIGNAL_SLICE 200000LL    /* a signal between letting go of the GIL and the wait interrupts nothing */
    #endif
    """
    bint finalizing "fc_finalizing"() noexcept
    const long long SIGNAL_SLICE "FC_SIGNAL_SLICE"

cdef enum:
    # Microseconds between two looks at whether the interpreter is still there.
    SLICE = 5_000_000

    # As many as loads of one thread are ever nested.
    PARKING_ROOM = 16

# How many forks led to this process: a wait that began before the last one has lost its leader.
cdef int forks = 0

# As good as new, for the next loads: making a flight takes as long as all else in a quick load.  Owned; guarded by the
# GIL, and not used where there is none.
cdef PyObject* parked[PARKING_ROOM]
cdef int parked_flights = 0


@cython.freelist(32)
cdef class Flight:
    def __init__(self):
        raise TypeError("a flight is begun by a cache, not made")

    def __dealloc__(self):
        door_free(&self.door)

    cdef tuple seen(self, int64_t now):
        """(key, age in seconds, waiters, leading thread or 0, whether behind a served value)."""
        return self.key, (now - self.started_at) / 1e9, self.waiters, self.owner, bool(self.behind)

    cdef void queue(self) noexcept:
        """Leaves the flight to whoever claims it first."""
        mutex_lock(&self.mutex)
        self.state = QUEUED
        self.waited = True
        self.owner = self.in_line = 0
        self.on_loop = False
        mutex_unlock(&self.mutex)

    cdef bint claim(self) noexcept:
        """Makes this thread the leader of a queued flight; False if it is not queued."""
        cdef bint claimed
        mutex_lock(&self.mutex)
        claimed = self.state == QUEUED
        if claimed:
            self.state = RUNNING
            self.owner = this_thread()
            self.in_line = 0
            self.on_loop = False
        mutex_unlock(&self.mutex)
        return claimed

    cdef bint stand_in_line(self, unsigned long who) noexcept:
        """Whether this caller (``who_runs``, or A_TASK) is to get a queued flight its place; then no other one is."""
        cdef bint mine
        mutex_lock(&self.mutex)
        mine = self.state == QUEUED and self.in_line == 0
        if mine:
            self.in_line = who
            if who == A_TASK:
                self.owner = this_thread()
                self.on_loop = True
        mutex_unlock(&self.mutex)
        return mine

    cdef void leave_line(self, unsigned long who) noexcept:
        """Another thread that has a place will see to it."""
        mutex_lock(&self.mutex)
        if self.in_line == who:
            self.in_line = 0
        if self.state == QUEUED and self.in_line == 0:
            self.owner = 0
            self.on_loop = False
        mutex_unlock(&self.mutex)

    cdef bint has_line(self) noexcept:
        """Whether anybody stands in line for it."""
        cdef bint stood_for
        mutex_lock(&self.mutex)
        stood_for = self.in_line != 0
        mutex_unlock(&self.mutex)
        return stood_for

    cdef bint is_stood_for(self, unsigned long who) noexcept:
        """Whether this caller stands in line for it, so that waiting would be for itself."""
        cdef bint mine
        mutex_lock(&self.mutex)
        mine = self.in_line == who
        mutex_unlock(&self.mutex)
        return mine

    cdef void lead_on_loop(self) noexcept:
        """A task of this thread leads it."""
        mutex_lock(&self.mutex)
        self.on_loop = True
        mutex_unlock(&self.mutex)

    cdef bint is_on_this_loop(self) noexcept:
        """Whether a task of the loop that runs in this thread leads it, or stands in line to."""
        cdef bint here
        mutex_lock(&self.mutex)
        here = self.on_loop and self.owner == this_thread()
        mutex_unlock(&self.mutex)
        return here

    cdef void end(self, FlightState state) noexcept:
        """Announces how it ended, and lets everybody go."""
        mutex_lock(&self.mutex)
        self.state = state
        self.let_go_lock_held()

    cdef void move_followers(self) noexcept:
        """Another flight of the key has taken its place: whoever waits here is to wait there."""
        mutex_lock(&self.mutex)
        self.moved = True
        self.let_go_lock_held()

    cdef void let_go_lock_held(self) noexcept:
        """Opens the door, and gives the mutex back."""
        cdef bint watched = self.watchers is not None
        cdef bint closed = not self.open and self.door.lock != NULL
        self.open = True
        mutex_unlock(&self.mutex)
        if closed:
            door_open(&self.door)
        if watched:
            self.tell_watchers()

    cdef void tell_watchers(self) noexcept:
        """Calls all who have to be told, each once; what they raise goes to ``sys.unraisablehook``."""
        while self.watchers:
            tell_one(self)

    cdef int watch(self, object watcher) except -1:
        """Adds a waiter whose ``tell()`` is called once at the end, by whoever ends it; here, if it has ended."""
        made = {}
        mutex_lock(&self.mutex)
        if self.watchers is None:
            self.watchers = made
        mutex_unlock(&self.mutex)
        self.count_waiter(1)
        try:
            self.watchers[watcher] = None
        except BaseException:
            self.count_waiter(-1)
            raise
        # Who ends it looks for watchers after that; so of the two one finds the other.
        if self.is_over() and self.unwatch(watcher):
            watcher.tell()
        return 0

    cdef bint unwatch(self, object watcher) except -1:
        """Whether it has been taken off before it was told; the waiter is to be counted off yet."""
        return self.watchers.pop(watcher, self) is None

    cdef bint is_over(self) noexcept:
        """Whether there is nothing to wait for any more."""
        cdef bint over
        mutex_lock(&self.mutex)
        over = self.state > RUNNING or self.moved
        mutex_unlock(&self.mutex)
        return over

    cdef int count_waiter(self, int more) noexcept:
        """Counts one waiter more or less; how many there are then."""
        cdef int waiters
        mutex_lock(&self.mutex)
        self.waiters += more
        waiters = self.waiters
        mutex_unlock(&self.mutex)
        return waiters

    cdef FlightState wait(self, int64_t deadline) except? QUEUED:
        """Waits for the end, at most until ``deadline`` (real monotonic nanoseconds): RUNNING says that it passed.

        MOVED: the wait is to be for another flight.  Raises whatever a signal handler raises.  Callers go through
        ``wait_for``, which sees to it that the wait can end.
        """
        cdef FlightState state
        cdef LockStatus status
        cdef long long slice, left
        cdef int forks_before = forks
        cdef bint doorless, kept
        # Signals are the main thread's.  Asked for here: from the look at the door to the wait no Python code runs.
        slice = SIGNAL_SLICE if main_thread().ident == this_thread() else SLICE
        mutex_lock(&self.mutex)
        if self.state <= RUNNING and self.door.lock == NULL and not self.open:
            door_make(&self.door)
        state = MOVED if self.moved and self.state <= RUNNING else self.state
        doorless = self.door.lock == NULL
        self.waiters += 1
        mutex_unlock(&self.mutex)
        try:
            while state <= RUNNING:
                if doorless:
                    raise MemoryError()
                left = slice
                if deadline != FOREVER:
                    left = (deadline - clock_exact() + 999) // 1000
                    if left <= 0:
                        return RUNNING
                    left = min(left, slice)
                with nogil:
                    status = door_wait(&self.door, left, &kept)
                door_leave(&self.door, status, kept)
                if status != ACQUIRED:
                    PyErr_CheckSignals()
                if finalizing():
                    raise SystemExit("the interpreter is shutting down")
                if forks != forks_before:
                    # A signal handler forked, and this is the child.
                    return ABANDONED
                mutex_lock(&self.mutex)
                state = MOVED if self.moved and self.state <= RUNNING else self.state
                mutex_unlock(&self.mutex)
            return state
        finally:
            mutex_lock(&self.mutex)
            self.waiters -= 1
            mutex_unlock(&self.mutex)

    cdef bint survive_fork(self) noexcept:
        """In the child: lets go of what its threads held; False if the leader is not among its threads."""
        mutex_reset(&self.mutex)
        door_forget(&self.door)
        self.open = False
        self.waiters = 0
        # A loop does not run on in the child.
        if self.state == RUNNING and self.owner == this_thread() and not self.on_loop:
            return True
        # Who stood in line for it begins anew, and does not wait for itself.
        self.in_line = 0
        self.state = ABANDONED
        return False


cdef int forks_so_far() noexcept:
    return forks


cdef void flights_survive_fork(PyObject* innermost) noexcept:
    """In the child: what this thread loads, the innermost first, keeps the places that it has."""
    global forks
    cdef PyObject* at = innermost
    forks += 1
    while at != NULL:
        (<Flight>at).forks_when_admitted = forks
        at = (<Flight>at).outer


cdef Flight new_flight(object key):
    """A flight that this thread leads."""
    global parked_flights
    cdef Flight flight
    if parked_flights > 0:
        parked_flights -= 1
        flight = steal(parked[parked_flights])
    else:
        flight = Flight.__new__(Flight)
    flight.key = key
    flight.state = RUNNING
    flight.owner = this_thread()
    return flight


cdef void park(Flight flight) noexcept:
    """Keeps a flight of this thread's that has landed for a later load, if nobody else has ever come to know it.

    It was given nothing but its key and value, and the caller's is the only reference.
    """
    global parked_flights
    if not is_untouched(flight):
        return
    # May run strangers' code.
    flight.key = flight.value = None
    if parked_flights < PARKING_ROOM and is_untouched(flight):
        flight.open = False
        flight.inner = flight.outer = NULL
        flight.started_at = flight.number = flight.stripe = flight.slot = flight.waited = 0
        py_incref(<PyObject*>flight)
        parked[parked_flights] = <PyObject*>flight
        parked_flights += 1


cdef inline bint is_untouched(Flight flight) noexcept:
    return (
        not PARALLEL and reference_count(<PyObject*>flight) == 1 and flight.door.lock == NULL
        and flight.watchers is None and flight.parent is None and not flight.moved
    )


cdef int tell_one(Flight flight) noexcept:
    watcher = None
    try:
        watcher, _ = flight.watchers.popitem()
    except KeyError:
        # Another took it.
        pass
    try:
        if watcher is not None:
            watcher.tell()
    except KeyboardInterrupt:
        # Not to be lost here, where nothing may be raised.
        PyErr_SetInterrupt()
    return 0
