/* Single words that a sequence guards, as glimpse.h sees them; kept from ThreadSanitizer like there, for they are
 * written plainly.
 */
#ifndef FASTCACHE_HARNESS_READING_H
#define FASTCACHE_HARNESS_READING_H

#include "mutex.h"

#define see_pointer(p) see_pointer_at((void *const *)(p))
FC_UNWATCHED static void *see_pointer_at(void *const *p) { return fc_relaxed_load(ptr, p); }
FC_UNWATCHED static uint64_t see_i64(const uint64_t *p) { return fc_relaxed_load(uint64, p); }
FC_UNWATCHED static uint32_t see_u32(const uint32_t *p) { return fc_relaxed_load(uint32, p); }
FC_UNWATCHED static uint8_t see_u8(const uint8_t *p) { return fc_relaxed_load(uint8, p); }
FC_UNWATCHED static void leave_u8(uint8_t *p, uint8_t v) { fc_relaxed_store(uint8, p, v); }

#endif
