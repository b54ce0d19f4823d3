/* seqlock.h: a reader accepts only what was true at one instant, and may follow what it has accepted. */
#include "harness.h"
#include "reading.h"

enum { WRITERS = 2, READERS = 2, WORDS = 6 };

/* Written plainly before it is published, and never again. */
typedef struct {
    uint64_t version, same;
} record;

static fc_seqlock lock;
static struct {
    uint64_t words[WORDS]; /* all of them are the version */
    record *record;        /* owned by `records` */
} guarded;
static record *records;
static int64_t writing, sections;
static int64_t accepted, refused;

static void write_section(int begun)
{
    uint64_t version = guarded.words[0] + 1;
    records[version] = (record){version, version};
    if (!begun)
        fc_write_begin(&lock);
    for (int n = 0; n < WORDS; n++) {
        guarded.words[n] = version;
        if (n == WORDS / 2)
            guarded.record = &records[version];
        falter();
    }
}

static void write_all(void)
{
    int n;
    for (n = 0; goes_on(n); n++) {
        if (n % 3 == 0) {
            /* One that only looks at first. */
            fc_mutex_lock(&lock.mutex);
            write_section(0);
            fc_write_end(&lock);
            fc_mutex_unlock(&lock.mutex);
        } else {
            fc_write_lock(&lock);
            write_section(1);
            fc_write_unlock(&lock);
        }
        pass();
        linger();
    }
    __atomic_add_fetch(&sections, n, __ATOMIC_RELAXED);
}

/* Whether what was seen counts; then it must be whole. */
static int read_once(uint64_t *last)
{
    uint64_t seen[WORDS], sequence = fc_read_begin(&lock);
    if (!fc_read_allowed(sequence))
        return 0;
    for (int n = 0; n < WORDS; n++) {
        /* Not in the order of writing. */
        seen[n * 5 % WORDS] = see_i64(&guarded.words[n * 5 % WORDS]);
        falter();
    }
    record *followed = see_pointer(&guarded.record);
    if (!fc_read_holds(&lock, sequence))
        return 0;
    for (int n = 0; n < WORDS; n++)
        check(seen[n] == sequence / 4, "word %d is %llu at %llu", n, (unsigned long long)seen[n],
            (unsigned long long)sequence);
    check(followed->version == seen[0] && followed->same == seen[0], "another's record");
    check(seen[0] >= *last, "time went back");
    *last = seen[0];
    return 1;
}

static void work(int number)
{
    int64_t yes = 0, no = 0;
    uint64_t last = 0;
    if (number < WRITERS) {
        write_all();
        __atomic_sub_fetch(&writing, 1, __ATOMIC_RELAXED);
        return;
    }
    while (__atomic_load_n(&writing, __ATOMIC_RELAXED) > 0) {
        int counts = read_once(&last);
        yes += counts;
        no += !counts;
        if (!counts || draw(128) == 0)
            sched_yield();
        pass();
    }
    __atomic_add_fetch(&accepted, yes, __ATOMIC_RELAXED);
    __atomic_add_fetch(&refused, no, __ATOMIC_RELAXED);
}

static void afterwards(void)
{
    uint64_t last = 0, sequence = fc_read_begin(&lock);
    check(read_once(&last), "refused though nobody writes");
    check(last == (uint64_t)sections, "%llu versions of %lld", (unsigned long long)last, (long long)sections);

    /* A child of a fork finds it amid a section. */
    fc_write_begin(&lock);
    check(!fc_read_allowed(fc_read_begin(&lock)), "a reader amid a section");
    fc_seqlock_reset(&lock);
    check(fc_read_allowed(fc_read_begin(&lock)) && !fc_read_holds(&lock, sequence), "nothing seems to have happened");
    fc_seqlock_reset(&lock);

    /* Closed for good, whatever is written. */
    fc_write_lock(&lock);
    fc_close(&lock);
    check(!fc_read_allowed(fc_read_begin(&lock)), "not closed at once");
    fc_write_unlock(&lock);
    for (int n = 0; n < 3; n++) {
        check(!fc_read_allowed(fc_read_begin(&lock)), "open again");
        fc_write_lock(&lock);
        fc_write_unlock(&lock);
    }
    fc_seqlock_reset(&lock);
    check(!fc_read_allowed(fc_read_begin(&lock)), "open in a child");
}

static void drive(int effort)
{
    set_rounds(10000, effort);
    records = calloc((size_t)WRITERS * rounds + 2, sizeof *records);
    guarded.record = records;
    writing = WRITERS;
    run_threads(WRITERS + READERS, work);
    afterwards();
    free(records);
    check(accepted > 0 && refused > 0, "%lld views accepted, %lld refused", (long long)accepted, (long long)refused);
    printf("%lld sections, %lld views accepted, %lld refused\n", (long long)sections, (long long)accepted,
        (long long)refused);
}

HARNESS(seqlock)
