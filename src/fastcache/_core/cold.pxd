"""The usual load: of a key that has no entry, for a caller without wishes, and nothing else comes between.

Both steps decline, and leave it to the whole procedure, where anything else is to be minded: where the key may have an
entry, another load or a failure of it is noted, expired values wait to be swept, values are weighed, or somebody
listens to removals.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastcache._core.core cimport Core, core_stripe, core_stripe_at
from fastcache._core.entry cimport NOT_ABSENT, Entry, Extra, entry_extend, extra_free
from fastcache._core.evict cimport order_add, order_drop, order_reserve, order_trim, order_victim
from fastcache._core.grave cimport SIZE, Grave, grave_add
from fastcache._core.index cimport index_find
from fastcache._core.py cimport py_incref, py_may_be_gc, raw_alloc, unlikely
from fastcache._core.rules cimport rules_take_place
from fastcache._core.seqlock cimport write_lock, write_unlock
from fastcache._core.stripe cimport Stripe
from fastcache._core.stripe_begin cimport stripe_lead_lock_held
from fastcache._core.stripe_content cimport (
    stripe_age_lock_held, stripe_drop_value_lock_held, stripe_expose_lock_held, stripe_new_lock_held,
)
from fastcache._core.stripe_loads cimport stripe_landing_lock_held
from fastcache._core.swap cimport core_may_sweep_lock_held
from fastcache._core.table cimport NO_SLOT, table_entry, table_remove


cdef inline bint core_begin_cold(
    Core* core, PyObject* key, uint64_t hash, PyObject* offered, int64_t begun_at, uint32_t* slot,
) noexcept nogil:
    """Makes the offered flight (a reference to it is taken) that of a key without an entry; False if it declines."""
    cdef Stripe* s = core_stripe(core, hash)
    cdef bint begun = False
    cdef Entry* e
    write_lock(&s.lock)
    if index_find(&s.table, <uint32_t>hash, slot) == NULL:
        if s.spare == NULL:
            s.spare = <Extra*>raw_alloc(sizeof(Extra))
        slot[0] = stripe_new_lock_held(s, &core.rules, key, hash) if s.spare != NULL else NO_SLOT
        if slot[0] != NO_SLOT:
            e = table_entry(&s.table, slot[0])
            stripe_lead_lock_held(s, entry_extend(e, &s.spare), offered, begun_at, False)
            s.flights += 1
            s.counts.misses += 1
            begun = True
    write_unlock(&s.lock)
    return begun


cdef inline bint core_take_place_lock_held(Core* core, Stripe* s, int64_t now, Grave* g) noexcept nogil:
    """A place for one more value, if need be that of the one which leaves this stripe next."""
    cdef uint32_t room = s.table.room
    cdef uint32_t slot
    cdef Entry* e
    if rules_take_place(&core.rules):
        s.values += 1
        return True
    if s.values == 0:
        return False
    slot = order_victim(&s.order, &s.table, NO_SLOT)
    e = table_entry(&s.table, slot)
    s.counts.evictions += 1
    if unlikely(e.has_extra):
        stripe_drop_value_lock_held(s, &core.rules, slot, False, SIZE, now, g)
        if not rules_take_place(&core.rules):
            return False
        s.values += 1
        return True
    order_drop(&s.order, e, slot)
    grave_add(g, <PyObject*>e.content)
    grave_add(g, e.key)
    table_remove(&s.table, slot)
    if unlikely(s.table.room < room):
        order_trim(&s.order, &s.table, s.table.room)
    return True


cdef inline bint core_land_cold(
    Core* core, uint32_t stripe, uint32_t slot, PyObject* flight, PyObject* value, int64_t ttl, int64_t took,
    int64_t now, Grave* g,
) noexcept nogil:
    """Stores what a flight has brought and unlinks it; False, and nothing stored, if it declines.

    The stripe's reference to the flight is the caller's then.
    """
    cdef Stripe* s = core_stripe_at(core, stripe)
    cdef bint landed = False
    cdef Entry* e
    cdef Extra* x
    write_lock(&s.lock)
    x = stripe_landing_lock_held(s, slot, flight)
    if (
        x != NULL and x.value == NULL and x.former == NULL and x.absence == NOT_ABSENT and x.failures == 0
        and x.error == NULL and x.tags == NULL and ttl != 0 and core.rules.plain
        and not core_may_sweep_lock_held(core, s, now)
        and order_reserve(&s.order, &s.table, slot) and core_take_place_lock_held(core, s, now, g)
    ):
        e = table_entry(&s.table, slot)
        py_incref(value)
        stripe_expose_lock_held(s, value)
        extra_free(x, &s.spare)
        e.has_extra = False
        e.content = value
        order_add(&s.order, &s.table, e, slot)
        s.flights -= 1
        s.seen_by_gc |= py_may_be_gc(value)
        stripe_age_lock_held(s, &core.rules, e, ttl, took, now)
        s.counts.loads += 1
        landed = True
    write_unlock(&s.lock)
    return landed
