/* The lock of one stripe, and of one flight.
 *
 * With a GIL the GIL is the lock: no section ever releases it, so taking and giving back compile to
 * nothing.  Without one it is a PyMutex, which detaches the thread while it waits and so can never
 * stand in the way of a stop-the-world pause.
 */
#ifndef FASTCACHE_MUTEX_H
#define FASTCACHE_MUTEX_H

#include "Python.h"
#include <string.h>

#ifndef FASTCACHE_LOCKED_READS
#define FASTCACHE_LOCKED_READS 0
#endif

/* Whether threads run Python at the same time, and whether they may read without a stripe's lock. */
#ifdef Py_GIL_DISABLED
#define FC_PARALLEL 1
#define FC_FREE_READS (!FASTCACHE_LOCKED_READS)
#else
#define FC_PARALLEL 0
#define FC_FREE_READS 0
#endif

/* The interpreter is not built with ThreadSanitizer, which therefore has to be told what its mutexes order, and that
 * a read which is checked afterwards is no race.
 */
#ifdef __SANITIZE_THREAD__
void __tsan_acquire(void *);
void __tsan_release(void *);
#define fc_watch_acquire(m) __tsan_acquire(m)
#define fc_watch_release(m) __tsan_release(m)
#define FC_UNWATCHED __attribute__((no_sanitize("thread"), noinline))
#else
#define fc_watch_acquire(m) ((void)0)
#define fc_watch_release(m) ((void)0)
#define FC_UNWATCHED
#endif

/* Single words that others may be writing.  The interpreter's own names for this are functions, which ThreadSanitizer
 * would watch.
 */
#if defined(__GNUC__)
#define fc_relaxed_load(kind, p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define fc_relaxed_store(kind, p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define fc_acquire_load(kind, p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define fc_swap_word_if(kind, p, expected, wanted) \
    __atomic_compare_exchange_n(p, expected, wanted, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)
#else
#define fc_relaxed_load(kind, p) _Py_atomic_load_##kind##_relaxed(p)
#define fc_relaxed_store(kind, p, v) _Py_atomic_store_##kind##_relaxed(p, v)
#define fc_acquire_load(kind, p) _Py_atomic_load_##kind##_acquire(p)
#define fc_swap_word_if(kind, p, expected, wanted) _Py_atomic_compare_exchange_##kind(p, expected, wanted)
#endif

#ifdef Py_GIL_DISABLED
typedef PyMutex fc_mutex;
#define fc_mutex_lock_impl(m) do { PyMutex_Lock(m); fc_watch_acquire(m); } while (0)
#define fc_mutex_unlock_impl(m) do { fc_watch_release(m); PyMutex_Unlock(m); } while (0)
#else
typedef char fc_mutex;
#define fc_mutex_lock_impl(m) ((void)(m))
#define fc_mutex_unlock_impl(m) ((void)(m))
#endif

#if defined(_MSC_VER)
#define FC_THREAD_LOCAL static __declspec(thread)
#else
#define FC_THREAD_LOCAL static __thread
#endif

/* How many sections this thread is in; debug builds assert on it wherever Python may run. */
#if FASTCACHE_DEBUG
FC_THREAD_LOCAL int fc_sections = 0;
#define fc_mutex_lock(m) do { fc_mutex_lock_impl(m); fc_sections++; } while (0)
#define fc_mutex_unlock(m) do { fc_sections--; fc_mutex_unlock_impl(m); } while (0)
#define fc_assert_outside() do { if (fc_sections != 0) Py_FatalError("fastcache: Python code under a lock"); } while (0)
#else
#define fc_mutex_lock(m) fc_mutex_lock_impl(m)
#define fc_mutex_unlock(m) fc_mutex_unlock_impl(m)
#define fc_assert_outside() ((void)0)
#endif

/* For the child of a fork, where the holder may not exist. */
static inline void fc_mutex_reset(fc_mutex *m) { memset(m, 0, sizeof *m); }

#endif
