"""``aget_or_load`` as Python calls it."""

from fastcache._core.getting cimport GettingStore

cdef class AwaitingStore(GettingStore):
    pass
