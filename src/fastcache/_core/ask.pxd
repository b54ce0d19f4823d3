"""What one caller accepts of an entry; the rest of a call's options concern only the load.

Who forces a load takes nothing that he finds.  If the load that he began or joined comes to nothing, he asks again, and
then takes what has been written since: any value but the very one that he found the first time; and any absence, for
a load that has begun ends the one that was there.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from fastcache._core.py cimport FOREVER

cdef struct Ask:
    int64_t max_age     # nanoseconds since the write; FOREVER: any
    int64_t max_stale   # nanoseconds since the expiry, within the cache's windows; FOREVER: any
    bint force          # no value that is there
    bint anew           # no load that began before
    bint coalesce       # others' loads
    bint again          # it has been asked with force before
    PyObject* refused   # the value that was there then; borrowed, NULL if there was none


cdef inline void ask_usual(Ask* ask, bint coalesce) noexcept nogil:
    ask.max_age = ask.max_stale = FOREVER
    ask.force = ask.anew = ask.again = False
    ask.coalesce = coalesce
    ask.refused = NULL


cdef inline void ask_note(Ask* ask, PyObject* refused) noexcept nogil:
    """It has been asked for the first time."""
    ask.again = ask.force
    ask.refused = refused


cdef inline Ask ask_later(const Ask* ask) noexcept nogil:
    """What is accepted when it is asked after that."""
    cdef Ask later = ask[0]
    if ask.again:
        # Loads under way have begun since, or had been joined.
        later.force = later.anew = False
        # An expired value is none, as for all who force a load.
        later.max_stale = 0
    return later
