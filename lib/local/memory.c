/* Memory through the host's allocator: the default one, growth, huge pages. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* madvise */
#endif

#include "local/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void *libc_resize(void *ctx, void *p, size_t n)
{
    (void)ctx;
    if (n == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, n);
}

const struct memory usher__memory_libc = {libc_resize, NULL};

void *usher__alloc(const struct memory *m, size_t n)
{
    return m->resize(m->ctx, NULL, n);
}

void *usher__zalloc(const struct memory *m, size_t n)
{
    void *p = usher__alloc(m, n);

    if (p != NULL)
        memset(p, 0, n);
    return p;
}

void *usher__resize(const struct memory *m, void *p, size_t n)
{
    return m->resize(m->ctx, p, n);
}

void usher__free(const struct memory *m, void *p)
{
    if (p != NULL)
        m->resize(m->ctx, p, 0);
}

uint32_t usher__grown(uint32_t room, uint64_t need)
{
    uint64_t grown = room < 4096 ? 2 * (uint64_t)room : room + (uint64_t)room / 8;

    if (need > UINT32_MAX)
        return 0;
    if (grown < 8)
        grown = 8;
    if (grown < need)
        grown = need;
    return grown > UINT32_MAX ? UINT32_MAX : (uint32_t)grown;
}

void *usher__grow(const struct memory *m, void *p, uint32_t *room, uint64_t need, size_t item_len)
{
    uint32_t grown = usher__grown(*room, need);
    size_t len;
    void *q;

    if (need <= *room)
        return p;
    if (grown == 0 || __builtin_mul_overflow(grown, item_len, &len))
        return NULL;
    q = usher__resize(m, p, len);
    if (q != NULL)
        *room = grown;
    return q;
}

/* The kernel wants whole pages; a block with no whole huge page in it gains nothing. */
void usher__memory_huge(void *p, size_t n)
{
#ifdef MADV_HUGEPAGE
    enum { PAGE = 4096, HUGE_PAGE = 2 << 20 };
    uintptr_t from = ((uintptr_t)p + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
    uintptr_t to = ((uintptr_t)p + n) & ~(uintptr_t)(PAGE - 1);

    if (to > from && to - from >= HUGE_PAGE)
        (void)madvise((void *)from, to - from, MADV_HUGEPAGE);
#else
    (void)p;
    (void)n;
#endif
}
