"""Who waits for whom: the flights that threads and tasks are loading, and the waits between them.

A thread that leads a flight and is about to wait for another first walks the graph: from a flight to those that its
leader waits for.  If that comes back to what this thread is loading, it would wait for itself, and raises instead.
What a thread loads is a stack, linked through the flights; what a task loads is told by its context, and so is
inherited by the tasks and threads that its load begins.

The graph has one mutex, taken only by those that lead and wait at the same time, and no lock is taken under it.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from fastcache._core.flight cimport QUEUED, Flight, FlightState, Wait, flights_survive_fork
from fastcache._core.mutex cimport Mutex, assert_outside, mutex_lock, mutex_reset, mutex_unlock
from fastcache._core.py cimport py_decref, py_incref, steal

from contextvars import ContextVar

from fastcache._errors import LoadCycleError

cdef extern from "Python.h":
    int context_get "PyContextVar_Get"(object variable, PyObject* default, PyObject** value) except -1

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

# Whether any task has ever loaded anything: until then nobody asks for the context.
cdef bint tasks_load = False
# The innermost flight that a task is loading.
loading_task = ContextVar("fastcache_loading", default=None)


cdef void load_begins(Flight flight) noexcept:
    """This thread's load begins."""
    global current
    cdef Flight parent = task_flight()
    flight.outer = current
    if parent is not None and (current == NULL or not is_led_within(<PyObject*>parent, current)):
        # The task waits for what it has this thread load.
        flight.parent = parent
        flight.turn.flight = <PyObject*>flight
        mutex_lock(&graph)
        flight.turn.earlier = parent.waits
        parent.waits = &flight.turn
        mutex_unlock(&graph)
    if current != NULL:
        mutex_lock(&graph)
        (<Flight>current).inner = <PyObject*>flight
        mutex_unlock(&graph)
    current = <PyObject*>flight


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
        if task is flight:
            return True
        task = task.parent
    return False


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


def holds_place(bulkhead, /):
    """Whether this thread is loading something that has a place of its own in a bulkhead."""
    cdef PyObject* at = current
    while at != NULL and (<Flight>at).admitted is not bulkhead:
        at = (<Flight>at).outer
    return at != NULL


cdef Flight task_flight():
    """What the running task is loading; or None."""
    cdef PyObject* found = NULL
    if not tasks_load:
        return None
    # Unlike a call it needs no room on the stack, at whose end loads must still come to theirs.
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
    if leading is None:
        # Nobody can be waiting for a thread that leads nothing.
        return flight.wait(deadline)
    mine.flight = <PyObject*>flight
    graph_enter(leading, &mine)
    try:
        return flight.wait(deadline)
    finally:
        graph_leave(leading, &mine)


cdef int graph_enter(Flight leading, Wait* wait) except -1:
    cdef PyObject* path[PATH_ROOM]
    cdef int length = 0
    cdef int i
    mutex_lock(&graph)
    if leads_back(wait.flight, <PyObject*>leading, path, &length):
        for i in range(length):
            py_incref(path[i])
    else:
        wait.earlier = leading.waits
        leading.waits = wait
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
    cdef Wait** at = &leading.waits
    mutex_lock(&graph)
    while at[0] != wait:
        at = &at[0].earlier
    at[0] = wait.earlier
    mutex_unlock(&graph)


cdef bint is_led_within(PyObject* flight, PyObject* leading) noexcept:
    """Whether a flight is ``leading`` or one of those in whose loads that was begun."""
    while leading != NULL:
        if leading == flight or is_led_within(flight, parent_of(leading)):
            return True
        leading = (<Flight>leading).outer
    return False


cdef inline PyObject* parent_of(PyObject* flight) noexcept:
    return <PyObject*>(<Flight>flight).parent if (<Flight>flight).parent is not None else NULL


cdef bint leads_back(PyObject* start, PyObject* mine, PyObject** path, int* length) noexcept:
    """Whether the leader of ``start`` waits, through any number of others, for who loads ``mine``; under the graph's
    mutex.

    Such waits are refused, so the walk meets no cycle but one through ``mine``, and ends.
    """
    cdef PyObject* at = start
    cdef bint back = is_led_within(start, mine)
    cdef Wait* wait
    while at != NULL and not back:
        wait = (<Flight>at).waits
        while wait != NULL and not back:
            back = leads_back(wait.flight, mine, path, length)
            wait = wait.earlier
        at = (<Flight>at).inner
    if back and length[0] < PATH_ROOM:
        path[length[0]] = start
        length[0] += 1
    return back


cdef void graph_survives_fork() noexcept:
    """In the child."""
    mutex_reset(&graph)
    flights_survive_fork()
