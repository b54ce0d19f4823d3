/* Words of a table's index, eight at a time, as sets of bits: bit n stands for the n-th word.
 *
 * A loop that ends at one word or the next is a branch that no processor foretells, and each costs more than all the
 * rest of a search; a set is made without any.
 */
#ifndef FASTCACHE_WORDS_H
#define FASTCACHE_WORDS_H

#include <stdint.h>

#define FC_WORDS 8
/* As index.pxd has them: the upper byte of a word is its tag, the upper bits of that the lower ones of its home. */
#define FC_WORD_TAG_SHIFT 24
#define FC_WORD_HOME_SHIFT 27

/* The lowest bit of a set that is not empty. */
#if defined(__GNUC__)
static inline uint32_t fc_first_of(uint32_t set) { return (uint32_t)__builtin_ctz(set); }
#else
static inline uint32_t fc_first_of(uint32_t set)
{
    uint32_t n = 0;
    while (!(set & 1)) {
        set >>= 1;
        n++;
    }
    return n;
}
#endif

#if defined(__SSE2__)
#include <emmintrin.h>

/* Of two sets as lanes of four, all ones or all zeros: the bits of eight words. */
static inline uint32_t fc_lanes(__m128i low, __m128i high)
{
    __m128i lanes = _mm_packs_epi32(low, high);
    return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(lanes, lanes)) & 0xFF;
}
static inline uint32_t fc_words_equal(const uint32_t *words, uint32_t word)
{
    __m128i wanted = _mm_set1_epi32((int)word);
    __m128i low = _mm_loadu_si128((const __m128i *)words), high = _mm_loadu_si128((const __m128i *)(words + 4));
    return fc_lanes(_mm_cmpeq_epi32(low, wanted), _mm_cmpeq_epi32(high, wanted));
}
static inline uint32_t fc_words_tagged(const uint32_t *words, uint32_t tag)
{
    __m128i wanted = _mm_set1_epi32((int)tag);
    __m128i low = _mm_loadu_si128((const __m128i *)words), high = _mm_loadu_si128((const __m128i *)(words + 4));
    return fc_lanes(
        _mm_cmpeq_epi32(_mm_srli_epi32(low, FC_WORD_TAG_SHIFT), wanted),
        _mm_cmpeq_epi32(_mm_srli_epi32(high, FC_WORD_TAG_SHIFT), wanted));
}
static inline uint32_t fc_words_pushed(const uint32_t *words, uint32_t first, uint32_t bits)
{
    __m128i ahead = _mm_set_epi32(3, 2, 1, 0), four = _mm_set1_epi32(4), mask = _mm_set1_epi32((int)bits);
    __m128i place = _mm_add_epi32(_mm_set1_epi32((int)first), ahead);
    __m128i low = _mm_loadu_si128((const __m128i *)words), high = _mm_loadu_si128((const __m128i *)(words + 4));
    low = _mm_sub_epi32(place, _mm_srli_epi32(low, FC_WORD_HOME_SHIFT));
    high = _mm_sub_epi32(_mm_add_epi32(place, four), _mm_srli_epi32(high, FC_WORD_HOME_SHIFT));
    return fc_lanes(
        _mm_cmpgt_epi32(_mm_and_si128(low, mask), ahead),
        _mm_cmpgt_epi32(_mm_and_si128(high, mask), _mm_add_epi32(ahead, four)));
}

#else

/* Those equal to a word. */
static inline uint32_t fc_words_equal(const uint32_t *words, uint32_t word)
{
    uint32_t set = 0;
    for (int n = 0; n < FC_WORDS; n++)
        set |= (uint32_t)(words[n] == word) << n;
    return set;
}
/* Those with a tag; an empty word has the tag 0. */
static inline uint32_t fc_words_tagged(const uint32_t *words, uint32_t tag)
{
    uint32_t set = 0;
    for (int n = 0; n < FC_WORDS; n++)
        set |= (uint32_t)(words[n] >> FC_WORD_TAG_SHIFT == tag) << n;
    return set;
}
/* Those that were pushed further than n from their homes, the first word being the `first` of its index, and `bits` the
 * lower bits of a place that tags know.  What it says of empty words means nothing.
 */
static inline uint32_t fc_words_pushed(const uint32_t *words, uint32_t first, uint32_t bits)
{
    uint32_t set = 0;
    for (uint32_t n = 0; n < FC_WORDS; n++)
        set |= (uint32_t)(((first + n - (words[n] >> FC_WORD_HOME_SHIFT)) & bits) > n) << n;
    return set;
}

#endif
#endif
