/* Counted immutable bytes: bodies, names, details.
 *
 * Up to 512 bytes they are cut in steps of 16 from chunks, so that a body of 100 bytes costs 112;
 * larger ones come straight from the allocator. A freed small text is reused for the next of its
 * step; chunks go back when the pool is freed. The counts are not atomic: one thread owns a pool
 * and all its texts. NULL is an empty text wherever a text is taken. */
#ifndef USHER_LOCAL_TEXT_H
#define USHER_LOCAL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "local/memory.h"

enum { USHER__TEXT_STEPS = 32 };

struct text {
    uint32_t refs;
    uint32_t len;
    char data[]; /* len bytes and a NUL */
};

struct text_chunk;
struct text_large;

struct text_pool {
    const struct memory *memory;
    struct text_chunk *chunks;
    struct text_large *large; /* list of all, so that the pool can free what is still held */
    void *free[USHER__TEXT_STEPS + 1]; /* [k]: blocks of 16 k bytes */
    char *cut;                         /* the rest of the newest chunk */
    size_t cut_len;
    size_t chunk_len; /* bytes in all chunks, their heads not counted */
    size_t small_len; /* bytes of them in use */
    uint64_t n;       /* texts alive */
};

void usher__text_init(struct text_pool *pool, const struct memory *m);

/* Every text of the pool goes with it, held or not. */
void usher__text_free(struct text_pool *pool);

/* A new text with one reference; NULL: out of memory, or len is too large for a text. An empty one
 * is made too when asked for: NULL always says out of memory here. */
struct text *usher__text_new(struct text_pool *pool, const void *ptr, size_t len);

/* Takes one more reference and returns t. */
static inline struct text *usher__text_ref(struct text *t)
{
    if (t != NULL)
        t->refs++;
    return t;
}

void usher__text_unref(struct text_pool *pool, struct text *t);

static inline const char *usher__text_data(const struct text *t)
{
    return t == NULL ? "" : t->data;
}

static inline uint32_t usher__text_len(const struct text *t)
{
    return t == NULL ? 0 : t->len;
}

bool usher__text_check(const struct text_pool *pool);

#endif
