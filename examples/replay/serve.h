/* Serves a demand by N agents, who take whom an order says: the one event loop of all three orders.
 *
 * An usher service stands behind each of them: it keeps the promises' clocks, and its manual clock is
 * the only one. What differs is whom a free agent takes. usher's own order claims what is next in the
 * line; the others choose for themselves and claim that ticket out of turn. */
#ifndef EXAMPLES_REPLAY_SERVE_H
#define EXAMPLES_REPLAY_SERVE_H
#include <usher/usher.h>

#include "demand.h"

enum order { ORDER_USHER, ORDER_FIRST_COME, ORDER_STRICT, ORDERS };

enum { JUDGED = 2 }; /* promises that depend on the order alone: the first word, the solution */

struct served {
    int64_t taken_at;
    int32_t verdicts[JUDGED]; /* USHER_KEPT, USHER_BROKEN; 0: not promised */
};

struct serving {
    struct served *served; /* one for each arrival */
    uint32_t *taken;       /* arrivals, in the order in which they were taken */
    size_t taken_n;
    size_t waiting_most; /* in the line at once */
    int64_t touched_ms;  /* agents' time up to the last arrival */
    int64_t done_at;     /* the last one was served */
    uint64_t lifted;     /* tickets whose priority the policy's ladder has raised */
};

struct serve_what { /* the same for all orders */
    const struct demand *demand;
    const struct log *log;
    const struct timeline *timeline;
    const char *policy;
    uint32_t agents;
};

/* 0, or -1: the policy is wrong, or the service refused something. Free it in both cases. */
int serve(struct serving *out, const struct serve_what *what, enum order order, struct fault *f);
void serving_free(struct serving *s);

#endif
