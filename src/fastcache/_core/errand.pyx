"""A load to be made elsewhere: by a worker behind a served value, by a thread for a caller who will not wait for
ever, by a task.
"""

cimport cython
from cpython.object cimport PyObject

from fastcache._core.calls cimport Call, call_packed, call_unpack
from fastcache._core.core cimport core_stripe_at
from fastcache._core.flight cimport RUNNING, Flight
from fastcache._core.graph cimport task_flight
from fastcache._core.grave cimport Grave, grave_drop
from fastcache._core.landing cimport LandingStore
from fastcache._core.mutex cimport atomic_add
from fastcache._core.outcome cimport Outcome
from fastcache._core.place cimport has_place, leave_bulkhead, leave_quietly, take_place
from fastcache._core.stripe_loads cimport stripe_give_up, stripe_heat
from fastcache._core.terms cimport NO_CONTEXT, Terms, terms_usual

from fastcache._core.graph import task_loads


@cython.final
cdef class Errand:
    """One of ``run`` and ``drop`` is called, or ``run_to_end``."""

    def __init__(self):
        raise TypeError("an errand is made by a cache")

    cdef bint enter_and_claim(self) except -1:
        """For a load behind a value: whether it may begin; without a place it is dropped."""
        bulkhead = self.store.bulkhead
        # A place first: who waits for a flight that is led waits for one that has its place.
        try:
            if bulkhead is not None and not bulkhead.try_enter():
                if not self.flight.has_line() and self.flight.admitted is None:
                    self.drop()
                return False
        except BaseException:
            self.drop()
            raise
        if not self.flight.claim():
            if bulkhead is not None:
                leave_bulkhead(bulkhead)
            return False
        if bulkhead is not None:
            keep_one_place(self.store, self.flight)
        return True

    def has_place(self, bulkhead, /):
        """Whether the load has a place of its own in that bulkhead."""
        return has_place(self.flight, bulkhead)

    def run(self):
        """Loads behind a served value, unless a caller has claimed it.  Its failure is noted there, not raised."""
        cdef LandingStore store = self.store
        cdef Call call
        if not self.enter_and_claim():
            return
        call_unpack(self.packed, &call)
        try:
            store.lead(self.flight, &call, &self.terms)
        except Exception:
            pass

    def run_to_end(self):
        """Loads for a caller who waits for it; what it comes to, he gets through the flight."""
        cdef Call call
        if not self.flight.claim():
            return
        self.begun = True
        call_unpack(self.packed, &call)
        try:
            self.store.lead(self.flight, &call, &self.terms)
        except BaseException:
            # It is in the flight.
            pass

    # ---- for a task, which awaits between these ----

    def begin(self, bint claimed, /):
        """The running task loads from here on; False: another has claimed the flight, unless that was done before."""
        if not claimed and not self.enter_and_claim():
            return False
        self.begun = True
        self.flight.lead_on_loop()
        self.flight.parent = task_flight()
        task_loads(self.flight)
        self.store.set_off(self.flight)
        return True

    def led_by(self, task, /):
        """Before it is shared: ``task.cancel()`` ends the load."""
        self.flight.task = task

    def call(self):
        """What the loader returns, which may have to be awaited."""
        cdef Call call
        if self.terms.context != NO_CONTEXT:
            self.context = self.store.context_of(self.flight)
        call_unpack(self.packed, &call)
        return self.store.run_loader(&call, &self.terms, self.context)

    def take_in(self, result, /):
        """Ends the flight with what the loader came to; whether there is more to load, which there is not.

        Raises what is wrong with the result, with the flight under way.
        """
        cdef Outcome o
        value = self.store.settled(self.flight, result, self.context, &self.terms, &o)
        self.flight.value = value
        self.store.publish(self.flight, <PyObject*>value, &o)
        self.store.conclude(self.flight)
        return False

    def fail(self, error, /):
        """Ends the flight with an Exception; as ``take_in``.  Raises one that came after it had ended."""
        if self.flight.state > RUNNING:
            raise error
        try:
            self.store.fail(self.flight, error)
        finally:
            self.store.conclude(self.flight)
        return False

    def forsake(self):
        """From any thread: nobody waits any more; whether the load is to be cancelled."""
        unlink(self.store, self.flight)
        return True

    def give_up(self, error, /):
        """Ends the flight with what is no Exception, if it has not ended: those who wait begin anew."""
        if self.flight.state > RUNNING:
            return
        self.flight.interrupt = error
        self.store.give_up(self.flight)
        self.store.conclude(self.flight)

    def interrupted(self, error, /):
        """The same, and leaves what may have come after the end for its own caller to raise."""
        self.flight.interrupt = error
        self.give_up(error)

    # ---- for all ----

    def drop(self):
        """Gives up, unless it has begun."""
        self.store.call_off(self.flight)

    def heat(self):
        """How much the key is asked for that is to be refreshed."""
        return stripe_heat(core_stripe_at(&self.store.core, self.flight.stripe), self.flight.slot,
                           <PyObject*>self.flight)


cdef void unlink(LandingStore store, Flight flight) noexcept:
    """Before a load is cancelled, so that the next caller begins anew instead of joining one that is ending."""
    cdef Grave g
    g.count = 0
    stripe_give_up(
        core_stripe_at(&store.core, flight.stripe), &store.core.rules, flight.slot, <PyObject*>flight, 0, False, &g,
    )
    grave_drop(&g, store.core.listener)


cdef int keep_one_place(LandingStore store, Flight flight) except -1:
    """For who has found a place for a load, and then claimed it.  What this raises has given the load up."""
    if flight.admitted is None:
        take_place(flight, store.bulkhead)
        return 0
    # Somebody else had found it a place too, and left it to who comes first.
    try:
        leave_bulkhead(store.bulkhead)
    except BaseException:
        store.give_up(flight)
        store.conclude(flight)
        raise


cdef bint decline(LandingStore store, Flight flight) except -1:
    """Gives up a load without a place; False: it has one and is left to who found it, or another has begun it."""
    return flight.admitted is None and store.call_off(flight)


cdef bint supersede(LandingStore store, Flight flight) noexcept:
    """Another flight has taken its key over: who waits moves there, and a load that nobody has begun is not made.

    Whether it is under way.
    """
    flight.move_followers()
    # One that has a place already is left to who found it.
    if flight.admitted is None and flight.claim():
        leave_quietly(flight)
        store.give_up(flight)
        return False
    atomic_add(&store.core.superseded, 1)
    return True


cdef Errand new_errand(LandingStore store, Flight flight, const Call* call, const Terms* terms):
    cdef Errand errand = Errand.__new__(Errand)
    errand.store = store
    errand.flight = flight
    errand.packed = call_packed(call)
    terms_usual(&errand.terms, terms.ttl, True, terms.context)
    if terms.tags != NULL:
        errand.tags = <object>terms.tags
        errand.terms.tags = terms.tags
    return errand


cdef Errand errand_behind(LandingStore store, Flight flight, const Call* call, const Terms* terms):
    """Leaves a flight behind a served value to whoever claims it; None: it was given up for want of memory."""
    cdef Errand errand = None
    flight.behind = True
    # With a bulkhead it was before, and somebody may have claimed it.
    if store.bulkhead is None:
        flight.queue()
    try:
        errand = new_errand(store, flight, call, terms)
    except MemoryError:
        # Nobody else knows of the flight who would end it.
        store.call_off(flight)
    return errand
