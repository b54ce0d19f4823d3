"""A store that runs loaders and takes in what they come to: a value, an absence, a failure, or nothing.

Each way ends the flight: first what it came to is in its stripe, then the flight is unlinked, both in one step under
the stripe's lock, and only then are those who wait let go.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from fastcache._core.calls cimport Call, call_packed
from fastcache._core.context cimport Failed, LoadContext, Loaded, kept_of, new_context, read_wishes
from fastcache._core.core cimport UNTIMED, core_birth, core_coarse_now, core_now, core_set_timed, core_stripe_at
from fastcache._core.flight cimport ABANDONED, FAILED, LANDED, Flight
from fastcache._core.graph cimport load_begins, load_ends
from fastcache._core.grave cimport GRAVE_ROOM, Grave, grave_drop, grave_left, grave_put_aside, graves_drop
from fastcache._core.histogram cimport histogram_add
from fastcache._core.key cimport draw_salt
from fastcache._core.listing cimport look_described, look_drop_rest, look_for
from fastcache._core.mapping cimport Mapping
from fastcache._core.mutex cimport mutex_lock, mutex_unlock
from fastcache._core.outcome cimport Outcome, outcome_init
from fastcache._core.place cimport leave_early
from fastcache._core.py cimport FOREVER, py_vectorcall, steal
from fastcache._core.ready cimport Ready
from fastcache._core.stripe cimport NO_PLACE, PER_ENTRY, Stripe
from fastcache._core.stripe_loads cimport Failure, stripe_fail, stripe_give_up, stripe_publish, stripe_set_off
from fastcache._core.stripe_values cimport Look
from fastcache._core.tag cimport checked_names
from fastcache._core.terms cimport NO_CONTEXT, POSITIONAL_CONTEXT, STALE_ERROR, Terms, terms_accept
from fastcache._core.upkeep cimport core_evict_elsewhere, core_sweep_elsewhere
from fastcache._core.weights cimport checked_weight

from fastcache._errors import NotFound

draw_salt()

cdef extern from "Python.h":
    int enter_recursion "Py_EnterRecursiveCall"(const char*) except -1
    void leave_recursion "Py_LeaveRecursiveCall"() noexcept
    bint is_coroutine "PyCoro_CheckExact"(PyObject*) noexcept
    # Looks at classes alone: no metaclass is asked.
    bint error_matches "PyErr_GivenExceptionMatches"(object error, object classes) noexcept


cdef class LandingStore(Mapping):
    def __cinit__(self, *args, **kwargs):
        self.none_ttl = ...
        self.negative = (NotFound,)
        self.stale_on = (Exception,)
        self.fatal = ()

    cdef object run_loader(self, const Call* call, Terms* terms, object context):
        """``context`` is what the loader is given besides, or None."""
        cdef PyObject* result
        # The call itself counts one level, but there are several frames of C between two loaders.
        enter_recursion(b" while loading a value")
        try:
            if context is None:
                result = py_vectorcall(call.function, call.args, call.positional, call.names)
                return steal(result)
            function, args, names = call_packed(call)
            if terms.context == POSITIONAL_CONTEXT:
                return function(*args, context)
            named = len(args) - len(names)
            return function(*args[:named], **dict(zip(names, args[named:])), ctx=context)
        finally:
            leave_recursion()

    def _schedule(self, errand, /):
        """Arranges for ``errand.run()`` or ``errand.drop()`` to be called; False if that cannot be."""
        return False

    def _start(self, errand, /):
        """Has ``errand.run_to_end()`` called in another thread, now; False if that cannot be."""
        return False

    cdef void set_off(self, Flight flight) noexcept:
        """The load of a flight begins; if it waited for that, its time runs from now on."""
        if flight.waited:
            flight.waited = False
            flight.started_at = core_now(&self.core) if self.core.rules.adaptive_ahead else core_coarse_now(&self.core)
            stripe_set_off(
                core_stripe_at(&self.core, flight.stripe), flight.slot, <PyObject*>flight, flight.started_at,
            )

    cdef object lead(self, Flight flight, const Call* call, Terms* terms):
        """Runs the loader and ends the flight."""
        self.set_off(flight)
        load_begins(flight, self)
        return self.bring_in(flight, call, NULL, False, terms)

    cdef object bring_in(self, Flight flight, const Call* call, PyObject* result, bint called, Terms* terms):
        """The rest of ``lead``; ``called``: the loader has returned ``result`` (taken over), or raised (NULL)."""
        cdef LoadContext context = None
        cdef PyObject* instead = NULL
        cdef Outcome o
        try:
            if terms.context != NO_CONTEXT:
                context = self.context_of(flight)
            loaded = steal(result) if called else self.run_loader(call, terms, context)
            value = self.settled(flight, loaded, context, terms, &o)
        except Exception as error:
            load_ends(flight)
            try:
                self.fail(flight, error)
            finally:
                self.conclude(flight)
            instead = self.instead(flight, terms)
            if instead == NULL:
                raise
        except BaseException as error:
            # An interrupt is its receiver's alone: somebody else may load.
            load_ends(flight)
            flight.interrupt = error
            self.give_up(flight)
            self.conclude(flight)
            raise
        if instead != NULL:
            return <object>instead
        self.land(flight, value, &o)
        self.conclude(flight)
        terms.shared = flight.shared
        return value

    cdef PyObject* instead(self, Flight flight, Terms* terms) noexcept:
        """What a caller gets of a flight that has failed instead of its error; borrowed, NULL if that is raised."""
        if terms.default != NULL and flight.absent:
            return terms.default
        if flight.has_fallback and terms_accept(
            terms, flight.fallback_written_at, flight.fallback_ends_at, core_now(&self.core)
        ):
            terms.status = STALE_ERROR
            return <PyObject*>flight.fallback
        return NULL

    cdef LoadContext context_of(self, Flight flight):
        """What the loader of a flight may know."""
        cdef LoadContext context = new_context(flight.key)
        cdef Look look
        if look_for(&self.core, <PyObject*>flight.key, &look):
            context.old_weight = look.weight
            context.old_stale_window, context.old_error_window = look.stale_window, look.error_window
            value, *_, age, tags, etag, _ = look_described(&look)
            context.know(value, age, tags, etag, self.copier)
        return context

    cdef object settled(self, Flight flight, object result, LoadContext context, const Terms* terms, Outcome* o):
        """The value that a loader's result stands for, and in ``o`` how it is to be kept."""
        outcome_init(o, terms.ttl)
        if is_coroutine(<PyObject*>result) or type(result) is Ready:
            result.close()
            raise TypeError(
                f"the loader of {flight.key!r} is async: its value is to be had by aget_or_load, not by get_or_load"
            )
        return self.settle(flight, result, context, terms, o) if self.is_special(result, terms) else result

    cdef object settle(self, Flight flight, object result, LoadContext context, const Terms* terms, Outcome* o):
        """The same for a result that is to be looked into; what ``o`` borrows is the flight's.

        Raises what the loader meant to, and what is wrong with its wishes.
        """
        said = result if type(result) is Loaded else None
        value = result if said is None else (<Loaded>said).value
        weight = ...
        if context is not None and context.verdict is not None and result is context.verdict:
            raise result
        if type(result) is Failed:
            raise (<Failed>result).error
        if value is None and self.none_ttl is not ...:
            o.ttl = FOREVER if self.none_ttl is None else <int64_t>self.none_ttl
        names = () if terms.tags == NULL else checked_names(<object>terms.tags)
        etag = None
        if context is not None and context.keeps(value):
            weight, o.stale_window, o.error_window = (
                context.old_weight, context.old_stale_window, context.old_error_window,
            )
        # What is said with the value comes before what the context was told.
        for wishes in (context, said):
            if wishes is not None:
                read_wishes(wishes, o, self.core.rules.stale_window, self.core.rules.error_window)
                names = tuple(dict.fromkeys(names + checked_names(wishes.tags)))
                etag = etag if wishes.etag is None else wishes.etag
                weight = weight if wishes.weight is ... else wishes.weight
        if names or etag is not None:
            flight.tags = self.tags.set_of(names, etag)
            self.bear(o, flight.tags, flight.number)
        if o.ttl != FOREVER:
            core_set_timed(&self.core)
        if self.core.rules.weighed and o.ttl != 0:
            o.weight = self.weigh(flight.key, value) if weight is ... else checked_weight(weight, "weight", None)
        return value

    cdef bint is_special(self, object result, const Terms* terms) noexcept:
        """Whether a loader's result is to be settled; otherwise it is the value, kept as the call says."""
        return (
            terms.context != NO_CONTEXT or terms.tags != NULL or type(result) is Loaded
            or type(result) is Failed or self.core.rules.weighed or self.none_ttl is not ...
        )

    cdef void land(self, Flight flight, object value, Outcome* o) noexcept:
        """Ends a flight, which this thread has entered, with a value."""
        load_ends(flight)
        flight.value = value
        self.publish(flight, <PyObject*>value, o)

    cdef void publish(self, Flight flight, PyObject* value, Outcome* o) noexcept:
        """``value`` (borrowed) is NULL for an absence; flight.value, or flight.error, is set."""
        cdef Stripe* s = core_stripe_at(&self.core, flight.stripe)
        cdef Flight linked = flight if flight.beside is None else flight.beside
        cdef bint shared
        cdef bint elsewhere
        cdef Grave* later = NULL
        cdef int64_t now, took
        cdef Grave g
        g.count = 0
        now = core_now(&self.core) if self.core.rules.adaptive_ahead else core_coarse_now(&self.core)
        took = max(<int64_t>0, now - flight.started_at)
        histogram_add(&self.core.load_times, took)
        mutex_lock(&flight.mutex)
        shared = flight.waiters > 0
        mutex_unlock(&flight.mutex)
        while True:
            now = core_birth(&self.core, o.ttl)
            if stripe_publish(
                s, &self.core.rules, linked.slot, <PyObject*>linked, value, o, took, now, flight.behind, &shared,
                &flight.failures, &g,
            ) != NO_PLACE:
                break
            elsewhere = grave_left(&g) >= 2 * PER_ENTRY
            if grave_left(&g) < GRAVE_ROOM // 2 and not grave_put_aside(&g, &later):
                grave_drop(&g, self.core.listener)
            if elsewhere:
                core_evict_elsewhere(&self.core, s, now, &g)
        if self.core.timing != UNTIMED and self.core.stripe_count > 1:
            core_sweep_elsewhere(&self.core, now, &g)
        flight.shared = shared
        if self.core.rules.adaptive_ahead and 0 < o.ttl <= took:
            flight.useless = o.ttl / 1e9
        flight.end(FAILED if value == NULL else LANDED)
        leave_early(flight)
        # Only now: a finalizer may take its time, ask for this very key, or never return.
        graves_drop(later, self.core.listener)
        grave_drop(&g, self.core.listener)

    cdef void land_absent(self, Flight flight, object error, object kept) noexcept:
        """The load found that there is no value; ``kept`` is what is remembered of the error."""
        cdef Outcome o
        outcome_init(&o, self.core.rules.negative_ttl)
        o.absent = True
        o.error = <PyObject*>kept
        if o.ttl > 0:
            core_set_timed(&self.core)
        flight.error = error
        flight.absent = True
        self.publish(flight, NULL, &o)

    cdef int fail(self, Flight flight, object error) except -1:
        """Ends a flight whose loader raised an Exception; raises only what interrupts this."""
        cdef bint absent = error_matches(error, self.negative)
        cdef bint hidden = self.hides(error)
        cdef Failure f
        cdef int64_t now
        cdef Grave g
        try:
            kept = kept_of(error)
        except BaseException:
            self.give_up(flight)
            raise
        if absent:
            self.land_absent(flight, error, kept)
            return 0
        if self.core.rules.error_ttl > 0:
            core_set_timed(&self.core)
        now = core_now(&self.core)
        histogram_add(&self.core.load_times, now - flight.started_at)
        g.count = 0
        stripe_fail(
            core_stripe_at(&self.core, flight.stripe), &self.core.rules, flight.slot, <PyObject*>flight,
            <PyObject*>kept, hidden, now, now - flight.started_at, flight.behind, &f, &g,
        )
        flight.error = error
        if f.fallback != NULL:
            flight.fallback = steal(f.fallback)
            flight.has_fallback = True
            flight.fallback_written_at, flight.fallback_ends_at = f.written_at, f.ends_at
        flight.failures = f.failures
        flight.retry_in = (f.retry_at - now) / 1e9
        try:
            # Who expires a key takes its load off it, but not the old value from those who wait.
            if hidden and not f.linked:
                self.find_fallback(flight)
        finally:
            flight.end(FAILED)
            leave_early(flight)
            grave_drop(&g, self.core.listener)

    cdef bint hides(self, object error) noexcept:
        """Whether an old value stands in for an error."""
        return error_matches(error, self.stale_on) and not error_matches(error, self.fatal)

    cdef int find_fallback(self, Flight flight) except -1:
        """The old value that may be served instead of the failure of a flight which is linked nowhere."""
        cdef Look look
        try:
            flight.has_fallback = look_for(&self.core, <PyObject*>flight.key, &look)
        except Exception:
            # A key that cannot be compared now; why the load failed is what its callers are to know.
            pass
        if flight.has_fallback:
            flight.fallback = steal(look.value)
            flight.fallback_written_at, flight.fallback_ends_at = look.written_at, look.ends_at
            look_drop_rest(&look)

    cdef void give_up(self, Flight flight) noexcept:
        """Ends a flight that comes to nothing; those who wait begin anew."""
        cdef Grave g
        g.count = 0
        stripe_give_up(
            core_stripe_at(&self.core, flight.stripe), &self.core.rules, flight.slot, <PyObject*>flight,
            core_now(&self.core), flight.behind, &g,
        )
        flight.end(ABANDONED)
        leave_early(flight)
        grave_drop(&g, self.core.listener)

    cdef bint call_off(self, Flight flight) except -1:
        """Gives up a flight that nobody has begun; whether that is so."""
        if not flight.claim():
            return False
        self.give_up(flight)
        self.conclude(flight)
        return True

    cdef int conclude(self, Flight flight) except -1:
        """After a flight has ended: tells the log.  Raises what a signal handler raises, or did meanwhile."""
        if flight.late is not None:
            late, flight.late = flight.late, None
            raise late
        log = self.log
        if log is None:
            return 0
        if flight.took_over:
            log.superseded(flight.key, flight.took_over)
        if flight.error is None and flight.failures:
            log.recovered(flight.key, flight.failures)
        elif flight.error is not None and (flight.behind or flight.has_fallback) and not flight.absent:
            log.failed(flight.key, flight.error, flight.failures, flight.retry_in)
        if flight.useless:
            log.useless(flight.useless, (core_coarse_now(&self.core) - flight.started_at) / 1e9)
        return 0
