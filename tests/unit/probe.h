/* What the tests of lib/local share: an allocator that counts, moves and fails, and numbers that are
 * the same in every run. */
#ifndef USHER_UNIT_PROBE_H
#define USHER_UNIT_PROBE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Counts what is held, moves every block that is resized, and fails when `left` allocations have
 * been granted; UINT32_MAX: never. */
struct probe {
    size_t held_n;
    size_t held_len;
    uint32_t left;
};

static inline void *probe_resize(void *ctx, void *p, size_t n)
{
    struct probe *probe = ctx;
    max_align_t *old = p == NULL ? NULL : (max_align_t *)p - 1;
    size_t old_len = 0;
    max_align_t *block = NULL;

    if (n > 0 && probe->left == 0)
        return NULL;
    if (n > 0 && probe->left != UINT32_MAX)
        probe->left--;
    if (old != NULL)
        memcpy(&old_len, old, sizeof old_len);
    if (n > 0) {
        block = malloc(sizeof *block + n);
        assert_non_null(block);
        memset(block, 0xa5, sizeof *block + n);
        memcpy(block, &n, sizeof n);
        if (old != NULL)
            memcpy(block + 1, old + 1, old_len < n ? old_len : n);
        probe->held_n++;
        probe->held_len += n;
    }
    if (old != NULL) {
        probe->held_n--;
        probe->held_len -= old_len;
        free(old);
    }
    return block == NULL ? NULL : block + 1;
}

/* xorshift64: the same numbers in every run. */
static inline uint64_t draw(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static inline uint32_t below(uint64_t *state, uint32_t n)
{
    return (uint32_t)(draw(state) >> 33) % n;
}

#endif
