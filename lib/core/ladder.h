/* The ladder: what is done when a promise comes near its due, breaks, or stays broken.
 *
 * A step stands at a share of the promise's target, or so long before or after its due, in the
 * promise's own business time or on the wall; it may come again, so many times. Its instants follow
 * from the record (usher__promise_*): nothing of them is stored, and none depends on when a timer ran.
 * What is stored is that a step has fired in this arming (struct rung), under the step's own identity:
 * so an equal step of a later version of the policy does not fire again. */
#ifndef USHER_CORE_LADDER_H
#define USHER_CORE_LADDER_H

#include "core/turn.h"

/* The next firing of any step, the first of those at one instant: INT64_MAX if there is none to come.
 * *step: its index. */
int64_t usher__ladder_next(const struct ticket *t, const struct policy *p, uint32_t *step);

/* Does one firing of a step, at turn->at. Tells it, or keeps it among the untold. */
void usher__ladder_climb(struct turn *turn, uint32_t step);

/* A promise is armed anew: its steps may all fire again. */
void usher__ladder_rearm(struct extra *x, int ix);

/* Its warnings have other places in a later version of the policy. What has fired there stays
 * fired; a per cent that has none is remembered, for a version that has it again. */
void usher__ladder_rewarn(struct ticket *t, const struct policy *was, const struct policy *p,
                          int ix);

/* A warning has fired: tells it, or keeps it among the untold. */
void usher__ladder_warned(struct turn *turn, int ix, int warn, int64_t own_at);

/* After every timer: tells what is untold unless more of it is about to fire. */
void usher__ladder_tell(struct turn *turn);

#endif
