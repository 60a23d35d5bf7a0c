/* What --what-if asks: how many agents, and which shares of the line. */
#ifndef EXAMPLES_REPLAY_QUESTION_H
#define EXAMPLES_REPLAY_QUESTION_H
#include <stdint.h>

#include "fault.h"

enum {
    QUESTION_AGENTS_MAX = 1000,
    QUESTION_SHARE_MAX = 1000,
    QUESTION_BANDS = 4 /* by priority: [USHER_* - 1] */
};

enum { SHARE_AS_POLICY = -1, SHARE_FIRST = 0 }; /* else the weight */

struct question {
    uint32_t agents;
    int32_t shares[QUESTION_BANDS];
};

/* "agents=N[,shares=urgent:first,high:8,normal:4,low:1]", the keys in either order. 0 or -1. */
int question_parse(struct question *q, const char *text, struct fault *f);

/* The policy as the question wants it: with its shares, and without what would end a claim or refuse a
 * ticket, since that is no matter of order. To be freed. NULL: it is no JSON object, and whoever
 * compiles it says best what is wrong. */
char *question_policy(const struct question *q, const char *policy);

#endif
