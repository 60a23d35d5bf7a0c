/* A promise's arithmetic: how much of its target is used, when it is due, when it is broken.
 *
 * Nothing is accumulated. Each answer is computed from the start, the stretches of the ticket's
 * life in which one of the promise's own pause reasons held, and the calendar: so no rounding
 * drifts, and a new target or calendar asks the same functions again. */
#ifndef USHER_CORE_PROMISE_H
#define USHER_CORE_PROMISE_H

#include "core/ticket.h"

/* ceil(target * percent / 100), without an overflow for percents up to PERCENT_MAX. */
static inline int64_t usher__share_of(int64_t target, int64_t percent)
{
    return target / 100 * percent + (target % 100 * percent + 99) / 100;
}

/* ix: index of the promise, USHER_PROMISE_* - 1. */

/* Open ms between its start and now that no pause of its reasons covers; alone: wall ms. */
int64_t usher__promise_used(const struct ticket *t, const struct policy *p, int ix, int64_t now);

/* What people are shown; INT64_MAX: none (not owed or silent, or paused before it is reached). */
int64_t usher__promise_due(const struct ticket *t, const struct policy *p, int ix);

/* Its first instant as broken; INT64_MAX as above. Only for a running one. */
int64_t usher__promise_broken(const struct ticket *t, const struct policy *p, int ix);

/* The next warning that has not fired: its instant, and its index in policy.warn. INT64_MAX: none
 * to come. Only for a running one. */
int64_t usher__promise_warning(const struct ticket *t, const struct policy *p, int ix, int *warn);

/* The sooner of the two: the next instant at which something is to be told of a running promise.
 * *warns: it is a warning. */
int64_t usher__promise_next(const struct ticket *t, const struct policy *p, int ix, bool *warns);

/* What is left of the target, negative when overdue; 0 when it is not owed. */
int64_t usher__promise_left(const struct ticket *t, const struct policy *p, int ix, int64_t now);

/* Starts it anew at `at`: made if the policy has a target or named is not 0, else silently. */
void usher__promise_start(struct ticket *t, const struct policy *p, int ix, int64_t at,
                          int64_t named);

/* Stops it. True: it was running, and so is kept. */
bool usher__promise_stop(struct ticket *t, int ix);

/* The target for the ticket's priority has changed to what the policy says for it now. True: the
 * promise has lapsed by that. */
bool usher__promise_retarget(struct ticket *t, const struct policy *p, int ix, int64_t now);

/* The last instant at which its clock was set going: its start, or the end of its latest pause.
 * INT64_MAX: it stands still now. */
int64_t usher__promise_going_since(const struct ticket *t, const struct policy *p, int ix);

/* The first instant at which so much of it is used (`used` may be more than the target). INT64_MAX:
 * never, or not as long as it is paused. */
int64_t usher__promise_reach(const struct ticket *t, const struct policy *p, int ix, int64_t used);

/* The JSON path of its target. */
const char *usher__promise_rule(int ix);

/* WHY_DUE: calls row for each interval from the start to the due, or, where there is none, to now; a
 * calendar that never opens again ends it with a closed one to INT64_MAX. In order, without gaps; the
 * ms of the open ones add up to the target (where a named instant is the due: to what is used then;
 * without a due: to what is used). row: false ends it. */
typedef bool (*usher__span_fn)(void *ctx, int64_t from, int64_t to, int kind, int64_t ms);
void usher__promise_explain(const struct ticket *t, const struct policy *p, int ix, int64_t now,
                            usher__span_fn row, void *ctx);

#endif
