"""``get_or_load`` as Python calls it: the usual hit in place, the rest apart from it."""

from cpython.object cimport PyObject, PyTypeObject
from libc.stdint cimport int64_t, uint64_t

from fastcache._core.calls cimport Call, call_packing, call_unpack
from fastcache._core.core cimport core_ceiling, core_glance, core_peek
from fastcache._core.key cimport key_hash
from fastcache._core.loading cimport LoadingStore
from fastcache._core.method cimport KEYWORDS, POSITIONAL, AnyFunction, MethodDef, add_method
from fastcache._core.py cimport FOREVER, py_decref, py_is_callable, steal
from fastcache._core.terms cimport Terms, terms_read

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

    cdef object get_or_load_slowly(
        self, PyObject* const* args, Py_ssize_t count, PyObject* names, int64_t ceiling, uint64_t hash,
    ):
        """The whole of ``get_or_load``; ``hash`` is 0 where the usual case did not get so far."""
        cdef PyObject* value
        cdef Terms terms = self.usual
        cdef Call call
        if count != 2:
            raise TypeError(f"get_or_load takes a key and a loader by position, got {count} such arguments")
        if not py_is_callable(args[1]):
            raise TypeError(f"loader must be callable, not {<object>args[1]!r}")
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
:param soft_timeout: how long to wait where there is an old value that may be served; then that is returned.
:param max_age: a value that was written longer ago counts as missing; so does one written before the cache had
    any use for the time.
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
    return steal(value) if value != NULL else self.get_or_load_slowly(args, count, names, ceiling, hash)
