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

#ifdef Py_GIL_DISABLED
typedef PyMutex fc_mutex;
#define fc_mutex_lock_impl(m) PyMutex_Lock(m)
#define fc_mutex_unlock_impl(m) PyMutex_Unlock(m)
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
