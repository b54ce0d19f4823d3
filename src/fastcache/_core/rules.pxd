"""What a store was configured with, and the capacity that its stripes share."""

from libc.stdint cimport int64_t
from libc.string cimport memset

from fastcache._core.evict cimport ADAPTIVE, FIFO, LRU, UNORDERED, Policy
from fastcache._core.histogram cimport Histogram
from fastcache._core.mutex cimport atomic_add, atomic_load, atomic_swap_if
from fastcache._core.py cimport FOREVER

cdef enum:
    # Fewer nanoseconds than this between a failure and the next try are not worth counting: 50 ms.
    LEAST_PAUSE = 50_000_000

cdef struct Rules:
    # Written once, before the store is shared.  Nanoseconds.
    int64_t ttl                 # FOREVER: never expires; 0: nothing is stored
    int64_t jitter_low          # a lifetime is ttl + U[jitter_low, jitter_low + jitter_span]
    int64_t jitter_span         # >= 0
    bint jittered               # either is not 0
    int64_t refresh_ahead       # 0: no early refresh
    bint adaptive_ahead         # it is drawn at the write, from the time that the load took
    bint punctual               # neither: values are fresh until they expire
    int64_t stale_window
    int64_t error_window
    int64_t keep                # the larger of the two windows
    int64_t retry_base
    int64_t retry_cap
    int64_t max_load_time       # after which a flight may be superseded; FOREVER: never
    int64_t negative_ttl        # of a key that the loader did not find; 0: that is not kept
    int64_t error_ttl           # of the failure of a load without an old value, the first in a row; 0: not kept
    int64_t uncacheable_ttl     # how long it is remembered that a value may not be kept; 0: not at all
    int64_t most_absences       # quota of the three
    int64_t maxsize             # entries; FOREVER: unbounded
    int64_t max_weight          # FOREVER: unbounded, and nothing is weighed
    bint weighed
    bint listening              # somebody is told of removals
    bint plain                  # neither
    bint bounded                # loads need places
    Policy policy
    # Shared by all stripes; atomic.
    int64_t values              # values held, and places taken for values about to be
    int64_t weight              # the same, weighed
    int64_t absences            # absences held
    int64_t tagged              # whether any entry has ever borne a tag
    int64_t longest_keep        # the longest window of any value there ever was
    int64_t first_expiry        # no value of any stripe expires before this instant; a hint
    int64_t batches             # calls of loaders of several keys that have begun
    Histogram hit_ages          # of a sample


cdef inline void rules_init(Rules* r) noexcept nogil:
    """Those of a store that was never set up: unbounded, and nothing expires."""
    memset(r, 0, sizeof(Rules))
    r.ttl = r.maxsize = r.max_weight = r.retry_cap = r.first_expiry = r.max_load_time = FOREVER


cdef inline int rules_read(Rules* r, object settings) except -1:
    """From an object with the attributes of ``_config.Settings``."""
    rules_init(r)
    if settings.ttl is not None:
        r.ttl = settings.ttl
    if settings.maxsize is not None:
        r.maxsize = settings.maxsize
    if settings.max_weight is not None:
        r.max_weight = settings.max_weight
        r.weighed = True
    r.listening = settings.on_removal is not None
    r.plain = not r.weighed and not r.listening
    r.jitter_low = settings.jitter_low
    r.jitter_span = settings.jitter_span
    r.jittered = r.jitter_low != 0 or r.jitter_span != 0
    r.adaptive_ahead = settings.refresh_ahead is None
    if not r.adaptive_ahead:
        r.refresh_ahead = settings.refresh_ahead
        r.punctual = r.refresh_ahead == 0
    if settings.max_load_time is not None:
        r.max_load_time = settings.max_load_time
    r.negative_ttl = settings.negative_ttl
    r.error_ttl = settings.error_ttl
    r.uncacheable_ttl = settings.uncacheable_ttl
    r.most_absences = settings.most_absences
    r.stale_window = settings.stale_while_revalidate
    r.error_window = settings.stale_if_error
    r.keep = r.longest_keep = max(r.stale_window, r.error_window)
    r.retry_base = settings.retry_base
    r.retry_cap = settings.retry_cap
    if r.maxsize == FOREVER and not r.weighed:
        r.policy = UNORDERED
    else:
        r.policy = LRU if settings.policy == "lru" else FIFO if settings.policy == "fifo" else ADAPTIVE
    return 0


cdef inline bint rules_take_absence(Rules* r) noexcept nogil:
    """Takes a place in the quota of absences; False when it is used up."""
    if atomic_add(&r.absences, 1) <= r.most_absences:
        return True
    atomic_add(&r.absences, -1)
    return False


cdef inline void rules_give_absences(Rules* r, int64_t n) noexcept nogil:
    atomic_add(&r.absences, -n)


cdef inline bint rules_are_full(const Rules* r) noexcept nogil:
    return atomic_load(&r.values) >= r.maxsize


cdef inline bint rules_take_place(Rules* r) noexcept nogil:
    """Takes a place for one more value; False when the store is full."""
    cdef int64_t values
    if r.maxsize == FOREVER:
        atomic_add(&r.values, 1)
        return True
    while True:
        values = atomic_load(&r.values)
        if values >= r.maxsize:
            return False
        if atomic_swap_if(&r.values, values, values + 1):
            return True


cdef inline bint rules_take_weight(Rules* r, int64_t weight) noexcept nogil:
    """Takes room for so much more weight, or gives some back; False when there is not so much."""
    cdef int64_t held
    if weight <= 0:
        if weight < 0:
            atomic_add(&r.weight, weight)
        return True
    while True:
        held = atomic_load(&r.weight)
        if weight > r.max_weight - held:
            return False
        if atomic_swap_if(&r.weight, held, held + weight):
            return True


cdef inline void rules_give_places(Rules* r, int64_t n, int64_t weight) noexcept nogil:
    atomic_add(&r.values, -n)
    if weight != 0:
        atomic_add(&r.weight, -weight)
