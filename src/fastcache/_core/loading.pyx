"""A store that loads what it misses, once for all who ask.

``stripe_begin`` decides; here is how a thread acts on its verdicts:

    HIT, REFRESH      serve; for the latter, have a worker load behind the value
    NOTHING           raise what is remembered
    LEAD              pass the bulkhead, run the loader, take in what it comes to
    FOLLOW            wait for who does
    ALONE             the same as LEAD, beside another's load

With a bulkhead a flight is QUEUED from its beginning until some thread has a place for it: its leader, another caller,
or one whose load in progress has a place already and needs this one to go on.  So whoever waits for a flight that is
led waits for a thread that has its place, and loads that need each other do not wait for each other's places.

Loaders run with nothing locked: in the caller's thread, in a worker that refreshes, or, if the caller will not wait
for ever, in a thread of their own.  Every way out of one ends its flight.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t

from fastcache._core.ask cimport Ask, ask_later
from fastcache._core.calls cimport Call
from fastcache._core.clock cimport clock_exact
from fastcache._core.core cimport core_coarse_now, core_now, core_stripe_number
from fastcache._core.entry cimport DUE, FRESH
from fastcache._core.errand cimport Errand, errand_behind, keep_one_place, new_errand, supersede
from fastcache._core.flight cimport ABANDONED, MOVED, QUEUED, RUNNING, Flight, FlightState, new_flight
from fastcache._core.graph cimport is_admitted, is_mine, places, wait_for
from fastcache._core.greenlet cimport greenlet_goes_on, greenlet_stands, in_hubs_greenlet, who_runs
from fastcache._core.histogram cimport histogram_add
from fastcache._core.landing cimport LandingStore
from fastcache._core.key cimport draw_salt
from fastcache._core.listing cimport look_drop_rest, look_for
from fastcache._core.mutex cimport atomic_add, atomic_load
from fastcache._core.place cimport leave_bulkhead
from fastcache._core.probe cimport probe_end
from fastcache._core.py cimport FOREVER, py_decref, steal
from fastcache._core.stripe cimport ALONE, HIT, LEAD, NOTHING, REFRESH, UNREAD, WHOSE, Verdict
from fastcache._core.stripe_begin cimport Finding, stripe_begin
from fastcache._core.stripe_values cimport Look
from fastcache._core.terms cimport (
    COALESCED, EARLY_HIT, FRESH_HIT, MISSED, NAMED_CONTEXT, NO_CONTEXT, STALE_ERROR, STALE_HIT, Terms, terms_accept,
    terms_begun, terms_bound, terms_usual,
)
from fastcache._core.visit cimport Visit, visit_again, visit_start

from fastcache._errors import LoadRejected, LoadTimeout, RecursiveLoadError, cached_copy, copied

draw_salt()

AGAIN = object()


cdef class LoadingStore(LandingStore):
    def __cinit__(self, *args, **kwargs):
        terms_usual(&self.usual, FOREVER, True, NO_CONTEXT)

    def _configure_loading(self, settings, /):
        """Sets up how it loads from an object with the attributes of ``_config.LoadSettings``, after _configure."""
        style = NAMED_CONTEXT if settings.with_context else NO_CONTEXT
        terms_usual(&self.usual, self.core.rules.ttl, settings.coalesce, style)
        self.bulkhead = settings.bulkhead
        self.core.rules.bounded = self.bulkhead is not None
        self.log = settings.log
        self.negative = settings.negative
        self.stale_on = settings.stale_on
        self.fatal = settings.fatal
        self.none_ttl = settings.none_ttl
        bare = self.bulkhead is None and not settings.with_context and self.none_ttl is ... and self.copier is None
        self.straight = bare and self.core.rules.plain

    cdef Flight offer(self, PyObject* key, uint64_t hash):
        """One that this thread may lead."""
        cdef Flight flight = new_flight(<object>key)
        flight.stripe = core_stripe_number(&self.core, hash)
        if self.bulkhead is not None:
            flight.queue()
        return flight

    cdef Verdict begin(
        self, PyObject* key, uint64_t hash, Flight offered, Terms* terms, bint counted, PyObject** value,
        PyObject** joined,
    ) except? HIT:
        """What is to be done for a caller.  Apart from ``load``, whose frame stays on the stack while loaders run.

        ``counted`` is of the caller's first round; ``terms.ask.refused`` then becomes a new reference, or NULL.
        """
        cdef Verdict verdict
        cdef Finding found
        cdef Visit v
        cdef Flight others = None
        cdef Ask ask = terms.ask if counted else ask_later(&terms.ask)
        visit_start(&v, &self.core, key, hash, UNREAD)
        offered.number = atomic_load(&self.core.invalidations)
        offered.started_at = core_now(&self.core) if self.core.rules.adaptive_ahead else core_coarse_now(&self.core)
        try:
            while True:
                joined[0] = <PyObject*>others if others is not None else NULL
                verdict = stripe_begin(
                    v.stripe, &self.core.rules, &v.probe, v.now, offered.started_at, &ask, counted,
                    <PyObject*>offered, value, joined, &offered.slot, &found, &v.grave,
                )
                if verdict == WHOSE:
                    # Nothing has changed yet: a caller who is refused leaves the load as it was.
                    others = <Flight>steal(joined[0])
                    if is_mine(others):
                        raise RecursiveLoadError(f"the load of {others.key!r} asked for its own result")
                elif not visit_again(&v, verdict):
                    break
        finally:
            probe_end(&v.probe)
        terms_begun(terms, verdict, &found, counted)
        if verdict == LEAD and joined[0] != NULL:
            others = <Flight>steal(joined[0])
            # Who asks for a load that begins now leaves those others where they are.
            if not ask.anew and supersede(self, others):
                offered.took_over = max(1e-9, (offered.started_at - others.started_at) / 1e9)
        elif verdict == REFRESH and joined[0] != NULL:
            supersede(self, <Flight>steal(joined[0]))
        return verdict

    cdef object load(self, PyObject* key, uint64_t hash, const Call* call, Terms* terms):
        """Serves ``key`` or loads it by ``call``, whatever it takes."""
        cdef Flight offered = self.offer(key, hash)
        cdef bint first = True
        cdef object _refused = None    # keeps what the terms borrow
        cdef PyObject* value = NULL
        cdef PyObject* joined = NULL
        cdef Verdict verdict
        if self.bulkhead is not None:
            # Before there is a flight that would have to be ended if this raises.
            terms.inside = is_admitted(self.bulkhead)
        while True:
            verdict = self.begin(key, hash, offered, terms, first, &value, &joined)
            if first and terms.ask.refused != NULL:
                _refused = steal(terms.ask.refused)
            if verdict == LEAD or verdict == ALONE:
                if verdict == ALONE:
                    offered.beside = steal(joined)
                # Where it waited in vain before, it may have thought of an old value.
                terms.status = MISSED
                result = (
                    self.take_lead(offered, call, terms) if self.bulkhead is None else self.admit(offered, call, terms)
                )
            elif verdict == HIT:
                return self.handed(steal(value), NULL)
            elif verdict == REFRESH:
                served = steal(value)
                self.refresh(offered, call, terms)
                return self.handed(served, NULL)
            elif verdict == NOTHING:
                return self.absent(steal(value), terms)
            else:
                result = self.join(<Flight>steal(joined), call, terms)
            if result is not AGAIN:
                return self.handed(result, terms.default)
            first = False
            if verdict == LEAD or verdict == ALONE:
                # That flight has been flown.
                offered = self.offer(key, hash)

    cdef object join(self, Flight flight, const Call* call, Terms* terms):
        """Waits for another's flight, or leads it if nobody has begun; AGAIN if it came to nothing."""
        if self.bulkhead is not None and flight.admitted is None:
            return self.admit(flight, call, terms)
        # A refresh that no worker has begun is sooner done than waited for.
        return self.take_lead(flight, call, terms) if flight.claim() else self.follow(flight, terms, False)

    cdef object admit(self, Flight flight, const Call* call, Terms* terms):
        """Leads a queued flight once there is a place for it, unless others see to that.

        An old value, if there is one that may be served, is better than standing in line.
        """
        cdef PyObject* old = NULL
        cdef bint entered = False
        cdef bint inside = terms.inside
        if not inside and not flight.stand_in_line(who_runs()):
            return self.follow(flight, terms, False)
        try:
            if not inside:
                entered = self.bulkhead.try_enter()
            if not inside and not entered:
                old = self.acceptable(<PyObject*>flight.key, terms)
                if old == NULL:
                    entered = self.await_place([flight], terms)
        except BaseException:
            self.call_off(flight)
            raise
        if not flight.claim():
            if entered:
                leave_bulkhead(self.bulkhead)
            return self.follow(flight, terms, False) if old == NULL else steal(old)
        if inside or entered:
            if entered:
                keep_one_place(self, flight)
            return self.take_lead(flight, call, terms)
        self.give_up(flight)
        self.conclude(flight)
        if old != NULL:
            return steal(old)
        atomic_add(&self.core.rejections, 1)
        raise rejection(flight.key)

    cdef object take_lead(self, Flight flight, const Call* call, Terms* terms):
        """Loads in this thread or in another one; AGAIN if it came to nothing."""
        return self.lead_elsewhere(flight, call, terms) if terms_bound(terms) else self.lead(flight, call, terms)

    cdef bint await_place(self, list flights, Terms* terms) except -1:
        """Waits for a place in the bulkhead while these flights are QUEUED; whether there is one."""
        cdef Flight flight
        cdef list noted = None
        try:
            noted = greenlet_stands(flights, None, self)
            left = None if terms.deadline == FOREVER else max(0.0, (terms.deadline - clock_exact()) / 1e9)
            return self.bulkhead.enter(left)
        except BaseException:
            for flight in flights:
                self.call_off(flight)
            raise
        finally:
            greenlet_goes_on(noted)

    cdef object lead_elsewhere(self, Flight flight, const Call* call, Terms* terms):
        """Has another thread load, and waits for it as long as this caller will."""
        cdef Errand errand = None
        cdef list noted = None
        try:
            # A new thread may be a greenlet, for whose start this one waits.
            noted = greenlet_stands([], flight, self)
            flight.lent = places()
            errand = new_errand(self, flight, call, terms)
            flight.queue()
            started = self._start(errand)
        except BaseException:
            if errand is None or flight.claim():
                self.give_up(flight)
                self.conclude(flight)
            raise
        finally:
            greenlet_goes_on(noted)
        if not started and flight.claim():
            # There are no more threads to be had.
            return self.lead(flight, call, terms)
        result = self.follow(flight, terms, True)
        if result is AGAIN and errand.begun and flight.interrupt is not None:
            raise flight.interrupt
        return result

    cdef object follow(self, Flight flight, Terms* terms, bint led):
        """Waits for a load, made elsewhere for this caller (``led``) or another's; AGAIN if that came to nothing."""
        cdef PyObject* old = NULL
        return self.outcome(flight, self.await_end(flight, terms, led, &old), old, terms, led)

    cdef FlightState await_end(self, Flight flight, Terms* terms, bint led, PyObject** served) except? QUEUED:
        """The first half of ``follow``: how the flight stands after the wait, or in ``served`` an old value."""
        cdef FlightState state = RUNNING
        cdef int64_t began = clock_exact()
        cdef PyObject* old = NULL
        if is_mine(flight):
            raise RecursiveLoadError(f"the load of {flight.key!r} asked for its own result")
        if flight.is_on_this_loop():
            raise RuntimeError(
                f"the load of {flight.key!r} runs on the event loop of this very thread, which waiting would block; "
                "use aget_or_load there"
            )
        if terms.patience_ends != FOREVER:
            old = self.acceptable(<PyObject*>flight.key, terms)
            if old != NULL:
                py_decref(old)
                state = wait_for(flight, min(terms.deadline, terms.patience_ends))
                old = self.acceptable(<PyObject*>flight.key, terms) if state == RUNNING else NULL
        if state == RUNNING and old == NULL:
            if flight.has_line() and not in_hubs_greenlet():
                self.bulkhead.check_stop()  # for a place for it, which those of this thread may be before
            state = wait_for(flight, terms.deadline)
        if not led:
            histogram_add(&self.core.wait_times, clock_exact() - began)
        served[0] = old if old != NULL or state != RUNNING else self.acceptable(<PyObject*>flight.key, terms)
        return state

    cdef object outcome(self, Flight flight, FlightState state, PyObject* old, Terms* terms, bint led):
        """The second half."""
        if old != NULL:
            return steal(old)
        if state != RUNNING:
            return AGAIN if state == ABANDONED or state == MOVED else self.answer(flight, terms, led)
        atomic_add(&self.core.timeouts, 1)
        raise LoadTimeout(f"the load of {flight.key!r} did not end within wait_timeout")

    cdef object answer(self, Flight flight, Terms* terms, bint led):
        """What a flight that has landed or failed means to one who waited; ``led``: for a load of his own."""
        cdef PyObject* instead
        terms.shared = True
        terms.status = MISSED if led else COALESCED
        if flight.error is None:
            return flight.value
        instead = self.instead(flight, terms)
        if instead != NULL:
            return <object>instead
        raise flight.error if led else copied(flight.error)

    cdef object absent(self, object error, Terms* terms):
        """What is remembered instead of a value, as the caller wants it."""
        if terms.default != NULL and terms.not_found:
            return <object>terms.default
        raise cached_copy(error, terms.retry_in / 1e9)

    cdef PyObject* acceptable(self, PyObject* key, Terms* terms) except? NULL:
        """A new reference to an old value that this caller accepts; NULL without an exception if there is none."""
        cdef Look look
        cdef PyObject* value = NULL
        if not look_for(&self.core, key, &look):
            return NULL
        if terms_accept(terms, look.written_at, look.ends_at, look.seen_at):
            if look.age <= DUE:
                terms.status = FRESH_HIT if look.age == FRESH else EARLY_HIT
            else:
                terms.status = STALE_HIT if look.error == NULL else STALE_ERROR
            value = look.value
        else:
            py_decref(look.value)
        look_drop_rest(&look)
        return value

    # ---- behind a served value, and in threads of their own ----

    cdef int refresh(self, Flight flight, const Call* call, const Terms* terms) except -1:
        """Has a worker load behind the value just served."""
        cdef Errand errand = errand_behind(self, flight, call, terms)
        return 0 if errand is None else self.hand_over(errand)

    cdef int hand_over(self, object errand) except -1:
        """Gives a worker something to load behind served values; without one, they are left alone for a moment."""
        try:
            if self._schedule(errand):
                return 0
        except Exception:
            # No thread, no memory: the value served is still good.
            pass
        except BaseException:
            errand.drop()
            raise
        errand.drop()
        return 0


cdef object rejection(object key):
    return LoadRejected(f"no place for the load of {key!r} came free within wait_timeout")
