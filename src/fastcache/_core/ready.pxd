"""An awaitable whose value is there."""

from cpython.object cimport PyObject

cdef class Ready:
    cdef object value
    cdef PyObject* stop     # owned; the StopIteration that last brought the value, or NULL; exchanged, never read

cdef Ready ready(object value)
