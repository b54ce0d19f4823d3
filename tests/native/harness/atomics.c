/* atomics.h: sums are exact, one wins a swap, and who sees a pointer or a count sees what was written before it. */
#include "harness.h"
#include "atomics.h"

enum { THREADS = 4, PLACES = 2000 };

static int64_t sum, swapped;
static int64_t highest;
static int64_t owners[PLACES];
static int64_t won;

static void add_and_claim(int number)
{
    int64_t mine = 0;
    for (int n = 0; n < rounds; n++) {
        fc_add(&sum, 1);
        for (int64_t seen = fc_load(&swapped); !fc_swap_if(&swapped, seen, seen + 1); seen = fc_load(&swapped))
            falter();
        /* As in raise_to. */
        int64_t wanted = (int64_t)draw(1u << 30), seen = fc_load(&highest);
        while (seen < wanted && !fc_swap_if(&highest, seen, wanted)) {
            falter();
            seen = fc_load(&highest);
        }
        check(fc_load(&highest) >= wanted, "the highest sank");
    }
    for (int n = 0; n < PLACES; n++)
        if (fc_swap_if(&owners[n], 0, number + 1)) {
            mine++;
            check(fc_load(&owners[n]) == number + 1, "another owns %d", n);
        }
    fc_add(&won, mine);
}

/* What is written plainly, and then told of. */
typedef struct {
    int64_t number, same;
} letter;

static letter *letters;
static void *latest;
static int64_t written;

static void tell(int number)
{
    for (int64_t n = 1; number == 0 && n <= rounds; n++) {
        letters[n] = (letter){n, n};
        fc_store_pointer(&latest, &letters[n]);
        fc_add(&written, 1);
    }
    for (int64_t told = 0; number == 1 && told < rounds; falter()) {
        told = fc_load_seen(&written);
        check(letters[told].number == told && letters[told].same == told, "letter %lld", (long long)told);
    }
    for (int64_t last = 0; number > 1 && last < rounds; falter()) {
        letter *seen = fc_load_pointer(&latest);
        check(seen->number >= last, "an older letter");
        check(seen->same == seen->number, "letter %lld was not whole", (long long)seen->number);
        last = seen->number;
    }
}

static void drive(int effort)
{
    set_rounds(30000, effort);
    run_threads(THREADS, add_and_claim);
    check(sum == (int64_t)THREADS * rounds, "a sum of %lld", (long long)sum);
    check(swapped == sum, "%lld were added by swaps", (long long)swapped);
    check(won == PLACES, "%lld swaps were won", (long long)won);
    letters = calloc((size_t)rounds + 1, sizeof *letters);
    latest = letters;
    run_threads(THREADS, tell);
    free(letters);
    printf("%d threads, %d additions each, %d letters\n", THREADS, rounds, rounds);
}

HARNESS(atomics)
