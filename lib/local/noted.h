/* What has changed since the last cut: a list of numbers in which each stands at most once (who notes
 * it has a flag for that). So room for all that exist is room enough, and noting cannot fail. */
#ifndef USHER_LOCAL_NOTED_H
#define USHER_LOCAL_NOTED_H

#include <stdint.h>

#include <usher/usher.h>

#include "local/memory.h"

struct noted {
    uint32_t *at;
    uint32_t n, room;
};

/* There are `all` of them now. */
static inline int usher__noted_reserve(struct noted *noted, const struct memory *m, uint32_t all)
{
    void *p = usher__grow(m, noted->at, &noted->room, all, sizeof(*noted->at));

    if (p == NULL)
        return USHER_ENOMEM;
    noted->at = p;
    return 0;
}

static inline void usher__noted_add(struct noted *noted, uint32_t number)
{
    noted->at[noted->n++] = number;
}

#endif
