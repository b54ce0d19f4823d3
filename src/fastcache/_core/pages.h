/* Memory that is about to be freed goes back to the system at once, page by page.
 *
 * An allocator gives pages back only where nothing behind them is in use, and that is chance.  Until it is freed
 * the memory is ours, and what is in it does not matter any more.
 */
#ifndef FASTCACHE_PAGES_H
#define FASTCACHE_PAGES_H

#include <stddef.h>
#include <stdint.h>

#if defined(__linux__)
#include <errno.h>
#include <sys/mman.h>

/* Where pages are larger, the system refuses what is not a whole one, and nothing is lost. */
#define FC_PAGE ((uintptr_t)4096)

static inline void fc_vacate_pages(void *memory, size_t size)
{
    uintptr_t from = ((uintptr_t)memory + FC_PAGE - 1) & ~(FC_PAGE - 1);
    uintptr_t to = ((uintptr_t)memory + size) & ~(FC_PAGE - 1);
    int error = errno;
    if (from < to)
        madvise((void *)from, to - from, MADV_DONTNEED);
    errno = error;
}

#else

static inline void fc_vacate_pages(void *memory, size_t size)
{
    (void)memory;
    (void)size;
}

#endif
#endif
