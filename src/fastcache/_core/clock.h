/* Two readings of one monotonic clock, in nanoseconds: an exact one, and a cheap one that never runs ahead.
 *
 * The cheap one lags by about one tick of the kernel; fc_clock_lag() is a generous bound on that.  Where a
 * platform has no cheap clock on the same timebase, the exact one serves as both and the lag is zero.
 * No reading is affected by a step of the system's wall clock.  Both stand still while the machine is suspended; a
 * third one goes on then, and is only read exactly.
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
typedef int fc_clock_reader;
static inline fc_clock_reader fc_clock_find_reader(void) { return 0; }
static inline int64_t fc_clock_coarse(fc_clock_reader unused) { (void)unused; return fc_clock_exact(); }
static inline int64_t fc_clock_lag(void) { return 0; }
#define FC_HAS_BOOT_CLOCK 0
static inline int64_t fc_clock_boot(void) { return fc_clock_exact(); }

#elif defined(__APPLE__)

#include <time.h>
static inline int64_t fc_clock_exact(void) { return (int64_t)clock_gettime_nsec_np(CLOCK_MONOTONIC_RAW); }
typedef int fc_clock_reader;
static inline fc_clock_reader fc_clock_find_reader(void) { return 0; }
static inline int64_t fc_clock_coarse(fc_clock_reader unused)
{
    (void)unused;
    return (int64_t)clock_gettime_nsec_np(CLOCK_MONOTONIC_RAW_APPROX);
}
static inline int64_t fc_clock_lag(void) { return 64000000LL; }
#define FC_HAS_BOOT_CLOCK 1
static inline int64_t fc_clock_boot(void) { return (int64_t)clock_gettime_nsec_np(CLOCK_MONOTONIC); }

#else

#include <time.h>
#ifdef __linux__
#include <dlfcn.h>
#endif
typedef int (*fc_clock_reader)(clockid_t, struct timespec *);

/* The kernel's own function, which the C library wraps: a cheap reading costs a third less without the wrapper. */
static inline fc_clock_reader fc_clock_find_reader(void)
{
    void *function = NULL;
    /* ThreadSanitizer never gives back the megabyte of address space that it takes for each library opened: of a process
     * that makes many caches no other could be forked in the end.
     */
#if defined(__linux__) && defined(RTLD_NOLOAD) && !defined(__SANITIZE_THREAD__)
    void *vdso = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
    if (vdso != NULL) {
#if defined(__aarch64__)
        function = dlsym(vdso, "__kernel_clock_gettime");
#elif defined(__x86_64__)
        function = dlsym(vdso, "__vdso_clock_gettime");
#endif
        dlclose(vdso);
    }
    dlerror();
#endif
    return function != NULL ? (fc_clock_reader)function : clock_gettime;
}
static inline int64_t fc_clock_read(fc_clock_reader reader, clockid_t id)
{
    struct timespec t;
    reader(id, &t);
    return (int64_t)t.tv_sec * 1000000000LL + t.tv_nsec;
}
static inline int64_t fc_clock_exact(void) { return fc_clock_read(clock_gettime, CLOCK_MONOTONIC); }
#ifdef CLOCK_MONOTONIC_COARSE
static inline int64_t fc_clock_coarse(fc_clock_reader reader) { return fc_clock_read(reader, CLOCK_MONOTONIC_COARSE); }
static inline int64_t fc_clock_lag(void)
{
    struct timespec tick;
    clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
    int64_t lag = 8 * ((int64_t)tick.tv_sec * 1000000000LL + tick.tv_nsec);
    return lag > 64000000LL ? lag : 64000000LL;
}
#else
static inline int64_t fc_clock_coarse(fc_clock_reader reader) { return fc_clock_read(reader, CLOCK_MONOTONIC); }
static inline int64_t fc_clock_lag(void) { return 0; }
#endif
#ifdef CLOCK_BOOTTIME
#define FC_HAS_BOOT_CLOCK 1
static inline int64_t fc_clock_boot(void) { return fc_clock_read(clock_gettime, CLOCK_BOOTTIME); }
#else
#define FC_HAS_BOOT_CLOCK 0
static inline int64_t fc_clock_boot(void) { return fc_clock_exact(); }
#endif

#endif
#endif
