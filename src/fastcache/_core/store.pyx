"""The native store: values that age, in stripes.

This is where the native core meets Python: keys are hashed, the clock is read, verdicts become results, and what
stripes let go of is dropped, all with nothing locked.
"""

cimport cython
from cpython.object cimport PyObject, PyTypeObject, visitproc
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

from fastcache._core.clock cimport HAS_BOOT_CLOCK
from fastcache._core.core cimport (
    COPYING, Core, core_expect, core_init, core_now, core_set_timed, core_stripe_at, core_stripes_for,
)
from fastcache._core.cores cimport (
    core_check, core_clear, core_drop, core_enlist, core_sum, core_unlist, cores_mend,
)
from fastcache._core.histogram cimport BUCKETS, Histogram
from fastcache._core.key cimport draw_salt, key_hash
from fastcache._core.listing cimport list_flights
from fastcache._core.movable cimport MovableClock
from fastcache._core.mutex cimport atomic_add, atomic_load, atomic_store
from fastcache._core.outcome cimport Outcome, outcome_bear, outcome_init
from fastcache._core.probe cimport probe_end
from fastcache._core.py cimport ALWAYS, FOREVER
from fastcache._core.rules cimport Rules, rules_init, rules_read
from fastcache._core.seconds cimport to_nanoseconds
from fastcache._core.stripe cimport MISS, UNREAD, Counts, Verdict, stripe_visit
from fastcache._core.stripe_values cimport stripe_get, stripe_put, stripe_remove, stripe_resume
from fastcache._core.tag cimport TagRegistry, TagSet, checked_name
from fastcache._core.upkeep cimport core_empty_shelves, core_expect_removals
from fastcache._core.visit cimport Visit, visit_again, visit_start, visit_tidy
from fastcache._core.weights cimport weight_of

from types import GenericAlias

draw_salt()

cdef extern from "slots.h":
    ctypedef int (*traverseproc)(PyObject*, visitproc, void*)
    ctypedef int (*inquiry)(PyObject*)
    void extend_gc "fc_extend_gc"(PyTypeObject*, traverseproc, inquiry)


# Whether this platform has a clock that goes on while the machine is suspended.
has_boot_clock = bool(HAS_BOOT_CLOCK)


def nanoseconds(str name, seconds, /):
    """A duration in seconds as whole nanoseconds; TypeError or ValueError names the parameter and the value."""
    return to_nanoseconds(name, seconds)


@cython.no_gc_clear
cdef class Store:
    __class_getitem__ = classmethod(GenericAlias)

    def __cinit__(self, *args, **kwargs):
        cdef Rules rules
        rules_init(&rules)
        # Safe to use even if __init__ never runs, and before anything is made that may run the collector.
        if not core_init(&self.core, &rules, 1, 0):
            raise MemoryError()
        core_enlist(&self.core)
        self.tags = TagRegistry.__new__(TagRegistry)
        self.tags.expiring = &self.core.expiring

    def __dealloc__(self):
        core_unlist(&self.core)
        core_drop(&self.core)

    def _configure(self, settings, /):
        """Sets the store up from an object with the attributes of ``_config.Settings``; once, before any other use."""
        cdef Core core, former
        cdef Rules rules
        cdef MovableClock clock = settings.clock if isinstance(settings.clock, MovableClock) else None
        if self.configured:
            raise RuntimeError("a cache is set up once; it cannot be initialised again")
        memset(&core, 0, sizeof(Core))
        if clock is not None:
            core.hands = &clock.nanoseconds
        core.boot = settings.clock == "boottime"
        rules_read(&rules, settings)
        if not core_init(&core, &rules, core_stripes_for(&rules, settings.processors), settings.seed):
            raise MemoryError()
        core_expect(&core, settings.processors)
        if rules.listening:
            self.listener = settings.on_removal
            core.listener = <PyObject*>self.listener
        self.weigher = settings.weigher
        self.copier = settings.copier
        if self.copier is not None:
            core.timing = COPYING
        core_unlist(&self.core)
        former = self.core
        self.core = core
        self.clock = clock
        self.configured = True
        core_enlist(&self.core)
        core_drop(&former)

    cdef int bear(self, Outcome* o, TagSet tags, int64_t number) except -1:
        """The value that is being written bears these tags, which the caller holds."""
        outcome_bear(o, tags, number)
        atomic_store(&self.core.rules.tagged, 1)
        return 0

    cdef int64_t weigh(self, object key, object value) except -1:
        """What an entry weighs; nothing in a cache that is being collected, which a finalizer may still write to."""
        return 0 if self.weigher is None else weight_of(self.weigher, key, value)

    cdef object handed(self, object value, PyObject* default):
        """What a caller gets of a value; ``default`` (borrowed, or NULL) is the caller's own and stays as it is."""
        return value if self.copier is None or <PyObject*>value == default else self.copier(value)

    cdef PyObject* find(self, PyObject* key, uint64_t hash, bint counted, Age oldest) except? NULL:
        """A new reference to a value no older than that, or NULL without an exception."""
        cdef PyObject* value = NULL
        cdef Verdict verdict
        cdef Visit v
        visit_start(&v, &self.core, key, hash, UNREAD)
        try:
            while True:
                verdict = stripe_get(
                    v.stripe, &self.core.rules, &v.probe, v.now, counted, oldest, &value, &v.grave,
                )
                if not visit_again(&v, verdict):
                    break
            if counted and value == NULL:
                visit_tidy(&v)
            return value
        finally:
            probe_end(&v.probe)

    cdef PyObject* put(
        self, PyObject* key, uint64_t hash, PyObject* value, Outcome* o, int64_t now, bint keep,
    ) except? NULL:
        """Writes a value; with ``keep``, an unexpired one stays, and a new reference to it is returned."""
        cdef PyObject* kept = NULL
        cdef Verdict verdict
        cdef Visit v
        # Only what is written is weighed, and only once.
        if self.core.rules.weighed and keep:
            o.weight = -1
        elif self.core.rules.weighed and o.ttl != 0:
            o.weight = self.weigh(<object>key, <object>value)
            # A life begins when its value is written, however long the weighing took.
            now = core_now(&self.core)
        visit_start(&v, &self.core, key, hash, now)
        try:
            while True:
                verdict = stripe_put(
                    v.stripe, &self.core.rules, &v.probe, value, o, v.now, &kept if keep else NULL, &v.grave,
                )
                if visit_again(&v, verdict):
                    continue
                if verdict != MISS:
                    visit_tidy(&v)
                    return kept
                o.weight = self.weigh(<object>key, <object>value)
                v.now = core_now(&self.core)
        finally:
            probe_end(&v.probe)

    def _resume(self, key, value, left, age, tuple tags not None, etag, /):
        """Writes a value as ``_look`` of another store told of it, which goes on with its life there.

        :param left: seconds to its expiry, of which none are drawn anew; None: it has none.
        :param age: seconds since it was written; None: nobody noted it.
        """
        cdef uint64_t hash = key_hash(<PyObject*>key)
        cdef int64_t left_ns = FOREVER if left is None else max(1, <int64_t>(left * 1e9))
        cdef int64_t age_ns = 0 if age is None else <int64_t>(age * 1e9)
        cdef int64_t now
        cdef Verdict verdict
        cdef Outcome o
        cdef Visit v
        if left is not None or age is not None:
            core_set_timed(&self.core)
        outcome_init(&o, left_ns)
        if tags or etag is not None:
            borne = self.tags.set_of(tags, etag)
            self.bear(&o, borne, atomic_load(&self.core.invalidations))
        now = ALWAYS if left is None and age is None else core_now(&self.core)
        self.put(<PyObject*>key, hash, <PyObject*>value, &o, now, False)
        if now == ALWAYS:
            return
        visit_start(&v, &self.core, <PyObject*>key, hash, now)
        try:
            while True:
                verdict = stripe_resume(v.stripe, &self.core.rules, &v.probe, left_ns, age_ns, v.now, &v.grave)
                if not visit_again(&v, verdict):
                    return
        finally:
            probe_end(&v.probe)

    cdef PyObject* remove(self, PyObject* key, bint* found) except? NULL:
        """Removes a key; a new reference to its unexpired value, or NULL without an exception.

        ``found`` says whether there was anything, if only a load under way.
        """
        cdef uint64_t hash = key_hash(key)
        cdef PyObject* value = NULL
        cdef Verdict verdict
        cdef Visit v
        visit_start(&v, &self.core, key, hash, core_now(&self.core))
        try:
            while True:
                verdict = stripe_remove(v.stripe, &self.core.rules, &v.probe, v.now, &value, &v.grave)
                if not visit_again(&v, verdict):
                    found[0] = verdict != MISS
                    return value
        finally:
            probe_end(&v.probe)

    def invalidate_tag(self, tag, /):
        """Removes all entries that bear a tag; loads under way that come to bear it are not kept.

        It takes the same time for one entry and for a million: they are found out when they are next asked for, and
        their memory is given back as that of expired ones is.
        """
        cdef str name = checked_name(tag)
        self.tags.invalidate(name, atomic_add(&self.core.invalidations, 1), False, 0, 0)
        core_expect_removals(&self.core, core_now(&self.core))

    def expire_tag(self, tag, /):
        """Ends the freshness of all entries that bear a tag, and leaves them to the stale windows.

        What loads under way bring is stale from the start.  Values whose freshness has ended already keep the windows
        that they have: exactly after up to 20 such calls within the longest window, and then shortened by an eighth of
        it at most.
        """
        cdef str name = checked_name(tag)
        cdef int64_t now = core_now(&self.core)
        cdef int64_t keep = atomic_load(&self.core.rules.longest_keep)
        self.tags.invalidate(name, atomic_add(&self.core.invalidations, 1), True, now, keep)
        core_expect_removals(&self.core, now)

    def clear(self):
        """Removes everything; loads under way are detached, as by ``delete``."""
        if not core_clear(&self.core, True):
            raise MemoryError()

    def _counts(self):
        """All counters by name; how many values are held, expired ones included; what they weigh."""
        cdef Counts c
        cdef int64_t values = core_sum(&self.core, &c)
        counts = dict(c)
        counts["timeouts"] = atomic_load(&self.core.timeouts)
        counts["rejected"] = atomic_load(&self.core.rejections)
        counts["superseded"] = atomic_load(&self.core.superseded)
        return counts, values, atomic_load(&self.core.rules.weight)

    def _histograms(self):
        """Counts of load times, wait times and ages at hits, by powers of two of a microsecond, the lowest first."""
        return (
            counts_of(&self.core.load_times), counts_of(&self.core.wait_times), counts_of(&self.core.rules.hit_ages),
        )

    def _flights(self):
        """The flights under way: (key, age in seconds, waiters, leading thread, whether behind a served value)."""
        return list_flights(&self.core)

    def _check(self):
        """Recounts all that is counted, while no other thread changes it; AssertionError says what is wrong."""
        cdef const char* wrong = core_check(&self.core)
        if wrong != NULL:
            raise AssertionError(wrong.decode())


cdef list counts_of(const Histogram* h):
    counts = []
    for i in range(BUCKETS):
        counts.append(atomic_load(&h.counts[i]))
    return counts


cdef int store_visit(Store self, visitproc visit, void* arg) noexcept:
    cdef uint32_t i
    cdef int stop
    core_empty_shelves(&self.core)
    for i in range(self.core.stripe_count):
        stop = stripe_visit(core_stripe_at(&self.core, i), visit, arg)
        if stop != 0:
            return stop
    return 0


cdef int store_clear(Store self) noexcept:
    # Nothing was removed: the whole cache is going.  The listener may be a method of this very cache.
    self.core.listener = NULL
    core_clear(&self.core, False)
    self.listener = self.weigher = None
    return 0


def after_fork(seed, /):
    """In the child of a fork: frees locks, ends the loads of threads that are gone, draws new random sequences."""
    cores_mend(seed)


extend_gc(<PyTypeObject*>Store, <traverseproc>store_visit, <inquiry>store_clear)
