/* A policy's JSON text: taken or refused with a path, never anything in between; and when memory runs
 * out at any place of it, all is given back. The first byte says where. */
#include <stdlib.h>
#include <string.h>

#include "core/policy.h"
#include "fuzz.h"

struct purse {
    uint32_t held, left;
};

static void *resize(void *ctx, void *p, size_t n)
{
    struct purse *purse = ctx;

    if (n == 0) {
        purse->held -= p != NULL;
        free(p);
        return NULL;
    }
    if (purse->left == 0)
        return NULL;
    purse->left--;
    purse->held += p == NULL;
    return realloc(p, n);
}

static int zone(void *ctx, const char *name, const void **bytes, size_t *len)
{
    (void)ctx;
    if (strcmp(name, "Europe/Berlin") != 0 && strcmp(name, "America/New_York") != 0)
        return strcmp(name, "broken") == 0 ? USHER_EINVAL : USHER_ENOENT;
    *bytes = fuzz_zone(name, len);
    return *bytes == NULL ? USHER_ENOENT : 0;
}

static int compile(struct policy *p, const char *text, size_t len, struct purse *purse)
{
    usher_allocator allocator = {resize, purse};
    struct policy_world world = {
        .allocator = &allocator, .now = INT64_C(1700000000000), .zone = zone};
    char err[64];
    int r;

    memset(err, 'x', sizeof err);
    r = usher__policy_compile(p, text, len, &world, err, sizeof err);
    MUST(r == 0 || r == USHER_ENOMEM || r == USHER_EPOLICY);
    if (r == USHER_EPOLICY) {
        MUST(memchr(err, '\0', sizeof err) != NULL);
        MUST(strncmp(err, "policy: ", 8) == 0);
    }
    if (r == 0) {
        MUST(p->ladder_n == 0 || p->ladder != NULL);
        MUST(p->lease_for > 0 && p->lease_for <= p->lease_max);
        MUST(p->allocator == &allocator || p->allocator == NULL);
        usher__policy_free(p);
    }
    MUST(purse->held == 0);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct purse plenty = {.left = UINT32_MAX}, few = {0};
    struct policy p;
    const char *text;
    char *exact;

    if (len == 0)
        return 0;
    few.left = data[0];
    exact = malloc(len); /* a byte more and the sanitizer says so */
    MUST(exact != NULL);
    memcpy(exact, data + 1, len - 1);
    text = exact;
    if (compile(&p, text, len - 1, &plenty) == 0) {
        int r = compile(&p, text, len - 1, &few);

        MUST(r == 0 || r == USHER_ENOMEM);
    }
    free(exact);
    return 0;
}
