"""Objects taken out of a stripe, to be dropped once its lock is released.

A decref may run ``__del__`` and weakref callbacks, which may use the cache: never under a lock.
"""

from cpython.object cimport PyObject

from fastcache._core.mutex cimport assert_outside
from fastcache._core.py cimport py_decref

cdef enum:
    GRAVE_ROOM = 64

cdef struct Grave:
    PyObject* dead[GRAVE_ROOM]      # owned
    int count


cdef inline void grave_add(Grave* grave, PyObject* o) noexcept nogil:
    """Takes over a reference; NULL is ignored.  The caller sees to it that there is room."""
    if o != NULL:
        grave.dead[grave.count] = o
        grave.count += 1


cdef inline int grave_left(const Grave* grave) noexcept nogil:
    return GRAVE_ROOM - grave.count


cdef inline void grave_drop(Grave* grave) noexcept:
    assert_outside()
    while grave.count > 0:
        grave.count -= 1
        py_decref(grave.dead[grave.count])
