"""A task's call for many keys, round by round; and ``aget_many_or_load`` as Python calls it.

Each round sorts the keys as a thread's call does, by the same function; ``_aio`` awaits what a thread would wait for.
In a round the call is one of the waiters of all the flights that it wants, from when they are sorted until it has their
answers, and sits on one after the other: most of them have ended when it comes to them.
"""

cimport cython

from libc.stdint cimport int64_t

from fastcache._core.approach cimport Way, forsake
from fastcache._core.batch_errand cimport BatchErrand
from fastcache._core.bulk cimport BulkStore, Wanted
from fastcache._core.clock cimport clock_exact
from fastcache._core.flight cimport A_TASK, ABANDONED, RUNNING, Flight
from fastcache._core.graph cimport places
from fastcache._core.place cimport take_place
from fastcache._core.ready cimport ready

from fastcache._core.approach import ENTERED, IN_LINE, TAKEN
from fastcache._errors import LoadTimeout


@cython.final
cdef class Rounds(Way):
    def begin(self):
        """Begins a round; False: every key has its answer, and ``result`` is what the call returns.

        Raises BulkLoadError for the keys that failed, unless their errors are to be returned.
        """
        if not self.wanted.missing:
            self.result = self.wanted.given(self.many)
            return False
        self.many.sort(self.wanted)
        try:
            self.led = BatchErrand(self.wanted.own)
        except BaseException:
            self.wanted.own.drop()
            raise
        self.owes = True
        self.away = False
        return True

    def leave_behind(self, start, /):
        """``start(batch)`` has loaded what is to be behind the values just served, if anything, or drops it."""
        behind, self.wanted.behind = self.wanted.behind, None
        if behind is None:
            return
        try:
            start(behind)
        except BaseException:
            behind.drop()
            raise

    # ---- the own load ----

    def enter(self):
        """ENTERED: it may begin.  IN_LINE: it needs a place first.  TAKEN: there is nothing to load."""
        if self.wanted.own.flights and (self.store.bulkhead is None or self.many.find_place(self.wanted)):
            return ENTERED if self.claim() else TAKEN
        return IN_LINE if self.wanted.own.flights else TAKEN

    def entered(self, bint inside, /):
        """As ``Approach.entered``: there is a place; whether anything is left to be loaded."""
        take_place(self.wanted.own.place, self.store.bulkhead)
        return self.claim()

    cdef bint claim(self) except -1:
        # Later portions are for whoever needs them first.
        self.wanted.own.queue(self.wanted.own.most, A_TASK)
        self.wanted.own.place.lent = places()
        return self.led.claim()

    def turn_away(self):
        """No place came free in time: the keys that nobody else loads meanwhile have failed."""
        self.many.reject(self.wanted)

    def lead(self, start, /):
        """``start(errand)`` begins the own load; unless it raises, that ends its flights."""
        self.owes = False
        try:
            start(self.led)
        except BaseException:
            self.led.give_up(None)
            raise

    # ---- the waits ----

    def join(self):
        """Before the own load begins: is a waiter of all flights of this round from here on."""
        cdef Flight flight
        # Not to be changed by who takes over what this call was to load.
        self.waits_for = list(zip(self.wanted.own.keys, self.wanted.own.flights)) + self.wanted.joined
        self.at = 0
        for _, flight in self.waits_for:
            flight.count_waiter(1)

    def next(self):
        """Moves on to the next flight that is to be waited for; False: the round is over."""
        while self.at < len(self.waits_for):
            self.key, self.flight = self.waits_for[self.at]
            if not self.flight.is_over() and not self.is_late():
                return True
            self.step_off()
            if self.flight.is_over():
                self.answer()
        if self.led.task is not None:
            # Another load may have taken its place while it goes on.
            self.led.task.attended = False
        self.flight = None
        self.waits_for = []
        self.at = 0
        return False

    cdef bint is_late(self) except -1:
        """Whether the caller waits no more for what has not ended yet, which then has its answer."""
        cdef int64_t now
        if not self.away:
            # Those who will not wait at all still have a turn of the loop.
            return False
        now = clock_exact()
        if now >= self.terms.deadline:
            self.out_of_time()
            return True
        if now >= self.terms.patience_ends and self.old():
            self.wanted.values[self.key] = self.result
            return True
        return False

    cdef int step_off(self) except -1:
        """Is no waiter of the flight any more, but for the seat on it."""
        self.at += 1
        self.flight.count_waiter(-1)
        return 0

    def waits(self):
        self.step_off()
        return Way.waits(self)

    cdef bint waits_for_own(self) noexcept:
        return self.led.task is not None and self.flight.task is self.led.task

    def answer(self):
        """After a wait: the key has its value or error, or is asked for anew.  Raises what interrupted the own load."""
        cdef Flight flight = self.flight
        interrupt = self.wanted.own.interrupt
        if interrupt is not None and not self.away:
            self.wanted.own.interrupt = None
            raise interrupt
        if flight.state <= RUNNING or flight.state == ABANDONED:
            self.wanted.missing.append(self.key)
        elif self.waits_for_own():
            self.many.take_own(self.wanted, self.key, flight)
        else:
            try:
                self.wanted.values[self.key] = self.store.answer(flight, &self.terms, False)
            except Exception as error:
                self.wanted.errors[self.key] = error

    def out_of_time(self):
        """The end of the caller's patience with a key: an old value, or LoadTimeout."""
        try:
            Way.out_of_time(self)
        except LoadTimeout as error:
            self.wanted.errors[self.key] = error
        else:
            self.wanted.values[self.key] = self.result

    # ---- giving up ----

    def leave(self, int others, /):
        """This caller has been cancelled, and so many others wait for the flight."""
        self.look_away()
        if others == 0:
            self.lonely.append(self.flight)

    def look_away(self):
        """This caller waits no longer: what interrupts its own load is not its to raise."""
        self.away = True
        if not self.owes and self.led.task is not None:
            self.led.task.attended = False

    def let_go(self):
        """The call ends with an exception: waits for nothing any more, and gives up what it was to load itself."""
        cdef Flight flight
        if self.owes:
            self.owes = False
            self.led.give_up(None)
        behind, self.wanted.behind = self.wanted.behind, None
        if behind is not None:
            behind.drop()
        if self.waits_for:
            self.look_away()
        while self.at < len(self.waits_for):
            _, flight = self.waits_for[self.at]
            self.at += 1
            if flight.count_waiter(-1) == 0:
                self.lonely.append(flight)
        # Of each load once, when this call is the waiter of none of its flights.
        loads = {flight.task: flight for flight in self.lonely}
        self.lonely = []
        for flight in loads.values():
            forsake(flight)


cdef class AwaitingManyStore(BulkStore):
    def _go_rounds(self, rounds, /):
        """A coroutine that takes a call for many keys to its end."""
        raise NotImplementedError

    def aget_many_or_load(self, keys, loader, /, **options):
        """aget_many_or_load($self, keys, loader, /, *, ttl=..., wait_timeout=None, soft_timeout=None, max_age=None, \
max_stale=None, force=False, coalesce=..., tags=(), with_context=False, max_batch=None, errors='raise', default=...)
--

``get_many_or_load`` for tasks, on the same entries and the same flights: to be awaited.

The loader may be async or not.  It runs in a task of its own, in a copy of this caller's context, and goes on when the
caller is cancelled; it is cancelled itself when the last one who waited for any of its keys has been.  Tasks and
threads that want some of the keys, alone or among others, share its load, and it theirs.

The parameters and what is raised are those of ``get_many_or_load``.
"""
        cdef Wanted w = self.wanted("aget_many_or_load", keys, loader, options, False)
        return self._go_rounds(new_rounds(self, w)) if w.missing else ready(w.values)

    def _renewing_many(self, keys, loader, /, **options):
        """The rounds of a call that wants keys loaded, whether there are values or not."""
        return new_rounds(self, self.wanted("arefresh_many", keys, loader, options, True))


cdef Rounds new_rounds(BulkStore store, Wanted wanted):
    cdef Rounds made = Rounds.__new__(Rounds)
    wanted.who = A_TASK
    made.store = made.many = store
    made.wanted = wanted
    made.terms = wanted.terms
    made.waits_for = []
    made.lonely = []
    return made
