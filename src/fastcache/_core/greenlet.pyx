"""Greenlets as the core sees them: whether one runs, which one, and what those of a thread are loading.

A thread that ends leaves its greenlets where they stand, and nobody tells them.  So what they load is noted where the
interpreter drops it with the thread; then it is given up, and whoever waits begins anew.
"""

cimport cython
from cpython.exc cimport PyErr_SetInterrupt
from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from fastcache._core.flight cimport A_GREENLET, Flight, forks_so_far
from fastcache._core.mutex cimport atomic_load, atomic_store
from fastcache._core.place cimport has_place
from fastcache._core.residence cimport Residence

import sys

cdef extern from "Python.h":
    unsigned long this_thread "PyThread_get_thread_ident"() noexcept nogil
    # Borrowed: sys.modules.
    PyObject* modules "PyImport_GetModuleDict"() noexcept
    int64_t dict_size "PyDict_GET_SIZE"(PyObject*) noexcept
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
# How many modules there were when it was last looked whether there may be any.
cdef int64_t modules_seen = 0

cdef enum Question:
    HAS_LOADS_OF_ITS_OWN        # any but a hub, or without a hub but the thread's own greenlet
    MAY_WAIT_IN_HUB
    WAS_SPAWNED                 # and is not the one that runs where nobody has made any: the thread's own


cdef void greenlets_known(object module) noexcept:
    global greenlets
    greenlets = module


cdef object greenlets_module():
    return greenlets


cdef bint modules_changed() noexcept:
    """Whether there are more or fewer of them than at the last call."""
    cdef int64_t now = dict_size(modules())
    if now == atomic_load(&modules_seen):
        return False
    atomic_store(&modules_seen, now)
    return True


cdef bint may_be_greenlets() noexcept:
    """Whether any may run: once the module is there that makes them, ``_greenlets`` is made known.

    That is looked for where the number of modules is not that of the last look, so nearly never.
    """
    if greenlets is None and modules_changed() and not ending():
        try:
            if "greenlet" in sys.modules:
                __import__("fastcache._greenlets")
                sys.modules["fastcache._greenlets"].make_known()
        except KeyboardInterrupt:
            # Not to be lost here, where nothing may be raised.
            PyErr_SetInterrupt()
            atomic_store(&modules_seen, 0)
        except BaseException:
            # There is no memory, or no room on the stack.
            atomic_store(&modules_seen, 0)
    return greenlets is not None


def greenlets_are_there():
    """Whether any may run.  It takes no lock of ``sys.modules``, which a fork of free-threaded 3.13 may leave taken."""
    return may_be_greenlets()


cdef bint runs_one_that(Question question) noexcept:
    try:
        if not may_be_greenlets():
            return False
        if question == MAY_WAIT_IN_HUB:
            return greenlets.waits()
        return greenlets.runs() and (question == HAS_LOADS_OF_ITS_OWN or greenlets.current().parent is not None)
    except KeyboardInterrupt:
        PyErr_SetInterrupt()
    except BaseException:
        # As above.
        pass
    return False


cdef bint in_greenlet() noexcept:
    return runs_one_that(HAS_LOADS_OF_ITS_OWN)


cdef bint in_hubs_greenlet() noexcept:
    return runs_one_that(MAY_WAIT_IN_HUB)


cdef bint in_spawned_greenlet() noexcept:
    return runs_one_that(WAS_SPAWNED)


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
cdef class Here(Residence):
    """What greenlets of one thread load and stand in line for, and who else is lost with them."""
    # The store of each flight; and, by ids of the lists, flights that have not begun, with theirs, and whose they are.
    cdef dict loads
    cdef dict lines

    def __cinit__(self, *args, **kwargs):
        self.loads = {}
        self.lines = {}

    def __del__(self):
        # At the end of the process nobody waits.
        if ending() or not self.is_of_this_process():
            return
        while self.loads:
            flight, store = self.loads.popitem()
            lose(store._lose, flight)
        while self.lines:
            _, (flights, store, _) = self.lines.popitem()
            for flight in flights:
                lose(store._lose_unbegun, flight)
        self.tell_all()


cdef int lose(object end, object flight) noexcept:
    try:
        end(flight)
    except KeyboardInterrupt:
        # It has ended.
        PyErr_SetInterrupt()
    return 0


cdef Here here():
    """What is lost with this thread; None, if nothing is."""
    cdef PyObject* variables = thread_dict()
    return None if variables == NULL else (<dict>variables).get(Here)


cdef Here make_here():
    found = here()
    if found is None:
        found = (<dict>thread_dict())[Here] = Here()
    return found


def residents_here():
    """Who is told when this thread ends: its greenlets are left where they stand then."""
    return make_here().residents


def thread_survives_fork():
    """In the child: what is lost with this thread still is."""
    cdef Here mine = here()
    cdef Flight flight
    if mine is not None:
        mine.survive_fork()
        for flight in mine.loads:
            flight.forks_when_admitted = forks_so_far()


cdef void greenlet_begins(Flight flight, object store) noexcept:
    """A greenlet of this thread loads it."""
    try:
        make_here().loads[flight] = store
    except BaseException:
        # There is no memory: it may be lost with its thread.
        pass


cdef void greenlet_ends(Flight flight) noexcept:
    cdef Here found
    try:
        found = here()
        if found is not None:
            found.loads.pop(flight, None)
    except BaseException:
        pass


cdef list greenlet_stands(list flights, Flight besides, object store):
    """If this is a greenlet, flights are its to begin: when it has a place or a thread for them, or has loaded others.

    Never raises.

    :param besides: one more, or None.
    :return: what is to be given to ``greenlet_goes_on``, for no other greenlet's.
    """
    noted = None
    if in_greenlet():
        try:
            noted = flights[:] if besides is None else flights + [besides]
            make_here().lines[id(noted)] = noted, store, who_runs()
        except BaseException:
            # As above.
            pass
    return noted


cdef void greenlet_goes_on(list noted) noexcept:
    cdef Here found
    try:
        found = None if noted is None else here()
        if found is not None:
            found.lines.pop(id(noted), None)
    except BaseException:
        pass


cdef bint is_stood_for_here(Here mine, Flight flight) except -1:
    """Whether a greenlet of this thread stands in line for a flight: what else it is to begin is for whoever comes."""
    if flight.has_line():
        for flights, _, who in mine.lines.values():
            if flight in flights and flight.is_stood_for(who):
                return True
    return False


cdef bint waits_for_this_thread(Flight flight) noexcept:
    """Whether a greenlet of this thread is to end a flight, and cannot while the thread waits for it: another, which
    loads it or stands in line to; or the thread's own, below one that it has begun.
    """
    cdef bint waits = False
    cdef Here mine
    if not flight.is_over():
        waits = flight.owner == this_thread() and (flight.in_greenlet or in_spawned_greenlet())
        try:
            mine = here()
            waits = waits or (mine is not None and (flight in mine.loads or is_stood_for_here(mine, flight)))
        except BaseException:
            # As above.
            pass
    return waits


cdef int places_here(PyObject* innermost, object bulkhead) except -1:
    """How many loads of this thread, which loads ``innermost``, and of its greenlets have a place of their own."""
    cdef PyObject* at = innermost
    cdef Here mine = here()
    cdef Flight flight
    cdef int found = 0
    while at != NULL:
        found += has_place(<Flight>at, bulkhead)
        at = (<Flight>at).outer
    if mine is not None:
        for flight in mine.loads:
            found += has_place(flight, bulkhead)
    return found
