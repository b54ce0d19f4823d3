"""Who waits for whom: the flights that threads and tasks are loading, and the waits between them.

A thread that leads a flight and is about to wait for another first walks the graph: from a flight to those that its
leader waits for.  If that comes back to what this thread is loading, it would wait for itself, and raises instead.
What a thread loads is a stack, linked through the flights; what a task loads is told by its context, and so is
inherited by the tasks and threads that its load begins.  What a greenlet loads is told by its context too, which is its
own alone, for others of its thread load and wait in between.

The graph has one mutex, taken only by those that lead and wait at the same time, and no lock is taken under it.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from fastcache._core.clock cimport clock_exact
from fastcache._core.flight cimport MOVED, QUEUED, RUNNING, Flight, FlightState, Wait, flights_survive_fork
from fastcache._core.greenlet cimport (
    greenlet_begins, greenlet_ends, greenlets_known, greenlets_module, in_greenlet, in_hubs_greenlet,
    in_spawned_greenlet, may_be_greenlets, places_here, waits_for_this_thread, who_runs,
)
from fastcache._core.mutex cimport Mutex, assert_outside, mutex_lock, mutex_reset, mutex_unlock
from fastcache._core.place cimport has_place
from fastcache._core.py cimport FOREVER, py_decref, py_incref, steal
from fastcache._core.walk cimport is_led_within, is_same_load, leads_back

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
# The innermost flight that a task or greenlet is loading.
loading_task = ContextVar("fastcache_loading", default=None)


cdef PyObject* stack() noexcept:
    """The innermost flight that this thread is loading, if it is not one of its greenlets that runs; borrowed."""
    return NULL if current != NULL and in_spawned_greenlet() else current


cdef void load_begins(Flight flight, object store) noexcept:
    """This thread's load for a store begins."""
    global current
    flight.outer = stack()
    if tasks_load or may_be_greenlets():
        load_begins_in_task(flight)
        # What the thread's own greenlet began before there was a hub has its stack.
        if flight.outer == NULL and in_greenlet():
            flight.in_greenlet = True
            set_loading(flight)
            greenlet_begins(flight, store)
            return
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
    if parent is None or (flight.outer != NULL and is_led_within(<PyObject*>parent, flight.outer)):
        return
    flight.parent = parent
    flight.turn.flight = <PyObject*>flight
    mutex_lock(&graph)
    flight.turn.earlier = parent.waits
    parent.waits = &flight.turn
    mutex_unlock(&graph)


cdef void set_loading(Flight flight) noexcept:
    """What this greenlet loads from now on; or None."""
    try:
        loading_task.set(flight)
    except BaseException:
        # There is no memory: a load that asks for its own key will not be told so.
        pass


def know_greenlets(known not None, /):
    """Greenlets may load from now on: ``known.runs()`` tells if one does, ``known.current()`` which; ``known.waits()``
    if it may wait in a hub, and ``known.wait(flight, seconds)`` does.
    """
    global tasks_load
    tasks_load = True
    greenlets_known(known)


cdef void load_ends(Flight flight) noexcept:
    """This thread's load is over."""
    global current
    if flight.in_greenlet:
        flight.in_greenlet = False
        set_loading(flight.parent)
        greenlet_ends(flight)
    graph_part(flight.parent, &flight.turn)
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
    cdef PyObject* at = stack()
    cdef Flight task
    # Mostly nobody does, and it need not be asked which greenlet runs.
    if flight.has_line() and flight.is_stood_for(who_runs()):
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


cpdef bint is_admitted_here(object bulkhead) except -1:
    """Whether this thread, not its task, loads something that has a place in a bulkhead, be it its caller's."""
    cdef PyObject* at = stack()
    while at != NULL and not admits(<Flight>at, bulkhead):
        at = (<Flight>at).outer
    return at != NULL


cdef bint is_admitted(object bulkhead) except -1:
    """The same of this thread or task."""
    cdef Flight flight
    if is_admitted_here(bulkhead):
        return True
    flight = task_flight()
    while flight is not None and not admits(flight, bulkhead):
        flight = flight.parent
    return flight is not None


cdef bint admits(Flight flight, object bulkhead) noexcept:
    for place in flight.lent or ():
        if place is bulkhead:
            return True
    return has_place(flight, bulkhead)


cdef tuple places():
    """The bulkheads in which this thread has a place; None without any."""
    cdef PyObject* at = stack()
    cdef tuple found = None
    while at != NULL:
        if (<Flight>at).admitted is not None and has_place(<Flight>at, (<Flight>at).admitted):
            found = (found or ()) + ((<Flight>at).admitted,)
        if (<Flight>at).lent is not None:
            found = (found or ()) + (<Flight>at).lent
        at = (<Flight>at).outer
    return found


def is_loading():
    """Whether this thread, or the running task, is loading something."""
    return leading_flight() is not None


def places_held(bulkhead, /):
    """How many loads of this thread and its greenlets have a place of their own in a bulkhead."""
    return places_here(current, bulkhead)


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
    cdef PyObject* innermost = stack()
    # A loop may run within a thread's load, and a task begin a load in its thread.
    if innermost != NULL and (task is None or is_led_within(<PyObject*>task, innermost)):
        return <Flight>innermost
    return task


cdef FlightState wait_for(Flight flight, int64_t deadline) except? QUEUED:
    """Waits for the end, at most until ``deadline`` (real monotonic nanoseconds): RUNNING says that it passed.

    MOVED: the wait is to be for another flight.  Raises LoadCycleError where the wait could not end, and whatever a
    signal handler raises.
    """
    cdef Wait mine
    cdef Flight leading
    assert_outside()
    if in_hubs_greenlet():
        return wait_in_greenlet(flight, deadline)
    if tasks_load and waits_for_this_thread(flight):
        raise RuntimeError(f"a greenlet of this thread loads {flight.key!r}, and would be stopped by a wait for it")
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


cdef FlightState wait_in_greenlet(Flight flight, int64_t deadline) except? QUEUED:
    """``wait_for`` where other greenlets of the thread are to run meanwhile, the leader perhaps among them."""
    cdef FlightState state
    greenlets_module().wait(flight, None if deadline == FOREVER else max(0.0, (deadline - clock_exact()) / 1e9))
    mutex_lock(&flight.mutex)
    state = MOVED if flight.moved and flight.state <= RUNNING else flight.state
    mutex_unlock(&flight.mutex)
    return state if state > RUNNING else RUNNING


cdef Flight graph_join(Flight flight, Wait* wait):
    """The wait of who is to be told of a flight's end begins; what he is loading himself, or None."""
    cdef Flight leading = leading_flight()
    wait.flight = <PyObject*>flight
    if leading is not None:
        graph_enter(leading, wait)
    return leading


cdef void graph_part(Flight leading, Wait* wait) noexcept:
    """That wait is over, if it is not already."""
    if leading is not None and wait.flight != NULL:
        graph_leave(leading, wait)
    wait.flight = NULL


cdef int graph_enter(Flight leading, Wait* wait) except -1:
    """The wait of who leads a flight, or None, begins.  LoadCycleError if it could not end."""
    global standing, walks
    cdef PyObject* path[PATH_ROOM]
    cdef PyObject* at
    cdef int length = 0
    cdef int i
    mutex_lock(&graph)
    walks += 1
    at = leads_back(
        wait.flight, <PyObject*>leading if leading is not None else NULL, wait.thread, standing, walks,
    )
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


cdef void graph_survives_fork() noexcept:
    """In the child."""
    global standing
    mutex_reset(&graph)
    standing = NULL
    flights_survive_fork(current)
