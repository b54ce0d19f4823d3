"""The place that a load has in its cache's bulkhead: ``flight.admitted``, from when it is found to the flight's end."""

from cpython.exc cimport PyErr_SetInterrupt

from fastcache._core.flight cimport Flight, forks_so_far


cdef inline void take_place(Flight flight, object bulkhead) noexcept:
    """A place that was found is the flight's."""
    flight.admitted = bulkhead
    flight.forks_when_admitted = forks_so_far()


cdef inline bint has_place(Flight flight, object bulkhead) noexcept:
    """Whether it has a place of its own there; in the child of a fork, not in the parent's."""
    return flight.admitted is bulkhead and flight.forks_when_admitted == forks_so_far()


cdef inline int leave_bulkhead(object bulkhead) except -1:
    """Gives a place back; what a signal handler raises comes after that."""
    bulkhead.vacate()
    try:
        bulkhead.serve()
    except BaseException:
        bulkhead.serve()
        raise


cdef inline int leave_place(Flight flight) except -1:
    """Gives back the place of a flight that has ended, if it has one of its own; raises as ``leave_bulkhead``."""
    bulkhead = flight.admitted
    cdef bint holds = bulkhead is not None and has_place(flight, bulkhead)
    flight.admitted = None
    return leave_bulkhead(bulkhead) if holds else 0


cdef inline void leave_early(Flight flight) noexcept:
    """The same, but what is to be raised is left for when the flight is concluded."""
    try:
        leave_place(flight)
    except BaseException as error:
        flight.late = error


cdef inline void leave_quietly(Flight flight) noexcept:
    """The same for one that nobody will conclude."""
    try:
        leave_place(flight)
    except KeyboardInterrupt:
        PyErr_SetInterrupt()
