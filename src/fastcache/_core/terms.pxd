"""The options of one call that may load, and what came of it."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from fastcache._core.ask cimport Ask, ask_note, ask_usual
from fastcache._core.clock cimport clock_exact
from fastcache._core.core cimport Core, core_set_timed
from fastcache._core.entry cimport DUE, FRESH, is_older
from fastcache._core.py cimport FOREVER
from fastcache._core.seconds cimport to_nanoseconds
from fastcache._core.stripe cimport HIT, NOTHING, REFRESH, Verdict
from fastcache._core.stripe_begin cimport Finding
from fastcache._core.tag cimport checked_names

# How a call was answered.
cdef enum Status:
    FRESH_HIT
    EARLY_HIT       # fresh, and being refreshed
    STALE_HIT
    STALE_ERROR     # an old value in the place of an error
    MISSED
    COALESCED
    NEGATIVE

# How a loader is given its context.
cdef enum ContextStyle:
    NO_CONTEXT
    POSITIONAL_CONTEXT  # loader(key, ctx)
    NAMED_CONTEXT       # function(..., ctx=ctx)

cdef struct Terms:
    Ask ask
    int64_t ttl             # of what is loaded
    int64_t deadline        # of the caller's wait, in real monotonic nanoseconds; FOREVER: none
    int64_t patience_ends   # the same where an old value could be served
    ContextStyle context
    bint with_status        # the caller wants to know it
    PyObject* default       # borrowed; instead of an absence's exception, or NULL
    PyObject* tags          # borrowed; a str or several that what is loaded is to bear, or NULL
    bint inside             # the caller is loading something that has a place in the bulkhead
    # Out.
    Status status
    bint not_found          # NEGATIVE: the loader had said that there is none, not failed
    int64_t retry_in        # NEGATIVE: nanoseconds until the key is tried again
    bint shared             # others got the same result


cdef inline void terms_usual(Terms* terms, int64_t ttl, bint coalesce, ContextStyle context) noexcept nogil:
    ask_usual(&terms.ask, coalesce)
    terms.ttl = ttl
    terms.deadline = terms.patience_ends = FOREVER
    terms.context = context
    terms.with_status = terms.inside = terms.shared = terms.not_found = False
    terms.default = terms.tags = NULL
    terms.status = MISSED


cdef inline Status status_of(const Finding* found) noexcept nogil:
    if found.age == FRESH:
        return FRESH_HIT
    if found.age == DUE:
        return EARLY_HIT
    return STALE_ERROR if found.failed else STALE_HIT


cdef inline void terms_begun(Terms* terms, Verdict verdict, const Finding* found, bint first) noexcept nogil:
    """Notes what was decided in one of the call's rounds; in the ``first`` one, ``ask.refused`` is a new reference."""
    if verdict == HIT or verdict == REFRESH:
        terms.status = status_of(found)
    elif verdict == NOTHING:
        terms.status = NEGATIVE
        terms.not_found = found.not_found
        terms.retry_in = found.retry_in
    if first:
        ask_note(&terms.ask, found.refused)


cdef inline bint terms_bound(const Terms* terms) noexcept nogil:
    """Whether the caller will not wait for ever, so that its loader must run in another thread."""
    return terms.deadline != FOREVER or terms.patience_ends != FOREVER


cdef inline bint terms_accept(
    const Terms* terms, int64_t written_at, int64_t ends_at, int64_t now,
) noexcept nogil:
    """Whether the caller accepts a value that the cache could serve."""
    if terms.ask.force or is_older(written_at, now, terms.ask.max_age):
        return False
    return terms.ask.max_stale == FOREVER or now - ends_at < terms.ask.max_stale


cdef inline bint flag(str name, object value) except -1:
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be a bool, not {value!r}")
    return value


cdef inline int64_t ttl_read(Core* core, object ttl) except? -1:
    """A call's ttl: ``...`` is the store's, None is for ever."""
    cdef int64_t result
    if ttl is ...:
        return core.rules.ttl
    if ttl is None:
        return FOREVER
    result = to_nanoseconds("ttl", ttl)
    core_set_timed(core)
    return result


cdef inline int terms_read(Terms* terms, Core* core, str method, str name, object value) except -1:
    """One keyword argument of ``method``."""
    if name == "ttl":
        terms.ttl = ttl_read(core, value)
    elif name == "wait_timeout":
        if value is not None:
            terms.deadline = clock_exact() + to_nanoseconds(name, value)
    elif name == "soft_timeout":
        if value is not None:
            terms.patience_ends = clock_exact() + to_nanoseconds(name, value)
    elif name == "max_age":
        if value is not None:
            terms.ask.max_age = to_nanoseconds(name, value)
            # What was written before nobody noted when is too old.
            core_set_timed(core)
    elif name == "max_stale":
        if value is not None:
            terms.ask.max_stale = to_nanoseconds(name, value)
    elif name == "force":
        terms.ask.force = terms.ask.anew = flag(name, value)
    elif name == "coalesce":
        terms.ask.coalesce = flag(name, value)
    elif name == "with_context":
        terms.context = POSITIONAL_CONTEXT if flag(name, value) else NO_CONTEXT
    elif name == "with_status":
        terms.with_status = flag(name, value)
    elif name == "tags":
        checked_names(value)
        terms.tags = <PyObject*>value
    elif name == "default":
        terms.default = <PyObject*>value
    else:
        raise TypeError(f"{method} got an unexpected keyword argument {name!r}")
    return 0
