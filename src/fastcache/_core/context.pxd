"""What a loader may be told, and may say, of the value that it loads."""

from libc.stdint cimport int64_t

from fastcache._core.outcome cimport Outcome

cdef class Loaded:
    cdef readonly object value
    cdef readonly object ttl
    cdef readonly object stale_while_revalidate
    cdef readonly object stale_if_error
    cdef readonly object weight
    cdef readonly object tags
    cdef readonly object etag

cdef class Failed:
    cdef readonly object error

cdef class LoadContext:
    cdef readonly object key
    cdef public object ttl
    cdef public object stale_while_revalidate
    cdef public object stale_if_error
    cdef public object weight
    cdef public object tags
    cdef public object etag
    cdef object old_value       # or NONE
    cdef object copier          # makes what the loader sees of it; or None
    cdef object verdict         # what not_found or fail gave out last
    cdef readonly object stale_etag
    cdef tuple old_tags
    cdef readonly object age
    cdef bint unmodified        # the loader has said so
    cdef int64_t old_weight
    cdef int64_t old_stale_window   # of that value alone, or USUAL_WINDOW; both or neither
    cdef int64_t old_error_window

    cdef void know(self, object value, object age, tuple tags, object etag, object copier) noexcept
    cdef int check_old(self) except -1
    cdef bint keeps(self, object value) noexcept

cdef LoadContext new_context(object key)
cdef int read_wishes(object wishes, Outcome* o, int64_t stale_window, int64_t error_window) except -1
cdef object kept_of(object error)
