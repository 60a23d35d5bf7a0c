/* See process.h. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, madvise */
#endif

#include "loop/process.h"

#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE_LEN = 4096 };

void usher__process_init(struct process *p)
{
    *p = (struct process){.number = getpid()};
#ifdef MADV_WIPEONFORK
    {
        char *page =
            mmap(NULL, PAGE_LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (page == MAP_FAILED)
            return;
        if (madvise(page, PAGE_LEN, MADV_WIPEONFORK) != 0) {
            (void)munmap(page, PAGE_LEN);
            return;
        }
        page[0] = 1;
        p->page = page;
    }
#endif
}

void usher__process_free(struct process *p)
{
    if (p->page != NULL)
        (void)munmap((void *)(size_t)p->page, PAGE_LEN);
    p->page = NULL;
}

bool usher__process_is_mine(const struct process *p)
{
    return p->page != NULL ? p->page[0] != 0 : p->number == getpid();
}
