/* mutex.h: what a mutex guards is counted exactly, a debug build knows who is inside, and a child can begin anew. */
#define FASTCACHE_DEBUG 1
#include "harness.h"
#include <signal.h>
#include <sys/wait.h>

enum { THREADS = 4, MUTEXES = 3 };

static fc_mutex mutexes[MUTEXES];
static int64_t counts[MUTEXES];
static int64_t sections[MUTEXES]; /* atomic */

static void count(int number)
{
    (void)number;
    for (int n = 0; goes_on(n); n++) {
        int at = n % MUTEXES;
        check(fc_sections == 0, "%d sections before it is locked", fc_sections);
        fc_mutex_lock(&mutexes[at]);
        check(fc_sections == 1, "%d sections while it is locked", fc_sections);
        int64_t seen = counts[at];
        falter();
        counts[at] = seen + 1;
        __atomic_add_fetch(&sections[at], 1, __ATOMIC_RELAXED);
        fc_mutex_unlock(&mutexes[at]);
        pass();
    }
}

/* The child of a fork has the mutex as it was, but not the thread that held it. */
static void fork_amid_a_section(void)
{
    int status;
    fc_mutex_lock(&mutexes[0]);
    pid_t child = fork();
    if (child == 0) {
        alarm(5);
        fc_mutex_reset(&mutexes[0]);
        fc_mutex_lock(&mutexes[0]);
        fc_mutex_unlock(&mutexes[0]);
        _exit(0);
    }
    fc_mutex_unlock(&mutexes[0]);
    check(child > 0 && waitpid(child, &status, 0) == child, "no child");
    check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with %d", status);
}

static void drive(int effort)
{
    set_rounds(30000, effort);
    run_threads(THREADS, count);
    fc_assert_outside();
    for (int at = 0; at < MUTEXES; at++)
        check(counts[at] == sections[at], "mutex %d: %lld of %lld", at, (long long)counts[at], (long long)sections[at]);
    fork_amid_a_section();
    printf("%d threads, %lld sections of each mutex\n", THREADS, (long long)counts[0]);
}

HARNESS(mutex)
