/* hash.h: products of 64 bits, in either way they are made, against long multiplication bit by bit. */
#include "harness.h"
#include "hash.h"

static uint64_t draw_factor(void)
{
    static const uint64_t edges[] = {0, 1, 0xFFFFFFFFu, 1ull << 32, (1ull << 32) + 1, 1ull << 63, ~0ull, ~0ull << 32};
    if (draw(2))
        return edges[draw(sizeof edges / sizeof *edges)];
    return draw(1ull << 32) << 32 | draw(1ull << 32);
}

static void multiply(uint64_t a, uint64_t b, uint64_t *high, uint64_t *low)
{
    *high = *low = 0;
    for (int bit = 63; bit >= 0; bit--) {
        *high = *high << 1 | *low >> 63;
        *low <<= 1;
        if (b >> bit & 1) {
            *low += a;
            *high += *low < a;
        }
    }
}

static void drive(int effort)
{
    set_rounds(50000, effort);
    for (int round = 0; round < rounds; round++) {
        uint64_t a = draw_factor(), b = draw_factor(), high, low;
        multiply(a, b, &high, &low);
        check(fc_mul_high(a, b) == high, "%llx * %llx", (unsigned long long)a, (unsigned long long)b);
        check(fc_mul_fold(a, b) == (high ^ low), "%llx * %llx", (unsigned long long)a, (unsigned long long)b);
    }
    printf("%d products\n", rounds);
}

HARNESS(hash)
