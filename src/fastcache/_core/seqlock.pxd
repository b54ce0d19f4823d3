"""The lock of a stripe: a mutex for whoever writes, and a sequence number for those who read without it."""

from libc.stdint cimport uint64_t

from fastcache._core.mutex cimport Mutex

cdef extern from "seqlock.h" nogil:
    ctypedef struct SeqLock "fc_seqlock":
        Mutex mutex     # alone for those who look and change nothing that readers see
    void write_lock "fc_write_lock"(SeqLock*) noexcept
    void write_unlock "fc_write_unlock"(SeqLock*) noexcept
    # With the mutex held, around a change after all.
    void write_begin "fc_write_begin"(SeqLock*) noexcept
    void write_end "fc_write_end"(SeqLock*) noexcept
    uint64_t read_begin "fc_read_begin"(const SeqLock*) noexcept
    bint read_allowed "fc_read_allowed"(uint64_t sequence) noexcept
    bint read_holds "fc_read_holds"(const SeqLock*, uint64_t sequence) noexcept
    # From now on everybody locks; with the mutex held.
    void close_reads "fc_close"(SeqLock*) noexcept
    void seqlock_reset "fc_seqlock_reset"(SeqLock*) noexcept
