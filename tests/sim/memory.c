/* An allocator that is as unlike malloc() as can be: blocks move whenever they are resized, lie in another order,
 * and are full of other bytes. Nothing visible may depend on any of that. */
#include <stdlib.h>
#include <string.h>

#include "run.h"

struct block {
    size_t len, before;
};

static void *resize(void *ctx, void *p, size_t n)
{
    static uint32_t count;
    struct block *old = p == NULL ? NULL : (struct block *)p - 1, *new = NULL;

    (void)ctx;
    if (n > 0) {
        size_t before = (count++ * 2654435761u >> 22) * 16; /* up to 16 KiB, never twice the same in a row */
        char *from = malloc(before + sizeof *new + n);

        if (from == NULL)
            return NULL;
        new = (struct block *)(void *)(from + before);
        *new = (struct block){n, before};
        memset(new + 1, 0xa5, n);
        if (old != NULL)
            memcpy(new + 1, old + 1, old->len < n ? old->len : n);
    }
    if (old != NULL) {
        char *from = (char *)old - old->before;

        memset(old, 0x5a, sizeof *old + old->len);
        free(from);
    }
    return new == NULL ? NULL : new + 1;
}

const usher_allocator moving_memory = { resize, NULL };
