"""One who waits for a flight by a call that is made at its end.

A watch is the same for tasks, and wakes those of one loop together.
"""

cimport cython

from fastcache._core.flight cimport Flight
from fastcache._core.graph cimport graph_join, graph_part


@cython.final
@cython.no_gc_clear
cdef class Bell:
    """Among the waiters of a flight from when it is hung until it rings, or is left: then ``ring()`` is called, once
    unless it raises.

    Whoever ends the flight calls it, in whatever thread; this one does if it has ended already.
    """

    def __init__(self, ring not None, /):
        self.ring = ring

    def hang(self, Flight flight not None, /):
        """Waits from now on; LoadCycleError: the wait could never end."""
        if self.flight is not None:
            raise RuntimeError("a bell is hung once")
        self.leading = graph_join(flight, &self.wait)
        self.flight = flight
        flight.watch(self)

    def __dealloc__(self):
        # The collector has taken who waited.
        graph_part(self.leading, &self.wait)

    def leave(self):
        """Waits no longer, if it did; False: the bell has rung, or is about to."""
        if self.flight is None:
            return True
        if not self.flight.unwatch(self):
            return False
        self.stand_down()
        return True

    def survive_fork(self, bint here, /):
        """In the child: waits on, if its thread is there (``here``); whether the flight is over, and does not ring."""
        cdef bint over
        if self.flight is None:
            return False
        if here:
            self.flight.count_waiter(1)
        over = self.flight.is_over()
        if (over or not here) and self.flight.unwatch(self) and here:
            self.stand_down()
        return over and here

    cdef int stand_down(self) except -1:
        graph_part(self.leading, &self.wait)
        self.flight.count_waiter(-1)
        return 0

    def tell(self):
        """For the flight: it has ended, and this bell has been taken off it."""
        self.stand_down()
        try:
            self.ring()
        except BaseException:
            # An interrupt is no reason not to ring.
            self.ring()
            raise
