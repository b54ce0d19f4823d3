"""What is lost together, with an event loop or a thread: residents, each of whom is told when their residence goes."""

from cpython.exc cimport PyErr_SetInterrupt

cdef extern from *:
    """
    #ifdef _WIN32
    #define fc_process() 0              /* there is no fork */
    #else
    #include <unistd.h>
    #define fc_process() ((long)getpid())
    #endif
    """
    long this_process "fc_process"() noexcept nogil


cdef class Residence:
    """Holds residents, told apart by identity, until it goes; then calls ``lost()`` of each, which must not raise.

    No interrupt keeps anybody from being told: one that cuts it short has it called again.  Only the thread whose
    residence it is adds and removes residents.

    The child of a fork loses those of the parent's other threads and of its loops, and tells nobody: what they did was
    the parent's.  The first go before any hook is called, when what residents touch may still be locked.
    """

    def __cinit__(self, *args, **kwargs):
        self.residents = set()
        self.process = this_process()

    def __del__(self):
        self.tell_all()

    cdef bint is_of_this_process(self) noexcept:
        return self.process == this_process()

    cdef void survive_fork(self) noexcept:
        """In the child: it is one of the thread that forked."""
        self.process = this_process()

    cdef int tell_all(self) noexcept:
        while self.residents and self.is_of_this_process():
            tell(self.residents.pop())
        return 0


cdef int tell(object resident) noexcept:
    try:
        resident.lost()
    except KeyboardInterrupt:
        resident.lost()
        # Not to be lost here, where nothing may be raised.
        PyErr_SetInterrupt()
    except BaseException:
        resident.lost()
        raise
    return 0
