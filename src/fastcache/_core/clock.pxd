"""Monotonic time in nanoseconds, read exactly or cheaply.

The coarse reading is never ahead of the exact one and at most ``clock_lag()`` behind it, so
``coarse >= t`` proves that t has come and ``coarse + lag < t`` that it has not.
"""

from libc.stdint cimport int64_t

cdef extern from "clock.h" nogil:
    # How the coarse clock is read; to be found once and kept.
    ctypedef void* ClockReader "fc_clock_reader"
    ClockReader clock_reader "fc_clock_find_reader"() noexcept
    int64_t clock_exact "fc_clock_exact"() noexcept
    int64_t clock_coarse "fc_clock_coarse"(ClockReader) noexcept
    int64_t clock_lag "fc_clock_lag"() noexcept
    # Goes on while the machine is suspended, where there is such a clock.
    int64_t clock_boot "fc_clock_boot"() noexcept
    const bint HAS_BOOT_CLOCK "FC_HAS_BOOT_CLOCK"
