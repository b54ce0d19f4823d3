"""Greenlets as the core sees them: whether one runs, which one, and what those of a thread are loading.

A thread that ends leaves its greenlets where they stand, and nobody tells them.  So what they load is noted where the
interpreter drops it with the thread; then it is given up, and whoever waits begins anew.
"""

cimport cython
from cpython.exc cimport PyErr_SetInterrupt
from cpython.object cimport PyObject

from fastcache._core.flight cimport A_GREENLET, Flight

cdef extern from "Python.h":
    unsigned long this_thread "PyThread_get_thread_ident"() noexcept nogil
    # Borrowed; NULL without an exception if there is none.
    PyObject* thread_dict "PyThreadState_GetDict"() noexcept

cdef extern from *:
    """
    #if PY_VERSION_HEX >= 0x030D0000
    #define fc_ending() Py_IsFinalizing()
    #else
    #define fc_ending() _Py_IsFinalizing()
    #endif
    """
    bint ending "fc_ending"() noexcept

# ``_greenlets``, once there may be any: how they are known, and how they wait.
cdef object greenlets = None


cdef void greenlets_known(object module) noexcept:
    global greenlets
    greenlets = module


cdef object greenlets_module():
    return greenlets


cdef bint in_greenlet() noexcept:
    """Whether a greenlet that may wait runs: any of a thread that has a hub, but the hub itself."""
    try:
        return greenlets is not None and greenlets.runs()
    except KeyboardInterrupt:
        # Not to be lost here, where nothing may be raised.
        PyErr_SetInterrupt()
    except BaseException:
        # There is no memory, or no room on the stack.
        pass
    return False


cdef bint in_spawned_greenlet() noexcept:
    """The same for greenlets other than the one that runs where nobody has made any: not the thread's own."""
    try:
        return greenlets is not None and greenlets.runs() and greenlets.current().parent is not None
    except KeyboardInterrupt:
        PyErr_SetInterrupt()
    except BaseException:
        pass
    return False


cdef unsigned long who_runs() noexcept:
    """This thread, or the greenlet that runs in it: told apart by a number while they live."""
    if in_greenlet():
        try:
            running = greenlets.current()
            return <unsigned long><PyObject*>running | A_GREENLET
        except BaseException:
            pass
    return this_thread()


@cython.final
cdef class Loads:
    """What greenlets of one thread are loading."""
    cdef dict stores    # that of each flight

    def __del__(self):
        # At the end of the process nobody waits.
        while self.stores and not ending():
            flight, store = self.stores.popitem()
            store._lose(flight)


cdef Loads loads_here():
    """Of this thread; None, if there are none."""
    cdef PyObject* here = thread_dict()
    return None if here == NULL else (<dict>here).get(Loads)


cdef void greenlet_begins(Flight flight, object store) noexcept:
    """A greenlet of this thread loads it."""
    cdef Loads loads
    try:
        loads = loads_here()
        if loads is None:
            loads = Loads.__new__(Loads)
            loads.stores = {}
            (<dict>thread_dict())[Loads] = loads
        loads.stores[flight] = store
    except BaseException:
        # There is no memory: it may be lost with its thread.
        pass


cdef void greenlet_ends(Flight flight) noexcept:
    cdef Loads loads
    try:
        loads = loads_here()
        if loads is not None:
            loads.stores.pop(flight, None)
    except BaseException:
        pass


cdef int greenlets_admitted(object bulkhead) except -1:
    """How many loads of greenlets of this thread have a place of their own in a bulkhead."""
    cdef Loads loads = loads_here()
    cdef Flight flight
    cdef int found = 0
    if loads is not None:
        for flight in loads.stores:
            found += flight.admitted is bulkhead
    return found
