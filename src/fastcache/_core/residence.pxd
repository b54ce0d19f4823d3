"""What is lost together, with an event loop or a thread: residents, each of whom is told when their residence goes."""

cdef class Residence:
    cdef readonly set residents
    cdef object __weakref__

    cdef int tell_all(self) noexcept
