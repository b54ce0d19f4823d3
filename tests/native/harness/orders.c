/* seqlock.h under a memory that is as weak as C11's: every order in which a reader may come to see what was written.
 *
 * Processors that keep stores and loads in order (x86) would never miss a fence.  Here memory is a list of all that was
 * ever stored in each place, and a load may return any of it that is not too old: too old is what the thread, by its
 * acquiring loads and fences, knows to be overwritten (the view machine of Kang et al., A Promising Semantics for
 * Relaxed-Memory Concurrency, POPL 2017, without promises: a reader stores nothing).  The writer reads nothing that a
 * reader stores, so it writes all it has to write first; then the reader reads, once for each way to choose.
 */
#include "Python.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECTIONS = 3, SEQUENCE = 0, WORDS, BEHIND = WORDS + 2, PLACES = BEHIND + SECTIONS + 1, MOST = 2 * SECTIONS + 1 };
enum { RELAXED, ORDERED };

/* Of each place the oldest store that may still be seen. */
typedef struct {
    int at[PLACES];
} view;

typedef struct {
    uint64_t value;
    view known; /* to who acquires it */
} message;

static message stored[PLACES][MOST];
static int stores[PLACES];

/* A thread: what it knows; what it would know after an acquiring fence; what it knew at its last releasing fence. */
static view now, acquired, released;

static void view_join(view *v, const view *other)
{
    for (int n = 0; n < PLACES; n++)
        if (v->at[n] < other->at[n])
            v->at[n] = other->at[n];
}

/* The way to choose: digits of an odometer. */
static int digits[64], limits[64], depth;

static int choose(int ways)
{
    if (limits[depth] == 0)
        digits[depth] = 0;
    limits[depth] = ways;
    return digits[depth++];
}

static int next_way(void)
{
    while (depth > 0 && ++digits[depth - 1] == limits[depth - 1])
        depth--;
    memset(&limits[depth], 0, sizeof limits - (size_t)depth * sizeof limits[0]);
    int more = depth > 0;
    depth = 0;
    return more;
}

/* What is guarded, each at its place; the place of the sequence itself is in the lock. */
static uint64_t guarded[PLACES];
static const uint64_t *sequence_at;

static int place_of(const uint64_t *p) { return p == sequence_at ? SEQUENCE : (int)(p - guarded); }

static void memory_store(uint64_t *p, uint64_t value, int order)
{
    int place = place_of(p), at = stores[place]++;
    now.at[place] = acquired.at[place] = at;
    stored[place][at].value = *p = value;
    stored[place][at].known = order == ORDERED ? now : released;
    stored[place][at].known.at[place] = at;
}

static uint64_t memory_load(const uint64_t *p, int order)
{
    int place = place_of(p), at = now.at[place] + choose(stores[place] - now.at[place]);
    now.at[place] = at;
    view_join(&acquired, &stored[place][at].known);
    view_join(&acquired, &now);
    if (order == ORDERED)
        now = acquired;
    return stored[place][at].value;
}

static void memory_release(void) { released = now; }
static void memory_acquire(void) { now = acquired; }

#define _Py_atomic_store_uint64_relaxed(p, v) memory_store(p, v, RELAXED)
#define _Py_atomic_store_uint64_release(p, v) memory_store(p, v, ORDERED)
#define _Py_atomic_load_uint64_relaxed(p) memory_load(p, RELAXED)
#define _Py_atomic_load_uint64_acquire(p) memory_load(p, ORDERED)
#define _Py_atomic_fence_release() memory_release()
#define _Py_atomic_fence_acquire() memory_acquire()

/* So that the headers use the interpreter's names, which are those above. */
#undef __GNUC__
#include "seqlock.h"

static fc_seqlock lock;

static void write_all(void)
{
    for (int n = 0; n < PLACES; n++)
        memory_store(n == SEQUENCE ? &lock.sequence : &guarded[n], n == BEHIND ? 100 : 0, ORDERED);
    for (uint64_t version = 1; version <= SECTIONS; version++) {
        memory_store(&guarded[BEHIND + version], 100 + version, RELAXED);
        fc_write_begin(&lock);
        memory_store(&guarded[WORDS], version, RELAXED);
        memory_store(&guarded[WORDS + 1], version, RELAXED);
        fc_write_end(&lock);
    }
}

static void fail(const char *what, uint64_t sequence, uint64_t first, uint64_t second)
{
    fprintf(stderr, "%s: at %d the words are %d and %d\n", what, (int)sequence, (int)first, (int)second);
    exit(1);
}

/* Sees the words in either order, follows the first, and looks once more. */
static int read_once(int backwards)
{
    uint64_t words[2], sequence = fc_read_begin(&lock);
    if (!fc_read_allowed(sequence))
        return 0;
    for (int n = 0; n < 2; n++)
        words[n ^ backwards] = memory_load(&guarded[WORDS + (n ^ backwards)], RELAXED);
    if (!fc_read_holds(&lock, sequence))
        return 0;
    if (words[0] != words[1] || words[0] != sequence / 4)
        fail("a mixed view", sequence, words[0], words[1]);
    if (memory_load(&guarded[BEHIND + words[0]], RELAXED) != 100 + words[0])
        fail("followed to what was not there yet", sequence, words[0], words[1]);
    uint64_t again = memory_load(&guarded[WORDS + 1], RELAXED);
    if (fc_read_holds(&lock, sequence) && again != words[0])
        fail("a mixed view at the second look", sequence, words[0], again);
    return 1;
}

int main(void)
{
    view blank = {{0}};
    long ways = 0, accepted[SECTIONS + 1] = {0}, all = 0;
    sequence_at = &lock.sequence;
    write_all();
    for (int backwards = 0; backwards < 2; backwards++) {
        do {
            now = acquired = released = blank;
            ways++;
            if (read_once(backwards))
                accepted[digits[0] / 2]++;
        } while (next_way());
    }
    for (int version = 0; version <= SECTIONS; version++) {
        if (accepted[version] == 0)
            fail("never accepted", 4 * (uint64_t)version, 0, 0);
        all += accepted[version];
    }
    printf("%ld ways to read, %ld accepted\n", ways, all);
    return 0;
}
