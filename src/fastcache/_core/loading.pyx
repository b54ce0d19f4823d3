"""A store that loads what it misses, once for all who ask.

``stripe_begin`` decides; here is how a thread acts on its verdicts: serve (HIT), serve and schedule (REFRESH), run the
loader (LEAD), wait (FOLLOW).  Loaders run with nothing locked, in the caller's thread or in a refresh worker, and
every way out of one ends its flight.
"""

from cpython.object cimport PyObject, PyTypeObject
from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastcache._core.calls cimport Call, call_packed, call_packing, call_unpack
from fastcache._core.clock cimport clock_exact
from fastcache._core.core cimport (
    UNTIMED, core_birth, core_ceiling, core_coarse_now, core_glance, core_now, core_peek, core_stripe_at,
)
from fastcache._core.flight cimport ABANDONED, FAILED, LANDED, Flight, FlightState, new_flight
from fastcache._core.grave cimport GRAVE_ROOM, Grave, grave_drop, grave_left, grave_put_aside, graves_drop
from fastcache._core.key cimport key_hash
from fastcache._core.method cimport KEYWORDS, POSITIONAL, AnyFunction, MethodDef, add_method
from fastcache._core.mutex cimport mutex_lock, mutex_unlock
from fastcache._core.probe cimport probe_end
from fastcache._core.py cimport FOREVER, py_decref, py_is_callable, py_vectorcall, steal
from fastcache._core.seconds cimport to_nanoseconds
from fastcache._core.mapping cimport Mapping
from fastcache._core.stripe cimport HIT, LEAD, NO_PLACE, PER_ENTRY, REFRESH, UNREAD, Stripe, Verdict
from fastcache._core.stripe_loads cimport stripe_begin, stripe_fail, stripe_give_up, stripe_publish
from fastcache._core.upkeep cimport core_evict_elsewhere, core_sweep_elsewhere
from fastcache._core.visit cimport Visit, visit_again, visit_start

from fastcache._errors import LoadTimeout, RecursiveLoadError, copied, remembered

cdef extern from "Python.h":
    int enter_recursion "Py_EnterRecursiveCall"(const char*) except -1
    void leave_recursion "Py_LeaveRecursiveCall"() noexcept

cdef object AGAIN = object()


cdef class LoadingStore(Mapping):
    def _do(self, key, function, tuple args not None, dict kwargs not None, /):
        """(what ``function(*args, **kwargs)`` returns, whether others got it too), called once for all who ask."""
        cdef Terms terms
        cdef Call call
        cdef uint64_t hash = key_hash(<PyObject*>key)
        packed = call_packing(function, args, kwargs)
        call_unpack(packed, &call)
        terms.ttl = self.core.rules.ttl
        terms.deadline = FOREVER
        terms.force = terms.shared = False
        value = self.load(<PyObject*>key, hash, &call, &terms)
        return value, bool(terms.shared)

    def _detach(self, key, /):
        """Removes a key; whether there was anything, if only a load under way."""
        cdef bint found
        cdef PyObject* value = self.remove(<PyObject*>key, &found)
        if value != NULL:
            py_decref(value)
        return bool(found)

    cdef Verdict begin(
        self, PyObject* key, uint64_t hash, Flight offered, const Terms* terms, bint counted,
        PyObject** value, PyObject** joined,
    ) except? HIT:
        """What is to be done for a caller.  Apart from ``load``, whose frame stays on the stack while loaders run."""
        cdef Verdict verdict
        cdef Visit v
        visit_start(&v, &self.core, key, hash, UNREAD)
        offered.started_at = core_coarse_now(&self.core)
        try:
            while True:
                verdict = stripe_begin(
                    v.stripe, &self.core.rules, &v.probe, v.now, terms.force, counted, <PyObject*>offered,
                    value, joined, &offered.slot, &v.grave,
                )
                if not visit_again(&v, verdict):
                    return verdict
        finally:
            probe_end(&v.probe)

    cdef object get_or_load_slowly(
        self, PyObject* const* args, Py_ssize_t count, PyObject* names, int64_t ceiling, uint64_t hash,
    ):
        """The whole of ``get_or_load``; ``hash`` is 0 where the usual case did not get so far."""
        cdef PyObject* value
        cdef Terms terms
        cdef Call call
        if count != 2:
            raise TypeError(f"get_or_load takes a key and a loader by position, got {count} such arguments")
        if not py_is_callable(args[1]):
            raise TypeError(f"loader must be callable, not {<object>args[1]!r}")
        terms.ttl = self.core.rules.ttl
        terms.deadline = FOREVER
        terms.force = False
        if names != NULL:
            read_terms(self, &terms, args + count, <tuple>names)
        if hash == 0:
            hash = key_hash(args[0])
        value = core_peek(&self.core, ceiling, args[0], hash)
        if value != NULL:
            return steal(value)
        call.function = args[1]
        call.args = args
        call.positional = 1
        call.names = NULL
        return self.load(args[0], hash, &call, &terms)

    cdef object load(self, PyObject* key, uint64_t hash, const Call* call, Terms* terms):
        """Serves ``key`` or loads it by ``call``, whatever it takes."""
        cdef Flight offered = new_flight(<object>key)
        cdef bint first = True
        cdef PyObject* value = NULL
        cdef PyObject* joined = NULL
        cdef Flight flight
        cdef Verdict verdict
        offered.stripe = <uint32_t>(hash >> 56) & self.core.stripe_mask
        while True:
            verdict = self.begin(key, hash, offered, terms, first, &value, &joined)
            if verdict == HIT:
                return steal(value)
            if verdict == REFRESH:
                served = steal(value)
                self.refresh(offered, call, terms)
                return served
            if verdict == LEAD:
                return self.lead(offered, call, terms)
            flight = <Flight>steal(joined)
            if flight.claim():
                # A refresh that no worker has begun: sooner done than waited for.
                return self.lead(flight, call, terms)
            result = self.follow(flight, terms)
            if result is not AGAIN:
                return result
            first = False

    cdef object lead(self, Flight flight, const Call* call, Terms* terms):
        """Runs the loader and ends the flight."""
        cdef PyObject* result
        cdef int64_t weight = 0
        flight.enter()
        try:
            # The call itself counts one level, but there are several frames of C between two loaders.
            enter_recursion(b" while loading a value")
            result = py_vectorcall(call.function, call.args, call.positional, call.names)
            leave_recursion()
            value = steal(result)
            if self.core.rules.weighed and terms.ttl != 0:
                weight = self.weigh(flight.key, value)
        except Exception as error:
            flight.leave()
            self.fail(flight, error)
            if flight.has_fallback and not terms.force:
                return flight.fallback
            raise
        except BaseException:
            # An interrupt is its receiver's alone: somebody else may load.
            flight.leave()
            self.give_up(flight)
            raise
        flight.leave()
        self.publish(flight, value, terms.ttl, weight)
        terms.shared = flight.shared
        return value

    cdef object follow(self, Flight flight, Terms* terms):
        """Waits for another's load; AGAIN if it was abandoned."""
        cdef FlightState state
        if flight.is_mine():
            raise RecursiveLoadError(f"the load of {flight.key!r} asked for its own result")
        state = flight.wait(terms.deadline)
        terms.shared = True
        if state == LANDED:
            return flight.value
        if state == ABANDONED:
            return AGAIN
        if state == FAILED:
            if flight.has_fallback and not terms.force:
                return flight.fallback
            raise copied(flight.error)
        look = self._look(flight.key)
        if look is not None and not terms.force:
            return look[0]
        raise LoadTimeout(f"the load of {flight.key!r} by another caller did not end within wait_timeout")

    cdef int refresh(self, Flight flight, const Call* call, const Terms* terms) except -1:
        """Has a worker load behind the value just served; without one, the value is left alone for a moment."""
        flight.behind = True
        flight.queue()
        try:
            if self._schedule(flight, call_packed(call), terms.ttl):
                return 0
        except Exception:
            # No thread, no memory: the value served is still good.
            pass
        except BaseException:
            self._drop(flight)
            raise
        self._drop(flight)
        return 0

    def _schedule(self, flight, call, ttl, /):
        """Arranges for ``_run`` with these arguments in another thread; False if that cannot be."""
        return False

    def _run(self, Flight flight not None, tuple packed not None, int64_t ttl, /):
        """Runs a refresh, unless a caller has claimed it.  Its failure is kept beside the value, and not raised."""
        cdef Terms terms
        cdef Call call
        if not flight.claim():
            return
        call_unpack(packed, &call)
        terms.ttl = ttl
        terms.deadline = FOREVER
        terms.force = False
        try:
            self.lead(flight, &call, &terms)
        except Exception:
            pass

    def _drop(self, Flight flight not None, /):
        """Gives up a scheduled refresh, unless it has begun."""
        if flight.claim():
            self.give_up(flight)

    cdef void publish(self, Flight flight, object value, int64_t ttl, int64_t weight) noexcept:
        cdef Stripe* s = core_stripe_at(&self.core, flight.stripe)
        cdef bint shared
        cdef bint elsewhere
        cdef Grave* later = NULL
        cdef int64_t now
        cdef Grave g
        g.count = 0
        mutex_lock(&flight.mutex)
        shared = flight.waiters > 0
        mutex_unlock(&flight.mutex)
        while True:
            now = core_birth(&self.core, ttl)
            if stripe_publish(
                s, &self.core.rules, flight.slot, <PyObject*>flight, <PyObject*>value, ttl, weight, now, flight.behind,
                &shared, &g,
            ) != NO_PLACE:
                break
            elsewhere = grave_left(&g) >= 2 * PER_ENTRY
            if grave_left(&g) < GRAVE_ROOM // 2 and not grave_put_aside(&g, &later):
                grave_drop(&g, self.core.listener)
            if elsewhere:
                core_evict_elsewhere(&self.core, s, now, &g)
        if self.core.timing != UNTIMED and self.core.stripe_mask > 0:
            core_sweep_elsewhere(&self.core, now, &g)
        flight.shared = shared
        flight.value = value
        flight.end(LANDED)
        # Only now: a finalizer may take its time, or ask for this very key.
        graves_drop(later, self.core.listener)
        grave_drop(&g, self.core.listener)

    cdef void fail(self, Flight flight, object error) noexcept:
        cdef PyObject* fallback
        cdef int64_t now = core_now(&self.core)
        cdef Grave g
        kept = error
        if self.core.timing != UNTIMED:
            kept = remembered(error)
        g.count = 0
        stripe_fail(
            core_stripe_at(&self.core, flight.stripe), &self.core.rules, flight.slot, <PyObject*>flight,
            <PyObject*>kept, now, now - flight.started_at, flight.behind, &fallback, &g,
        )
        flight.error = error
        if fallback != NULL:
            flight.fallback = steal(fallback)
            flight.has_fallback = True
        flight.end(FAILED)
        grave_drop(&g, self.core.listener)

    cdef void give_up(self, Flight flight) noexcept:
        cdef Grave g
        g.count = 0
        stripe_give_up(
            core_stripe_at(&self.core, flight.stripe), &self.core.rules, flight.slot, <PyObject*>flight,
            core_now(&self.core), flight.behind, &g,
        )
        flight.end(ABANDONED)
        grave_drop(&g, self.core.listener)


cdef MethodDef get_or_load_method
get_or_load_method.name = b"get_or_load"
get_or_load_method.function = <AnyFunction>get_or_load
get_or_load_method.flags = POSITIONAL | KEYWORDS
get_or_load_method.doc = b"""get_or_load($self, key, loader, /, *, ttl=..., wait_timeout=None)
--

The value of ``key``; without one, what ``loader(key)`` returns, called once for all who ask meanwhile.

The first caller runs the loader in its own thread with nothing locked; the others wait for it with the GIL
released.  A key that is due, or stale within ``stale_while_revalidate``, is served at once and reloaded
behind by a worker thread, with this caller's loader.

:param ttl: seconds that a value loaded by this call lives, instead of the cache's; None: for ever; 0: not kept.
:param wait_timeout: seconds to wait for another caller's load at most.  It does not bound a load that this
    caller runs itself.

Raises what the loader raises, unless an old value may still be served (``stale_if_error``): the one who ran
it gets the exception itself, the others a copy with it as ``__cause__``.  LoadTimeout: ``wait_timeout`` ran
out.  RecursiveLoadError, LoadCycleError: the wait could never end.
"""
add_method(<PyTypeObject*>LoadingStore, &get_or_load_method)


cdef object get_or_load(LoadingStore self, PyObject* const* args, Py_ssize_t count, PyObject* names):
    cdef int64_t ceiling = core_ceiling(&self.core)
    cdef uint64_t hash
    cdef PyObject* value
    if count != 2 or names != NULL or not py_is_callable(args[1]):
        return self.get_or_load_slowly(args, count, names, ceiling, 0)
    hash = key_hash(args[0])
    value = core_glance(&self.core, ceiling, args[0], hash)
    return steal(value) if value != NULL else self.get_or_load_slowly(args, count, names, ceiling, hash)


cdef int read_terms(LoadingStore self, Terms* terms, PyObject* const* args, tuple names) except -1:
    """The keyword arguments of get_or_load."""
    for name, i in zip(names, range(len(names))):
        value = <object>args[i]
        if name == "ttl":
            terms.ttl = self.ttl_of(value)
        elif name == "wait_timeout":
            if value is not None:
                terms.deadline = clock_exact() + to_nanoseconds("wait_timeout", value)
        else:
            raise TypeError(f"get_or_load got an unexpected keyword argument {name!r}")
    return 0
