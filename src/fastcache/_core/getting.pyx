"""``get_or_load`` as Python calls it: the usual hit in place, the rest apart from it.

The usual miss, too, goes straight from step to step: of a key that has no entry, loaded for a call without options, by
a loader that returns a plain value.  Whatever else is met on the way is left to the whole procedure.
"""

from cpython.object cimport PyObject, PyTypeObject
from libc.stdint cimport int64_t, uint64_t

from fastcache._core.calls cimport Call, call_packing, call_unpack
from fastcache._core.cold cimport core_begin_cold, core_land_cold
from fastcache._core.context cimport Failed, Loaded
from fastcache._core.core cimport (
    core_before_ceiling, core_birth_at, core_ceiling, core_coarse_now, core_glance, core_now, core_peek,
    core_stripe_number,
)
from fastcache._core.flight cimport LANDED, Flight, new_flight, park
from fastcache._core.graph cimport graph_part, load_begins, load_ends
from fastcache._core.grave cimport Grave, grave_drop
from fastcache._core.histogram cimport histogram_add
from fastcache._core.key cimport draw_salt, key_hash
from fastcache._core.loading cimport LoadingStore
from fastcache._core.method cimport KEYWORDS, POSITIONAL, AnyFunction, MethodDef, add_method
from fastcache._core.mutex cimport atomic_load
from fastcache._core.outcome cimport Outcome, outcome_init
from fastcache._core.py cimport FOREVER, likely, py_decref, py_is_callable, py_vectorcall, steal
from fastcache._core.ready cimport Ready
from fastcache._core.terms cimport Terms, terms_read

draw_salt()

cdef extern from "Python.h":
    int enter_recursion "Py_EnterRecursiveCall"(const char*) noexcept
    void leave_recursion "Py_LeaveRecursiveCall"() noexcept
    bint is_coroutine "PyCoro_CheckExact"(PyObject*) noexcept

# In the order of Status.
STATUSES = ("hit", "early", "stale", "stale_error", "miss", "coalesced", "negative")


cdef class GettingStore(LoadingStore):
    def _do(self, key, function, tuple args not None, dict kwargs not None, /):
        """(what ``function(*args, **kwargs)`` returns, whether others got it too), called once for all who ask."""
        cdef Terms terms = self.usual
        cdef Call call
        cdef uint64_t hash = key_hash(<PyObject*>key)
        packed = call_packing(function, args, kwargs)
        call_unpack(packed, &call)
        value = self.load(<PyObject*>key, hash, &call, &terms)
        return value, bool(terms.shared)

    def _renew(self, key, loader, /, **options):
        """What ``loader(key)`` returns, whether there is a value or not; a load under way is joined."""
        cdef Terms terms = self.usual
        cdef Call call
        if not callable(loader):
            raise TypeError(f"loader must be callable, not {loader!r}")
        for name, value in options.items():
            terms_read(&terms, &self.core, "refresh", name, value)
        terms.ask.force = True
        packed = call_packing(loader, (key,), {})
        call_unpack(packed, &call)
        return self.load(<PyObject*>key, key_hash(<PyObject*>key), &call, &terms)

    def _detach(self, key, /):
        """Removes a key; whether there was anything, if only a load under way."""
        cdef bint found
        cdef PyObject* value = self.remove(<PyObject*>key, &found)
        if value != NULL:
            py_decref(value)
        return bool(found)

    cdef object load_usual(self, PyObject* key, uint64_t hash, int64_t ceiling, const Call* call):
        """``load`` for a call without options, for which the ceiling has just been read."""
        cdef Flight flight
        cdef Terms terms
        if likely(self.straight):
            flight = new_flight(<object>key)
            flight.stripe = core_stripe_number(&self.core, hash)
            if self.core.rules.adaptive_ahead:
                flight.started_at = core_now(&self.core)
            else:
                flight.started_at = core_before_ceiling(&self.core, ceiling)
            flight.number = atomic_load(&self.core.invalidations)
            if core_begin_cold(&self.core, key, hash, <PyObject*>flight, flight.started_at, &flight.slot):
                return self.lead_straight(flight, call)
        terms = self.usual
        return self.load(key, hash, call, &terms)

    def _lose(self, Flight flight not None, /):
        """Ends a flight for a leader who stands still for good: a greenlet whose thread has ended."""
        flight.in_greenlet = False
        graph_part(flight.parent, &flight.turn)
        self.give_up(flight)
        self.conclude(flight)

    def _lose_unbegun(self, Flight flight not None, /):
        """The same for one who has not begun, and never will."""
        self.call_off(flight)

    cdef object lead_straight(self, Flight flight, const Call* call):
        """Runs the loader and ends the flight, as ``lead`` does."""
        cdef PyObject* result = NULL
        cdef Terms terms
        load_begins(flight, self)
        if likely(enter_recursion(b" while loading a value") == 0):
            result = py_vectorcall(call.function, call.args, call.positional, call.names)
            leave_recursion()
        if likely(result != NULL and not is_special(result)):
            return self.land_straight(flight, steal(result))
        terms = self.usual
        return self.bring_in(flight, call, result, True, &terms)

    cdef object land_straight(self, Flight flight, object value):
        """Keeps what was loaded and lets everybody have it."""
        cdef int64_t coarse = core_coarse_now(&self.core)
        cdef int64_t took = (core_now(&self.core) if self.core.rules.adaptive_ahead else coarse) - flight.started_at
        cdef Outcome o
        cdef Grave g
        g.count = 0
        if (
            (self.core.rules.adaptive_ahead and self.usual.ttl <= took)
            or not core_land_cold(
                &self.core, flight.stripe, flight.slot, <PyObject*>flight, <PyObject*>value, self.usual.ttl, took,
                core_birth_at(&self.core, self.usual.ttl, coarse), &g,
            )
        ):
            grave_drop(&g, NULL)
            outcome_init(&o, self.usual.ttl)
            self.land(flight, value, &o)
            self.conclude(flight)
            return value
        load_ends(flight)
        flight.value = value
        flight.end(LANDED)
        histogram_add(&self.core.load_times, took)
        # What the stripe owned.
        py_decref(<PyObject*>flight)
        grave_drop(&g, NULL)
        park(flight)
        return value

    cdef object get_or_load_slowly(
        self, PyObject* const* args, Py_ssize_t count, PyObject* names, int64_t ceiling, uint64_t hash,
    ):
        """``get_or_load`` with options, or with a key that has no hash; or it raises what is wrong with the call."""
        cdef PyObject* value
        cdef Terms terms
        cdef Call call
        if count != 2:
            raise TypeError(f"get_or_load takes a key and a loader by position, got {count} such arguments")
        if not py_is_callable(args[1]):
            raise TypeError(f"loader must be callable, not {<object>args[1]!r}")
        terms = self.usual
        if names != NULL:
            for name, i in zip(<tuple>names, range(len(<tuple>names))):
                terms_read(&terms, &self.core, "get_or_load", name, <object>args[count + i])
        if hash == 0:
            hash = key_hash(args[0])
        if not terms.ask.force and terms.ask.max_age == FOREVER and not terms.with_status:
            value = core_peek(&self.core, ceiling, args[0], hash)
            if value != NULL:
                return steal(value)
        call.function = args[1]
        call.args = args
        call.positional = 1
        call.names = NULL
        result = self.load(args[0], hash, &call, &terms)
        return (result, STATUSES[<int>terms.status]) if terms.with_status else result

    cdef object get_or_load_usual(self, PyObject* const* args, int64_t ceiling, uint64_t hash):
        """The rest of it for a call without options."""
        cdef Call call
        cdef PyObject* value = core_peek(&self.core, ceiling, args[0], hash)
        if value != NULL:
            return steal(value)
        call.function = args[1]
        call.args = args
        call.positional = 1
        call.names = NULL
        return self.load_usual(args[0], hash, ceiling, &call)


cdef inline bint is_special(PyObject* result) noexcept:
    """Whether a loader's result may mean anything but itself."""
    kind = type(<object>result)
    return kind is Loaded or kind is Failed or kind is Ready or is_coroutine(result)


cdef MethodDef get_or_load_method
get_or_load_method.name = b"get_or_load"
get_or_load_method.function = <AnyFunction>get_or_load
get_or_load_method.flags = POSITIONAL | KEYWORDS
get_or_load_method.doc = b"""get_or_load($self, key, loader, /, *, ttl=..., wait_timeout=None, soft_timeout=None, \
max_age=None, max_stale=None, force=False, coalesce=..., tags=(), with_context=False, with_status=False, default=...)
--

The value of ``key``; without one, what ``loader(key)`` returns, called once for all who ask meanwhile.

The first caller runs the loader in its own thread with nothing locked; the others wait for it with the GIL
released.  A key that is due, or stale within ``stale_while_revalidate``, is served at once and reloaded
behind by a worker thread, with this caller's loader.  How the result is kept is for the caller whose loader runs
to say; what is accepted of what is there, and how long to wait, for each.  All durations are in seconds.

:param ttl: how long a value loaded by this call lives, instead of the cache's; None: for ever; 0: it is handed to all
    who wait, and not kept.
:param wait_timeout: how long to wait, for a load of this caller's too, which then runs in a thread of its own (with a
    copy of this caller's context).  The load goes on whatever becomes of the wait.
:param soft_timeout: how long to wait in all where there is an old value that may be served; then that is returned.
:param max_age: a value that was written longer ago counts as missing; so does one written before the cache had
    any use for the time, and what is remembered of a key without a value counts in the same way.
:param max_stale: a value that expired longer ago counts as missing.
:param force: neither a value nor a load that has begun before this call will do.
:param coalesce: False: do not wait for another caller's load, but run the loader beside it.  The value that comes
    first is kept.
:param tags: a str or several that a value loaded by this call bears; ``invalidate_tag`` and ``expire_tag`` reach all
    entries that bear one.
:param with_context: the loader is called as ``loader(key, ctx)`` with a ``LoadContext``.
:param with_status: return ``(value, status)``: "hit", "early" (a hit that is, or is to be, reloaded before its
    expiry), "stale", "stale_error" (an old value since loading failed), "miss", "coalesced" (another caller's load).
:param default: returned instead of raising NotFound; the status is then "negative" if that was remembered.

Raises what the loader raises, unless an old value may still be served (``stale_if_error``): the one who ran
it gets the exception itself, the others a copy with it as ``__cause__``.  LoadTimeout: ``wait_timeout`` ran
out.  LoadRejected: it ran out before ``max_concurrent_loads`` let the load begin.  RecursiveLoadError,
LoadCycleError: the wait could never end.
"""
add_method(<PyTypeObject*>GettingStore, &get_or_load_method)


cdef object get_or_load(GettingStore self, PyObject* const* args, Py_ssize_t count, PyObject* names):
    cdef int64_t ceiling = core_ceiling(&self.core)
    cdef uint64_t hash
    cdef PyObject* value
    if count != 2 or names != NULL or not py_is_callable(args[1]):
        return self.get_or_load_slowly(args, count, names, ceiling, 0)
    hash = key_hash(args[0])
    value = core_glance(&self.core, ceiling, args[0], hash)
    return steal(value) if value != NULL else self.get_or_load_usual(args, ceiling, hash)
