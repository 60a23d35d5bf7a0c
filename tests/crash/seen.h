/* Images that were opened before, by their hash, and what came out: most states of a disk look like
 * another one, and are judged without being opened again. */
#ifndef USHER_CRASH_SEEN_H
#define USHER_CRASH_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen_row {
    uint64_t hash; /* 0: none */
    int64_t value; /* the caller's */
};
struct seen {
    struct seen_row *rows;
    size_t n, room; /* room: a power of 2 */
};

/* The row of this image, until the next call. *fresh: it is new, its value is for you to set. */
struct seen_row *seen_at(struct seen *seen, uint64_t hash, bool *fresh);
void seen_free(struct seen *seen);

#endif
