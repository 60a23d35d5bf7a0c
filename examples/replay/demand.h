/* Who came when, and how much work each was: what --what-if serves once more.
 *
 * A touch time is how long the log has a ticket in agents' hands, all claims together: from a row that
 * says so to the row that pauses, resolves or gives it back. It is time by the clock on the wall,
 * nights and other tickets in the same hands included, for a log knows no better. */
#ifndef EXAMPLES_REPLAY_DEMAND_H
#define EXAMPLES_REPLAY_DEMAND_H
#include <stdbool.h>

#include "timeline.h"

struct arrival {
    int64_t at, touch_ms;
    uint32_t ticket;
    int32_t priority; /* that it came with */
    bool guessed;     /* the log shows no touch time: the median of its priority */
};

struct demand {
    struct arrival *arrivals; /* by instant, those of one instant in the order of the log */
    size_t n;
    int64_t touch_ms;       /* of all */
    int64_t shown_ms;       /* of that, what the log shows */
    uint64_t guessed;       /* arrivals without a touch time */
    uint64_t cut_off;       /* still in an agent's hands when the log ends: counted up to there */
    uint64_t gave_up;       /* withdrawn before anybody was at it: left out */
    uint32_t in_hands_most; /* at one instant of the log */
};

/* 0, or -1: no ticket of the log was ever in an agent's hands. Free it in both cases. */
int demand_open(struct demand *d, const struct log *l, const struct timeline *t, struct fault *f);
void demand_free(struct demand *d);

#endif
