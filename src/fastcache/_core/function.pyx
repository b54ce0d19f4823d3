"""A function whose results are kept in a store.

Calls come through vectorcall, and a hit runs no Python code but the key's hash.  What a miss does is one of three:

    usual   the store loads, once for all who ask
    alone   each caller calls the function, with no flight; the value that is stored first is everyone's
    never   so does each call, and nothing is kept
"""

cimport cython
from cpython.object cimport PyObject, PyTypeObject
from libc.stdint cimport int64_t, uint64_t

from fastcache._core.approach cimport new_approach
from fastcache._core.awaiting cimport AwaitingStore
from fastcache._core.callkey cimport callkey_make, items_of
from fastcache._core.calls cimport Call, call_packed, call_packing, call_unpack
from fastcache._core.core cimport core_birth, core_ceiling, core_glance_items, core_peek
from fastcache._core.entry cimport DUE
from fastcache._core.glance cimport glance, glance_at_only
from fastcache._core.key cimport draw_salt, hash_at_hand, items_hash, items_hash_holds, key_hash
from fastcache._core.mutex cimport FREE_READS, atomic_add, atomic_load, atomic_store
from fastcache._core.outcome cimport Outcome, outcome_init
from fastcache._core.py cimport likely, py_is_int, py_is_str, py_vectorcall, steal
from fastcache._core.ready cimport ready
from fastcache._core.terms cimport Terms

from types import GenericAlias

draw_salt()

cdef extern from "Python.h":
    size_t positional_count "PyVectorcall_NARGS"(size_t) noexcept nogil
    object bound_method "PyMethod_New"(object, object)

cdef extern from "slots.h":
    void enable_vectorcall "fc_enable_vectorcall"(PyTypeObject*, Py_ssize_t)
    void spare_counting "fc_spare_counting"(object)

cdef extern from *:
    """
    #define fc_vectorcall_offset() offsetof(struct __pyx_obj_9fastcache_5_core_8function_CachedFunction, vectorcall)
    struct __pyx_obj_9fastcache_5_core_8function_CachedFunction;
    /* Not inlined: what it needs of registers and stack, the usual hit need not save. */
    static PyObject *__pyx_f_9fastcache_5_core_8function_call_plainly(
        struct __pyx_obj_9fastcache_5_core_8function_CachedFunction *, PyObject *const *, size_t, PyObject *) FC_APART;
    """
    Py_ssize_t vectorcall_offset "fc_vectorcall_offset"() noexcept

# Whether the key of a call with several arguments need not be made for a hit.
cdef bint GLANCE_AT_ITEMS = items_hash_holds()

# Stands between positional and named arguments, so that f(("a", 1)) is not f(a=1).
cdef object NAMED = object()


@cython.final
@cython.no_gc_clear
cdef class CachedFunction:
    def __cinit__(self, *args, **kwargs):
        self.vectorcall = <vectorcallfunc>call_cached

    __class_getitem__ = classmethod(GenericAlias)

    def __init__(
        self, AwaitingStore store not None, function, /, *, key=None, bint typed=False, Py_ssize_t skipped=0,
        bint awaited=False, dict parameters=None, bint alone=False, bint never=False, bint late=False,
        bint ordered=False, state=None, unhashable=None,
    ):
        if self.store is not None:
            raise RuntimeError("a cached function is set up once")
        self.function = function
        self.key = key
        self.typed = typed
        self.parameters = parameters or {}
        self.plain = key is None and not typed and state is None and unhashable is None
        self.alone = alone
        self.never = never
        self.late = late
        self.ordered = ordered
        self.state = state
        self.unhashable = unhashable
        self.skipped = skipped
        self.bare = self.plain and skipped == 0
        self.store = store
        self.awaited = awaited
        if never:
            self.vectorcall = <vectorcallfunc>call_uncached
        elif awaited:
            self.vectorcall = <vectorcallfunc>call_awaited

    def __call__(self, /, *args, **kwargs):
        # Only for who asks for this method; calls, as this one is, go to the vectorcallfunc.
        return self(*args, **kwargs)

    def __get__(self, instance, owner):
        return self if instance is None else bound_method(self, instance)

    def __repr__(self):
        return f"<fastcache.cached {self.function!r}>"

    def __reduce__(self):
        return self.function.__qualname__

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    @property
    def cache(self):
        """The store of the results."""
        return self.store

    cdef object key_of(self, const Call* call):
        """The key of a call; runs strangers' code if a key function was given."""
        cdef Py_ssize_t skipped = self.skipped
        if <Py_ssize_t>call.positional < skipped:
            raise TypeError(f"{self.function!r} was called without the {skipped} leading arguments that it is bound to")
        if self.key is not None:
            return steal(py_vectorcall(<PyObject*>self.key, call.args + skipped, call.positional - skipped, call.names))
        key = callkey_make(call, skipped, self.typed, self.ordered, NAMED)
        return key if self.state is None else (items_of(self.state), key)

    cdef uint64_t hash_if_any(self, object key) except? 0:
        """A key's hash, or 0 without an exception if it has none."""
        try:
            return key_hash(<PyObject*>key)
        except TypeError:
            pass
        self.unhashable()
        return 0

    def _last(self):
        """Before it is shared: it lasts as long as its module, so threads need not count references to it."""
        spare_counting(self)

    def cache_key(self, /, *args, **kwargs):
        """cache_key($self, /, *args, **kwargs)\n--\n
        The key that a call with these arguments (``self`` of a method included) has in ``cache``.
        """
        cdef Call call
        packed = call_packing(self.function, args, kwargs)
        call_unpack(packed, &call)
        return self.key_of(&call)

    def cache_info(self):
        """cache_info($self)\n--\n
        (hits, misses, maxsize, currsize) since the last cache_clear.
        """
        info = self.store.cache_info()
        return info._replace(
            hits=info.hits - self.hits_before + atomic_load(&self.more_hits),
            misses=info.misses - self.misses_before + atomic_load(&self.more_misses),
            maxsize=0 if self.never else info.maxsize,
        )

    def cache_clear(self):
        """cache_clear($self)\n--\n
        Forgets all results, and starts counting anew.
        """
        self.store.clear()
        info = self.store.cache_info()
        self.hits_before = info.hits
        self.misses_before = info.misses
        atomic_store(&self.more_hits, 0)
        atomic_store(&self.more_misses, 0)

    def cache_parameters(self):
        """cache_parameters($self)\n--\n
        The options that the function was decorated with.
        """
        return dict(self.parameters)

    def cache_invalidate(self, /, *args, **kwargs):
        """cache_invalidate($self, /, *args, **kwargs)\n--\n
        Forgets the result of a call with these arguments; whether there was one.
        """
        return self.store.delete(self.cache_key(*args, **kwargs))

    def cache_contains(self, /, *args, **kwargs):
        """cache_contains($self, /, *args, **kwargs)\n--\n
        Whether a call with these arguments would be a hit.
        """
        return self.cache_key(*args, **kwargs) in self.store

    def cache_refresh(self, /, *args, **kwargs):
        """cache_refresh($self, /, *args, **kwargs)\n--\n
        Calls the function now, joining such a call that is under way, keeps the result and returns it.

        For an async function that is to be awaited.
        """
        cdef Call call
        cdef Terms terms
        if self.store is None:
            raise TypeError("this cached function was never set up")
        terms = self.store.usual
        packed = call_packing(self.function, args, kwargs)
        call_unpack(packed, &call)
        terms.ask.force = True
        key = self.key_of(&call)
        if self.awaited:
            return self.store._approach(
                new_approach(self.store, key, key_hash(<PyObject*>key), call_packed(&call), &terms, ()),
            )
        return self.store.load(<PyObject*>key, key_hash(<PyObject*>key), &call, &terms)


# There is but one empty tuple.
cdef tuple NO_ITEMS = ()
cdef uint64_t HASH_OF_NO_ITEMS = key_hash(<PyObject*>NO_ITEMS)


cdef object call_cached(CachedFunction self, PyObject* const* args, size_t flags, PyObject* names):
    """The usual call, with no argument or one that has its hash at hand."""
    cdef PyObject* value
    cdef uint64_t hash
    cdef bint absent
    cdef size_t positional = positional_count(flags)
    if likely(self.bare and names == NULL):
        if likely(positional == 1):
            hash = hash_at_hand(args[0])
            if likely(hash != 0):
                # The key is borrowed from the arguments, which the caller holds.
                value = glance(&self.store.core, args[0], hash, &absent)
                if likely(value != NULL):
                    return steal(value)
                if absent:
                    return call_missing(self, args[0], hash, args, 1, NULL)
        elif positional == 0 and not FREE_READS:
            value = glance_at_only(&self.store.core, <PyObject*>NO_ITEMS, HASH_OF_NO_ITEMS)
            if likely(value != NULL):
                return steal(value)
    return call_plainly(self, args, positional, names)


cdef object call_plainly(CachedFunction self, PyObject* const* args, size_t positional, PyObject* names):
    """A call whose arguments, whatever they are, mostly are the key."""
    cdef PyObject* key = NULL
    cdef PyObject* value
    cdef int64_t ceiling
    cdef uint64_t hash = 0
    cdef Py_ssize_t count = positional - self.skipped
    cdef PyObject* const* items = args + self.skipped
    if likely(self.plain and count >= 0 and names == NULL):
        ceiling = core_ceiling(&self.store.core)
        if count == 1 and (py_is_str(items[0]) or py_is_int(items[0])):
            key = items[0]
            hash = key_hash(key)
        elif count == 0:
            key = <PyObject*>NO_ITEMS
            hash = HASH_OF_NO_ITEMS
        if key != NULL:
            value = core_peek(&self.store.core, ceiling, key, hash)
            return steal(value) if likely(value != NULL) else call_missing(self, key, hash, args, positional, NULL)
        elif GLANCE_AT_ITEMS:
            hash = items_hash(items, count)
            value = core_glance_items(&self.store.core, ceiling, items, count, hash)
            if likely(value != NULL):
                return steal(value)
    return call_slowly(self, args, positional, names, hash)


cdef object call_slowly(
    CachedFunction self, PyObject* const* args, size_t positional, PyObject* names, uint64_t hash,
):
    """The whole of a call; ``hash`` is its key's, or 0 if that is not known yet."""
    cdef PyObject* value
    cdef Call call
    if self.store is None:
        raise TypeError("this cached function was never set up")
    call.function = <PyObject*>self.function
    call.args = args
    call.positional = positional
    call.names = names
    made = self.key_of(&call)
    if hash == 0:
        hash = key_hash(<PyObject*>made) if self.unhashable is None else self.hash_if_any(made)
        if hash == 0:
            return call_uncached(self, args, positional, names)
    value = core_peek(&self.store.core, core_ceiling(&self.store.core), <PyObject*>made, hash)
    if value != NULL:
        return steal(value)
    return call_missing(self, <PyObject*>made, hash, args, call.positional, names)


cdef object call_missing(
    CachedFunction self, PyObject* key, uint64_t hash, PyObject* const* args, size_t positional, PyObject* names,
):
    # Read once more: kept for this, it would cost each hit a register.
    cdef int64_t ceiling = core_ceiling(&self.store.core)
    cdef Call call
    call.function = <PyObject*>self.function
    call.args = args
    call.positional = positional
    call.names = names
    return call_alone(self, key, hash, &call) if self.alone else self.store.load_usual(key, hash, ceiling, &call)


cdef object call_alone(CachedFunction self, PyObject* key, uint64_t hash, const Call* call):
    cdef PyObject* value = self.store.find(key, hash, True, DUE)
    cdef Outcome o
    if value != NULL:
        return steal(value)
    value = py_vectorcall(call.function, call.args, call.positional, call.names)
    if value == NULL and self.late:
        atomic_add(&self.more_misses, -1)
    result = steal(value)
    outcome_init(&o, self.store.core.rules.ttl)
    value = self.store.put(key, hash, <PyObject*>result, &o, core_birth(&self.store.core, o.ttl), True)
    if value == NULL:
        return result
    if self.late:
        atomic_add(&self.more_misses, -1)
        atomic_add(&self.more_hits, 1)
    return steal(value)


cdef object call_uncached(CachedFunction self, PyObject* const* args, size_t flags, PyObject* names):
    if self.store is None:
        raise TypeError("this cached function was never set up")
    atomic_add(&self.more_misses, 1)
    return steal(py_vectorcall(<PyObject*>self.function, args, positional_count(flags), names))


cdef object call_awaited(CachedFunction self, PyObject* const* args, size_t flags, PyObject* names):
    """A call of an async function: what is found is ready to be awaited, the rest is a coroutine."""
    cdef PyObject* value
    cdef uint64_t hash
    cdef Call call
    cdef Terms terms
    if self.store is None:
        raise TypeError("this cached function was never set up")
    call.function = <PyObject*>self.function
    call.args = args
    call.positional = positional_count(flags)
    call.names = names
    key = self.key_of(&call)
    hash = key_hash(<PyObject*>key)
    value = core_peek(&self.store.core, core_ceiling(&self.store.core), <PyObject*>key, hash)
    if value != NULL:
        return ready(steal(value))
    terms = self.store.usual
    return self.store._approach(new_approach(self.store, key, hash, call_packed(&call), &terms, ()))


enable_vectorcall(<PyTypeObject*>CachedFunction, vectorcall_offset())
