/* Asks the library what a line asks. */
#ifndef USHER_SLA_ASK_H
#define USHER_SLA_ASK_H

#include "core/policy.h"
#include "line.h"

struct operation {
    const char *name;
    struct question question;
    void (*ask)(const struct line *l, const struct calendar *c, struct answer *out);
};

/* NULL: none of that name. */
const struct operation *operation_of(const char *name);

/* The calendar of a line, made from the numbers; and the one that the policy compiler makes of
 * its text. NULL: why says why not. calendar_compiled: *policy owns it. */
struct calendar *calendar_made(const struct calendar_spec *spec, char why[ERR_MAX]);
struct calendar *calendar_compiled(const struct line *l, struct policy *policy, char why[ERR_MAX]);
/* A policy's times have no seconds. */
bool calendar_can_be_written(const struct calendar_spec *spec);

/* Of sla_due: the last instant that breaks nothing yet. */
int64_t last_kept(const struct line *l, const struct calendar *c);

bool answers_equal(const struct answer *a, const struct answer *b);

#endif
