/* What the core's headers name of a free-threaded CPython, in C alone.
 *
 * CPython's own functions are not compiled with the program, so a sanitizer does not see what they do.  Where no object
 * is touched this does as they do: a mutex of one byte, its memory, its atomics, and a world that is stopped when all
 * threads have come to a point between two bytecodes.
 */
#ifndef HARNESS_BARE_PYTHON_H
#define HARNESS_BARE_PYTHON_H

#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define Py_GIL_DISABLED 1
#define PY_VERSION_HEX 0x030D0000
#define Py_FatalError(message) abort()

typedef struct bare_object PyObject;

typedef struct {
    uint8_t _bits;
} PyMutex;

static inline void PyMutex_Lock(PyMutex *m)
{
    uint8_t expected = 0;
    while (!__atomic_compare_exchange_n(&m->_bits, &expected, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        expected = 0;
        sched_yield();
    }
}
static inline void PyMutex_Unlock(PyMutex *m) { __atomic_store_n(&m->_bits, 0, __ATOMIC_RELEASE); }

static inline void _Py_atomic_store_uint64_relaxed(uint64_t *p, uint64_t v)
{
    __atomic_store_n(p, v, __ATOMIC_RELAXED);
}
static inline void _Py_atomic_store_uint64_release(uint64_t *p, uint64_t v)
{
    __atomic_store_n(p, v, __ATOMIC_RELEASE);
}
static inline void _Py_atomic_fence_release(void) { __atomic_thread_fence(__ATOMIC_RELEASE); }
static inline void _Py_atomic_fence_acquire(void) { __atomic_thread_fence(__ATOMIC_ACQUIRE); }

#define PyMem_RawMalloc malloc
#define PyMem_RawFree free

/* The world: how many threads run in it, and whether somebody stops it. */
static pthread_mutex_t bare_world = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t bare_changed = PTHREAD_COND_INITIALIZER;
static int bare_running;
static int bare_stopping;

static inline void bare_enter_locked(int change)
{
    while (change > 0 && bare_stopping)
        pthread_cond_wait(&bare_changed, &bare_world);
    bare_running += change;
    pthread_cond_broadcast(&bare_changed);
}
static inline void bare_enter(void)
{
    pthread_mutex_lock(&bare_world);
    bare_enter_locked(1);
    pthread_mutex_unlock(&bare_world);
}
static inline void bare_leave(void)
{
    pthread_mutex_lock(&bare_world);
    bare_enter_locked(-1);
    pthread_mutex_unlock(&bare_world);
}
/* Between two bytecodes. */
static inline void bare_pass(void)
{
    if (__atomic_load_n(&bare_stopping, __ATOMIC_RELAXED)) {
        bare_leave();
        bare_enter();
    }
}

/* As far as it matters here: one call with the world stopped. */
static inline void PyUnstable_GC_VisitObjects(int (*visit)(PyObject *, void *), void *arg)
{
    bare_leave();
    pthread_mutex_lock(&bare_world);
    bare_enter_locked(1);
    __atomic_store_n(&bare_stopping, 1, __ATOMIC_RELAXED);
    while (bare_running > 1)
        pthread_cond_wait(&bare_changed, &bare_world);
    visit(NULL, arg);
    __atomic_store_n(&bare_stopping, 0, __ATOMIC_RELAXED);
    pthread_cond_broadcast(&bare_changed);
    pthread_mutex_unlock(&bare_world);
}

#endif
