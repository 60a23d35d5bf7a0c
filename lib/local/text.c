/* Counted immutable bytes.
 *
 * Small blocks are cut off the newest chunk; since all are multiples of 16, so is what is left of a
 * chunk when the next one comes, and it goes to the free list of its size: nothing is wasted and no
 * block needs a head, for its text's length says which list it returns to. */
#include "local/text.h"

#include <string.h>

#include "core/cold.h"

enum { STEP = 16, SMALL_LEN = USHER__TEXT_STEPS * STEP, CHUNK_MIN = 4096, CHUNK_MAX = 4 << 20 };

struct text_chunk {
    struct text_chunk *next;
    size_t len; /* keeps the head a multiple of STEP */
};

/* Stands before the text. */
struct text_large {
    struct text_large *prev;
    struct text_large *next;
};

_Static_assert(sizeof(struct text_chunk) % STEP == 0, "blocks begin at multiples of STEP");

void usher__text_init(struct text_pool *pool, const struct memory *m)
{
    *pool = (struct text_pool){.memory = m};
}

COLD void usher__text_free(struct text_pool *pool)
{
    while (pool->chunks != NULL) {
        struct text_chunk *next = pool->chunks->next;

        usher__free(pool->memory, pool->chunks);
        pool->chunks = next;
    }
    while (pool->large != NULL) {
        struct text_large *next = pool->large->next;

        usher__free(pool->memory, pool->large);
        pool->large = next;
    }
    usher__text_init(pool, pool->memory);
}

/* The bytes of a text of len in steps. */
static size_t block_len(uint32_t len)
{
    size_t n = sizeof(struct text) + len + 1;

    return (n + STEP - 1) / STEP * STEP;
}

static void shelve(struct text_pool *pool, void *block, size_t len)
{
    memcpy(block, &pool->free[len / STEP], sizeof(void *));
    pool->free[len / STEP] = block;
}

/* An eighth more each time, within bounds. */
static COLD bool add_chunk(struct text_pool *pool)
{
    size_t len = pool->chunk_len / 8 / STEP * STEP;
    struct text_chunk *chunk;

    if (len < CHUNK_MIN)
        len = CHUNK_MIN;
    if (len > CHUNK_MAX)
        len = CHUNK_MAX;
    chunk = usher__alloc(pool->memory, sizeof *chunk + len);
    if (chunk == NULL)
        return false;
    usher__memory_huge(chunk, sizeof *chunk + len);
    if (pool->cut_len > 0)
        shelve(pool, pool->cut, pool->cut_len);
    chunk->next = pool->chunks;
    chunk->len = len;
    pool->chunks = chunk;
    pool->chunk_len += len;
    pool->cut = (char *)(chunk + 1);
    pool->cut_len = len;
    return true;
}

static void *small_block(struct text_pool *pool, size_t len)
{
    void *block = pool->free[len / STEP];

    if (block != NULL) {
        memcpy(&pool->free[len / STEP], block, sizeof(void *));
    } else {
        if (pool->cut_len < len && !add_chunk(pool))
            return NULL;
        block = pool->cut;
        pool->cut += len;
        pool->cut_len -= len;
    }
    pool->small_len += len;
    return block;
}

static COLD void *large_block(struct text_pool *pool, size_t len)
{
    struct text_large *large = usher__alloc(pool->memory, sizeof *large + len);

    if (large == NULL)
        return NULL;
    large->prev = NULL;
    large->next = pool->large;
    if (large->next != NULL)
        large->next->prev = large;
    pool->large = large;
    return large + 1;
}

struct text *usher__text_new(struct text_pool *pool, const void *ptr, size_t len)
{
    struct text *t;
    size_t n;

    if (len > UINT32_MAX - 64)
        return NULL;
    n = block_len((uint32_t)len);
    t = n <= SMALL_LEN ? small_block(pool, n) : large_block(pool, n);
    if (t == NULL)
        return NULL;
    t->refs = 1;
    t->len = (uint32_t)len;
    if (len > 0)
        memcpy(t->data, ptr, len);
    t->data[len] = '\0';
    pool->n++;
    return t;
}

static COLD void free_large(struct text_pool *pool, struct text_large *large)
{
    if (large->prev != NULL)
        large->prev->next = large->next;
    else
        pool->large = large->next;
    if (large->next != NULL)
        large->next->prev = large->prev;
    usher__free(pool->memory, large);
}

void usher__text_unref(struct text_pool *pool, struct text *t)
{
    size_t n;

    if (t == NULL || --t->refs > 0)
        return;
    pool->n--;
    n = block_len(t->len);
    if (n > SMALL_LEN) {
        free_large(pool, (struct text_large *)(void *)t - 1);
    } else {
        pool->small_len -= n;
        shelve(pool, t, n);
    }
}

/* Bytes on the free list of k steps; more than `most` when it is broken. */
static size_t shelved(const struct text_pool *pool, size_t k, size_t most)
{
    size_t len = 0;

    for (void *block = pool->free[k]; block != NULL && len <= most; len += k * STEP)
        memcpy(&block, block, sizeof block);
    return len;
}

bool usher__text_check(const struct text_pool *pool)
{
    const struct text_large *prev = NULL;
    size_t chunk_len = 0;
    size_t free_len = pool->cut_len;
    uint64_t large_n = 0;

    for (const struct text_chunk *c = pool->chunks; c != NULL; c = c->next)
        chunk_len += c->len;
    if (chunk_len != pool->chunk_len || pool->small_len > chunk_len || pool->free[0] != NULL)
        return false;
    for (size_t k = 1; k <= USHER__TEXT_STEPS && free_len <= chunk_len; k++)
        free_len += shelved(pool, k, chunk_len);
    if (free_len + pool->small_len != chunk_len)
        return false;
    for (const struct text_large *l = pool->large; l != NULL; prev = l, l = l->next) {
        if (l->prev != prev || large_n++ > pool->n)
            return false;
    }
    return large_n <= pool->n && pool->small_len / STEP >= pool->n - large_n;
}
