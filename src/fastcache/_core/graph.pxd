"""Who waits for whom: the flights that threads and tasks are loading, and the waits between them."""

from libc.stdint cimport int64_t

from fastcache._core.flight cimport QUEUED, Flight, FlightState, Wait

cdef void load_begins(Flight flight, object store) noexcept
cdef void load_ends(Flight flight) noexcept
cdef bint is_mine(Flight flight) except -1
cdef bint is_admitted(object bulkhead) except -1
cdef tuple places()
cdef Flight task_flight()
cdef Flight leading_flight()
cdef FlightState wait_for(Flight flight, int64_t deadline) except? QUEUED
cdef Flight graph_join(Flight flight, Wait* wait)
cdef void graph_part(Flight leading, Wait* wait) noexcept
cdef void graph_survives_fork() noexcept
