/* What the workloads have in common. */
#ifndef USHER_CRASH_CALLS_OF_H
#define USHER_CRASH_CALLS_OF_H

#include <string.h>

#include "play.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

/* The policies of both queues. */
void workload_define(struct play *p);
/* enqueue, claim, resolve: so many commands of a kind before anything is waited for. */
void workload_groups(struct play *p, uint32_t n, uint32_t rounds);

/* people.c */
void run_handoff(struct play *p);
void run_cause(struct play *p);
void run_figures(struct play *p);

/* ---- calls ----------------------------------------------------------------------------------- */

static inline usher_text words(const char *s)
{
    return (usher_text){s, strlen(s)};
}

static inline usher_request request(void)
{
    usher_request r = USHER_INIT(usher_request);

    r.requester = "eva";
    r.body = words("the printer upstairs makes a noise, and it smells");
    return r;
}

static inline usher_command command(int verb, usher_id ticket, uint64_t token)
{
    usher_command c = USHER_INIT(usher_command);

    c.verb = verb;
    c.claim = (usher_claim){ticket, token};
    return c;
}

static inline usher_op op(struct play *p)
{
    return (usher_op){play_below(p, UINT32_MAX), 1 + play_below(p, UINT32_MAX)};
}

static inline void act(struct play *p, const usher_command *c)
{
    (void)CALL(p, usher_act, p->u, c, play_on_done, play_user(p));
}

static inline usher_id enqueue(struct play *p, usher_queue_t *q)
{
    usher_request r = request();

    (void)CALL(p, usher_enqueue, q, &r, play_on_done, play_user(p));
    play_drain(p);
    return p->done.ticket;
}

static inline usher_claim claim(struct play *p, usher_id ticket)
{
    (void)CALL(p, usher_claim_ticket, p->a, ticket, NULL, play_on_work, play_user(p));
    play_drain(p);
    return p->claims[(p->claims_n - 1) % PLAY_CLAIMS];
}

#endif
