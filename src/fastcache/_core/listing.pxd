"""Copies of what stripes hold, as Python objects; each stripe as it was at one instant."""

from cpython.list cimport PyList_New
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memset

from fastcache._core.core cimport Core, core_ceiling, core_now, core_stripe_at
from fastcache._core.entry cimport DUE, FRESH, took_seconds
from fastcache._core.flight cimport Flight
from fastcache._core.grave cimport Grave, grave_drop, grave_left
from fastcache._core.key cimport key_hash
from fastcache._core.mutex cimport atomic_load
from fastcache._core.probe cimport probe_end
from fastcache._core.py cimport ALWAYS, FOREVER, py_decref, raw_alloc, raw_free, steal
from fastcache._core.stripe cimport HIT, PER_ENTRY, UNREAD, Stripe, Verdict
from fastcache._core.stripe_loads cimport stripe_next_flight
from fastcache._core.stripe_values cimport Look, stripe_look
from fastcache._core.stripe_whole cimport stripe_list, stripe_pop, stripe_sweep
from fastcache._core.tag cimport TagSet
from fastcache._core.visit cimport Visit, visit_again, visit_start

cdef extern from "Python.h":
    # Takes over a reference, for a place that has none.
    void list_give "PyList_SET_ITEM"(list, Py_ssize_t, PyObject*) noexcept

cdef enum Part:
    KEYS
    VALUES
    PAIRS

cdef enum:
    # Slots that one step of popitem looks at.
    POP_STEPS = 1024


cdef inline list list_stripe(Core* core, uint32_t number, Part part):
    """A stripe's unexpired keys, values, or (key, value) pairs."""
    cdef Stripe* s = core_stripe_at(core, number)
    cdef uint32_t room = s.values + 8
    cdef uint32_t i, n
    cdef PyObject** keys
    cdef PyObject** values
    cdef list result
    while True:
        keys = <PyObject**>raw_alloc(2 * room * sizeof(PyObject*))
        if keys == NULL:
            raise MemoryError()
        values = keys + room
        n = stripe_list(s, core_now(core), NULL if part == VALUES else keys, NULL if part == KEYS else values, room)
        if n <= room:
            break
        raw_free(keys)
        room = n + 8
    try:
        if part == PAIRS:
            result = []
            for i in range(n):
                result.append((<object>keys[i], <object>values[i]))
        else:
            result = PyList_New(n)
            for i in range(n):
                list_give(result, i, values[i] if part == VALUES else keys[i])
            n = 0
        return result
    finally:
        for i in range(n):
            if part != VALUES:
                py_decref(keys[i])
            if part != KEYS:
                py_decref(values[i])
        raw_free(keys)


cdef inline list list_flights(Core* core):
    """What is known of each flight under way."""
    cdef list flights = []
    cdef PyObject* found
    cdef uint32_t number, cursor
    for number in range(core.stripe_count):
        cursor = 0
        while True:
            found = stripe_next_flight(core_stripe_at(core, number), &cursor)
            if found == NULL:
                break
            flights.append((<Flight>steal(found)).seen(core_now(core)))
    return flights


cdef inline int64_t sweep_out(Core* core, Stripe* s, int64_t now) noexcept:
    """Removes from a stripe what has expired for good; how many values."""
    cdef int64_t removed = 0
    cdef bint full = True
    cdef Grave g
    g.count = 0
    while full:
        # One pass more than once around, since the first may start anywhere.
        removed += stripe_sweep(s, &core.rules, now, 2 * s.table.fresh + 2, &g)
        full = grave_left(&g) < PER_ENTRY
        grave_drop(&g, core.listener)
        # There may be a million of them; others want to run meanwhile.
        with nogil:
            pass
    return removed


cdef inline int64_t sweep_all(Core* core) noexcept:
    """Removes from all stripes what has expired for good; how many values."""
    cdef int64_t now = core_now(core)
    cdef int64_t removed = 0
    cdef uint32_t number
    for number in range(core.stripe_count):
        removed += sweep_out(core, core_stripe_at(core, number), now)
    return removed


cdef inline tuple pop_pair(Core* core):
    """Removes some unexpired pair and returns it, or None.

    Each stripe remembers how far it has been looked through, so that emptying a store looks at each slot about once.
    """
    cdef int64_t now = core_now(core)
    cdef uint32_t number
    cdef int64_t left
    cdef Stripe* s
    cdef PyObject* key = NULL
    cdef PyObject* value = NULL
    cdef Grave g
    g.count = 0
    for number in range(core.stripe_count):
        s = core_stripe_at(core, number)
        left = <int64_t>s.table.fresh + 1
        while left > 0 and s.values > 0:
            left -= POP_STEPS
            if stripe_pop(s, &core.rules, now, POP_STEPS, &key, &value, &g):
                grave_drop(&g, core.listener)
                return steal(key), steal(value)
    return None


cdef inline int64_t count_unexpired(Core* core) noexcept:
    """How many values have not expired; what has expired for good is removed on the way."""
    cdef int64_t ceiling = core_ceiling(core)
    cdef int64_t now = UNREAD
    cdef int64_t n = 0
    cdef uint32_t number
    cdef Stripe* s
    for number in range(core.stripe_count):
        s = core_stripe_at(core, number)
        if ceiling < s.first_expiry and not atomic_load(&core.rules.tagged):
            n += s.values
            continue
        if now == UNREAD:
            now = core_now(core)
        sweep_out(core, s, now)
        n += stripe_list(s, now, NULL, NULL, 0)
    # Stripes are counted one after another, so a cache in motion could seem fuller than it ever was.
    return min(n, core.rules.maxsize)


cdef inline bint look_for(Core* core, PyObject* key, Look* look) except -1:
    """Everything about one key's value, without a trace; False if there is none that could still be served."""
    cdef Verdict verdict
    cdef Visit v
    memset(look, 0, sizeof(Look))
    visit_start(&v, core, key, key_hash(key), core_now(core))
    try:
        while True:
            verdict = stripe_look(v.stripe, &core.rules, &v.probe, v.now, look)
            if not visit_again(&v, verdict):
                return verdict == HIT
    finally:
        probe_end(&v.probe)


cdef inline void look_drop_rest(Look* look) noexcept:
    """The value has been taken over; so that nothing else is held."""
    if look.error != NULL:
        py_decref(look.error)
    if look.tags != NULL:
        py_decref(look.tags)


cdef inline tuple look_described(Look* look):
    """What ``Entry`` tells, in its order.

    It takes over the look's references.
    """
    cdef TagSet tags = None
    value = steal(look.value)
    error = steal(look.error) if look.error != NULL else None
    if look.tags != NULL:
        tags = steal(look.tags)
    state = "fresh" if look.age == FRESH else "due" if look.age == DUE else "stale" if error is None else "stale_error"
    # The write is known to a ten-millionth of the lifetime, which may seem to come.
    age = None if look.written_at == ALWAYS else max(<int64_t>0, look.seen_at - look.written_at) / 1e9
    left = None if look.ends_at == FOREVER else (look.ends_at - look.seen_at) / 1e9
    retry_in = (look.retry_at - look.seen_at) / 1e9 if look.retry_at > look.seen_at else 0.0
    return (
        value, state, left, error, look.failures, retry_in, bool(look.loading), age,
        () if tags is None else tags.names, None if tags is None else tags.etag,
        None if look.took == 0 else took_seconds(look.took),
    )


cdef inline object look_at(Core* core, PyObject* key):
    """``look_described`` of one key's value, or None."""
    cdef Look look
    return look_described(&look) if look_for(core, key, &look) else None
