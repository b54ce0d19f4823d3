"""What is lost together, with an event loop or a thread: residents, each of whom is told when their residence goes."""

cdef class Residence:
    cdef readonly set residents
    cdef long process           # whose it is
    cdef object __weakref__

    cdef bint is_of_this_process(self) noexcept
    cdef void survive_fork(self) noexcept
    cdef int tell_all(self) noexcept
