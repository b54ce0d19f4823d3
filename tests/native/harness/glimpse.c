/* glimpse.h: amid writers who free keys and values, a reader without a lock gets the value of its key, alive, or none.
 *
 * Each entry holds one of two keys, which differ by a few bytes, and a value that tells which.  All threads read and
 * write, so that values are taken by the thread that made them, and by others.  For a free-threaded interpreter.
 */
#include "objects.h"
#include "entry.h"
#include "glimpse.h"

enum { THREADS = 4, ENTRIES = 2 * KINDS };

static fc_seqlock lock;
static fc_entry entries[ENTRIES];
static int64_t taken, own, absent, refused;

/* One of the two keys of an entry; the value that belongs to it. */
static PyObject *key_of(int at, int which) { return key_new(at % KINDS, (unsigned)(2 * at + which)); }
static int64_t number_of(int at, int which) { return 2 * at + which; }

static void write_once(int at)
{
    int which = (int)draw(3);
    PyObject *key = which == 2 ? NULL : key_of(at, which);
    PyObject *value = which == 2 ? NULL : token_new(number_of(at, which));
    if (value != NULL) {
        check(fc_readable(key) && fc_readable(value), "in unknown memory");
        fc_enable_try(value);
        /* What is written of an object comes before its publication. */
        fc_watch_release(value);
    }
    fc_write_lock(&lock);
    PyObject *old_key = entries[at].key, *old_value = entries[at].content;
    entries[at].key = key;
    falter();
    entries[at].content = value;
    entries[at].hash = (uint32_t)which;
    fc_write_unlock(&lock);
    Py_XDECREF(old_key);
    drop(old_value);
}

/* As reader_find and reader_take: a new reference, or NULL; `certain` if there is none. */
static PyObject *read_once(int at, PyObject *key, int which, int *certain)
{
    fc_entry *e = &entries[at];
    uint64_t sequence = fc_read_begin(&lock);
    *certain = 0;
    if (!fc_read_allowed(sequence))
        return NULL;
    PyObject *stored = fc_see_pointer((void **)&e->key);
    int holder = (int)fc_see_u32(&e->hash);
    if (!fc_read_holds(&lock, sequence))
        return NULL;
    falter();
    if (stored == NULL) {
        *certain = 1;
        return NULL;
    }
    int verdict = fc_glimpse_equal(stored, key, &lock, sequence);
    falter();
    if (verdict != FC_YES) {
        *certain = fc_read_holds(&lock, sequence);
        check(!*certain || (verdict == FC_NO && holder != which), "not found, though it is there");
        return NULL;
    }
    PyObject *value = fc_see_pointer(&e->content);
    if (!fc_read_holds(&lock, sequence))
        return NULL;
    falter();
    int how = fc_try_incref(value);
    if (how == 0)
        return NULL;
    check(how == 1, "no reference is needed to a value that can die");
    falter();
    if (!fc_read_holds(&lock, sequence)) {
        Py_DECREF(value);
        return NULL;
    }
    check(holder == which, "another's key");
    return value;
}

static void work(int number)
{
    int64_t count[4] = {0};
    (void)number;
    for (int n = 0; goes_on(n); n++) {
        int at = (int)draw(ENTRIES), which = (int)draw(2), certain;
        if (draw(16) == 0)
            write_once(at);
        PyObject *key = key_of(at, which), *value = read_once(at, key, which, &certain);
        if (value != NULL) {
            fc_watch_acquire(value);
            falter();
            check(token_number(value) == number_of(at, which), "value %lld of key %d, %d",
                (long long)token_number(value), at, which);
            count[0]++;
            count[1] += value->ob_tid == _Py_ThreadId();
            drop(value);
        } else {
            count[certain ? 2 : 3]++;
        }
        Py_DECREF(key);
        pass();
        /* The interpreter settles what other threads counted when it comes to bytecode. */
        if (n % 1024 == 0)
            check(PyRun_SimpleString("pass") == 0, "no interpreter");
    }
    __atomic_add_fetch(&taken, count[0], __ATOMIC_RELAXED);
    __atomic_add_fetch(&own, count[1], __ATOMIC_RELAXED);
    __atomic_add_fetch(&absent, count[2], __ATOMIC_RELAXED);
    __atomic_add_fetch(&refused, count[3], __ATOMIC_RELAXED);
}

/* In one thread: what a glimpse says of two keys is what Python says, and nothing that is not its to say. */
static void compare_alone(void)
{
    uint64_t sequence = fc_read_begin(&lock);
    for (int n = 0; n < 20000; n++) {
        int kind = (int)draw(KINDS), other = draw(3) ? kind : (int)draw(KINDS);
        unsigned number = (unsigned)draw(3);
        PyObject *a = key_new(kind, number), *b = key_new(other, draw(2) ? number : (unsigned)draw(90000));
        int verdict = fc_glimpse_equal(a, b, &lock, sequence), equal = PyObject_RichCompareBool(a, b, Py_EQ);
        check(verdict == (Py_TYPE(a) != Py_TYPE(b) ? FC_ASK : equal ? FC_YES : FC_NO), "%d, but %d", verdict, equal);
        check(fc_glimpse_equal(a, a, &lock, sequence) == FC_YES, "not itself");
        Py_DECREF(a);
        Py_DECREF(b);
    }
    char bytes[2][100] = {{0}};
    for (size_t n = 0; n < sizeof bytes[0]; n++) {
        check(fc_same_bytes(bytes[0], bytes[1], n), "%zu bytes", n);
        for (size_t at = 0; at < sizeof bytes[0]; at++) {
            bytes[1][at] = 1;
            check(fc_same_bytes(bytes[0], bytes[1], n) == (at >= n), "%zu bytes, differing in %zu", n, at);
            bytes[1][at] = 0;
        }
    }
    check(fc_try_incref(Py_None) == 2, "None needs counting");
}

static void drive(int effort)
{
    check(PyType_Ready(&token_type) == 0, "no type");
    compare_alone();
    set_rounds(30000, effort);
    run_threads(THREADS, work);
    for (int at = 0; at < ENTRIES; at++) {
        Py_XDECREF(entries[at].key);
        drop(entries[at].content);
    }
    check(tokens_alive == 0, "%lld values are kept", (long long)tokens_alive);
    check(own > 0 && taken > own && absent > 0 && refused > 0, "%lld taken", (long long)taken);
    printf("%d threads: %lld values, %lld by who made them, %lld absent, %lld refused\n", THREADS, (long long)taken,
        (long long)own, (long long)absent, (long long)refused);
}

HARNESS(glimpse)
