/* Two readings of one monotonic clock, in nanoseconds: an exact one, and a cheap one that never runs ahead.
 *
 * The cheap one lags by about one tick of the kernel; fc_clock_lag() is a generous bound on that.  Where a
 * platform has no cheap clock on the same timebase, the exact one serves as both and the lag is zero.
 * No reading is affected by a step of the system's wall clock.
 */
#ifndef FASTCACHE_CLOCK_H
#define FASTCACHE_CLOCK_H

#include <stdint.h>

#if defined(_WIN32)

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>
static inline int64_t fc_clock_exact(void)
{
    LARGE_INTEGER count, frequency;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&count);
    int64_t whole = count.QuadPart / frequency.QuadPart;
    int64_t part = count.QuadPart % frequency.QuadPart;
    return whole * 1000000000LL + part * 1000000000LL / frequency.QuadPart;
}
static inline int64_t fc_clock_coarse(void) { return fc_clock_exact(); }
static inline int64_t fc_clock_lag(void) { return 0; }

#elif defined(__APPLE__)

#include <time.h>
static inline int64_t fc_clock_exact(void) { return (int64_t)clock_gettime_nsec_np(CLOCK_MONOTONIC_RAW); }
static inline int64_t fc_clock_coarse(void) { return (int64_t)clock_gettime_nsec_np(CLOCK_MONOTONIC_RAW_APPROX); }
static inline int64_t fc_clock_lag(void) { return 64000000LL; }

#else

#include <time.h>
static inline int64_t fc_clock_read(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000LL + t.tv_nsec;
}
static inline int64_t fc_clock_exact(void) { return fc_clock_read(CLOCK_MONOTONIC); }
#ifdef CLOCK_MONOTONIC_COARSE
static inline int64_t fc_clock_coarse(void) { return fc_clock_read(CLOCK_MONOTONIC_COARSE); }
static inline int64_t fc_clock_lag(void)
{
    struct timespec tick;
    clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
    int64_t lag = 8 * ((int64_t)tick.tv_sec * 1000000000LL + tick.tv_nsec);
    return lag > 64000000LL ? lag : 64000000LL;
}
#else
static inline int64_t fc_clock_coarse(void) { return fc_clock_exact(); }
static inline int64_t fc_clock_lag(void) { return 0; }
#endif

#endif
#endif
