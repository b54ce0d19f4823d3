"""``aget_or_load`` as Python calls it: a hit is ready at once, the rest is a coroutine."""

from cpython.object cimport PyObject, PyTypeObject
from libc.stdint cimport int64_t, uint64_t

from fastcache._core.approach cimport new_approach
from fastcache._core.calls cimport call_packing
from fastcache._core.core cimport core_ceiling, core_glance, core_peek
from fastcache._core.getting cimport GettingStore
from fastcache._core.key cimport draw_salt, key_hash
from fastcache._core.method cimport KEYWORDS, POSITIONAL, AnyFunction, MethodDef, add_method
from fastcache._core.py cimport FOREVER, py_is_callable, steal
from fastcache._core.ready cimport ready
from fastcache._core.terms cimport Terms, terms_read

draw_salt()


cdef class AwaitingStore(GettingStore):
    def _approach(self, approach, /):
        """A coroutine that takes an approach to its end."""
        raise NotImplementedError

    def _renewing(self, key, loader, /, **options):
        """The approach of a call that wants the key loaded, whether there is a value or not."""
        cdef Terms terms = self.usual
        if not callable(loader):
            raise TypeError(f"loader must be callable, not {loader!r}")
        for name, value in options.items():
            terms_read(&terms, &self.core, "arefresh", name, value)
        terms.ask.force = True
        return new_approach(
            self, key, key_hash(<PyObject*>key), call_packing(loader, (key,), {}), &terms, tuple(options.values()),
        )


cdef object aget_slowly(
    AwaitingStore self, PyObject* const* args, Py_ssize_t count, PyObject* names, int64_t ceiling, uint64_t hash,
):
    cdef PyObject* value
    cdef Terms terms = self.usual
    if count != 2:
        raise TypeError(f"aget_or_load takes a key and a loader by position, got {count} such arguments")
    if not py_is_callable(args[1]):
        raise TypeError(f"loader must be callable, not {<object>args[1]!r}")
    held = ()
    if names != NULL:
        held = tuple([<object>args[count + i] for i in range(len(<tuple>names))])
        for name, option in zip(<tuple>names, held):
            terms_read(&terms, &self.core, "aget_or_load", name, option)
    if hash == 0:
        hash = key_hash(args[0])
    if not terms.ask.force and terms.ask.max_age == FOREVER and not terms.with_status:
        value = core_peek(&self.core, ceiling, args[0], hash)
        if value != NULL:
            return ready(steal(value))
    key = <object>args[0]
    packed = call_packing(<object>args[1], (key,), {})
    return self._approach(new_approach(self, key, hash, packed, &terms, held))


cdef object aget_or_load(AwaitingStore self, PyObject* const* args, Py_ssize_t count, PyObject* names):
    cdef int64_t ceiling = core_ceiling(&self.core)
    cdef uint64_t hash
    cdef PyObject* value
    if count != 2 or names != NULL or not py_is_callable(args[1]):
        return aget_slowly(self, args, count, names, ceiling, 0)
    hash = key_hash(args[0])
    value = core_glance(&self.core, ceiling, args[0], hash)
    return ready(steal(value)) if value != NULL else aget_slowly(self, args, count, names, ceiling, hash)


cdef MethodDef aget_or_load_method
aget_or_load_method.name = b"aget_or_load"
aget_or_load_method.function = <AnyFunction>aget_or_load
aget_or_load_method.flags = POSITIONAL | KEYWORDS
aget_or_load_method.doc = b"""aget_or_load($self, key, loader, /, *, ttl=..., wait_timeout=None, soft_timeout=None, \
max_age=None, max_stale=None, force=False, coalesce=..., tags=(), with_context=False, with_status=False, default=...)
--

``get_or_load`` for tasks, on the same entries and the same flights: to be awaited.

The loader may be async or not.  It runs in a task of its own, in a copy of the first caller's context, and goes on
when that caller is cancelled; it is cancelled itself when the last one who waited for it has been, and not when they
ran out of time.  A task and a thread that ask for the same key share one load, as do tasks of several event loops.

The parameters and what is raised are those of ``get_or_load``.
"""
add_method(<PyTypeObject*>AwaitingStore, &aget_or_load_method)
