/* entry.h: forty bytes, and durations in steps that grow with them. */
#include "harness.h"
#include "entry.h"

static void drive(int effort)
{
    int last = 1;
    set_rounds(20000, effort);
    check(sizeof(fc_entry) == 40, "%zu bytes", sizeof(fc_entry));
    for (int64_t ns = 0; ns < 7200 * (int64_t)1e9; ns += 1 + ns / rounds) {
        int code = fc_took_code(ns);
        double told = fc_took_seconds((uint8_t)code) * 1e9;
        check(code >= 1 && code <= 127, "%d for %lld ns", code, (long long)ns);
        check(code == last || code == last + 1, "from step %d to %d at %lld ns", last, code, (long long)ns);
        check(fc_took_code((int64_t)told) == code, "step %d is not where it says", code);
        if (code > 1 && code < 127)
            check(told > ns * 0.875 && told < ns * 1.15, "%lld ns are told as %f", (long long)ns, told);
        last = code;
    }
    check(last == 127, "two hours are step %d", last);
    check(fc_took_seconds(127) > 3000 && fc_took_seconds(127) < 3700, "the last step is at %f s", fc_took_seconds(127));
    printf("%d steps\n", last);
}

HARNESS(entry)
