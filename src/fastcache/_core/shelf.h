/* Memory that has left a table while readers without a lock may still be looking at it.
 *
 * It is set aside rather than freed, and taken again, by exact size, before new memory is asked for: a stripe never
 * holds more of it than it needed at its fullest.  It is freed when nobody can be looking: with the world stopped,
 * since no reader stops inside a section, or with the store.
 *
 * A reader that looks at a shelved block sees nonsense, and learns so from the sequence.  All it may ever leave there
 * is the mark of an entry; so chunks of entries are taken again only as such.  A shelf is guarded by its stripe's
 * mutex.  Where readers always lock, shelving is freeing.
 */
#ifndef FASTCACHE_SHELF_H
#define FASTCACHE_SHELF_H

#include "mutex.h"
#include "pages.h"

#if FC_FREE_READS

/* At the beginning of a shelved block. */
typedef struct fc_block {
    struct fc_block *next;
    size_t size;
} fc_block;

typedef struct {
    fc_block *chunks; /* owned; of entries */
    fc_block *words;  /* owned; indexes, and arrays of pointers to chunks */
    size_t bytes;     /* in all of them */
} fc_shelf;

static inline void *fc_shelf_take(fc_shelf *shelf, fc_block **at, size_t size)
{
    if (size < sizeof(fc_block))
        size = sizeof(fc_block);
    for (fc_block *block; (block = *at) != NULL; at = &block->next) {
        if (block->size == size) {
            *at = block->next;
            shelf->bytes -= size;
            return block;
        }
    }
    return PyMem_RawMalloc(size);
}

static inline void fc_shelf_put(fc_shelf *shelf, fc_block **at, void *memory, size_t size)
{
    fc_block *block = (fc_block *)memory;
    if (block == NULL)
        return;
    block->next = *at;
    block->size = size < sizeof(fc_block) ? sizeof(fc_block) : size;
    shelf->bytes += block->size;
    *at = block;
}

static inline void *fc_take_chunk(fc_shelf *shelf, size_t size) { return fc_shelf_take(shelf, &shelf->chunks, size); }
static inline void *fc_take_words(fc_shelf *shelf, size_t size)
{
    void *memory = fc_shelf_take(shelf, &shelf->words, size);
    return memory == NULL ? NULL : memset(memory, 0, size);
}
static inline void fc_shelve_chunk(fc_shelf *shelf, void *memory, size_t size)
{
    fc_shelf_put(shelf, &shelf->chunks, memory, size);
}
static inline void fc_shelve_words(fc_shelf *shelf, void *memory, size_t size)
{
    fc_shelf_put(shelf, &shelf->words, memory, size);
}
static inline size_t fc_shelf_bytes(const fc_shelf *shelf) { return shelf->bytes; }

/* Nobody can be looking. */
static inline void fc_shelf_empty(fc_shelf *shelf)
{
    for (fc_block *block; (block = shelf->chunks) != NULL || (block = shelf->words) != NULL;) {
        *(shelf->chunks != NULL ? &shelf->chunks : &shelf->words) = block->next;
        fc_vacate_pages(block, block->size);
        PyMem_RawFree(block);
    }
    shelf->bytes = 0;
}

/* Calls `visit(some object, arg)`, which returns 0, while no other thread is inside a section. */
static inline void fc_stop_world(int (*visit)(PyObject *, void *), void *arg) { PyUnstable_GC_VisitObjects(visit, arg); }

#else

typedef struct {
    char none;
} fc_shelf;

#define fc_take_chunk(shelf, size) ((void)(shelf), PyMem_RawMalloc(size))
#define fc_take_words(shelf, size) ((void)(shelf), PyMem_RawCalloc(size, 1))
#define fc_shelve_chunk(shelf, memory, size) ((void)(shelf), (void)(size), PyMem_RawFree(memory))
#define fc_shelve_words(shelf, memory, size) ((void)(shelf), (void)(size), PyMem_RawFree(memory))
#define fc_shelf_bytes(shelf) ((void)(shelf), (size_t)0)
#define fc_shelf_empty(shelf) ((void)(shelf))
#define fc_stop_world(visit, arg) ((void)(visit), (void)(arg))

#endif
#endif
