/* What the library says of a calendar. Everything that this program knows of business time comes from
 * here. */
#ifndef EXAMPLES_CALENDAR_ASK_H
#define EXAMPLES_CALENDAR_ASK_H
#include <stddef.h>
#include <stdint.h>
#include <usher/usher.h>

#include "fault.h"

struct answer {
    usher_span *spans; /* without a gap, from the start on */
    size_t n, cap;
    int64_t due_at; /* USHER_NEVER: never */
    int64_t ms;     /* what the spans add up to */
    int64_t target_ms;
};

/* Compiles a policy as if it were `at` now. 0, or -1. */
int ask_policy(const char *policy, int64_t at, struct fault *f);

/* Starts a promise of this policy's "resolve" at from_at, and has it explained: up to its due, but no
 * further than to_at. 0, or -1. To be freed in either case. */
int ask_resolve(struct answer *out, const char *policy, int64_t from_at, int64_t to_at,
                struct fault *f);
void answer_free(struct answer *a);

#endif
