"""One who waits for a flight by a call that is made at its end.

A watch is the same for tasks, and wakes those of one loop together.
"""

cimport cython
from cpython.object cimport PyObject

from fastcache._core.flight cimport Flight
from fastcache._core.graph cimport graph_enter, graph_leave, leading_flight


@cython.final
@cython.no_gc_clear
cdef class Bell:
    """Among the waiters of a flight from its making until it rings, or is left: then ``ring()`` is called, once.

    Whoever ends the flight calls it, in whatever thread; this one does if it has ended already.  Raises LoadCycleError
    where the wait could never end.
    """

    def __init__(self, Flight flight not None, ring not None, /):
        cdef Flight leading
        if self.flight is not None:
            raise RuntimeError("a bell is hung once")
        self.ring = ring
        leading = leading_flight()
        self.wait.flight = <PyObject*>flight
        if leading is not None:
            graph_enter(leading, &self.wait)
        self.leading = leading
        self.flight = flight
        flight.count_waiter(1)
        if flight.watchers is None:
            flight.make_watchers()
        flight.watchers[self] = None
        # Who ends it looks for watchers after that; so of the two one finds the other.
        if flight.is_over() and flight.watchers.pop(self, self) is None:
            self.tell()

    def __dealloc__(self):
        # The collector has taken who waited.
        if self.leading is not None:
            graph_leave(self.leading, &self.wait)

    def leave(self):
        """Waits no longer; how many others wait for the flight, or -1 if the bell has rung, or is about to."""
        if self.flight.watchers.pop(self, self) is not None:
            return -1
        return self.stand_down()

    cdef int stand_down(self) except -2:
        if self.leading is not None:
            graph_leave(self.leading, &self.wait)
            self.leading = None
        return self.flight.count_waiter(-1)

    def tell(self):
        """For the flight: it has ended, and this bell has been taken off it."""
        self.stand_down()
        self.ring()
