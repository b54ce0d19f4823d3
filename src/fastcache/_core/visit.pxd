"""One operation's visit to one stripe: the stripe, the instant, the search and what is to be dropped."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t

from fastcache._core.core cimport Core, core_stripe
from fastcache._core.grave cimport Grave
from fastcache._core.probe cimport Probe, probe_start
from fastcache._core.stripe cimport Stripe

cdef struct Visit:
    Stripe* stripe
    int64_t now     # one instant for the whole operation, or UNREAD
    Probe probe     # to be ended with probe_end
    Grave grave


cdef inline void visit_start(Visit* v, Core* core, PyObject* key, uint64_t hash, int64_t now) noexcept nogil:
    v.stripe = core_stripe(core, hash)
    v.now = now
    v.grave.count = 0
    probe_start(&v.probe, key, hash)
