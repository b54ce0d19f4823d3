"""A task's call for a key, on its way from one step to the next; and what it shares with a call for several.

Each step decides as a thread's call does, by the same functions; ``_aio`` awaits between them what a thread would wait
for.
"""

cimport cython
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t

from fastcache._core.calls cimport call_unpack
from fastcache._core.clock cimport clock_exact
from fastcache._core.errand cimport keep_one_place, new_errand
from fastcache._core.flight cimport A_TASK, ABANDONED, QUEUED, RUNNING, Flight
from fastcache._core.graph cimport is_admitted, is_mine, places
from fastcache._core.histogram cimport histogram_add
from fastcache._core.loading cimport LoadingStore, rejection
from fastcache._core.mutex cimport atomic_add
from fastcache._core.place cimport leave_bulkhead
from fastcache._core.py cimport FOREVER, py_decref, steal
from fastcache._core.stripe cimport ALONE, HIT, LEAD, NOTHING, REFRESH, Verdict
from fastcache._core.terms cimport Terms

from fastcache._core.getting import STATUSES
from fastcache._errors import LoadTimeout, RecursiveLoadError

# What a step asks for.
SERVED, REFRESHED, LEADS, WAITS, LOADS_ALONE = range(5)
# What comes of entering the bulkhead.
ENTERED, IN_LINE, TAKEN = range(3)


cdef class Way:
    """What a task's call waits for, and for how long."""

    def __init__(self):
        raise TypeError("a call's way is made by a cache")

    cdef bint answered(self, object result) except -1:
        self.result = result
        return True

    def has_old(self):
        """Whether an old value would answer this call."""
        cdef PyObject* value = self.store.acceptable(<PyObject*>self.key, &self.terms)
        if value == NULL:
            return False
        py_decref(value)
        return True

    def old(self):
        """Whether an old value answers this call, which is then in ``result``."""
        cdef PyObject* value = self.store.acceptable(<PyObject*>self.key, &self.terms)
        return value != NULL and self.answered(steal(value))

    cdef bint waits_for_own(self) noexcept:
        """Whether the flight is loaded by this very call."""
        return False

    def out_of_time(self):
        """The end of the caller's patience: an old value in ``result``, or LoadTimeout."""
        if not self.old():
            atomic_add(&self.store.core.timeouts, 1)
            raise LoadTimeout(f"the load of {self.key!r} did not end within wait_timeout")

    def waits(self):
        """The wait begins; whether it is to last until the flight ends."""
        self.since = clock_exact()
        return self.terms.deadline == FOREVER and self.terms.patience_ends == FOREVER

    def waited(self):
        """It has ended; that of a call for its own load is none."""
        if not self.waits_for_own():
            histogram_add(&self.store.core.wait_times, clock_exact() - self.since)

    @property
    def time_left(self):
        """Seconds that the caller will still wait; None: for ever."""
        return seconds_until(self.terms.deadline)

    @property
    def patience(self):
        """The same while an old value would do."""
        return seconds_until(self.terms.patience_ends)

    @property
    def over(self):
        """Whether there is nothing to wait for."""
        return self.flight.is_over()

    @property
    def bulkhead(self):
        return self.store.bulkhead


@cython.final
cdef class Approach(Way):
    def step(self):
        """What is to be done now.

        SERVED: ``result`` is the answer.  REFRESHED: it is, and ``flight`` is to be loaded behind it.  LEADS:
        ``flight`` is to be loaded.  WAITS: it is to be waited for.  LOADS_ALONE: the same as LEADS, for this
        caller only.
        """
        cdef Flight offered = self.store.offer(<PyObject*>self.key, self.hash)
        # Before others see it: a call that blocked this loop would wait for ever.
        offered.on_loop = True
        cdef PyObject* value = NULL
        cdef PyObject* joined = NULL
        cdef Verdict verdict = self.store.begin(
            <PyObject*>self.key, self.hash, offered, &self.terms, self.first, &value, &joined,
        )
        if self.first and self.terms.ask.refused != NULL:
            self.refused = steal(self.terms.ask.refused)
        self.first = self.owes = False
        self.flight = offered
        if verdict == HIT:
            self.answered(steal(value))
            return SERVED
        if verdict == REFRESH:
            # Until it is handed over it is this call's to give up, if only since what copies the value raises.
            offered.behind = True
            if self.store.bulkhead is None:
                offered.queue()
            else:
                # QUEUED before, so somebody may have claimed it.
                offered.leave_line(A_TASK)
            self.owes, self.claimed = True, False
            self.answered(steal(value))
            return REFRESHED
        if verdict == NOTHING:
            self.answered(self.store.absent(steal(value), &self.terms))
            return SERVED
        # With a bulkhead it is QUEUED, for whoever has a place.
        self.claimed = self.store.bulkhead is None
        if verdict == ALONE:
            offered.beside = steal(joined)
        elif verdict != LEAD:
            self.flight = <Flight>steal(joined)
            if not self.may_lead():
                if is_mine(self.flight):
                    raise RecursiveLoadError(f"the load of {self.key!r} asked for its own result")
                return WAITS
        self.owes = True
        return LOADS_ALONE if verdict == ALONE else LEADS

    cdef bint waits_for_own(self) noexcept:
        return self.led is not None

    cdef bint may_lead(self) except -1:
        """Whether another's flight, which this call has joined, is this call's to load; see ``enter``."""
        if self.store.bulkhead is None or self.flight.admitted is not None:
            self.claimed = self.flight.claim()
            return self.claimed
        return self.flight.state == QUEUED and (not self.flight.has_line() or is_admitted(self.store.bulkhead))

    cdef bint answered(self, object result) except -1:
        result = self.store.handed(result, self.terms.default)
        self.result = (result, STATUSES[<int>self.terms.status]) if self.terms.with_status else result
        return True

    cdef Errand errand(self):
        """The load that this call asks for; whoever has it ends the flight."""
        self.led = new_errand(self.store, self.flight, &self.call, &self.terms)
        self.owes = False
        return self.led

    def lead(self, start, /):
        """``start(errand)`` begins the load that this call asks for; unless it raises, that ends the flight."""
        cdef Errand errand = self.errand()
        cdef tuple lent = places()
        if lent is not None:
            # The thread whose loop this is waits for it in a load.
            self.flight.lent = lent
        try:
            start(errand)
        except BaseException:
            errand.give_up(None)
            raise

    def leave_behind(self, start, /):
        """``start(errand)`` has a load made behind the value that is served, or drops it."""
        cdef Errand errand = self.errand()
        try:
            start(errand)
        except BaseException:
            errand.drop()
            raise

    def answer(self):
        """After the flight has ended: whether ``result`` is there; raises what it is to raise; False: take a step."""
        cdef Flight flight = self.flight
        cdef bint led = self.led is not None
        # What is raised knows the frames that know this call.
        self.flight = self.led = None
        if flight.state <= RUNNING:
            return False
        if led and flight.interrupt is not None:
            interrupt, flight.interrupt = flight.interrupt, None
            raise interrupt
        if flight.state == ABANDONED:
            return False
        return self.answered(self.store.answer(flight, &self.terms, led))

    # ---- the bulkhead ----

    def enter(self):
        """ENTERED: the load may begin.  IN_LINE: it needs a place first.  TAKEN: another sees to the flight."""
        bulkhead = self.store.bulkhead
        cdef bint inside
        if not self.claimed and self.flight.admitted is not None:
            # Since the last step somebody has found it a place, and may have begun.
            self.owes = self.claimed = self.flight.claim()
            if not self.claimed:
                return TAKEN
        if self.claimed:
            self.flight.lead_on_loop()
            return ENTERED
        inside = is_admitted(bulkhead)
        if not inside:
            if not self.flight.stand_in_line(A_TASK):
                self.owes = False
                return TAKEN
            if not bulkhead.try_enter():
                return IN_LINE
        return ENTERED if self.entered(inside) else TAKEN

    def entered(self, bint inside, /):
        """Whether the load is this call's still, which has a place for it; otherwise that is given back.

        :param inside: the place is that of a load which has begun this one.
        """
        self.owes = False
        self.claimed = self.flight.claim()
        if self.claimed:
            self.flight.lead_on_loop()
            if not inside:
                keep_one_place(self.store, self.flight)
            self.owes = True
            return True
        if not inside:
            leave_bulkhead(self.store.bulkhead)
        return False

    def turn_away(self):
        """No place came free in time: LoadRejected, unless another has taken the load over."""
        if self.let_go():
            atomic_add(&self.store.core.rejections, 1)
            raise rejection(self.key)

    # ---- giving up ----

    def let_go(self):
        """Ends the flight, if it is still this call's to load; whether it was."""
        if not self.owes:
            return False
        self.owes = False
        if not self.claimed and not self.flight.claim():
            return False
        self.store.give_up(self.flight)
        self.store.conclude(self.flight)
        return True

    def leave(self, int others, /):
        """This caller has been cancelled, and so many others wait for the flight."""
        self.look_away()
        if others == 0:
            forsake(self.flight)

    def look_away(self):
        """This caller waits no longer: what interrupts its own load is not its to raise."""
        if self.led is not None and self.flight.task is not None:
            self.flight.task.attended = False


cdef object seconds_until(int64_t instant):
    """None: for ever."""
    return None if instant == FOREVER else max(0.0, (instant - clock_exact()) / 1e9)


cdef int forsake(Flight flight) except -1:
    """The last who waited has been cancelled: so is the load, if a task makes it for callers."""
    task = flight.task
    if task is not None and not flight.behind:
        task.forsake()
    return 0


cdef Approach new_approach(LoadingStore store, object key, uint64_t hash, tuple packed, const Terms* terms, tuple held):
    cdef Approach made = Approach.__new__(Approach)
    made.store = store
    made.key = key
    made.hash = hash
    made.packed = packed
    call_unpack(packed, &made.call)
    made.terms = terms[0]
    made.held = held
    made.first = True
    return made
