"""One search for a key, across the comparisons that only Python can make.

A search runs under a stripe's lock and may meet a stored key of equal hash whose equality only its ``__eq__``
knows.  It then stops in doubt, owning that key; the caller releases the lock, lets ``probe_settle`` compare, and
searches again.  What has been compared is remembered by identity, and the references held make identities
safe.  A match counts only if the search finds that very object again: the comparison may have changed the table.
If it has not, the search goes on where it stopped, so that many keys of one hash are each met once.
"""

from cpython.object cimport Py_EQ, PyObject
from libc.stdint cimport uint32_t, uint64_t

from fastcache._core.key cimport ASK, NO, YES, Equality, key_equal
from fastcache._core.mutex cimport assert_outside
from fastcache._core.py cimport py_decref, py_equal, py_incref, raw_free, raw_resize

cdef enum:
    # A table that changes under every comparison would keep a search going for ever.
    PROBE_PATIENCE = 100_000

cdef struct Probe:
    PyObject* key           # borrowed from the caller for as long as the probe lives
    uint64_t hash
    PyObject* doubt         # owned; to be compared next
    PyObject* match         # owned; compared equal
    PyObject** rejected     # owned; compared unequal, the latest last
    uint32_t rejections
    uint32_t room
    uint32_t comparisons
    uint32_t stopped_at     # the index word of the key in doubt
    uint64_t version        # of the table when the search stopped; 0: it never did


cdef inline void probe_start(Probe* p, PyObject* key, uint64_t hash) noexcept nogil:
    p.key = key
    p.hash = hash
    p.doubt = NULL
    p.match = NULL
    p.rejected = NULL
    p.rejections = 0
    p.room = 0
    p.comparisons = 0
    p.version = 0


cdef inline Equality probe_compare(Probe* p, PyObject* stored) noexcept nogil:
    """Under the stripe's lock: what is known of a stored key of equal hash; ASK leaves it in doubt."""
    cdef uint32_t i = p.rejections
    cdef Equality verdict = key_equal(stored, p.key)
    if verdict != ASK:
        return verdict
    if stored == p.match:
        return YES
    while i > 0:
        i -= 1
        if p.rejected[i] == stored:
            return NO
    py_incref(stored)
    p.doubt = stored
    return ASK


cdef inline int probe_settle(Probe* p) except -1:
    """Compares the stored key in doubt; runs strangers' ``__eq__``, so nothing may be locked."""
    cdef PyObject* stored = p.doubt
    cdef PyObject* former
    cdef PyObject** grown
    cdef bint equal
    assert_outside()
    if p.comparisons >= PROBE_PATIENCE:
        raise RuntimeError(f"the cache changed during each of {PROBE_PATIENCE} comparisons of one key")
    if p.rejections == p.room:
        grown = <PyObject**>raw_resize(p.rejected, (2 * p.room + 8) * sizeof(PyObject*))
        if grown == NULL:
            raise MemoryError()
        p.rejected = grown
        p.room = 2 * p.room + 8
    equal = py_equal(stored, p.key, Py_EQ)
    p.doubt = NULL
    p.comparisons += 1
    if not equal:
        p.rejected[p.rejections] = stored
        p.rejections += 1
        return 0
    # An earlier match has left the table, or this search would have ended at it.
    former = p.match
    p.match = stored
    if former != NULL:
        py_decref(former)
    return 0


cdef inline void probe_end(Probe* p) noexcept:
    cdef uint32_t i
    if p.doubt != NULL:
        py_decref(p.doubt)
    if p.match != NULL:
        py_decref(p.match)
    for i in range(p.rejections):
        py_decref(p.rejected[i])
    if p.rejected != NULL:
        raw_free(p.rejected)
