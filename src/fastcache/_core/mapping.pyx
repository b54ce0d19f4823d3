"""A store as the mapping that Python sees.

Each operation first tries the usual case in place; the rest of it is a function of its own, so that the usual case
has a small frame.
"""

from cpython.object cimport PyObject, PyTypeObject
from libc.stdint cimport int64_t, uint64_t

from fastcache._core.core cimport core_birth, core_ceiling, core_glance, core_now, core_peek, core_set_timed
from fastcache._core.entry cimport DUE, FALLBACK
from fastcache._core.grave cimport Grave, grave_drop
from fastcache._core.key cimport draw_salt, key_hash
from fastcache._core.listing cimport (
    KEYS, PAIRS, VALUES, Part, count_unexpired, list_stripe, look_at, pop_pair, sweep_all,
)
from fastcache._core.method cimport KEYWORDS, POSITIONAL, AnyFunction, MethodDef, add_method, adopt_methods
from fastcache._core.miss cimport core_glance_or_miss, core_has
from fastcache._core.mutex cimport atomic_load
from fastcache._core.outcome cimport Outcome, outcome_init
from fastcache._core.probe cimport probe_end
from fastcache._core.py cimport likely, py_xdecref, steal, unlikely
from fastcache._core.store cimport Store
from fastcache._core.stripe cimport HIT, Verdict
from fastcache._core.stripe_values cimport stripe_expire, stripe_touch
from fastcache._core.swap cimport core_displace
from fastcache._core.tag cimport TagSet, checked_names
from fastcache._core.terms cimport ttl_read
from fastcache._core.visit cimport Visit, visit_again, visit_start

import collections.abc
from itertools import chain

draw_salt()

cdef object NOTHING = object()


cdef class Mapping(Store):
    # ---- reading ----

    def __getitem__(self, key):
        cdef int64_t ceiling = core_ceiling(&self.core)
        cdef uint64_t hash = key_hash(<PyObject*>key)
        cdef PyObject* value = core_glance(&self.core, ceiling, <PyObject*>key, hash)
        return steal(value) if value != NULL else self.item_slowly(key, ceiling, hash)

    cdef object item_slowly(self, object key, int64_t ceiling, uint64_t hash):
        cdef PyObject* value = mapping_find(self, <PyObject*>key, ceiling, hash)
        if value == NULL:
            raise KeyError(key)
        return self.handed(steal(value), NULL)

    cdef object get_slowly(self, PyObject* const* args, Py_ssize_t count, int64_t ceiling, uint64_t hash):
        cdef PyObject* value = mapping_find(self, args[0], ceiling, hash)
        if value != NULL:
            return self.handed(steal(value), NULL)
        return <object>args[1] if count == 2 else None

    cdef object get_oddly(self, PyObject* const* args, Py_ssize_t count, PyObject* names):
        """``get`` with ``allow_stale``, or with arguments that it does not take."""
        cdef PyObject* value
        if count != 1 and count != 2:
            raise TypeError(f"get expected 1 or 2 arguments, got {count}")
        if <tuple>names != ("allow_stale",):
            raise TypeError(f"get takes the keyword argument allow_stale alone, not {', '.join(<tuple>names)}")
        flag = <object>args[count]
        if not isinstance(flag, bool):
            raise TypeError(f"allow_stale must be a bool, not {flag!r}")
        value = self.find(args[0], key_hash(args[0]), True, FALLBACK if flag else DUE)
        if value != NULL:
            return self.handed(steal(value), NULL)
        return <object>args[1] if count == 2 else None

    def get_many(self, keys, /):
        """The unexpired values of ``keys``, in their order; those that have none are left out."""
        cdef int64_t ceiling
        cdef uint64_t hash
        cdef PyObject* value
        cdef dict found = {}
        check_iterable(keys)
        ceiling = core_ceiling(&self.core)
        for key in keys:
            hash = key_hash(<PyObject*>key)
            value = mapping_find(self, <PyObject*>key, ceiling, hash)
            if value != NULL:
                found[key] = self.handed(steal(value), NULL)
        return found

    def __contains__(self, key):
        cdef int64_t ceiling = core_ceiling(&self.core)
        cdef uint64_t hash = key_hash(<PyObject*>key)
        cdef int has = core_has(&self.core, ceiling, <PyObject*>key, hash)
        cdef PyObject* value = NULL
        if has < 0:
            value = self.find(<PyObject*>key, hash, False, DUE)
            has = value != NULL
            py_xdecref(value)
        return has == 1

    def __len__(self):
        return count_unexpired(&self.core)

    def __iter__(self):
        return self.walk(KEYS)

    def _values(self):
        """Iterates over the values that have not expired."""
        return self.walk(VALUES) if self.copier is None else self._copied(VALUES)

    def _pairs(self):
        """Iterates over (key, value) of what has not expired."""
        return self.walk(PAIRS) if self.copier is None else self._copied(PAIRS)

    def _copied(self, Part part):
        for one in self.walk(part):
            yield self.copier(one) if part == VALUES else (one[0], self.copier(one[1]))

    cdef object walk(self, Part part):
        """An iterator over the stripes' content, each as it is when its turn comes."""
        if self.core.stripe_count == 1:
            return iter(list_stripe(&self.core, 0, part))
        return chain.from_iterable(self._stripes(part))

    def _stripes(self, Part part):
        for number in range(self.core.stripe_count):
            yield list_stripe(&self.core, number, part)

    def _look(self, key, /, *, bint kept=False):
        """What ``look_described`` tells of a key's value, or None; ``kept``: with the value itself, not a copy."""
        found = look_at(&self.core, <PyObject*>key)
        return found if found is None or self.copier is None or kept else (self.copier(found[0]), *found[1:])

    # ---- writing ----

    def set(self, key, value, *, ttl=..., tags=()):
        """Writes a value.

        :param ttl: its time to live in seconds instead of the cache's; None: it never expires; 0: it is not kept.
        :param tags: a str or several; ``invalidate_tag`` and ``expire_tag`` reach all entries that bear one.
        """
        cdef int64_t lives = ttl_read(&self.core, ttl)
        cdef tuple names = checked_names(tags)
        cdef TagSet borne
        if not names:
            mapping_write(self, <PyObject*>key, <PyObject*>value, lives)
            return
        borne = self.tags.set_of(names, None)
        # Read after the tags were found: one that is made anew starts with an invalidation of others.
        self.write_tagged(key, value, lives, borne, atomic_load(&self.core.invalidations))

    def set_many(self, mapping, /, *, ttl=..., tags=()):
        """Writes all values of a mapping, one after the other, as ``set`` does.

        :param ttl: their time to live in seconds instead of the cache's; None: they never expire; 0: they are not kept.
        :param tags: a str or several, borne by all of them.

        Nothing is written if the arguments are wrong.  A weigher that raises ends it; what came before is written.
        """
        cdef TagSet borne = None
        cdef int64_t number = 0
        cdef int64_t lives
        if type(mapping) is not dict and not isinstance(mapping, collections.abc.Mapping):
            raise TypeError(f"mapping must be a mapping, not {mapping!r}")
        names = checked_names(tags)
        lives = ttl_read(&self.core, ttl)
        if names:
            borne = self.tags.set_of(names, None)
            number = atomic_load(&self.core.invalidations)
        # A cache among them leaves out what expires on the way.
        for key, value in dict(mapping.items()).items():
            if borne is None:
                mapping_write(self, <PyObject*>key, <PyObject*>value, lives)
            else:
                self.write_tagged(key, value, lives, borne, number)

    cdef int write_tagged(self, object key, object value, int64_t ttl, TagSet borne, int64_t number) except -1:
        cdef Outcome o
        outcome_init(&o, ttl)
        self.bear(&o, borne, number)
        self.put(<PyObject*>key, key_hash(<PyObject*>key), <PyObject*>value, &o, core_birth(&self.core, ttl), False)
        return 0

    def __setitem__(self, key, value):
        mapping_write(self, <PyObject*>key, <PyObject*>value, self.core.rules.ttl)

    cdef int displace(self, PyObject* key, uint64_t hash, PyObject* value, int64_t ttl, int64_t now) except -1:
        """The rest of ``mapping_write`` for an absent key, whose stripe is locked."""
        cdef Grave g
        g.count = 0
        cdef bint written = core_displace(&self.core, key, hash, value, ttl, now, &g)
        grave_drop(&g, NULL)
        return 0 if likely(written) else self.set_slowly(key, hash, value, ttl, now)

    cdef int set_slowly(self, PyObject* key, uint64_t hash, PyObject* value, int64_t ttl, int64_t now) except -1:
        cdef Outcome o
        outcome_init(&o, ttl)
        self.put(key, hash, value, &o, now, False)
        return 0

    def setdefault(self, key, default=None, /):
        """The value of ``key``; if it has none, ``default`` is written first.  One step: all callers get one object."""
        cdef uint64_t hash = key_hash(<PyObject*>key)
        cdef PyObject* kept
        cdef Outcome o
        outcome_init(&o, self.core.rules.ttl)
        kept = self.put(<PyObject*>key, hash, <PyObject*>default, &o, core_now(&self.core), True)
        return self.handed(default if kept == NULL else steal(kept), NULL)

    # ---- removing ----

    cdef bint discard(self, object key) except -1:
        """Removes a key; whether it had an unexpired value."""
        cdef bint found
        cdef PyObject* value = self.remove(<PyObject*>key, &found)
        py_xdecref(value)
        return value != NULL

    def __delitem__(self, key):
        if not self.discard(key):
            raise KeyError(key)

    def delete(self, key, /):
        """Removes a key; whether it had an unexpired value.

        A load of it that is under way is detached: those who wait get its result, and it is not stored.
        """
        return bool(self.discard(key))

    def delete_many(self, keys, /):
        """Removes keys, as ``delete`` does; how many had an unexpired value.  Nothing is removed if one is unhashable.
        """
        cdef Py_ssize_t removed = 0
        check_iterable(keys)
        for key in dict.fromkeys(keys):
            removed += self.discard(key)
        return removed

    def pop(self, key, default=NOTHING, /):
        """Removes a key and returns its unexpired value, or ``default``; without one, KeyError."""
        cdef bint found
        cdef PyObject* value = self.remove(<PyObject*>key, &found)
        if value != NULL:
            return steal(value)
        if default is NOTHING:
            raise KeyError(key)
        return default

    def expire(self, key, /):
        """Ends the freshness of a key now, and leaves its value to the stale windows; whether it had been unexpired.

        A load of it that is under way is detached, as by ``delete``.
        """
        cdef uint64_t hash = key_hash(<PyObject*>key)
        cdef Verdict verdict
        cdef Visit v
        core_set_timed(&self.core)
        visit_start(&v, &self.core, <PyObject*>key, hash, core_now(&self.core))
        try:
            while True:
                verdict = stripe_expire(v.stripe, &self.core.rules, &v.probe, v.now, &v.grave)
                if not visit_again(&v, verdict):
                    return verdict == HIT
        finally:
            probe_end(&v.probe)

    def touch(self, key, /, *, ttl=...):
        """Begins the life of a key's unexpired value anew; whether it had one.

        :param ttl: seconds that it lives from now on, instead of the cache's; None: for ever; 0 ends it.
        """
        cdef int64_t lifetime = ttl_read(&self.core, ttl)
        cdef Verdict verdict
        cdef Visit v
        if lifetime == 0:
            return self.expire(key)
        visit_start(&v, &self.core, <PyObject*>key, key_hash(<PyObject*>key), core_now(&self.core))
        try:
            while True:
                verdict = stripe_touch(v.stripe, &self.core.rules, &v.probe, lifetime, v.now, &v.grave)
                if not visit_again(&v, verdict):
                    return verdict == HIT
        finally:
            probe_end(&v.probe)

    def popitem(self):
        """Removes some unexpired pair and returns it; KeyError if there is none."""
        pair = pop_pair(&self.core)
        if pair is None:
            raise KeyError("the cache is empty")
        return pair

    def sweep(self):
        """Removes what has expired for good, windows included; how many values.

        Every write and every miss does a little of this, so only a cache that nobody uses needs it to give the memory
        of expired values back.
        """
        return sweep_all(&self.core)


cdef inline PyObject* mapping_find(Mapping self, PyObject* key, int64_t ceiling, uint64_t hash) except? NULL:
    """A new reference to a value that has not expired, or NULL; counted as a hit or a miss."""
    cdef PyObject* value = core_peek(&self.core, ceiling, key, hash)
    return value if value != NULL else self.find(key, hash, True, DUE)


cdef int check_iterable(object keys) except -1:
    # What is usual first: see ``Batch.found_in``.
    if type(keys) not in (list, tuple, set, dict) and not isinstance(keys, collections.abc.Iterable):
        raise TypeError(f"keys must be an iterable, not {keys!r}")
    return 0


cdef object mapping_get(Mapping self, PyObject* const* args, Py_ssize_t count, PyObject* names):
    cdef int64_t ceiling
    cdef uint64_t hash
    cdef PyObject* value
    cdef bint missed = False
    # Away before anything that would have to save the names for it.
    if unlikely((<size_t>names | <size_t>(count - 1)) > 1):
        return self.get_oddly(args, count, names)
    ceiling = core_ceiling(&self.core)
    hash = key_hash(args[0])
    value = core_glance_or_miss(&self.core, ceiling, args[0], hash, &missed)
    if likely(value != NULL):
        return steal(value)
    if missed:
        return <object>args[1] if count == 2 else None
    return self.get_slowly(args, count, ceiling, hash)


cdef MethodDef get_method
get_method.name = b"get"
get_method.function = <AnyFunction>mapping_get
get_method.flags = POSITIONAL | KEYWORDS
get_method.doc = (
    b"get($self, key, default=None, /, *, allow_stale=False)\n--\n\n"
    b"The value of ``key`` if it has one that has not expired, else ``default``.\n\n"
    b":param allow_stale: an expired one too, while it is in one of its windows; nothing is refreshed for that."
)
add_method(<PyTypeObject*>Mapping, &get_method)


def adopt(type cls not None, /):
    """A class decorator: gives ``cls`` the methods that it inherits from extension types as its own, to be called
    without a detour.
    """
    adopt_methods(<PyTypeObject*>cls)
    return cls
