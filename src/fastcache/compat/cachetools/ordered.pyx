"""A store whose timer may be any function, and whose values can be seen and taken in the order in which they leave.

Where the timer is the system's clock a hit is that of any store.  Any other timer is asked once at the start of each
operation, and moves the store's own clock to what it says.
"""

from cpython.object cimport PyObject, PyTypeObject
from libc.math cimport isinf
from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastcache._core.core cimport core_ceiling, core_glance, core_now, core_peek, core_set_timed, core_stripe_at
from fastcache._core.entry cimport DUE
from fastcache._core.grave cimport Grave, grave_drop
from fastcache._core.key cimport draw_salt, key_hash
from fastcache._core.listing cimport KEYS, PAIRS, VALUES, count_unexpired, list_stripe, sweep_all
from fastcache._core.awaiting cimport AwaitingStore
from fastcache._core.mapping cimport mapping_write
from fastcache._core.method cimport KEYWORDS, POSITIONAL, AnyFunction, MethodDef, add_method
from fastcache._core.movable cimport MovableClock
from fastcache._core.mutex cimport atomic_store
from fastcache._core.outcome cimport Outcome, outcome_init
from fastcache._core.py cimport FOREVER, likely, py_decref, py_xdecref, raw_alloc, raw_free, steal
from fastcache.compat.cachetools.leaving cimport LEAVING, Leaver, leaving_expire, leaving_list, leaving_pop

from operator import itemgetter
from time import monotonic

draw_salt()
cdef object NOTHING = object()
cdef str TOO_LARGE = "value too large"


cdef class OrderedStore(AwaitingStore):
    # Written once, by _arrange.
    cdef object timer       # tells the instant, of any kind that can be subtracted; None: the system's clock
    cdef object origin      # the instant from which the store's clock counts
    cdef int64_t scale      # what that clock counts in one unit of the timer's
    cdef object lifetime    # lifetime(key, value, instant) is the instant of expiry; None: the store's ttl
    cdef bint quiet         # reads leave the order alone
    cdef bint closed        # nothing may be written; loads are shared all the same
    cdef bint plain         # neither a timer nor quiet

    def _arrange(self, timer, scale, lifetime, quiet, closed, /):
        """Once, after ``_configure``, which was given a movable clock if there is a ``timer``."""
        self.scale = scale
        self.closed = closed
        self.quiet = quiet
        self.lifetime = lifetime
        if timer is not None:
            self.origin = timer()
        if lifetime is not None:
            core_set_timed(&self.core)
        self.timer = timer
        self.plain = timer is None and not quiet

    cdef PyObject* write(self, key, uint64_t hash, value, int64_t ttl, int64_t now, bint keep) except? NULL:
        cdef Outcome o
        outcome_init(&o, ttl)
        return self.put(<PyObject*>key, hash, <PyObject*>value, &o, now, keep)

    # ---- time ----

    cdef int64_t units(self, object duration) except? -1:
        """A difference between two of the timer's instants, as the store's clock counts."""
        cdef double number
        if hasattr(duration, "total_seconds"):
            duration = duration.total_seconds()
        if isinstance(duration, float):
            number = duration
            if isinf(number) and number > 0:
                return FOREVER
        return round(duration * self.scale)

    cdef object sync(self):
        """The timer's instant, to which the store's clock is set; None without a timer."""
        if self.timer is None:
            return None
        now = self.timer()
        atomic_store(&(<MovableClock>self.clock).nanoseconds, self.units(now - self.origin))
        return now

    cdef int64_t life_of(self, object key, object value, object now) except? -1:
        """How long a value lives if it is written now."""
        if self.lifetime is None:
            return self.core.rules.ttl
        now = monotonic() if now is None else now
        expires = self.lifetime(key, value, now)
        return self.units(expires - now) if now < expires else 0

    def _sync(self, /):
        """Sets the store's clock to what the timer says now."""
        self.sync()

    # ---- reading ----

    cdef PyObject* read(self, object key, uint64_t hash, bint counted) except? NULL:
        self.sync()
        return self.find(<PyObject*>key, hash, counted and not self.quiet, DUE)

    def __getitem__(self, key):
        cdef int64_t ceiling = core_ceiling(&self.core)
        cdef uint64_t hash = key_hash(<PyObject*>key)
        cdef PyObject* value = NULL
        if likely(self.plain):
            value = core_glance(&self.core, ceiling, <PyObject*>key, hash)
            if value == NULL:
                value = core_peek(&self.core, ceiling, <PyObject*>key, hash)
        if value == NULL:
            value = self.read(key, hash, True)
        return steal(value) if value != NULL else self.__missing__(key)

    def __missing__(self, key):
        """What ``cache[key]`` is without a value; here, KeyError."""
        raise KeyError(key)

    cdef object get_slowly(self, PyObject* const* args, Py_ssize_t count, int64_t ceiling, uint64_t hash):
        cdef PyObject* value = NULL
        if count != 1 and count != 2:
            raise TypeError(f"get expected 1 or 2 arguments, got {count}")
        if hash == 0:
            hash = key_hash(args[0])
        if self.plain:
            value = core_peek(&self.core, ceiling, args[0], hash)
        if value == NULL:
            value = self.read(<object>args[0], hash, True)
        if value != NULL:
            return steal(value)
        return <object>args[1] if count == 2 else None

    def _get(self, key, default=None):
        """``get``, with Python's own words for wrong arguments."""
        return self.get(key, default)

    def __contains__(self, key):
        cdef PyObject* value = self.read(key, key_hash(<PyObject*>key), False)
        if value == NULL:
            return False
        py_decref(value)
        return True

    def __len__(self):
        self.sync()
        return count_unexpired(&self.core)

    def __iter__(self):
        """The keys there are now; those that have left when their turn comes are left out."""
        self.sync()
        return (key for key in list_stripe(&self.core, 0, KEYS) if key in self)

    def _values(self):
        self.sync()
        return iter(list_stripe(&self.core, 0, VALUES))

    def _pairs(self):
        self.sync()
        return iter(list_stripe(&self.core, 0, PAIRS))

    def _look(self, key, /):
        self.sync()
        return AwaitingStore._look(self, key)

    def get_or_load(self, *args, **options):
        """That of ``fastcache.Cache``; TypeError where each item is asked for its own lifetime as it is written."""
        self.sync()
        if self.lifetime is not None and self.core.rules.ttl == FOREVER:
            raise TypeError(f"a {type(self).__name__} has no lifetime for what it loads")
        return AwaitingStore.get_or_load(self, *args, **options)

    # ---- writing ----

    def __setitem__(self, key, value):
        cdef int64_t ttl = self.core.rules.ttl
        cdef bint found
        if self.closed:
            raise ValueError(TOO_LARGE)
        if not self.plain or self.lifetime is not None:
            ttl = self.life_of(key, value, self.sync())
        if ttl > 0:
            mapping_write(self, <PyObject*>key, <PyObject*>value, ttl)
        else:
            # Expired before it is there: what it would have replaced is gone all the same.
            py_xdecref(self.remove(<PyObject*>key, &found))

    def setdefault(self, key, default=None):
        """The value of ``key``; if it has none, ``default`` is written first."""
        cdef uint64_t hash = key_hash(<PyObject*>key)
        cdef int64_t ttl
        cdef PyObject* kept = NULL
        now = self.sync()
        if self.quiet or self.lifetime is not None:
            kept = self.find(<PyObject*>key, hash, not self.quiet, DUE)
        if kept == NULL:
            if self.closed:
                raise ValueError(TOO_LARGE)
            ttl = self.life_of(key, default, now)
            if ttl > 0:
                kept = self.write(key, hash, default, ttl, core_now(&self.core), True)
        return default if kept == NULL else steal(kept)

    # ---- removing ----

    def __delitem__(self, key):
        cdef bint found
        self.sync()
        cdef PyObject* value = self.remove(<PyObject*>key, &found)
        if value == NULL:
            raise KeyError(key)
        py_decref(value)

    def set(self, key, value, *, ttl=...):
        """That of ``fastcache.Cache``, with ``ttl`` in the timer's units."""
        cdef int64_t life
        if ttl is ...:
            self[key] = value
        elif self.closed:
            raise ValueError(TOO_LARGE)
        elif self.timer is None:
            AwaitingStore.set(self, key, value, ttl=ttl)
        else:
            self.sync()
            life = FOREVER if ttl is None else self.units(ttl)
            self.write(key, key_hash(<PyObject*>key), value, max(life, 0), core_now(&self.core), False)

    def delete(self, key, /):
        self.sync()
        return AwaitingStore.delete(self, key)

    def pop(self, key, default=NOTHING):
        """Removes a key and returns its unexpired value, or ``default``; without one, KeyError."""
        cdef bint found
        self.sync()
        cdef PyObject* value = self.remove(<PyObject*>key, &found)
        if value != NULL:
            return steal(value)
        if default is NOTHING:
            raise KeyError(key)
        return default

    def popitem(self):
        """Removes the unexpired pair that would be the next to leave and returns it; KeyError if there is none."""
        cdef Leaver leaver
        cdef bint popped
        cdef Grave g
        self.sync()
        # So that it does not look at them again each time.
        sweep_all(&self.core)
        g.count = 0
        popped = leaving_pop(core_stripe_at(&self.core, 0), &self.core.rules, core_now(&self.core), &leaver, &g)
        grave_drop(&g, self.core.listener)
        if not popped:
            raise KeyError(f"{type(self).__name__} is empty") from None
        return steal(leaver.key), steal(leaver.value)

    def sweep(self):
        self.sync()
        return AwaitingStore.sweep(self)

    def _expire(self, time, /):
        """Removes what has expired at the instant ``time`` (None: now) and returns it by age: [(key, value)]."""
        cdef int64_t until, ahead
        cdef uint32_t start = 0, n, i
        cdef Leaver[LEAVING] leavers
        cdef Grave g
        expired = []
        now = self.sync()
        until = core_now(&self.core)
        if time is not None:
            ahead = self.units(time - (monotonic() if now is None else now))
            until = FOREVER if ahead == FOREVER else until + ahead
        g.count = 0
        n = LEAVING
        while n == LEAVING:
            n = leaving_expire(core_stripe_at(&self.core, 0), &self.core.rules, until, &start, leavers, &g)
            for i in range(n):
                expired.append((leavers[i].expires_at, len(expired), steal(leavers[i].key), steal(leavers[i].value)))
            grave_drop(&g, self.core.listener)
        return list(map(itemgetter(2, 3), sorted(expired)))

    def _leavers(self):
        """What has not expired, the next to leave first: [(key, value, what is left of its life, or None)]."""
        cdef uint32_t room = 0, n = 8, i
        cdef int64_t now
        cdef Leaver* leavers = NULL
        self.sync()
        now = core_now(&self.core)
        while n > room:
            raw_free(leavers)
            room = n
            leavers = <Leaver*>raw_alloc(room * sizeof(Leaver))
            if leavers == NULL:
                raise MemoryError()
            n = leaving_list(core_stripe_at(&self.core, 0), now, leavers, room)
        result = []
        try:
            for i in range(n):
                left = None if leavers[i].expires_at == FOREVER else leavers[i].expires_at - now
                result.append((<object>leavers[i].key, <object>leavers[i].value, left))
        finally:
            for i in range(n):
                py_decref(leavers[i].key)
                py_decref(leavers[i].value)
            raw_free(leavers)
        return result

    def _restore(self, key, value, left, /):
        """Writes a value with so much of its life left, as ``_leavers`` told."""
        cdef int64_t life = FOREVER if left is None else left
        self.write(key, key_hash(<PyObject*>key), value, life, core_now(&self.core), False)


cdef MethodDef get_method
get_method.name = b"get"
get_method.function = <AnyFunction>ordered_get
get_method.flags = POSITIONAL | KEYWORDS
get_method.doc = (
    b"get($self, key, default=None)\n--\n\n"
    b"The value of ``key`` if it has one that has not expired, else ``default``."
)
add_method(<PyTypeObject*>OrderedStore, &get_method)


cdef object ordered_get(OrderedStore self, PyObject* const* args, Py_ssize_t count, PyObject* names):
    cdef int64_t ceiling = core_ceiling(&self.core)
    cdef uint64_t hash = 0
    cdef PyObject* value
    if likely(names == NULL and (count == 1 or count == 2)):
        hash = key_hash(args[0])
        if likely(self.plain):
            value = core_glance(&self.core, ceiling, args[0], hash)
            if likely(value != NULL):
                return steal(value)
        return self.get_slowly(args, count, ceiling, hash)
    return get_named(self, args, count, <tuple>names if names != NULL else ())


cdef object get_named(OrderedStore self, PyObject* const* args, Py_ssize_t count, tuple names):
    cdef Py_ssize_t i
    given = [<object>args[i] for i in range(count)]
    named = {name: <object>args[count + i] for i, name in enumerate(names)}
    return self._get(*given, **named)
