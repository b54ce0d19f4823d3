"""Keys that are loaded together, by one call of a loader or a few.

    flights     each is led by the thread that began it, or QUEUED: then whoever needs it may claim it
    a portion   those of the next ``most`` flights that are this thread's, or that it could claim

The loader is called with the keys of a portion, in order, while the thread has entered all of their flights.  What it
brings is then settled and published key by key, and each flight ended; if it raises, all of them have failed.  So no
call of a loader is begun while the thread leads flights of the same batch that are not in that call.
A task does the same in steps, and awaits between them: see ``BatchErrand``.
"""

cimport cython
from cpython.object cimport PyObject
from libc.stdint cimport uint64_t

from fastcache._core.calls cimport Call
from fastcache._core.core cimport core_stripe, core_stripe_at
from fastcache._core.entry cimport DUE
from fastcache._core.flight cimport RUNNING, Flight, new_flight
from fastcache._core.graph cimport load_begins, load_ends
from fastcache._core.greenlet cimport greenlet_goes_on, greenlet_stands
from fastcache._core.key cimport draw_salt, key_hash
from fastcache._core.loading cimport LoadingStore
from fastcache._core.mutex cimport atomic_add, atomic_load
from fastcache._core.outcome cimport Outcome, outcome_init
from fastcache._core.place cimport leave_place, leave_quietly, take_place
from fastcache._core.py cimport py_xdecref, steal
from fastcache._core.stripe cimport LEAD, Verdict
from fastcache._core.stripe_loads cimport stripe_heat
from fastcache._core.tag cimport checked_names
from fastcache._core.terms cimport NO_CONTEXT, Terms, terms_usual

import collections.abc
from types import MethodType

from fastcache._errors import NotFound

draw_salt()

cdef object LEFT_OUT = object()


@cython.final
cdef class Batch:
    """One of ``run`` and ``drop`` is called, or ``run_to_end``; or it is a ``BatchErrand``'s."""

    def __init__(self):
        raise TypeError("a batch is made by a cache")

    def __len__(self):
        return len(self.flights)

    # ---- in other threads ----

    def run(self):
        """Loads behind served values what no caller has claimed.  Failures are noted there, not raised."""
        if self.enter():
            self.fly()

    def run_to_end(self):
        """Loads for a caller who waits for it; what it comes to, he gets through the flights."""
        try:
            self.fly()
        except BaseException as error:
            self.interrupt = error

    def drop(self):
        """Gives up what nobody has begun."""
        if not self.place.claim():
            # Whoever flies it ends it.
            return
        self.abandon()
        leave_place(self.place)

    def heat(self):
        """How much the keys are asked for that are to be refreshed."""
        cdef Flight flight
        heat = 0
        for flight in self.flights:
            heat += stripe_heat(core_stripe_at(&self.store.core, flight.stripe), flight.slot, <PyObject*>flight)
        return heat

    @property
    def like(self):
        """Equal for batches that one call of the loader may serve, while they exist."""
        function = self.loader
        who = id(function)
        if isinstance(function, MethodType):
            # Each look at a method makes it anew.
            who = id(function.__self__), id(function.__func__)
        return who, self.terms.ttl, <int>self.terms.context, self.tags, self.most

    @property
    def max_batch(self):
        """Most keys in one call of the loader, or None."""
        return None if self.most == ANY_NUMBER else self.most

    def joined(self, others, /):
        """A batch of the flights of this one and of others that are like it."""
        cdef Batch joined = new_batch(self.store, self.loader, &self.terms, self.most)
        cdef Batch other
        for other in (self, *others):
            joined.keys += other.keys
            joined.flights += other.flights
        joined.queued = 0
        return joined

    # ---- loading ----

    cdef void add(self, object key, Flight flight):
        self.keys.append(key)
        self.flights.append(flight)

    cdef void remove(self, Py_ssize_t i):
        del self.keys[i]
        del self.flights[i]

    cdef void queue(self, Py_ssize_t first, unsigned long who) noexcept:
        """Leaves its flights, from the given one on, to whoever claims them; ``who`` stands in line for none."""
        cdef Py_ssize_t i
        for i in range(first, len(self.flights)):
            if i < self.queued:
                (<Flight>self.flights[i]).queue()
            (<Flight>self.flights[i]).leave_line(who)
        self.queued = min(self.queued, first)

    cdef bint enter(self) except -1:
        """For a load behind values: whether it may begin; without a place it is given up."""
        bulkhead = self.store.bulkhead
        if bulkhead is not None and not bulkhead.try_enter():
            self.abandon()
            return False
        take_place(self.place, bulkhead)
        return True

    cdef int fly(self) except -1:
        """Loads, portion by portion, what nobody else has claimed.

        Whether it returns or raises, none of its flights is then led by this thread, and its place is given back.
        """
        cdef list noted = None
        if not self.place.claim():
            # It was dropped, or is flown.
            return 0
        load_begins(self.place, self.store)
        try:
            noted = greenlet_stands(self.flights, None, self.store)
            while self.next_portion():
                self.lead()
        except BaseException:
            self.abandon()
            raise
        finally:
            greenlet_goes_on(noted)
            load_ends(self.place)
            leave_place(self.place)
        return 0

    cdef bint next_portion(self) except -1:
        """Claims the next portion of which anything is to be had; False: there is none."""
        cdef Flight flight
        self.portion, self.asked, self.contexts = [], [], None
        while self.at < len(self.flights) and len(self.asked) < self.most:
            key, flight = self.keys[self.at], self.flights[self.at]
            # Before it is this thread's, so that it is certainly given up.
            self.portion.append(flight)
            if self.at < self.queued or flight.claim():
                self.asked.append(key)
                self.led.append((key, flight))
            else:
                self.portion.pop()
                self.others.append((key, flight))
            self.at += 1
        return len(self.asked) > 0

    cdef int lead(self) except -1:
        """Runs the loader once; unless it raises, all the flights of the portion have ended."""
        cdef Flight flight
        # The innermost is to end first.
        for flight in reversed(self.portion):
            load_begins(flight, self.store)
        try:
            found = self.found_in(self.ask())
        except Exception as error:
            self.fail_all(error)
        else:
            self.end_all(found)
        return 0

    cdef object ask(self):
        """What the loader returns."""
        cdef Flight flight
        cdef PyObject* args[1]
        cdef Call call
        self.number = atomic_add(&self.store.core.rules.batches, 1)
        for flight in self.portion:
            self.store.set_off(flight)
        if self.terms.context != NO_CONTEXT:
            self.contexts = {key: self.store.context_of(flight) for key, flight in zip(self.asked, self.portion)}
        # The loader may do with its list what it likes, and with the dict.
        given = list(self.asked)
        args[0] = <PyObject*>given
        call.function = <PyObject*>self.loader
        call.args = args
        call.positional = 1
        call.names = NULL
        return self.store.run_loader(&call, &self.terms, None if self.contexts is None else dict(self.contexts))

    cdef dict found_in(self, object result):
        """What the loader brings, as a dict of our own."""
        # What is usual is not looked up in the caches of abstract classes, where all threads would meet.
        if type(result) is not dict and isinstance(result, collections.abc.Coroutine):
            result.close()
            raise TypeError("the loader is async: its values are to be had by aget_many_or_load, not get_many_or_load")
        if type(result) is not dict and not isinstance(result, collections.abc.Mapping):
            raise TypeError(f"a loader of several keys must return a mapping, not {type(result).__name__}")
        return dict(result)

    cdef int end_all(self, dict found) except -1:
        """Ends the portion's flights with what was found, and keeps the rest of it."""
        cdef Flight flight
        for key, flight in zip(self.asked, self.portion):
            self.end(key, flight, found, None if self.contexts is None else self.contexts[key])
        for flight in self.portion:
            self.store.conclude(flight)
        for key in list(found):
            try:
                self.keep(key, found, self.portion[0])
            except Exception:
                # Nobody asked for it.
                pass
        return 0

    cdef int fail_all(self, object error) except -1:
        """Ends the portion's flights with an Exception."""
        cdef Flight flight
        for flight in self.portion:
            load_ends(flight)
            # An error of the takeover itself may have come after some had ended.
            if flight.state == RUNNING:
                self.store.fail(flight, error)
        for flight in self.portion:
            self.store.conclude(flight)
        return 0

    cdef int end(self, object key, Flight flight, dict found, object context) except -1:
        """Takes a key's value out of what was found, and ends its flight with it."""
        cdef Outcome o
        outcome_init(&o, self.terms.ttl)
        try:
            value = found.pop(key, LEFT_OUT)
            if value is LEFT_OUT:
                absence = NotFound(key)
            elif self.store.is_special(value, &self.terms):
                value = self.store.settle(flight, value, context, &self.terms, &o)
        except Exception as error:
            load_ends(flight)
            self.store.fail(flight, error)
        else:
            if value is LEFT_OUT:
                load_ends(flight)
                self.store.land_absent(flight, absence, absence)
            else:
                self.store.land(flight, value, &o)
        return 0

    cdef bint is_outdated(self, object key, uint64_t hash) except -1:
        """Whether a value that was not asked for may be older than what has befallen its key since."""
        cdef PyObject* held
        # Of this key or of a neighbour: what is not there leaves no trace of its own.
        if atomic_load(&core_stripe(&self.store.core, hash).last_removal) >= self.number:
            return True
        held = self.store.find(<PyObject*>key, hash, False, DUE)
        py_xdecref(held)
        return held != NULL

    cdef int keep(self, object key, dict extras, Flight beside) except -1:
        """Stores a value that was not asked for, as old as a flight of the same call.

        What has an unexpired value keeps it, since that may be newer, and so does what is being loaded.
        """
        cdef Terms terms
        cdef PyObject* other = NULL
        cdef PyObject* held = NULL
        cdef uint64_t hash = key_hash(<PyObject*>key)
        cdef Flight flight
        cdef Verdict verdict
        if self.is_outdated(key, hash):
            return 0
        terms_usual(&terms, self.terms.ttl, True, NO_CONTEXT)
        # Neither an old value nor an absence is a reason to leave it.
        terms.ask.force = True
        flight = self.store.offer(<PyObject*>key, hash)
        # Where loads need places, this one has the batch's.
        flight.claim()
        verdict = self.store.begin(<PyObject*>key, hash, flight, &terms, False, &held, &other)
        if verdict != LEAD:
            # FOLLOW or ALONE
            steal(other)
            return 0
        flight.number = beside.number
        flight.started_at = beside.started_at
        load_begins(flight, self.store)
        try:
            # Once more: what comes from here on finds the flight.
            if not self.is_outdated(key, hash):
                return self.end(key, flight, extras, None)
            load_ends(flight)
            self.store.give_up(flight)
        except BaseException:
            load_ends(flight)
            self.store.give_up(flight)
            raise

    cdef void abandon(self) noexcept:
        """Gives up all flights that have not ended and that nobody else leads, and what places they brought along."""
        cdef Flight flight
        for flight in self.portion:
            # All of them are this batch's, so nobody else ends them.
            if flight.state == RUNNING:
                load_ends(flight)
                leave_quietly(flight)
                self.store.give_up(flight)
        while self.at < len(self.flights):
            flight = self.flights[self.at]
            if self.at < self.queued or flight.claim():
                leave_quietly(flight)
                self.store.give_up(flight)
            self.at += 1


cdef Batch new_batch(LoadingStore store, object loader, const Terms* terms, Py_ssize_t most):
    cdef Batch batch = Batch.__new__(Batch)
    batch.store = store
    batch.loader = loader
    terms_usual(&batch.terms, terms.ttl, True, terms.context)
    batch.most = most
    if terms.tags != NULL:
        batch.tags = checked_names(<object>terms.tags)
        batch.terms.tags = <PyObject*>batch.tags
    batch.queued = ANY_NUMBER
    batch.place = new_flight(None)
    batch.place.queue()
    batch.keys = []
    batch.flights = []
    batch.portion = []
    batch.led = []
    batch.others = []
    return batch
