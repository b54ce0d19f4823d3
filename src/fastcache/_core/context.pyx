"""What a loader may be told, and may say, of the value that it loads.

``...`` stands everywhere for what the cache, the call or the function was configured with.
"""

cimport cython
from libc.stdint cimport int64_t

from fastcache._core.outcome cimport USUAL_WINDOW, Outcome
from fastcache._core.py cimport FOREVER
from fastcache._core.seconds cimport to_nanoseconds

from types import GenericAlias

from fastcache._errors import LoadFailed, NotFound, remembered

cdef object NONE = object()


@cython.final
cdef class Loaded:
    """A value together with how it is to be kept; a loader may return it in the place of the value.

    :param ttl: seconds; None: for ever; 0: it is handed to all who waited, and not kept.
    :param stale_while_revalidate: seconds, of this value alone.
    :param stale_if_error: seconds, of this value alone.
    :param weight: instead of what the cache's weigher says.
    :param tags: a str or several.
    :param etag: anything; the next load of the key finds it as ``ctx.stale_etag``.
    """

    __class_getitem__ = classmethod(GenericAlias)

    def __init__(
        self, value, *, ttl=..., stale_while_revalidate=..., stale_if_error=..., weight=..., tags=(), etag=None,
    ):
        self.value = value
        self.ttl = ttl
        self.stale_while_revalidate = stale_while_revalidate
        self.stale_if_error = stale_if_error
        self.weight = weight
        self.tags = tags
        self.etag = etag

    def __repr__(self):
        return f"Loaded({self.value!r})"


@cython.final
cdef class Failed:
    """What a loader of several keys gives for one that it could not load: the ``Exception`` that its callers get."""

    def __init__(self, error, /):
        if not isinstance(error, Exception):
            raise TypeError(f"error must be an Exception, not {error!r}")
        self.error = error

    def __repr__(self):
        return f"Failed({self.error!r})"


@cython.final
cdef class LoadContext:
    """What a loader made with ``with_context`` gets beside the key: what there was, and how to keep what comes.

    ``ttl``, ``stale_while_revalidate``, ``stale_if_error`` (seconds), ``weight``, ``tags`` and ``etag`` may be set;
    they are those of ``Loaded``.  It is of use until the loader returns.
    """

    __class_getitem__ = classmethod(GenericAlias)

    def __cinit__(self):
        self.ttl = self.stale_while_revalidate = self.stale_if_error = self.weight = ...
        self.tags = ()
        self.old_value = NONE

    def __init__(self):
        raise TypeError("a context is made for a loader, not by it")

    cdef void know(self, object value, object age, tuple tags, object etag, object copier) noexcept:
        """There is an old value, of which the loader sees what ``copier`` makes of it, if that is not None."""
        self.copier = copier
        self.old_value = value
        self.age = age
        self.old_tags = tags
        self.stale_etag = etag

    @property
    def has_stale_value(self):
        """Whether there is an old value."""
        return self.old_value is not NONE

    cdef int check_old(self) except -1:
        if self.old_value is NONE:
            raise LookupError(f"there is no old value of {self.key!r}")
        return 0

    @property
    def stale_value(self):
        """The old value, or with ``copy=`` a copy of it; LookupError without one."""
        self.check_old()
        return self.old_value if self.copier is None else self.copier(self.old_value)

    def not_modified(self):
        """To be returned by the loader: the old value is still good, and lives anew.  LookupError without one.

        It keeps its weight, tags, etag and stale windows where the loader does not set others.  It lives as long as one
        that is loaded now: by the ``ttl`` that the loader sets, else by the call's, else by the cache's; a ttl that an
        earlier load gave it is to be given again.
        """
        self.check_old()
        self.unmodified = True
        if self.etag is None:
            self.etag = self.stale_etag
        if not self.tags:
            self.tags = self.old_tags
        return self.old_value

    cdef bint keeps(self, object value) noexcept:
        """Whether a load comes to the old value, of which nothing is to be found out anew."""
        return self.unmodified and value is self.old_value

    def no_store(self):
        """What the loader returns is for those who wait for it, and is not kept."""
        self.ttl = 0

    def not_found(self):
        """To be raised or returned by the loader: there is no such thing."""
        self.verdict = NotFound(self.key)
        return self.verdict

    def fail(self, str message not None):
        """To be raised or returned by the loader: it failed."""
        self.verdict = LoadFailed(message)
        return self.verdict


cdef LoadContext new_context(object key):
    cdef LoadContext context = LoadContext.__new__(LoadContext)
    context.key = key
    return context


cdef int read_wishes(object wishes, Outcome* o, int64_t stale_window, int64_t error_window) except -1:
    """What a Loaded or a LoadContext says of ttl and windows; the windows given are the store's.

    TypeError or ValueError names the parameter and the value.
    """
    if wishes.ttl is None:
        o.ttl = FOREVER
    elif wishes.ttl is not ...:
        o.ttl = to_nanoseconds("ttl", wishes.ttl)
    if wishes.stale_while_revalidate is not ... or wishes.stale_if_error is not ...:
        if o.stale_window == USUAL_WINDOW:
            o.stale_window = stale_window
            o.error_window = error_window
        if wishes.stale_while_revalidate is not ...:
            o.stale_window = to_nanoseconds("stale_while_revalidate", wishes.stale_while_revalidate)
        if wishes.stale_if_error is not ...:
            o.error_window = to_nanoseconds("stale_if_error", wishes.stale_if_error)
    return 0


cdef object kept_of(object error):
    """What is remembered of an exception."""
    kept = error
    try:
        kept = remembered(error)
    except Exception:
        # There may be no room on the stack even for the call.
        pass
    return kept
