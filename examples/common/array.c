/* Arrays that grow. */
#include "array.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static void *or_exit(void *p)
{
    if (!p) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
    return p;
}

void *array_room(void *items, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return items;
    size_t more = *cap < 8 ? 8 : *cap * 2;
    if (more < need)
        more = need;
    if (more > SIZE_MAX / size)
        return or_exit(NULL);
    items = or_exit(realloc(items, more * size));
    *cap = more;
    return items;
}

void *array_new(size_t n, size_t size)
{
    return or_exit(calloc(n ? n : 1, size));
}
