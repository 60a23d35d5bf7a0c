/* What compiling a policy needs beside its text: memory that is counted and may run out, zones that
 * hang on no machine, and a present. */
#ifndef USHER_UNIT_WORLD_H
#define USHER_UNIT_WORLD_H

#include <stdlib.h>
#include <string.h>

#include <usher/usher.h>

#include "core/policy.h"

#define WORLD_NOW INT64_C(1790000000000) /* 2026-09-21 */

struct counted {
    size_t blocks; /* that are not given back */
    size_t asked;  /* how often there was something to allocate */
    size_t fails;  /* from the how manieth on there is none; 0: never */
};

static inline void *counted_resize(void *ctx, void *p, size_t n)
{
    struct counted *c = ctx;
    void *block;

    if (n == 0) {
        c->blocks -= p != NULL;
        free(p);
        return NULL;
    }
    if (++c->asked >= c->fails && c->fails != 0)
        return NULL;
    block = realloc(p, n);
    c->blocks += p == NULL && block != NULL;
    return block;
}

/* As a zone file says it: a type, no transitions, and the rule in the footer. */
#define ZONE_HEAD                                                                                  \
    "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4"
#define ZONE_CET  ZONE_HEAD "\0\0\x0e\x10\0\0CET\0"
#define ZONE_FILE ZONE_CET ZONE_CET "\nCET-1CEST,M3.5.0,M10.5.0/3\n"

/* Berlin, or UTC; what else can be is named after what happens. */
static inline int zone_by_name(void *ctx, const char *name, const void **bytes, size_t *len)
{
    (void)ctx;
    *bytes = NULL;
    *len = 0;
    if (strcmp(name, "UTC") == 0)
        return 0;
    if (strcmp(name, "No/Memory") == 0)
        return USHER_ENOMEM;
    if (strcmp(name, "No/Reading") == 0)
        return -5;
    if (strcmp(name, "Europe/Berlin") != 0 && strcmp(name, "No/Zone") != 0)
        return USHER_ENOENT;
    *bytes = ZONE_FILE;
    *len = strcmp(name, "No/Zone") == 0 ? 40 : sizeof ZONE_FILE - 1;
    return 0;
}

static inline void *libc_resize(void *ctx, void *p, size_t n)
{
    (void)ctx;
    if (n > 0)
        return realloc(p, n);
    free(p);
    return NULL;
}

static const usher_allocator libc_allocator = {libc_resize, NULL};
static const struct policy_world plain_world = {&libc_allocator, WORLD_NOW, zone_by_name, NULL};

#endif
