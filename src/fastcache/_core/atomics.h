/* Relaxed and sequentially consistent access to 64-bit integers shared by threads; pointers that are published once.
 *
 * On a build with a GIL every access happens under it, so plain loads and stores are enough.
 */
#ifndef FASTCACHE_ATOMICS_H
#define FASTCACHE_ATOMICS_H

#include "Python.h"
#include <stdint.h>

#ifndef Py_GIL_DISABLED

static inline int64_t fc_load(const int64_t *p) { return *p; }
static inline int64_t fc_load_seen(const int64_t *p) { return *p; }
static inline void *fc_load_pointer(void *const *p) { return *p; }
static inline void fc_store_pointer(void **p, void *v) { *p = v; }
static inline void fc_store(int64_t *p, int64_t v) { *p = v; }
static inline int64_t fc_add(int64_t *p, int64_t v) { return *p += v; }
static inline int fc_swap_if(int64_t *p, int64_t expected, int64_t wanted)
{
    if (*p != expected)
        return 0;
    *p = wanted;
    return 1;
}

#elif defined(_MSC_VER)

#include <intrin.h>
static inline int64_t fc_load(const int64_t *p) { return *(const volatile int64_t *)p; }
static inline int64_t fc_load_seen(const int64_t *p) { return _InterlockedOr64((volatile int64_t *)p, 0); }
static inline void *fc_load_pointer(void *const *p) { return *(void *const volatile *)p; }
static inline void fc_store_pointer(void **p, void *v) { _InterlockedExchangePointer(p, v); }
static inline void fc_store(int64_t *p, int64_t v) { _InterlockedExchange64(p, v); }
static inline int64_t fc_add(int64_t *p, int64_t v) { return _InterlockedExchangeAdd64(p, v) + v; }
static inline int fc_swap_if(int64_t *p, int64_t expected, int64_t wanted)
{
    return _InterlockedCompareExchange64(p, wanted, expected) == expected;
}

#else

static inline int64_t fc_load(const int64_t *p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }
static inline int64_t fc_load_seen(const int64_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
static inline void *fc_load_pointer(void *const *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
static inline void fc_store_pointer(void **p, void *v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
static inline void fc_store(int64_t *p, int64_t v) { __atomic_store_n(p, v, __ATOMIC_RELAXED); }
static inline int64_t fc_add(int64_t *p, int64_t v) { return __atomic_add_fetch(p, v, __ATOMIC_SEQ_CST); }
static inline int fc_swap_if(int64_t *p, int64_t expected, int64_t wanted)
{
    return __atomic_compare_exchange_n(p, &expected, wanted, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

#endif
#endif
