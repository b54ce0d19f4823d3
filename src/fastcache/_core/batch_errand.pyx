"""A batch that a task loads, awaiting between the steps that a thread takes in one call.

The task has entered a flight of no key, the batch's place, of which those of the portion are a part.
"""

cimport cython

from fastcache._core.batch cimport Batch
from fastcache._core.errand cimport unlink
from fastcache._core.flight cimport QUEUED, RUNNING, Flight
from fastcache._core.graph cimport task_flight
from fastcache._core.place cimport has_place, leave_place

from fastcache._core.graph import task_loads


@cython.final
cdef class BatchErrand:
    """As an ``Errand``, of several flights."""

    def __init__(self, Batch batch not None, /):
        self.batch = batch

    def has_place(self, bulkhead, /):
        """As of an ``Errand``."""
        return has_place(self.batch.place, bulkhead)

    cdef bint claim(self) except -1:
        """Whether there is anything to load; its first portion then is the task's, which is to begin."""
        self.batch.place.claim()
        self.flights = tuple(self.batch.flights)
        return self.goes_on()

    cdef bint goes_on(self) except -1:
        """Whether there is another portion, which then is the task's; else the place is given back."""
        if self.batch.next_portion():
            self.share()
            return True
        self.ended = True
        leave_place(self.batch.place)
        return False

    cdef int share(self) except -1:
        """The portion is loaded by the task, once that is known."""
        cdef Flight flight
        if self.task is None:
            return 0
        self.batch.place.task = self.task
        for flight in self.batch.portion:
            flight.lead_on_loop()
            flight.parent = self.batch.place
            flight.task = self.task
        return 0

    cdef bint leads(self, Flight flight) noexcept:
        """Whether nobody else does."""
        return flight.state == QUEUED or (flight.state == RUNNING and flight.task is self.task)

    cdef bint is_under_way(self) noexcept:
        """Whether a flight of the portion has not ended."""
        cdef Flight flight
        for flight in self.batch.portion:
            if flight.state == RUNNING:
                return True
        return False

    def begin(self, bint claimed, /):
        """The running task loads from here on; False: there is nothing to load.

        :param claimed: the first portion has been claimed for it.
        """
        if not claimed and not (self.batch.enter() and self.claim()):
            return False
        self.batch.place.parent = task_flight()
        task_loads(self.batch.place)
        return True

    def led_by(self, task, /):
        """Before it is shared: ``task.forsake()`` is told when nobody waits any more."""
        self.task = task
        self.share()

    def call(self):
        """What the loader returns for the portion, which may have to be awaited."""
        return self.batch.ask()

    def take_in(self, result, /):
        """Ends the portion's flights with what the loader came to; whether there is more to load.

        Raises what is wrong with the result, with the flights under way.
        """
        self.batch.end_all(self.batch.found_in(result))
        return self.goes_on()

    def fail(self, error, /):
        """Ends the portion's flights with an Exception; as ``take_in``.  Raises one that came after they had ended."""
        if not self.is_under_way():
            raise error
        self.batch.fail_all(error)
        return self.goes_on()

    def give_up(self, error, /):
        """Ends what has not ended with what is no Exception, or None: those who wait begin anew."""
        if self.ended:
            return
        self.ended = True
        self.batch.interrupt = error
        self.drop()

    def interrupted(self, error, /):
        """As of an ``Errand``."""
        self.batch.interrupt = error
        self.give_up(error)

    def forsake(self):
        """From any thread: nobody waits for one of the keys any more; whether the load is to be cancelled.

        It is not while somebody waits for another one.
        """
        cdef Flight flight
        for flight in self.flights:
            if self.leads(flight) and (flight.behind or flight.count_waiter(0) > 0):
                return False
        for flight in self.flights:
            if self.leads(flight):
                unlink(self.batch.store, flight)
        return True

    def drop(self):
        """Gives up what has not ended."""
        self.batch.abandon()
        leave_place(self.batch.place)
