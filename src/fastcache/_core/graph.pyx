"""Who waits for whom: the flights that threads and tasks are loading, and the waits between them.

A thread that leads a flight and is about to wait for another first walks the graph: from a flight to those that its
leader waits for.  If that comes back to what this thread is loading, it would wait for itself, and raises instead.
What a thread loads is a stack, linked through the flights; what a task loads is told by its context, and so is
inherited by the tasks and threads that its load begins.

The graph has one mutex, taken only by those that lead and wait at the same time, and no lock is taken under it.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from fastcache._core.flight cimport QUEUED, RUNNING, Flight, FlightState, Wait, flights_survive_fork
from fastcache._core.mutex cimport Mutex, assert_outside, mutex_lock, mutex_reset, mutex_unlock
from fastcache._core.py cimport py_decref, py_incref, steal

from contextvars import ContextVar

from fastcache._errors import LoadCycleError

cdef extern from "Python.h":
    int context_get "PyContextVar_Get"(object variable, PyObject* default, PyObject** value) except -1
    unsigned long this_thread "PyThread_get_thread_ident"() noexcept nogil

cdef extern from *:
    """
    FC_THREAD_LOCAL PyObject *fc_current_flight = NULL;
    """
    # The innermost flight that this thread is loading; borrowed.
    PyObject* current "fc_current_flight"

cdef enum:
    # Keys of a cycle that an error names.
    PATH_ROOM = 8

cdef Mutex graph

# The waits of threads in which loops may run, the latest first; guarded by the mutex.
cdef Wait* standing = NULL
# How many walks there were; guarded by the mutex.
cdef int64_t walks = 0

# Whether any task has ever loaded anything: until then nobody asks for the context.
cdef bint tasks_load = False
# The innermost flight that a task is loading.
loading_task = ContextVar("fastcache_loading", default=None)


cdef void load_begins(Flight flight) noexcept:
    """This thread's load begins."""
    global current
    flight.outer = current
    if tasks_load:
        load_begins_in_task(flight)
    if flight.outer != NULL:
        mutex_lock(&graph)
        (<Flight>flight.outer).inner = <PyObject*>flight
        mutex_unlock(&graph)
    current = <PyObject*>flight


cdef void load_begins_in_task(Flight flight) noexcept:
    """If a task has this thread load, it waits for that."""
    cdef Flight parent = None
    try:
        parent = task_flight()
    except RecursionError:
        # Nor will there be any for the loader.
        pass
    if parent is None or (current != NULL and is_led_within(<PyObject*>parent, current)):
        return
    flight.parent = parent
    flight.turn.flight = <PyObject*>flight
    mutex_lock(&graph)
    flight.turn.earlier = parent.waits
    parent.waits = &flight.turn
    mutex_unlock(&graph)


cdef void load_ends(Flight flight) noexcept:
    """This thread's load is over; greenlets of one thread may end theirs in any order."""
    global current
    if flight.turn.flight != NULL:
        graph_leave(flight.parent, &flight.turn)
        flight.turn.flight = NULL
    if flight.outer != NULL or flight.inner != NULL:
        mutex_lock(&graph)
        if flight.outer != NULL:
            (<Flight>flight.outer).inner = flight.inner
        if flight.inner != NULL:
            (<Flight>flight.inner).outer = flight.outer
        mutex_unlock(&graph)
    if current == <PyObject*>flight:
        current = flight.outer


cdef bint is_mine(Flight flight) except -1:
    """Whether this thread or task is loading it, or is about to, so that waiting would be for itself."""
    cdef PyObject* at = current
    cdef Flight task
    if flight.is_stood_for():
        return True
    while at != NULL:
        if at == <PyObject*>flight:
            return True
        at = (<Flight>at).outer
    task = task_flight()
    while task is not None:
        if is_same_load(<PyObject*>task, <PyObject*>flight):
            return True
        task = task.parent
    return False


cdef inline bint is_same_load(PyObject* a, PyObject* b) noexcept:
    """Whether two flights are one, or are led by one task, as those of keys that it loads together."""
    return a == b or ((<Flight>a).task is not None and (<Flight>a).task is (<Flight>b).task)


cdef bint is_admitted(object bulkhead) except -1:
    """Whether this thread or task is loading something that has a place in a bulkhead."""
    cdef PyObject* at = current
    cdef Flight flight
    while at != NULL:
        if admits(<Flight>at, bulkhead):
            return True
        at = (<Flight>at).outer
    flight = task_flight()
    while flight is not None:
        if admits(flight, bulkhead):
            return True
        flight = flight.parent
    return False


cdef bint admits(Flight flight, object bulkhead) noexcept:
    cdef tuple lent = flight.lent
    if flight.admitted is bulkhead:
        return True
    if lent is not None:
        for place in lent:
            if place is bulkhead:
                return True
    return False


cdef tuple places():
    """The bulkheads in which this thread has a place; None without any."""
    cdef PyObject* at = current
    cdef tuple found = None
    while at != NULL:
        if (<Flight>at).admitted is not None:
            found = (found or ()) + ((<Flight>at).admitted,)
        if (<Flight>at).lent is not None:
            found = (found or ()) + (<Flight>at).lent
        at = (<Flight>at).outer
    return found


def is_loading():
    """Whether this thread, or the running task, is loading something."""
    return leading_flight() is not None


def holds_place(bulkhead, /):
    """Whether this thread is loading something that has a place of its own in a bulkhead."""
    cdef PyObject* at = current
    while at != NULL and (<Flight>at).admitted is not bulkhead:
        at = (<Flight>at).outer
    return at != NULL


cdef Flight task_flight():
    """What the running task is loading; or None.  RecursionError: there is no room on the stack to tell.

    Where the context holds other variables too, finding one may take a comparison.
    """
    cdef PyObject* found = NULL
    if not tasks_load:
        return None
    context_get(loading_task, NULL, &found)
    return <Flight>steal(found)


def task_loads(Flight flight not None, /):
    """The running task's own load begins; its context is its own."""
    global tasks_load
    tasks_load = True
    loading_task.set(flight)


cdef Flight leading_flight():
    """The innermost flight that the running task or this thread is loading; or None."""
    cdef Flight task = task_flight()
    # A loop may run within a thread's load, and a task begin a load in its thread.
    if current != NULL and (task is None or is_led_within(<PyObject*>task, current)):
        return <Flight>current
    return task


cdef FlightState wait_for(Flight flight, int64_t deadline) except? QUEUED:
    """Waits for the end, at most until ``deadline`` (real monotonic nanoseconds): RUNNING says that it passed.

    MOVED: the wait is to be for another flight.  Raises LoadCycleError where the wait could not end, and whatever a
    signal handler raises.
    """
    cdef Wait mine
    cdef Flight leading
    assert_outside()
    leading = leading_flight()
    if leading is None and not tasks_load:
        # Nobody can be waiting for a thread that leads nothing, and runs no loop.
        return flight.wait(deadline)
    mine.flight = <PyObject*>flight
    mine.thread = this_thread() if tasks_load else 0
    graph_enter(leading, &mine)
    try:
        return flight.wait(deadline)
    finally:
        graph_leave(leading, &mine)


cdef int graph_enter(Flight leading, Wait* wait) except -1:
    """The wait of who leads a flight, or None, begins.  LoadCycleError if it could not end."""
    global standing
    cdef PyObject* path[PATH_ROOM]
    cdef PyObject* at
    cdef int length = 0
    cdef int i
    mutex_lock(&graph)
    at = leads_back(wait.flight, <PyObject*>leading if leading is not None else NULL, wait.thread)
    while at != NULL and length < PATH_ROOM:
        py_incref(at)
        path[length] = at
        length += 1
        at = (<Flight>at).walked_from
    if length == 0:
        if leading is not None:
            wait.earlier = leading.waits
            leading.waits = wait
        if wait.thread != 0:
            wait.earlier_thread = standing
            standing = wait
    mutex_unlock(&graph)
    if length == 0:
        return 0
    try:
        keys = [(<Flight>path[i]).key for i in range(length - 1, -1, -1)]
    finally:
        for i in range(length):
            py_decref(path[i])
    raise LoadCycleError(keys)


cdef void graph_leave(Flight leading, Wait* wait) noexcept:
    """The wait is over; several of one task may end in any order."""
    global standing
    cdef Wait** at
    mutex_lock(&graph)
    if leading is not None:
        at = &leading.waits
        while at[0] != wait:
            at = &at[0].earlier
        at[0] = wait.earlier
    if wait.thread != 0:
        at = &standing
        # In the child of a fork it is not there.
        while at[0] != NULL and at[0] != wait:
            at = &at[0].earlier_thread
        if at[0] != NULL:
            at[0] = wait.earlier_thread
    mutex_unlock(&graph)


cdef bint is_led_within(PyObject* flight, PyObject* leading) noexcept:
    """Whether a flight is ``leading`` or one of those in whose loads that was begun."""
    cdef PyObject* outer
    cdef PyObject* parent
    while leading != NULL:
        if is_same_load(leading, flight):
            return True
        outer, parent = (<Flight>leading).outer, parent_of(leading)
        if outer != NULL and parent != NULL and is_led_within(flight, parent):
            return True
        leading = outer if outer != NULL else parent
    return False


cdef inline PyObject* parent_of(PyObject* flight) noexcept:
    return <PyObject*>(<Flight>flight).parent if (<Flight>flight).parent is not None else NULL


cdef PyObject* leads_back(PyObject* start, PyObject* mine, unsigned long thread) noexcept:
    """Whether the leader of ``start`` waits, through any number of others, for who loads ``mine``, or for the loop of
    ``thread`` (0: none): the flight that does, from which ``walked_from`` leads to the start; or NULL.

    A thread that waits stops the loop that runs in it, so all tasks that load there wait for the same.  The graph's
    mutex is held.  No flight is come to twice.
    """
    global walks
    cdef PyObject* at
    cdef PyObject* within
    cdef PyObject* rest = NULL
    cdef Wait* wait
    cdef bint on_loop
    walks += 1
    walk_to(start, NULL, &rest)
    while rest != NULL:
        at = rest
        rest = (<Flight>at).walk_next
        on_loop = (<Flight>at).on_loop and (<Flight>at).state <= RUNNING
        if is_led_within(at, mine) or (on_loop and (<Flight>at).owner == thread):
            return at
        within = at
        while within != NULL:
            walk_waits((<Flight>within).waits, at, &rest)
            within = (<Flight>within).inner
        within = parent_of(at)
        if within != NULL and is_same_load(within, at):
            # What a task loads together waits as one, for which that stands.
            walk_waits((<Flight>within).waits, at, &rest)
        wait = standing if on_loop else NULL
        while wait != NULL:
            if wait.thread == (<Flight>at).owner:
                walk_to(wait.flight, at, &rest)
            wait = wait.earlier_thread
    return NULL


cdef inline void walk_waits(Wait* wait, PyObject* origin, PyObject** rest) noexcept:
    while wait != NULL:
        walk_to(wait.flight, origin, rest)
        wait = wait.earlier


cdef inline void walk_to(PyObject* flight, PyObject* origin, PyObject** rest) noexcept:
    """Puts a flight before the rest that the walk has still to come to, unless it has been there."""
    if (<Flight>flight).walk != walks:
        (<Flight>flight).walk = walks
        (<Flight>flight).walked_from = origin
        (<Flight>flight).walk_next = rest[0]
        rest[0] = flight


cdef void graph_survives_fork() noexcept:
    """In the child."""
    global standing
    mutex_reset(&graph)
    standing = NULL
    flights_survive_fork()
