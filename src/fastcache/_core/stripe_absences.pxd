"""The absences of a stripe: keys without a value, of which it is remembered why.

    oldest <-> ... <-> newest       slots, linked through the Extras

They have a quota of their own in the whole store, so that questions for what does not exist cannot drive out what does.
When it is used up, the oldest of the same stripe leaves; a stripe that has none keeps no more.
All functions here expect the stripe's lock to be held.
"""

from libc.stdint cimport int64_t, uint32_t

from fastcache._core.entry cimport NOT_ABSENT, Absence, Extra, entry_extra
from fastcache._core.rules cimport Rules, rules_give_absences
from fastcache._core.stripe cimport Stripe
from fastcache._core.table cimport NO_SLOT, table_entry


cdef inline Extra* absence_at(Stripe* s, uint32_t slot) noexcept nogil:
    return entry_extra(table_entry(&s.table, slot))


cdef inline void stripe_begin_absence_lock_held(
    Stripe* s, Rules* r, uint32_t slot, Absence absence,
) noexcept nogil:
    """The entry, which has an Extra and no value, holds an absence from now on; its place in the quota is taken."""
    cdef Extra* x = absence_at(s, slot)
    x.absence = absence
    x.older = s.newest_absence
    x.newer = NO_SLOT
    if s.newest_absence != NO_SLOT:
        absence_at(s, s.newest_absence).newer = slot
    else:
        s.oldest_absence = slot
    s.newest_absence = slot
    s.absences += 1


cdef inline void stripe_end_absence_lock_held(Stripe* s, Rules* r, Extra* x) noexcept nogil:
    """What the entry holds from now on is no absence; it may have held one."""
    if x.absence == NOT_ABSENT:
        return
    x.absence = NOT_ABSENT
    if x.newer != NO_SLOT:
        absence_at(s, x.newer).older = x.older
    else:
        s.newest_absence = x.older
    if x.older != NO_SLOT:
        absence_at(s, x.older).newer = x.newer
    else:
        s.oldest_absence = x.newer
    s.absences -= 1
    rules_give_absences(r, 1)
