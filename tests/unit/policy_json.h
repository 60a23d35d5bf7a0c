/* For the tests of policies: compiling a text that has ' for ", so that it can be read. */
#ifndef USHER_UNIT_POLICY_JSON_H
#define USHER_UNIT_POLICY_JSON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <usher/usher.h>

#include "core/policy.h"
#include "world.h"

enum { JSON_SIZE = 4096, ERR_SIZE = 1024 };

/* From a block of just that size, so that a sanitizer sees a read behind its end. */
static inline int compile(struct policy *out, const char *json, size_t len, char err[ERR_SIZE])
{
    char *block = malloc(len > 0 ? len : 1);
    int rc;

    assert_non_null(block);
    memcpy(block, json, len);
    rc = usher__policy_compile(out, block, len, &plain_world, err, ERR_SIZE);
    free(block);
    return rc;
}

/* Puts the quotes right. Returns the length. */
static inline size_t to_json(char json[JSON_SIZE], const char *text)
{
    size_t len = strlen(text);

    assert_true(len < JSON_SIZE);
    memcpy(json, text, len + 1);
    for (size_t i = 0; i < len; i++) {
        if (json[i] == '\'')
            json[i] = '"';
    }
    return len;
}

/* Owned by who asks for it. */
static inline struct policy good(const char *text)
{
    struct policy p;
    char json[JSON_SIZE], err[ERR_SIZE];
    size_t len = to_json(json, text);

    memset(&p, 0xa5, sizeof p);
    if (compile(&p, json, len, err) != USHER_OK)
        fail_msg("%s\n%s", text, err);
    assert_string_equal(err, "");
    return p;
}

/* Wrong, with this to say after "policy: ", and nothing written. */
static inline void bad_json(const char *json, size_t len, const char *expected)
{
    struct policy p, before;
    char err[ERR_SIZE];

    memset(&p, 0xa5, sizeof p);
    memcpy(&before, &p, sizeof p);
    if (compile(&p, json, len, err) != USHER_EPOLICY)
        fail_msg("taken: %.*s", (int)len, json);
    assert_memory_equal(&p, &before, sizeof p);
    assert_memory_equal(err, "policy: ", 8);
    assert_string_equal(err + 8, expected);
}

static inline void bad(const char *text, const char *expected)
{
    char json[JSON_SIZE];
    size_t len = to_json(json, text);

    bad_json(json, len, expected);
}

/* The preset, written out, with every key that it can have. */
static const char whole_policy[] =
    "{'promises':{"
    "'ack':{'target':{'urgent':'15m','high':'1h','normal':'4h','low':'8h'},"
    "'pauses':[],'receipt':false},"
    "'answer':{'target':'4h','pauses':[]},"
    "'update':{'target':{'urgent':'1h','normal':'48h'},'pauses':['requester'],'named':'capped'},"
    "'resolve':{'target':{'urgent':'4h','high':'8h','normal':'72h','low':'240h'},"
    "'pauses':['requester','third_party']}},"
    "'warn':[50,80],"
    "'ladder':[{'on':'ack','at':'100%','notify':['lead'],'raise':1},"
    "{'on':'resolve','at':'-1h','notify':['agent']},"
    "{'on':'resolve','at':'100%','notify':['lead','manager'],'raise':1,'repeat':'2h','times':3},"
    "{'on':'resolve','at':'+24h','priority':'high'}],"
    "'line':{'shares':{'urgent':'first','high':8,'normal':4,'low':1},"
    "'gap':'1m','keep_for':'15m'},"
    "'lease':{'for':'15m','max':'8h'},"
    "'retry':{'attempts':5,'backoff':['10s','1m','10m','1h']},"
    "'pause':{'requester':{'max':'10d','remind':['2d','5d'],'then':'resolve'},"
    "'third_party':{'max':'20d','remind':[],'then':'wait'},"
    "'until':{'max':'30d','remind':[],'then':'wait'}},"
    "'handoff':{'accept_within':'30m','hops':5},"
    "'aftercare':{'check_in':['1d'],'confirm_within':'5d','reopen_within':'30d'},"
    "'recurrence':{'window':'30d','cause_after':3},"
    "'limits':{'open':1000000,'payload':1048576}}";

#endif
