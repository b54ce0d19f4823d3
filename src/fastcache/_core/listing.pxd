"""Copies of what stripes hold, as Python objects; each stripe as it was at one instant."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t

from fastcache._core.core cimport Core, core_now, core_stripe_at
from fastcache._core.entry cimport DUE, FRESH
from fastcache._core.flight cimport Flight
from fastcache._core.grave cimport Grave, grave_drop
from fastcache._core.py cimport FOREVER, py_decref, raw_alloc, raw_free, steal
from fastcache._core.stripe cimport Stripe
from fastcache._core.stripe_loads cimport stripe_next_flight
from fastcache._core.stripe_values cimport Look, stripe_list, stripe_sweep


cdef inline list list_stripe(Core* core, uint32_t number, bint pairs):
    """A stripe's unexpired keys, or (key, value) pairs."""
    cdef Stripe* s = core_stripe_at(core, number)
    cdef uint32_t room = s.values + 8
    cdef uint32_t i, n
    cdef PyObject** keys
    cdef PyObject** values
    while True:
        keys = <PyObject**>raw_alloc(2 * room * sizeof(PyObject*))
        if keys == NULL:
            raise MemoryError()
        values = keys + room if pairs else NULL
        n = stripe_list(s, core_now(core), keys, values, room)
        if n <= room:
            break
        raw_free(keys)
        room = n + 8
    try:
        result = []
        for i in range(n):
            result.append((<object>keys[i], <object>values[i]) if pairs else <object>keys[i])
    finally:
        for i in range(n):
            py_decref(keys[i])
            if pairs:
                py_decref(values[i])
        raw_free(keys)
    return result


cdef inline list list_flights(Core* core):
    """What is known of each flight under way."""
    cdef list flights = []
    cdef PyObject* found
    cdef uint32_t number, cursor
    for number in range(core.stripe_mask + 1):
        cursor = 0
        while True:
            found = stripe_next_flight(core_stripe_at(core, number), &cursor)
            if found == NULL:
                break
            flights.append((<Flight>steal(found)).seen(core_now(core)))
    return flights


cdef inline int64_t count_unexpired(Core* core) noexcept:
    """How many values have not expired; what has expired for good is removed on the way."""
    cdef int64_t now = core_now(core)
    cdef int64_t n = 0
    cdef uint32_t number
    cdef Stripe* s
    cdef Grave g
    g.count = 0
    for number in range(core.stripe_mask + 1):
        s = core_stripe_at(core, number)
        if now < s.first_expiry:
            n += s.values
            continue
        while stripe_sweep(s, &core.rules, now, &g):
            grave_drop(&g)
        grave_drop(&g)
        n += stripe_list(s, now, NULL, NULL, 0)
    # Stripes are counted one after another, so a cache in motion could seem fuller than it ever was.
    return min(n, core.rules.maxsize)


cdef inline tuple look_described(const Look* look, int64_t now):
    """(value, state, seconds to expiry or None, error, failures, seconds to retry, loading).

    It takes over the look's references.
    """
    value = steal(look.value)
    error = steal(look.error) if look.error != NULL else None
    state = "fresh" if look.age == FRESH else "due" if look.age == DUE else "stale" if error is None else "stale_error"
    left = None if look.expires_at == FOREVER else (look.expires_at - now) / 1e9
    retry_in = (look.retry_at - now) / 1e9 if look.retry_at > now else 0.0
    return value, state, left, error, look.failures, retry_in, bool(look.loading)
