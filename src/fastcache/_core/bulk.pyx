"""Many keys in one call, loaded by a loader that takes several.

It goes in rounds.  Each sorts the keys that still want a value, as ``stripe_begin`` decides:

    served      at once; those that are due or stale are reloaded behind, together
    own         the keys that this call is to load: a batch
    joined      others' loads

First its own batch is loaded, and only when that has ended are the others waited for: so of two calls whose keys
overlap neither waits for the other while that one waits for it.  What came to nothing begins the next round.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t

from fastcache._core.batch cimport ANY_NUMBER, Batch, most_of, new_batch
from fastcache._core.core cimport core_ceiling, core_peek
from fastcache._core.errand cimport decline
from fastcache._core.flight cimport A_TASK, QUEUED, Flight, FlightState
from fastcache._core.awaiting cimport AwaitingStore
from fastcache._core.graph cimport is_admitted, is_mine, places
from fastcache._core.greenlet cimport greenlet_goes_on, greenlet_stands, who_runs
from fastcache._core.key cimport draw_salt, key_hash
from fastcache._core.loading cimport AGAIN, rejection
from fastcache._core.mapping cimport check_iterable
from fastcache._core.mutex cimport atomic_add
from fastcache._core.place cimport take_place
from fastcache._core.py cimport FOREVER, py_is_callable, steal
from fastcache._core.stripe cimport ALONE, FOLLOW, HIT, LEAD, NOTHING, REFRESH, Verdict
from fastcache._core.terms cimport terms_bound, terms_read

from fastcache._errors import BulkLoadError, RecursiveLoadError

draw_salt()

cdef object LEFT_OUT = object()


cdef class Wanted:
    """What one call wants, and has so far."""

    cdef dict given(self, BulkStore store):
        """What the call returns; BulkLoadError if some keys failed and their errors are not to be returned too."""
        for key, value in list(self.values.items()):
            if value is not LEFT_OUT:
                self.values[key] = store.handed(value, NULL)
                continue
            if key in self.errors and self.returned:
                self.values[key] = self.errors[key]
            elif key in self.errors or self.default is LEFT_OUT:
                del self.values[key]
            else:
                self.values[key] = self.default
        if self.errors and not self.returned:
            raise BulkLoadError(self.values, self.errors) from next(iter(self.errors.values()))
        return self.values


cdef class BulkStore(AwaitingStore):
    def get_many_or_load(self, keys, loader, /, **options):
        """get_many_or_load($self, keys, loader, /, *, ttl=..., wait_timeout=None, soft_timeout=None, max_age=None, \
max_stale=None, force=False, coalesce=..., tags=(), with_context=False, max_batch=None, errors='raise', default=...)
--

The values of ``keys`` as a dict, in their order; what is missing comes from one call of ``loader(keys)``.

The loader gets a list of those keys alone that have no value and that nobody else is loading, in the order of the
request, each once; it returns a mapping of their values.  It runs in this thread with nothing locked.  Loads by other
callers, of single keys or of several, are shared as ``get_or_load`` does, and waited for when the own one has ended.
Keys that are due or stale are served at once, and reloaded behind together.

A key that the loader leaves out has no value: it is absent from the result, and whoever waited for it alone gets
NotFound.  What the loader adds is not returned, and kept unless the key has a value, is being loaded, or was removed
meanwhile (or some other key was).  A value may be a ``Loaded``, which says how it is kept, or a ``Failed``, by which
that key alone has failed.

:param ttl: as all options not named here: see ``get_or_load``.
:param with_context: the loader is called as ``loader(keys, contexts)`` with a dict of a ``LoadContext`` for each key.
:param max_batch: most keys in one call of the loader; several calls are made one after the other.  None: no limit.
:param errors: "raise": if a key could not be loaded, BulkLoadError, which has what there is beside the errors.
    "return": the exception stands in the result as the key's value.
:param default: the value of keys that have none, which else are absent from the result.

A loader that raises fails the keys of that call; where an old value may still be served, that is.  LoadTimeout,
LoadRejected: of keys for which ``wait_timeout`` ran out.  RecursiveLoadError, LoadCycleError: raised as they are, a
wait could never end.  What is no Exception is the loading thread's alone.  One call takes at most one place of
``max_concurrent_loads`` at a time.
"""
        return self.load_many(self.wanted("get_many_or_load", keys, loader, options, False))

    def _renew_many(self, keys, loader, /, **options):
        """What ``loader(keys)`` returns, whether there are values or not; loads under way are joined."""
        return self.load_many(self.wanted("refresh_many", keys, loader, options, True))

    cdef dict load_many(self, Wanted w):
        while w.missing:
            self.begin_many(w)
            self.follow_many(w)
        return w.given(self) if w.sorted else w.values

    cdef Wanted wanted(self, str method, object keys, object loader, dict options, bint anew):
        """What a call of ``method`` asks for, with what is there already, unless that is not ``anew``."""
        cdef Wanted w = Wanted.__new__(Wanted)
        cdef int64_t ceiling
        cdef PyObject* value
        if not py_is_callable(<PyObject*>loader):
            raise TypeError(f"loader must be callable, not {loader!r}")
        check_iterable(keys)
        w.terms = self.usual
        w.most = ANY_NUMBER
        w.default = LEFT_OUT
        for name, option in options.items():
            if name == "max_batch":
                w.most = most_of(option)
            elif name == "errors":
                w.returned = are_returned(option)
            elif name == "default":
                w.default = option
            elif name == "with_status":
                raise TypeError(f"{method} got an unexpected keyword argument {name!r}")
            else:
                terms_read(&w.terms, &self.core, method, name, option)
        if anew:
            w.terms.ask.force = True
        w.who = who_runs()
        w.loader = loader
        w.options = options
        w.terms.default = <PyObject*>LEFT_OUT   # which tells keys without a value from those that failed
        w.values = dict.fromkeys(keys, LEFT_OUT)
        w.errors, w.refused = {}, {}
        if w.terms.ask.force or w.terms.ask.max_age != FOREVER:
            w.missing = list(w.values)
            return w
        w.missing = []
        ceiling = core_ceiling(&self.core)
        for key in w.values:
            value = core_peek(&self.core, ceiling, <PyObject*>key, key_hash(<PyObject*>key))
            if value != NULL:
                w.values[key] = steal(value)
            else:
                w.missing.append(key)
        return w

    cdef int begin_many(self, Wanted w) except -1:
        """Sorts the keys, and loads what is to be loaded here."""
        cdef Batch behind
        cdef list noted = None
        self.sort(w)
        try:
            noted = greenlet_stands(w.own.flights, w.own.place, self)
            behind, w.behind = w.behind, None
            if behind is not None:
                # It may be loaded in this very thread, and then ask for what this call has yet to load.
                w.own.queue(0, 0)
                self.hand_over(behind)
            if w.own.flights:
                self.lead_many(w)
        except BaseException:
            w.own.drop()
            raise
        finally:
            greenlet_goes_on(noted)
        return 0

    cdef int sort(self, Wanted w) except -1:
        """Begins a round: fills ``own``, ``behind`` (None: nothing is) and ``joined``."""
        cdef list missing = w.missing
        cdef bint counted = not w.sorted
        w.sorted = True
        w.missing = []
        w.own = new_batch(self, w.loader, &w.terms, w.most)
        w.behind = new_batch(self, w.loader, &w.terms, w.most)
        w.behind.queued = 0
        if self.bulkhead is not None:
            # QUEUED until there is a place for them.
            w.own.queued = 0
        w.joined = []
        try:
            for key in missing:
                self.begin_one(w, key, counted)
        except BaseException:
            w.own.drop()
            w.behind.drop()
            raise
        if not w.behind.flights:
            w.behind = None
        return 0

    cdef int begin_one(self, Wanted w, object key, bint counted) except -1:
        cdef uint64_t hash = key_hash(<PyObject*>key)
        cdef Flight offered = self.offer(<PyObject*>key, hash)
        cdef Flight other
        cdef PyObject* value = NULL
        cdef PyObject* joined = NULL
        cdef Verdict verdict
        cdef bint mine
        cdef list refused
        # Whatever happens from here on, it is among those that are given up.
        w.own.add(key, offered)
        if self.bulkhead is not None:
            offered.stand_in_line(w.who)
        elif w.who == A_TASK:
            offered.on_loop = True
        # Looked for here: what is in the hands of this call alone would be lost if a key raises.
        refused = w.refused.setdefault(key, []) if w.terms.ask.force else []
        w.terms.ask.refused = <PyObject*>refused[0] if refused else NULL
        verdict = self.begin(<PyObject*>key, hash, offered, &w.terms, counted, &value, &joined)
        if counted and w.terms.ask.refused != NULL:
            refused.append(steal(w.terms.ask.refused))
        if verdict == HIT or verdict == REFRESH:
            w.values[key] = steal(value)
        elif verdict == NOTHING:
            try:
                self.absent(steal(value), &w.terms)
            except Exception as error:
                w.errors[key] = error
        elif verdict == FOLLOW or verdict == ALONE:
            other = steal(joined)
            if is_mine(other):
                raise RecursiveLoadError(f"the load of {key!r} asked for its own result")
            if verdict == ALONE:
                offered.beside = other
                return 0
            # As LoadingStore.join does.
            if self.bulkhead is None:
                mine = other.claim()
            else:
                # It stays QUEUED, as all that this call is to load.
                mine = other.state == QUEUED and (
                    other.admitted is not None or is_admitted(self.bulkhead) or other.stand_in_line(w.who)
                )
            if mine:
                w.own.flights[len(w.own.flights) - 1] = other
                return 0
            w.joined.append((key, other))
        if verdict == REFRESH:
            offered.behind = True
            if self.bulkhead is None:
                offered.queue()
            offered.leave_line(w.who)
            w.behind.add(key, offered)
        if verdict != LEAD:
            w.own.remove(len(w.own.flights) - 1)
        return 0

    cdef int lead_many(self, Wanted w) except -1:
        cdef Batch own = w.own
        cdef Flight flight
        if self.bulkhead is not None:
            self.admit_many(w)
        if terms_bound(&w.terms):
            return self.lead_many_elsewhere(w)
        own.queue(own.most, w.who)
        own.fly()
        w.joined += own.others
        for key, flight in own.led:
            self.take_own(w, key, flight)
        return 0

    cdef int take_own(self, Wanted w, object key, Flight flight) except -1:
        """What a flight of the call's own came to."""
        cdef PyObject* instead
        if flight.error is None:
            w.values[key] = flight.value
            return 0
        instead = self.instead(flight, &w.terms)
        if instead != NULL:
            w.values[key] = <object>instead
        else:
            w.errors[key] = flight.error
        return 0

    cdef int admit_many(self, Wanted w) except -1:
        """As ``admit`` for one key: what is left to be loaded has a place in the bulkhead then."""
        if self.find_place(w) or not w.own.flights:
            return 0
        if not self.await_place(w.own.flights, &w.terms):
            return self.reject(w)
        take_place(w.own.place, self.bulkhead)
        return 0

    cdef bint find_place(self, Wanted w) except -1:
        """Whether there is a place in the bulkhead, now; else what has an old value is served that and not loaded."""
        cdef Batch own = w.own
        cdef Py_ssize_t i
        cdef PyObject* old
        if is_admitted(self.bulkhead):
            return True
        if self.bulkhead.try_enter():
            take_place(own.place, self.bulkhead)
            return True
        for i in range(len(own.keys) - 1, -1, -1):
            old = self.acceptable(<PyObject*>own.keys[i], &w.terms)
            if old != NULL:
                w.values[own.keys[i]] = steal(old)
                decline(self, own.flights[i])
                own.remove(i)
        return False

    cdef int reject(self, Wanted w) except -1:
        """No place came free in time."""
        cdef Batch own = w.own
        cdef Flight flight
        atomic_add(&self.core.rejections, 1)
        for key, flight in zip(own.keys, own.flights):
            if decline(self, flight):
                w.errors[key] = rejection(key)
            else:
                w.joined.append((key, flight))
        own.keys, own.flights = [], []
        return 0

    cdef int lead_many_elsewhere(self, Wanted w) except -1:
        """Has another thread load what is this call's, which then waits for that as for others' loads."""
        cdef Batch own = w.own
        own.queue(0, w.who)
        own.place.lent = places()
        w.joined = list(zip(own.keys, own.flights)) + w.joined
        if own.flights and not self._start(own):
            # There are no more threads to be had.
            own.fly()
        return 0

    cdef int follow_many(self, Wanted w) except -1:
        """Waits for what others load."""
        cdef Flight flight
        cdef FlightState state
        cdef PyObject* old
        for key, flight in w.joined:
            old = NULL
            # A wait that could never end, or what others throw into it, is no fault of the key.
            state = self.await_end(flight, &w.terms, False, &old)
            try:
                value = self.outcome(flight, state, old, &w.terms, False)
            except Exception as error:
                w.errors[key] = error
            else:
                if value is AGAIN:
                    w.missing.append(key)
                else:
                    w.values[key] = value
        if w.own.interrupt is not None:
            raise w.own.interrupt
        return 0


cdef bint are_returned(object errors) except -1:
    if errors not in ("raise", "return"):
        raise ValueError(f"errors must be 'raise' or 'return', not {errors!r}")
    return errors == "return"
