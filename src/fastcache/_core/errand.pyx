"""A load to be made in another thread: behind a served value, or for a caller who will not wait for ever."""

cimport cython
from cpython.object cimport PyObject

from fastcache._core.calls cimport Call, call_packed, call_unpack
from fastcache._core.core cimport core_stripe_at
from fastcache._core.flight cimport Flight
from fastcache._core.landing cimport LandingStore
from fastcache._core.stripe_loads cimport stripe_heat
from fastcache._core.terms cimport Terms, terms_usual


@cython.final
cdef class Errand:
    """One of ``run`` and ``drop`` is called, or ``run_to_end``."""

    def __init__(self):
        raise TypeError("an errand is made by a cache")

    def run(self):
        """Loads behind a served value, unless a caller has claimed it.  Its failure is noted there, not raised."""
        cdef LandingStore store = self.store
        cdef Call call
        bulkhead = store.bulkhead
        # A place first: who waits for a flight that is led waits for one that has its place.
        try:
            if bulkhead is not None and not bulkhead.try_enter():
                if self.flight.in_line == 0:
                    self.drop()
                return
        except BaseException:
            self.drop()
            raise
        if not self.flight.claim():
            if bulkhead is not None:
                bulkhead.leave()
            return
        self.flight.admitted = bulkhead
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

    def drop(self):
        """Gives up, unless it has begun."""
        if self.flight.claim():
            self.store.give_up(self.flight)

    def heat(self):
        """How much the key is asked for that is to be refreshed."""
        return stripe_heat(core_stripe_at(&self.store.core, self.flight.stripe), self.flight.slot,
                           <PyObject*>self.flight)


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
