"""The store of a framework's backend: each value has a lifetime of its own, and room is made when the backend says."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from fastcache._core.core cimport core_now, core_set_timed, core_stripe_at
from fastcache._core.grave cimport GRAVE_ROOM, Grave, grave_drop, grave_left
from fastcache._core.key cimport draw_salt, key_hash
from fastcache._core.awaiting cimport AwaitingStore
from fastcache._core.mutex cimport atomic_load
from fastcache._core.outcome cimport Outcome, outcome_init
from fastcache._core.probe cimport probe_end
from fastcache._core.py cimport py_decref
from fastcache._core.stripe cimport DONE, Verdict
from fastcache._core.stripe_whole cimport stripe_evict
from fastcache._core.terms cimport ttl_read
from fastcache._core.visit cimport Visit, visit_again, visit_start
from fastcache.compat.amend cimport amend_away, amend_value

from fastcache._config import EXACT_LIMIT, settings
from fastcache._load_config import load_settings
from fastcache._views import Keys

draw_salt()


cdef class BackendStore(AwaitingStore):
    """Least recently used values leave first, when ``evict`` is called; there is no bound but that of 16 million.

    Lifetimes are in seconds; None: for ever.

    :param clock: a ``MovableClock`` to use instead of the system's.
    """

    def __init__(self, clock=None):
        self._configure(
            settings(
                maxsize=EXACT_LIMIT, ttl=None, jitter=0, refresh_ahead=0, stale_while_revalidate=0, stale_if_error=0,
                policy="lru", seed=0, clock="monotonic" if clock is None else clock,
            )
        )
        self._configure_loading(load_settings())
        core_set_timed(&self.core)

    def add(self, key, value, ttl, /):
        """Writes a value if the key has none; whether it did.  One step."""
        cdef PyObject* kept
        cdef Outcome o
        outcome_init(&o, ttl_read(&self.core, ttl))
        kept = self.put(<PyObject*>key, key_hash(<PyObject*>key), <PyObject*>value, &o, core_now(&self.core), True)
        if kept == NULL:
            return True
        py_decref(kept)
        return False

    def exchange(self, key, former, value, /):
        """Puts ``value`` in the place of ``former`` if that very object is still there, whose lifetime goes on.

        Whether it was.  One step.
        """
        cdef Verdict verdict
        cdef Visit v
        visit_start(&v, &self.core, <PyObject*>key, key_hash(<PyObject*>key), core_now(&self.core))
        try:
            while True:
                verdict = amend_value(v.stripe, &v.probe, <PyObject*>former, <PyObject*>value, v.now, &v.grave)
                if not visit_again(&v, verdict):
                    return verdict == DONE
        finally:
            probe_end(&v.probe)

    def discard(self, key, former, /):
        """Removes the key if ``former``, that very object, is its value; whether it was.  One step."""
        cdef Verdict verdict
        cdef Visit v
        visit_start(&v, &self.core, <PyObject*>key, key_hash(<PyObject*>key), core_now(&self.core))
        try:
            while True:
                verdict = amend_away(v.stripe, &self.core.rules, &v.probe, <PyObject*>former, v.now, &v.grave)
                if not visit_again(&v, verdict):
                    return verdict == DONE
        finally:
            probe_end(&v.probe)

    def keys(self, /):
        return Keys(self)

    def held(self, /):
        """How many values there are, those that have expired and were not yet removed included."""
        return atomic_load(&self.core.rules.values)

    def evict(self, Py_ssize_t count, /):
        """Removes so many values: expired ones, then those that were not used for the longest time."""
        cdef int64_t now = core_now(&self.core)
        cdef bint evicted = True
        cdef Grave g
        g.count = 0
        try:
            while count > 0 and evicted:
                evicted = stripe_evict(core_stripe_at(&self.core, 0), &self.core.rules, now, &g)
                count -= 1
                if grave_left(&g) < GRAVE_ROOM // 2:
                    grave_drop(&g, self.core.listener)
        finally:
            grave_drop(&g, self.core.listener)
