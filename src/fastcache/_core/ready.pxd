"""An awaitable whose value is there."""

cdef class Ready:
    cdef object value

cdef Ready ready(object value)
