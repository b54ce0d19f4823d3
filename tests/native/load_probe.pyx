"""One load, stopped between any two steps of it that take the stripe's or the flight's lock; for tests only."""

from cpython.object cimport PyObject
from libc.stdint cimport uint64_t

from fastcache._core.core cimport core_now, core_stripe_at
from fastcache._core.flight cimport ABANDONED, FAILED, LANDED, QUEUED, RUNNING, Flight
from fastcache._core.grave cimport Grave, grave_drop
from fastcache._core.key cimport draw_salt, key_hash
from fastcache._core.loading cimport LoadingStore
from fastcache._core.outcome cimport Outcome, outcome_init
from fastcache._core.py cimport steal
from fastcache._core.stripe cimport FOLLOW, HIT, LEAD, NO_PLACE, REFRESH, Verdict
from fastcache._core.stripe_loads cimport Failure, stripe_fail, stripe_give_up, stripe_publish
from fastcache._core.tag cimport TagSet
from fastcache._core.terms cimport Terms

draw_salt()

cdef dict STATES = {
    <int>QUEUED: "queued", <int>RUNNING: "running", <int>LANDED: "landed", <int>FAILED: "failed",
    <int>ABANDONED: "abandoned",
}


cdef class LoadProbe:
    """One call of ``get_or_load``, as one thread would take it; tests call its steps in any order they like."""
    cdef LoadingStore store
    cdef object key
    cdef uint64_t hash
    cdef Flight flight
    # What the value bears is to live as long as it may be looked at.
    cdef TagSet borne

    def __init__(self, LoadingStore store not None, key):
        self.store = store
        self.key = key
        self.hash = key_hash(<PyObject*>key)

    @property
    def flight(self):
        return self.flight

    @property
    def state(self):
        return STATES.get(<int>self.flight.state, "moved")

    @property
    def result(self):
        """What a follower finds when the flight has ended."""
        return self.flight.value if self.flight.state == LANDED else self.flight.error

    def begin(self):
        """Links a flight, joins one, or is served: ("lead" or "refresh" or "follow" or "hit", value or None)."""
        cdef Terms terms = self.store.usual
        cdef Flight offered = self.store.offer(<PyObject*>self.key, self.hash)
        cdef PyObject* value = NULL
        cdef PyObject* joined = NULL
        cdef Verdict verdict = self.store.begin(
            <PyObject*>self.key, self.hash, offered, &terms, True, &value, &joined,
        )
        served = None if value == NULL else steal(value)
        self.flight = offered
        if verdict == HIT:
            return "hit", served
        if verdict == REFRESH:
            offered.behind = True
            return "refresh", served
        if verdict == LEAD:
            return "lead", None
        self.flight = steal(joined)
        if verdict == FOLLOW:
            return "follow", None
        raise AssertionError(<int>verdict)

    def publish(self, value, tuple tags=()):
        """Stores what was loaded, and unlinks the flight; whoever follows still waits."""
        cdef Outcome o
        cdef Grave g
        cdef bint shared = False
        outcome_init(&o, self.store.usual.ttl)
        if tags:
            self.borne = self.store.tags.set_of(tags, None)
            self.store.bear(&o, self.borne, self.flight.number)
        self.flight.value = value
        g.count = 0
        while stripe_publish(
            core_stripe_at(&self.store.core, self.flight.stripe), &self.store.core.rules, self.flight.slot,
            <PyObject*>self.flight, <PyObject*>value, &o, 0, core_now(&self.store.core), self.flight.behind, &shared,
            &self.flight.failures, &g,
        ) == NO_PLACE:
            grave_drop(&g, self.store.core.listener)
        grave_drop(&g, self.store.core.listener)

    def fail(self, error):
        """Notes the failure, and unlinks the flight."""
        cdef Failure f
        cdef Grave g
        g.count = 0
        stripe_fail(
            core_stripe_at(&self.store.core, self.flight.stripe), &self.store.core.rules, self.flight.slot,
            <PyObject*>self.flight, <PyObject*>error, True, core_now(&self.store.core), 0, self.flight.behind, &f, &g,
        )
        self.flight.error = error
        if f.fallback != NULL:
            self.flight.fallback = steal(f.fallback)
            self.flight.has_fallback = True
        grave_drop(&g, self.store.core.listener)

    def unlink(self):
        """The load came to nothing."""
        cdef Grave g
        g.count = 0
        stripe_give_up(
            core_stripe_at(&self.store.core, self.flight.stripe), &self.store.core.rules, self.flight.slot,
            <PyObject*>self.flight, core_now(&self.store.core), self.flight.behind, &g,
        )
        grave_drop(&g, self.store.core.listener)

    def end(self, str state):
        """Opens the door: "landed", "failed" or "abandoned"."""
        self.flight.end(LANDED if state == "landed" else FAILED if state == "failed" else ABANDONED)
