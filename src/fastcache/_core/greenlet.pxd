"""Greenlets as the core sees them: whether one runs, which one, and what those of a thread are loading."""

from cpython.object cimport PyObject

from fastcache._core.flight cimport Flight

cdef void greenlets_known(object module) noexcept
cdef object greenlets_module()
cdef bint may_be_greenlets() noexcept
cdef bint in_greenlet() noexcept
cdef bint in_hubs_greenlet() noexcept
cdef bint in_spawned_greenlet() noexcept
cdef unsigned long who_runs() noexcept
cdef void greenlet_begins(Flight flight, object store) noexcept
cdef void greenlet_ends(Flight flight) noexcept
cdef list greenlet_stands(list flights, Flight besides, object store)
cdef void greenlet_goes_on(list noted) noexcept
cdef bint waits_for_this_thread(Flight flight) noexcept
cdef int places_here(PyObject* innermost, object bulkhead) except -1
