/* words.h: sets of eight words, in either way they are made, against word after word. */
#include "harness.h"
#include "words.h"

/* Few enough kinds that all of them meet: empty ones, and those with tags and homes near each other. */
static uint32_t draw_word(void)
{
    switch (draw(4)) {
    case 0:
        return 0;
    case 1:
        return (uint32_t)draw(1u << 20) | (uint32_t)draw(32) << FC_WORD_HOME_SHIFT;
    case 2:
        return 0x80000001u << draw(2);
    default:
        return (uint32_t)draw(1ull << 32);
    }
}

static void drive(int effort)
{
    /* No byte more than may be read. */
    uint32_t *words = malloc(FC_WORDS * sizeof *words);
    set_rounds(200000, effort);
    for (int round = 0; round < rounds; round++) {
        for (int n = 0; n < FC_WORDS; n++)
            words[n] = draw_word();
        uint32_t word = draw(2) ? words[draw(FC_WORDS)] : draw_word(), tag = word >> FC_WORD_TAG_SHIFT;
        uint32_t first = (uint32_t)draw(1ull << 32), bits = (1u << draw(6)) - 1;
        uint32_t equal = fc_words_equal(words, word), tagged = fc_words_tagged(words, tag);
        uint32_t pushed = fc_words_pushed(words, first, bits);
        check((equal | tagged | pushed) >> FC_WORDS == 0, "%x %x %x", equal, tagged, pushed);
        for (uint32_t n = 0; n < FC_WORDS; n++) {
            uint32_t bit = 1u << n, far = (first + n - (words[n] >> FC_WORD_HOME_SHIFT)) & bits;
            check(!(equal & bit) == (words[n] != word), "%u: %08x, equal to %08x?", n, words[n], word);
            check(!(tagged & bit) == (words[n] >> FC_WORD_TAG_SHIFT != tag), "%u: %08x, of %02x?", n, words[n], tag);
            check(words[n] == 0 || !(pushed & bit) == (far <= n), "%u: %08x, pushed past %u?", n, words[n], first);
        }
        uint32_t set = (uint32_t)draw(255) + 1, lowest = fc_first_of(set);
        check(set >> lowest & 1 && (set & ((1u << lowest) - 1)) == 0, "the first of %x is not %u", set, lowest);
    }
    free(words);
    printf("%d times eight words\n", rounds);
}

HARNESS(words)
