/* pages.h: of memory that is about to be freed whole pages go back, and nothing beside it is touched. */
#include "harness.h"
#include <errno.h>
#include "pages.h"
#ifdef __linux__
#include <sys/mman.h>

enum { PAGES = 4, SIZE = PAGES * 4096 };

/* The bytes that are zero now lie within [from, to), and are whole pages, all that there are. */
static void look(const char *memory, size_t from, size_t to)
{
    size_t first = (from + 4095) / 4096, end = to / 4096;
    for (size_t n = 0; n < SIZE; n++) {
        int gone = n / 4096 >= first && n / 4096 < end;
        check(memory[n] == (gone ? 0 : 7), "byte %zu is %d, of %zu to %zu", n, memory[n], from, to);
    }
}

static void drive(int effort)
{
    set_rounds(1000, effort);
    for (int round = 0; round < rounds; round++) {
        char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        size_t from = draw(SIZE), to = from + draw(SIZE - from + 1);
        if (draw(2))
            from &= ~(size_t)4095;
        if (draw(2))
            to = (to + 4095) & ~(size_t)4095;
        memset(memory, 7, SIZE);
        errno = ENOSPC;
        fc_vacate_pages(memory + from, to - from);
        check(errno == ENOSPC, "errno is %d", errno);
        look(memory, from, to);
        munmap(memory, SIZE);
        /* The system refuses what is not there. */
        fc_vacate_pages(memory, SIZE);
        check(errno == ENOSPC, "errno is %d afterwards", errno);
    }
    printf("%d pieces of memory\n", rounds);
}

#else

static void drive(int effort)
{
    int error = errno = 7;
    fc_vacate_pages(&effort, sizeof effort);
    check(errno == error, "errno is %d", errno);
}

#endif

HARNESS(pages)
