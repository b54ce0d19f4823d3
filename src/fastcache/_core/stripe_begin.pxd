"""How a call for a key begins: what the stripe has decides, in one step under its lock.

    HIT       a value that this caller accepts; perhaps with a load behind it already
    REFRESH   the same, and this caller is to have a load made behind it
    NOTHING   it is remembered that there is none
    FOLLOW    another's load is to be waited for
    ALONE     another's load is under way, but this caller does not share
    LEAD      this caller is to load; perhaps in the place of a load that has taken too long
    WHOSE     the same in the place of another load, unless that is one of this caller's own
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t

from fastcache._core.ask cimport Ask
from fastcache._core.entry cimport (
    DUE, EXPIRED, FALLBACK, FRESH, NOT_ABSENT, NOT_FOUND, STALE, UNCACHEABLE, Age, Entry, Extra, entry_age,
    entry_ends_at, entry_extend, entry_extra, entry_value, entry_written_at, is_older,
)
from fastcache._core.evict cimport order_touch
from fastcache._core.grave cimport EXPIRED_VALUE, Grave, grave_add
from fastcache._core.probe cimport Probe
from fastcache._core.py cimport FOREVER, py_incref
from fastcache._core.rules cimport Rules
from fastcache._core.seqlock cimport write_lock, write_unlock
from fastcache._core.stripe cimport (
    ALONE, FOLLOW, HIT, IN_DOUBT, LEAD, NO_MEMORY, NO_TIME, NOTHING, REFRESH, UNREAD, WHOSE, Stripe, Verdict,
    stripe_count_hit_lock_held,
)
from fastcache._core.stripe_absences cimport stripe_end_absence_lock_held
from fastcache._core.stripe_content cimport stripe_bury_lock_held, stripe_new_lock_held
from fastcache._core.table cimport ABSENT, DOUBT, NO_SLOT, Search, table_entry, table_find

# What was decided about an entry, besides the verdict.
cdef struct Finding:
    Age age             # of the value served
    bint failed         # its last load did
    bint not_found      # NOTHING: the loader said that there is none
    int64_t retry_in    # NOTHING: nanoseconds until that is forgotten
    bint superseded     # LEAD: the flight that was under way is handed out too, so that its followers can be moved
    PyObject* refused   # of a caller's first look, with force: the value that he found; a new reference, or NULL


cdef inline Age stripe_age_for_lock_held(const Rules* r, const Entry* e, int64_t now, const Ask* ask) noexcept nogil:
    """The age of a value; EXPIRED if this caller does not accept it."""
    cdef Age age
    cdef int64_t ends_at
    if ask.force or entry_value(e) == ask.refused or is_older(entry_written_at(e), now, ask.max_age):
        return EXPIRED
    age = entry_age(e, now, r.stale_window, r.error_window)
    if STALE <= age < EXPIRED and ask.max_stale != FOREVER:
        ends_at = entry_ends_at(e)
        if now - ends_at >= ask.max_stale:
            return EXPIRED
    return age


cdef inline bint stripe_remembers_lock_held(const Extra* x, int64_t now, const Ask* ask) noexcept nogil:
    """Whether this caller is to know that there is no value, or none that is kept."""
    if x == NULL or x.absence == NOT_ABSENT or now >= x.due_at or ask.force:
        return False
    # Who forces a load shares it even where nothing is kept.
    return x.absence != UNCACHEABLE or not ask.again


cdef inline Verdict stripe_decide_lock_held(
    const Rules* r, Entry* e, int64_t now, int64_t begun_at, const Ask* ask, const PyObject* others, Finding* f,
) noexcept nogil:
    """``others`` is a flight that this caller is known not to load, or NULL.

    ``now`` may be UNREAD where there is neither value nor absence; ``begun_at``, up to a tick earlier, never is.
    """
    cdef Extra* x = entry_extra(e)
    cdef bint loading = x != NULL and x.flight != NULL
    cdef bint pausing = x != NULL and now < x.retry_at
    # At most two loads of a key at a time: no third one takes the place of the second.
    cdef bint overdue = (
        loading and x.former == NULL and r.max_load_time != FOREVER and begun_at - x.begun_at >= r.max_load_time
    )
    f.age = EXPIRED
    f.superseded = False
    f.failed = x != NULL and x.error != NULL
    if entry_value(e) != NULL:
        f.age = stripe_age_for_lock_held(r, e, now, ask)
    if f.age == FRESH:
        return HIT
    if f.age <= STALE and loading and not overdue:
        return HIT
    if f.age <= STALE:
        f.superseded = overdue and not pausing
        return HIT if pausing else REFRESH
    if stripe_remembers_lock_held(x, now, ask):
        if x.absence == UNCACHEABLE:
            return ALONE if loading else LEAD
        if not is_older(entry_written_at(e), now, ask.max_age):
            f.not_found = x.absence == NOT_FOUND
            f.retry_in = x.due_at - now
            return NOTHING
    # Only a failure is a reason not to try; a refresh that was dropped is not.
    if f.age == FALLBACK and pausing and f.failed:
        return HIT
    if loading:
        f.superseded = overdue or ask.anew
        if f.superseded:
            return LEAD if x.flight == others else WHOSE
        return FOLLOW if ask.coalesce else ALONE
    return LEAD


cdef inline void stripe_lead_lock_held(
    Stripe* s, Extra* x, PyObject* offered, int64_t begun_at, bint behind,
) noexcept nogil:
    """The offered flight (a reference to it is taken) is the entry's, in which no other one stands there."""
    py_incref(offered)
    x.flight = offered
    x.begun_at = begun_at
    x.followers = x.asks = 0
    x.behind = behind
    s.seen_by_gc = True


cdef inline bint stripe_link_lock_held(
    Stripe* s, Rules* r, Entry* e, PyObject* offered, int64_t begun_at, bint behind, const Finding* f, bint anew,
    PyObject** former, Grave* g,
) noexcept nogil:
    """Makes the offered flight (a reference to it is taken) the key's; False when memory is out.

    ``former`` becomes a new reference to the flight whose place it takes, if it takes one's.
    """
    cdef Extra* x = entry_extend(e, &s.spare)
    if x == NULL:
        return False
    if x.absence != NOT_ABSENT and x.absence != UNCACHEABLE:
        # Its failures go on counting.
        stripe_end_absence_lock_held(s, r, x)
    if f.superseded:
        former[0] = x.flight
        py_incref(x.flight)
        grave_add(g, x.former)
        # One that a caller did not want to join may not land any more.
        if anew:
            grave_add(g, x.flight)
            x.former = NULL
        else:
            x.former = x.flight
    else:
        s.flights += 1
        x.former = NULL
    # Who stands in line for a place has not begun, and is not superseded there.
    stripe_lead_lock_held(s, x, offered, FOREVER if r.bounded and not behind else begun_at, behind)
    return True


cdef inline Verdict stripe_begin(
    Stripe* s, Rules* r, Probe* p, int64_t now, int64_t begun_at, const Ask* ask, bint counted, PyObject* offered,
    PyObject** value, PyObject** flight, uint32_t* slot, Finding* f, Grave* g,
) noexcept nogil:
    """Serves a key or joins it to a flight, in one step: no second look is needed.  ``now`` may be UNREAD.

    On LEAD and REFRESH the offered flight (a reference to it is taken) is now the key's and ``slot`` is set; ``flight``
    is the one that it supersedes, if any.  HIT and REFRESH set ``value``, NOTHING sets it to what is to be raised,
    FOLLOW, ALONE and WHOSE set ``flight``; all are new references.  ``flight`` comes in as one, borrowed, that this
    caller is known not to load, or NULL.
    """
    cdef Verdict verdict
    cdef Entry* e
    cdef Extra* x
    cdef PyObject* others = flight[0]
    cdef PyObject* refused = NULL
    f.refused = NULL
    write_lock(&s.lock)
    cdef Search found = table_find(&s.table, p, slot)
    if found == DOUBT:
        write_unlock(&s.lock)
        return IN_DOUBT
    if found == ABSENT:
        slot[0] = stripe_new_lock_held(s, r, p.key, p.hash)
        if slot[0] == NO_SLOT:
            write_unlock(&s.lock)
            return NO_MEMORY
    e = table_entry(&s.table, slot[0])
    x = entry_extra(e)
    if now == UNREAD and (entry_value(e) != NULL or (x != NULL and x.absence != NOT_ABSENT)):
        write_unlock(&s.lock)
        return NO_TIME
    if ask.force and counted:
        refused = entry_value(e)
    flight[0] = NULL
    verdict = stripe_decide_lock_held(r, e, now, begun_at, ask, others, f)
    if verdict == LEAD or verdict == REFRESH:
        if not stripe_link_lock_held(s, r, e, offered, begun_at, verdict == REFRESH, f, ask.anew, flight, g):
            if found == ABSENT:
                stripe_bury_lock_held(s, r, slot[0], EXPIRED_VALUE, now, g)
            write_unlock(&s.lock)
            return NO_MEMORY
    if verdict == HIT or verdict == REFRESH:
        value[0] = entry_value(e)
        py_incref(value[0])
        order_touch(&s.order, e, slot[0])
        if f.age <= DUE:
            stripe_count_hit_lock_held(s, r, e, now)
        else:
            s.counts.stale_hits += 1
        s.counts.refreshes_started += verdict == REFRESH
        if e.has_extra:
            entry_extra(e).asks += 1
    elif verdict == NOTHING:
        value[0] = entry_extra(e).error
        py_incref(value[0])
        s.counts.negative_hits += 1
    elif verdict == WHOSE:
        flight[0] = entry_extra(e).flight
        py_incref(flight[0])
    else:
        s.counts.misses += counted
        if verdict == FOLLOW or verdict == ALONE:
            x = entry_extra(e)
            flight[0] = x.flight
            py_incref(x.flight)
            x.followers += verdict == FOLLOW
            x.behind = False
            s.counts.coalesced += counted and verdict == FOLLOW
        if refused != NULL:
            py_incref(refused)
            f.refused = refused
    write_unlock(&s.lock)
    return verdict
