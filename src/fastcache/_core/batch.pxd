"""Keys that are loaded together."""

from libc.stdint cimport int64_t, uint64_t

from fastcache._core.flight cimport Flight
from fastcache._core.loading cimport LoadingStore
from fastcache._core.outcome cimport Outcome
from fastcache._core.terms cimport Terms

cdef extern from "Python.h":
    # For ``most``.
    const Py_ssize_t ANY_NUMBER "PY_SSIZE_T_MAX"

cdef class Batch:
    cdef LoadingStore store
    cdef object loader
    cdef Terms terms
    cdef tuple tags             # the terms'; or None
    cdef Py_ssize_t most        # keys in one call of the loader
    cdef list keys              # as this batch's caller has them
    cdef list flights           # of these keys, one for each
    cdef Py_ssize_t queued      # from this one on they are QUEUED, or have been claimed; those before are the batch's
    cdef Py_ssize_t at          # the first that no portion has had yet
    cdef list portion           # flights being loaded here,
    cdef list asked             # their keys, of which the loader is asked,
    cdef dict contexts          # and what it is told of each, or None
    cdef int64_t number         # of the batches of the store, when the loader was called for the portion
    cdef list led               # (key, flight) of those that were loaded here
    cdef list others            # of those that somebody else had claimed
    cdef Flight place           # of no key, led by who leads the batch: has its place in the bulkhead
    cdef object interrupt       # as of a flight, where another thread or a task loads for the caller

    cdef void add(self, object key, Flight flight)
    cdef void remove(self, Py_ssize_t i)
    cdef void queue(self, Py_ssize_t first, unsigned long who) noexcept
    cdef bint enter(self) except -1
    cdef int fly(self) except -1
    cdef bint next_portion(self) except -1
    cdef int lead(self) except -1
    cdef object ask(self)
    cdef dict found_in(self, object result)
    cdef int end_all(self, dict found) except -1
    cdef int fail_all(self, object error) except -1
    cdef int end(self, object key, Flight flight, dict found, object context) except -1
    cdef bint is_outdated(self, object key, uint64_t hash) except -1
    cdef int keep(self, object key, dict extras, Flight beside) except -1
    cdef void abandon(self) noexcept

cdef Batch new_batch(LoadingStore store, object loader, const Terms* terms, Py_ssize_t most)


cdef inline Py_ssize_t most_of(object max_batch) except -1:
    if max_batch is None:
        return ANY_NUMBER
    if isinstance(max_batch, bool) or not isinstance(max_batch, int):
        raise TypeError(f"max_batch must be an int or None, not {max_batch!r}")
    if max_batch < 1:
        raise ValueError(f"max_batch must be at least 1 or None, not {max_batch!r}")
    return min(max_batch, ANY_NUMBER)
