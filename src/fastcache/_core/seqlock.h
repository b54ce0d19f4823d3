/* A mutex with a sequence number: who reads without the mutex learns from it whether anything was written meanwhile.
 *
 *     writer   lock | sequence + 1, odd | writes ... | sequence + 3, even | unlock
 *     reader          sequence, even? | reads ... | the same sequence? -> all of it was true at one instant
 *
 * The second bit, once set, tells readers to lock; so they look at one word only.
 *
 * Writers write plainly; readers read through fc_see_*, word by word, and follow a pointer only once the sequence has
 * confirmed it.  Where readers always lock, nothing is left of this but the mutex.
 */
#ifndef FASTCACHE_SEQLOCK_H
#define FASTCACHE_SEQLOCK_H

#include "mutex.h"
#include <stdint.h>

typedef struct {
    fc_mutex mutex;
#if FC_FREE_READS
    uint64_t sequence; /* 1: a writer is inside; 2: readers must lock, from now on; written under the mutex */
#endif
} fc_seqlock;

#if FC_FREE_READS

static inline void fc_write_begin(fc_seqlock *l)
{
    _Py_atomic_store_uint64_relaxed(&l->sequence, l->sequence + 1);
    /* No write of the section comes before the odd number. */
    _Py_atomic_fence_release();
}
static inline void fc_write_end(fc_seqlock *l) { _Py_atomic_store_uint64_release(&l->sequence, l->sequence + 3); }

FC_UNWATCHED static uint64_t fc_read_begin(const fc_seqlock *l) { return fc_acquire_load(uint64, &l->sequence); }
FC_UNWATCHED static int fc_read_holds(const fc_seqlock *l, uint64_t sequence)
{
    /* All that was read came before this look at the number. */
    _Py_atomic_fence_acquire();
    return fc_relaxed_load(uint64, &l->sequence) == sequence;
}
static inline int fc_read_allowed(uint64_t sequence) { return (sequence & 3) == 0; }
static inline void fc_close(fc_seqlock *l) { _Py_atomic_store_uint64_relaxed(&l->sequence, l->sequence | 2); }

/* For the child of a fork: the world stood still, so no writer was inside. */
static inline void fc_seqlock_reset(fc_seqlock *l)
{
    fc_mutex_reset(&l->mutex);
    l->sequence += 3 * (l->sequence & 1);
}

#else

#define fc_write_begin(l) ((void)(l))
#define fc_write_end(l) ((void)(l))
#define fc_read_begin(l) ((void)(l), (uint64_t)1)
#define fc_read_holds(l, sequence) ((void)(l), (void)(sequence), 0)
#define fc_read_allowed(sequence) ((void)(sequence), 0)
#define fc_close(l) ((void)(l))
#define fc_seqlock_reset(l) fc_mutex_reset(&(l)->mutex)

#endif

#define fc_write_lock(l) do { fc_mutex_lock(&(l)->mutex); fc_write_begin(l); } while (0)
#define fc_write_unlock(l) do { fc_write_end(l); fc_mutex_unlock(&(l)->mutex); } while (0)

#endif
