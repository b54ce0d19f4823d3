"""Objects taken out of a stripe, to be dropped once its lock is released.

A decref may run ``__del__`` and weakref callbacks, which may use the cache: never under a lock.  The same holds for
who listens to removals: for him a removed value lies in the grave with its key after it, and its pointer carries the
cause in the low bits, which are zero in every pointer to an object.
"""

from cpython.object cimport PyObject

from fastcache._core.mutex cimport assert_outside
from fastcache._core.py cimport py_decref, raw_alloc, raw_free, unlikely

cdef extern from "removal.h":
    void tell "fc_tell"(PyObject* listener, PyObject* key, PyObject* value, PyObject* cause) noexcept

cdef enum:
    GRAVE_ROOM = 64
    CAUSE_BITS = 7

cdef enum Cause:
    NOT_REMOVED
    EXPIRED_VALUE
    SIZE
    REPLACED
    EXPLICIT

cdef struct Grave:
    PyObject* dead[GRAVE_ROOM]      # owned
    int count
    Grave* next                     # owned, in a list of full graves


cdef inline void grave_add(Grave* grave, PyObject* o) noexcept nogil:
    """Takes over a reference; NULL is ignored.  The caller sees to it that there is room."""
    if o != NULL:
        grave.dead[grave.count] = o
        grave.count += 1


cdef inline void grave_add_removed(Grave* grave, PyObject* value, PyObject* key, Cause cause) noexcept nogil:
    """Takes over a value and its key, of which the listener is to be told."""
    grave_add(grave, <PyObject*>(<size_t>value | <size_t>cause))
    grave_add(grave, key)


cdef inline int grave_left(const Grave* grave) noexcept nogil:
    return GRAVE_ROOM - grave.count


cdef inline void report_removal(PyObject* listener, PyObject* key, PyObject* value, int cause) noexcept:
    """Calls who listens, if anybody does; what he raises goes to ``sys.unraisablehook``."""
    cdef str name
    if listener != NULL:
        # Constants of the module: to look them up takes a lock that a fork of free-threaded 3.13 may leave taken.
        name = (
            "expired" if cause == EXPIRED_VALUE else "size" if cause == SIZE
            else "replaced" if cause == REPLACED else "explicit"
        )
        tell(listener, key, value, <PyObject*>name)


cdef inline void grave_drop(Grave* grave, PyObject* listener) noexcept:
    """Empties a grave, in the order in which it was filled; ``listener`` (borrowed) may be NULL."""
    cdef int i = 0
    cdef int cause
    cdef PyObject* o
    assert_outside()
    while i < grave.count:
        o = grave.dead[i]
        cause = <int>(<size_t>o & CAUSE_BITS)
        i += 1
        if unlikely(cause != NOT_REMOVED):
            o = <PyObject*>(<size_t>o & ~<size_t>CAUSE_BITS)
            report_removal(listener, grave.dead[i], o, cause)
            py_decref(grave.dead[i])
            i += 1
        py_decref(o)
    grave.count = 0


cdef inline bint grave_put_aside(Grave* grave, Grave** later) noexcept:
    """Empties a grave into a list of graves to be dropped later; False when memory is out."""
    cdef Grave* full = <Grave*>raw_alloc(sizeof(Grave))
    if full == NULL:
        return False
    full[0] = grave[0]
    full.next = later[0]
    later[0] = full
    grave.count = 0
    return True


cdef inline void graves_drop(Grave* later, PyObject* listener) noexcept:
    """The list of graves, from the first that was filled."""
    cdef Grave* first = NULL
    cdef Grave* next
    while later != NULL:
        next = later.next
        later.next = first
        first = later
        later = next
    while first != NULL:
        next = first.next
        grave_drop(first, listener)
        raw_free(first)
        first = next
