/* One cached value in 40 bytes; entry.pxd says what it means. */
#ifndef FASTCACHE_ENTRY_H
#define FASTCACHE_ENTRY_H

#include "Python.h"
#include <stdint.h>
#include <string.h>

typedef struct {
    float to_expiry;    /* from due_at */
    float since_write;  /* to due_at */
} fc_span;

typedef union {
    fc_span span;       /* where due_at is an instant */
    int64_t written_at; /* where it is FOREVER */
} fc_distances;

typedef struct {
    PyObject *key;      /* owned; NULL marks a free slot */
    void *content;      /* the value (owned), or the Extra when has_extra */
    int64_t due_at;     /* ALWAYS with an Extra, which then has it */
    fc_distances times;
    uint32_t hash;      /* low half of the mixed hash; in a free slot, the next free one */
    uint8_t marks;      /* recent use, for eviction */
    uint8_t has_extra : 1;
    uint8_t took : 7;   /* how long the load of the value did, as fc_took_code has it */
    uint16_t standing;  /* queue, and the time of coming there, for eviction */
} fc_entry;

/* A duration in four steps an octave, from a microsecond (1) to an hour (127).  As a float's bits are
 * its logarithm, roughly, this is where they begin.
 */
static inline uint8_t fc_took_code(int64_t nanoseconds)
{
    float microseconds = (float)nanoseconds * 1e-3f;
    uint32_t bits;
    if (microseconds < 1.0f)
        return 1;
    memcpy(&bits, &microseconds, sizeof bits);
    bits = (bits >> 21) - (127u << 2) + 1;
    return (uint8_t)(bits < 127 ? bits : 127);
}

/* The middle of a step, in seconds. */
static inline double fc_took_seconds(uint8_t code)
{
    uint32_t bits = ((code - 1 + (127u << 2)) << 21) + (1u << 20);
    float microseconds;
    memcpy(&microseconds, &bits, sizeof bits);
    return microseconds * 1e-6;
}

#endif
