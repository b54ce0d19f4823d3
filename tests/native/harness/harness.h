/* What the programs share: checks, draws, threads, and the two ways of being run.
 *
 *     alone                bare/Python.h is in CPython's place: there is no access that a sanitizer does not see
 *     in the interpreter   its own Python.h; the program is an extension module, as the store is
 *
 * Each program includes this first, defines `drive` and ends with HARNESS(its name).
 */
#ifndef FASTCACHE_HARNESS_H
#define FASTCACHE_HARNESS_H

#include "Python.h"
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The readers of a sequence are kept from ThreadSanitizer in the extensions, where the interpreter's part of what
 * orders things is not seen.  Here all of it is, but for the words that the sequence guards.
 */
#include "mutex.h"
#pragma push_macro("FC_UNWATCHED")
#undef FC_UNWATCHED
#define FC_UNWATCHED
#include "seqlock.h"
#pragma pop_macro("FC_UNWATCHED")

#define check(holds, ...) ((holds) ? (void)0 : harness_fail(__FILE__, __LINE__, #holds, __VA_ARGS__))

static void harness_fail(const char *file, int line, const char *what, const char *format, ...)
{
    va_list rest;
    va_start(rest, format);
    fprintf(stderr, "%s:%d: not so: %s: ", file, line, what);
    vfprintf(stderr, format, rest);
    fputc('\n', stderr);
    va_end(rest);
    fflush(NULL);
    _exit(1);
}

/* Draws, by xorshift64*; each thread has its own sequence, of its number. */
static __thread uint64_t harness_random = 88172645463325252u;

static inline uint64_t draw(uint64_t below)
{
    harness_random ^= harness_random >> 12;
    harness_random ^= harness_random << 25;
    harness_random ^= harness_random >> 27;
    return (harness_random * 2685821657736338717u >> 32) % below;
}

/* Lets others run now and then, in the midst of what they should not see. */
static inline void falter(void)
{
    if (draw(64) == 0)
        sched_yield();
}

/* How often something is done by each thread, if there is time; a busy machine takes long to come back from others. */
static int rounds;
static double harness_deadline;

static inline double harness_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
static inline void set_rounds(int count, int effort)
{
    rounds = count * effort;
    harness_deadline = harness_now() + 1.0 * effort;
}
static inline int goes_on(int done)
{
    return done < rounds && (done % 64 != 0 || done < rounds / 8 || harness_now() < harness_deadline);
}

/* A while between two sections, in which others may be done. */
static inline void linger(void)
{
    if (draw(4) == 0)
        sched_yield();
    else
        for (uint64_t n = draw(1000); n > 0; n--)
            draw(2);
}

/* Threads, which begin together.  In the interpreter each is attached to it. */
typedef struct {
    void (*work)(int number);
    int number;
    pthread_barrier_t *start;
} harness_thread;

#ifdef HARNESS_MODULE

/* Where the world may be stopped, as between two bytecodes.  ThreadSanitizer is told what that orders: who stops it
 * comes after all that was done before, and before all that is done once it goes on.
 */
__attribute__((unused)) static char harness_stop, harness_go;

static inline void pass(void)
{
    fc_watch_release(&harness_stop);
    Py_BEGIN_ALLOW_THREADS
    Py_END_ALLOW_THREADS
    fc_watch_acquire(&harness_go);
}
#define harness_stopped() fc_watch_acquire(&harness_stop)
#define harness_going_on() fc_watch_release(&harness_go)
#define harness_enter() PyGILState_STATE harness_state = PyGILState_Ensure()
#define harness_leave() PyGILState_Release(harness_state)
#define harness_detached(what) do { Py_BEGIN_ALLOW_THREADS what; Py_END_ALLOW_THREADS } while (0)

#else

static inline void pass(void) { bare_pass(); }
#define harness_stopped() ((void)0)
#define harness_going_on() ((void)0)
#define harness_enter() bare_enter()
#define harness_leave() bare_leave()
#define harness_detached(what) do { what; } while (0)

#endif

/* What the interpreter does about a thread that comes or goes, it does under locks which ThreadSanitizer does not see. */
static pthread_mutex_t harness_door = PTHREAD_MUTEX_INITIALIZER;

static void *harness_begin(void *memory)
{
    harness_thread *thread = memory;
    harness_random ^= 0x9E3779B97F4A7C15u * (uint64_t)(thread->number + 1);
    pthread_mutex_lock(&harness_door);
    harness_enter();
    pthread_mutex_unlock(&harness_door);
    harness_detached(pthread_barrier_wait(thread->start));
    thread->work(thread->number);
    harness_detached(pthread_mutex_lock(&harness_door));
    harness_leave();
    pthread_mutex_unlock(&harness_door);
    return NULL;
}

/* Calls work(0 .. count - 1), each in a thread of its own, and waits for all. */
static inline void run_threads(int count, void (*work)(int number))
{
    pthread_t *ids = calloc((size_t)count, sizeof *ids);
    harness_thread *threads = calloc((size_t)count, sizeof *threads);
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, (unsigned)count);
    for (int n = 0; n < count; n++) {
        threads[n] = (harness_thread){work, n, &start};
        check(pthread_create(&ids[n], NULL, harness_begin, &threads[n]) == 0, "thread %d", n);
    }
    harness_detached(for (int n = 0; n < count; n++) pthread_join(ids[n], NULL));
    pthread_barrier_destroy(&start);
    free(threads);
    free(ids);
}

#ifdef HARNESS_MODULE

static PyObject *harness_drive(PyObject *module, PyObject *effort);

/* run(effort) */
#define HARNESS(name) \
    static PyObject *harness_drive(PyObject *module, PyObject *effort) \
    { \
        (void)module; \
        drive((int)PyLong_AsLong(effort)); \
        fflush(NULL); \
        Py_RETURN_NONE; \
    } \
    static PyMethodDef harness_methods[] = {{"run", harness_drive, METH_O, NULL}, {NULL, NULL, 0, NULL}}; \
    static PyModuleDef harness_module = {PyModuleDef_HEAD_INIT, #name, NULL, -1, harness_methods, 0, 0, 0, 0}; \
    PyMODINIT_FUNC PyInit_##name(void) \
    { \
        PyObject *module = PyModule_Create(&harness_module); \
        harness_free_threads(module); \
        return module; \
    }
#ifdef Py_GIL_DISABLED
#define harness_free_threads(module) PyUnstable_Module_SetGIL(module, Py_MOD_GIL_NOT_USED)
#else
#define harness_free_threads(module) ((void)(module))
#endif

#else

#define HARNESS(name) \
    int main(int count, char **words) \
    { \
        drive(count > 1 ? atoi(words[1]) : 1); \
        return 0; \
    }

#endif
#endif
