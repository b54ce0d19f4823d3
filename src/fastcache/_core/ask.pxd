"""What one caller accepts of an entry; the rest of a call's options concern only the load."""

from libc.stdint cimport int64_t

from fastcache._core.py cimport FOREVER

cdef struct Ask:
    int64_t max_age     # nanoseconds since the write; FOREVER: any
    int64_t max_stale   # nanoseconds since the expiry, within the cache's windows; FOREVER: any
    bint force          # no value that is there
    bint anew           # no load that began before
    bint coalesce       # others' loads


cdef inline void ask_usual(Ask* ask, bint coalesce) noexcept nogil:
    ask.max_age = ask.max_stale = FOREVER
    ask.force = ask.anew = False
    ask.coalesce = coalesce
