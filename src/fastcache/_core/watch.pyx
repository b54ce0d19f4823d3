"""One who waits for a flight by being told of its end, where a thread would wait at its door."""

cimport cython

from fastcache._core.flight cimport Flight
from fastcache._core.graph cimport graph_join, graph_part
from fastcache._core.seat cimport Seat, wake_row

cdef enum:
    # Waiters woken in one callback of their loop, which is not to keep others waiting.
    ROW = 64


@cython.final
@cython.no_gc_clear
cdef class Watch(Seat):
    """The seat of a task among the waiters of a flight, from its making until it is told of the end, or leaves.

    Whoever ends the flight tells it, in whatever thread; this one does if it has ended already.  Raises LoadCycleError
    where the wait could never end.
    """

    def __init__(self, Flight flight not None, /):
        if self.flight is not None:
            raise RuntimeError("a watch is kept once")
        Seat.__init__(self)
        self.leading = graph_join(flight, &self.wait)
        self.flight = flight
        flight.watch(self)

    def __dealloc__(self):
        # The collector has taken who waited.
        graph_part(self.leading, &self.wait)

    def leave(self):
        """Waits no longer; how many others wait for the flight, or -1 if this watch has been told of its end."""
        return self.stand_down() if self.flight.unwatch(self) else -1

    cdef int stand_down(self) except -2:
        graph_part(self.leading, &self.wait)
        return self.flight.count_waiter(-1)

    def tell(self):
        """For the flight: it has ended, and this watch has been taken off it."""
        cdef list seats = [self]
        self.stand_down()
        try:
            self.gather(seats)
        finally:
            wake_row(seats)

    cdef int gather(self, list seats) except -1:
        """Adds others of this loop, and takes them off the flight."""
        cdef dict watchers = self.flight.watchers
        cdef Watch other
        while watchers and len(seats) < ROW:
            found = None
            try:
                found, _ = watchers.popitem()
            except KeyError:
                # Another took it.
                pass
            if found is None:
                break
            other = found if type(found) is Watch else None
            if other is None or other.loop is not self.loop:
                watchers[found] = None
                break
            other.stand_down()
            seats.append(other)
        return 0
