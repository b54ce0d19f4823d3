/* 64-bit products, which C has no word for: the high half, and the two halves folded. */
#ifndef FASTCACHE_HASH_H
#define FASTCACHE_HASH_H

#include <stdint.h>

#if defined(_MSC_VER) && defined(_M_X64)
#include <intrin.h>
static inline uint64_t fc_mul_high(uint64_t a, uint64_t b)
{
    uint64_t high;
    _umul128(a, b, &high);
    return high;
}
static inline uint64_t fc_mul_fold(uint64_t a, uint64_t b)
{
    uint64_t high, low = _umul128(a, b, &high);
    return high ^ low;
}
#elif defined(_MSC_VER) && defined(_M_ARM64)
#include <intrin.h>
static inline uint64_t fc_mul_high(uint64_t a, uint64_t b) { return __umulh(a, b); }
static inline uint64_t fc_mul_fold(uint64_t a, uint64_t b) { return __umulh(a, b) ^ (a * b); }
#elif defined(__SIZEOF_INT128__)
static inline uint64_t fc_mul_high(uint64_t a, uint64_t b) { return (uint64_t)(((unsigned __int128)a * b) >> 64); }
static inline uint64_t fc_mul_fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)(product >> 64) ^ (uint64_t)product;
}
#else
static inline uint64_t fc_mul_high(uint64_t a, uint64_t b)
{
    uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
    uint64_t low = al * bl, mid = ah * bl + (low >> 32), cross = al * bh + (uint32_t)mid;
    return ah * bh + (mid >> 32) + (cross >> 32);
}
static inline uint64_t fc_mul_fold(uint64_t a, uint64_t b) { return fc_mul_high(a, b) ^ (a * b); }
#endif

#endif
