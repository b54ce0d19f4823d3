"""Keys that are loaded together."""

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
    cdef list portion           # flights being loaded here
    cdef list led               # (key, flight) of those that were loaded here
    cdef list others            # of those that somebody else had claimed
    cdef Flight place           # of no key, led by who leads the batch: has its place in the bulkhead; or None
    cdef object interrupt       # what ended it in another thread that was no Exception; or None

    cdef int add(self, object key, Flight flight) except -1
    cdef void remove(self, Py_ssize_t i)
    cdef void queue(self, Py_ssize_t first) noexcept
    cdef int make_place(self) except -1
    cdef int fly(self) except -1
    cdef list claim_portion(self)
    cdef int lead(self, list keys, list flights) except -1
    cdef dict call_loader(self, list keys, dict contexts)
    cdef int end(self, object key, Flight flight, dict found, object context) except -1
    cdef int keep(self, object key, dict extras, Flight beside) except -1
    cdef void give_up(self) noexcept

cdef Batch new_batch(LoadingStore store, object loader, const Terms* terms, Py_ssize_t most)
