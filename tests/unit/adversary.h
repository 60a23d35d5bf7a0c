/* For tests against adversaries: whoever tries to get more than his share, or that something never
 * ends, through the public calls alone. Time is manual; each mode says its bound, and the bound is
 * counted. */
#ifndef USHER_UNIT_ADVERSARY_H
#define USHER_UNIT_ADVERSARY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <usher/usher.h>

#include "loop/service.h"

#define T0     INT64_C(1700000000000)
#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

enum { KINDS = 64, AGENTS = 3 };

struct desk {
    usher_manual_clock_t *clock;
    usher_t *u;
    usher_queue_t *q, *q2;
    usher_agent_t *a[AGENTS];
    usher_done done;      /* the latest completion */
    usher_claim claim;    /* ... and claim; ticket 0: it got nothing */
    char requester[16];   /* whose ticket that is */
    uint32_t told[KINDS]; /* events, by kind */
    usher_event event;    /* the latest one of the kind in `watch` */
    int watch;
    uint32_t passed_over; /* by claims */
    uint32_t closed;
};

static inline void on_done(usher_t *u, const usher_done *d, void *user)
{
    (void)u;
    ((struct desk *)user)->done = *d;
}

static inline void on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    struct desk *d = user;

    (void)a, (void)status;
    d->claim = n > 0 ? w[0].claim : (usher_claim){0, 0};
    d->requester[0] = '\0';
    if (n > 0)
        snprintf(d->requester, sizeof d->requester, "%s", w[0].requester);
}

static inline void on_event(usher_t *u, const usher_event *e, void *user)
{
    struct desk *d = user;

    (void)u;
    assert_true(e->kind < KINDS);
    d->told[e->kind]++;
    if (e->kind == USHER_EV_CLAIMED)
        d->passed_over += e->n;
    if (e->kind == d->watch)
        d->event = *e;
}

static inline void on_closed(void *user)
{
    ((struct desk *)user)->closed++;
}

/* What is outstanding is told; time stands. */
static inline void settle(struct desk *d)
{
    const char *wrong;

    assert_int_equal(usher_advance(d->u, usher_now(d->u)), USHER_OK);
    wrong = usher__service_check(d->u);
    if (wrong != NULL)
        fail_msg("the service's own check: %s", wrong);
}

static inline void pass(struct desk *d, int64_t ms)
{
    assert_int_equal(usher_advance(d->u, usher_now(d->u) + ms), USHER_OK);
}

static inline void define(struct desk *d, usher_queue_t *q, const char *policy)
{
    char err[200] = "";

    if (usher_define(q, policy, err, sizeof err, NULL, NULL) != USHER_OK)
        fail_msg("%s", err);
    settle(d);
}

static inline struct desk *begin(const char *policy)
{
    static const char *const names[AGENTS] = {"ann", "bob", "cyd"};
    struct desk *d = calloc(1, sizeof *d);
    usher_options o = USHER_INIT(usher_options);

    assert_non_null(d);
    assert_int_equal(usher_manual_clock_new(&d->clock, T0), USHER_OK);
    o.clock = usher_manual_clock_get(d->clock);
    assert_int_equal(usher_open(&d->u, NULL, "memory:", &o, NULL, NULL), USHER_OK);
    assert_int_equal(usher_subscribe(d->u, NULL, 0, on_event, d), USHER_OK);
    assert_int_equal(usher_queue(d->u, &d->q, "desk"), USHER_OK);
    assert_int_equal(usher_queue(d->u, &d->q2, "second"), USHER_OK);
    for (int i = 0; i < AGENTS; i++)
        assert_int_equal(usher_agent(d->u, &d->a[i], names[i], NULL, 0), USHER_OK);
    define(d, d->q, policy);
    return d;
}

static inline void end(struct desk *d)
{
    settle(d);
    assert_int_equal(usher_close(d->u, on_closed, d), USHER_OK);
    while (d->closed == 0)
        assert_true(usher_turn(d->u) >= 0);
    usher_manual_clock_free(d->clock);
    free(d);
}

static inline usher_id enqueue(struct desk *d, const char *who, int priority)
{
    usher_request r = USHER_INIT(usher_request);

    r.requester = who;
    r.priority = priority;
    assert_int_equal(usher_enqueue(d->q, &r, on_done, d), USHER_OK);
    settle(d);
    assert_int_equal(d->done.status, USHER_OK);
    return d->done.ticket;
}

/* False: there was nothing. */
static inline bool claim_by(struct desk *d, int agent, usher_queue_t *q)
{
    assert_int_equal(usher_claim_next(d->a[agent], q, 0, on_work, d), USHER_OK);
    settle(d);
    return d->claim.ticket != 0;
}

static inline bool claim(struct desk *d)
{
    return claim_by(d, 0, d->q);
}

static inline int act(struct desk *d, usher_command c)
{
    c.size = sizeof c;
    assert_int_equal(usher_act(d->u, &c, on_done, d), USHER_OK);
    settle(d);
    return d->done.status;
}

static inline usher_standing standing(struct desk *d, usher_id ticket)
{
    usher_standing s = USHER_INIT(usher_standing);

    assert_int_equal(usher_peek(d->u, ticket, &s), USHER_OK);
    return s;
}

/* Nothing is left that time alone could do. */
static inline void assert_at_rest(struct desk *d)
{
    settle(d);
    assert_true(usher__service_next_due(d->u) == USHER_NEVER);
}

#endif
