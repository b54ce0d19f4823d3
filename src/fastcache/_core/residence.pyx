"""What is lost together, with an event loop or a thread: residents, each of whom is told when their residence goes."""

from cpython.exc cimport PyErr_SetInterrupt


cdef class Residence:
    """Holds residents, told apart by identity, until it goes; then calls ``lost()`` of each, which must not raise.

    No interrupt keeps anybody from being told: one that cuts it short has it called again.  Only the thread whose
    residence it is adds and removes residents.
    """

    def __cinit__(self, *args, **kwargs):
        self.residents = set()

    def __del__(self):
        self.tell_all()

    cdef int tell_all(self) noexcept:
        while self.residents:
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
