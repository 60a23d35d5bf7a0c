/* For tests of the rules through the public API: a service on a manual clock, a queue, two agents,
 * and calls that run to their end before they return. */
#ifndef USHER_UNIT_RULES_H
#define USHER_UNIT_RULES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <usher/usher.h>

const char *usher__service_check(usher_t *u);
int64_t usher__service_next_due(usher_t *u);

#define T0     INT64_C(1700000000000) /* where the clock stands at first */
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define TEXT(s) { (s), sizeof(s) - 1 }

enum { SEEN_MAX = 4096, WORKS_MAX = 64, DONES_MAX = 16 };

struct service {
    usher_manual_clock_t *clock;
    usher_t *u;
    usher_queue_t *q; /* "desk", with the policy that begin() was given */
    usher_agent_t *ann, *bob;

    usher_event seen[SEEN_MAX]; /* strings: who_of(), text_of() ... */
    char who[SEEN_MAX][16], text[SEEN_MAX][16], to[SEEN_MAX][16], rule[SEEN_MAX][32];
    uint32_t seen_n;
    usher_done done;             /* the last one */
    usher_done dones[DONES_MAX]; /* those of the last enqueue_many */
    uint32_t dones_n;
    uint32_t served_n; /* claims completed so far */
    int closed;
};

/* ---- life ------------------------------------------------------------------------------------ */

static inline void on_event(usher_t *u, const usher_event *e, void *user)
{
    struct service *s = user;

    (void)u;
    assert_true(s->seen_n < SEEN_MAX);
    s->seen[s->seen_n] = *e;
    snprintf(s->who[s->seen_n], sizeof s->who[0], "%s", e->who == NULL ? "" : e->who);
    snprintf(s->text[s->seen_n], sizeof s->text[0], "%s", e->text.len == 0 ? "" : e->text.data);
    snprintf(s->to[s->seen_n], sizeof s->to[0], "%s", e->to == NULL ? "" : e->to);
    snprintf(s->rule[s->seen_n], sizeof s->rule[0], "%s", e->rule == NULL ? "" : e->rule);
    s->seen_n++;
}

static inline int64_t wall(const struct service *s)
{
    const usher_clock *c = usher_manual_clock_get(s->clock);

    return c->wall_ms(c->ctx);
}

/* Runs what is outstanding, and checks the service from inside. */
static inline void run(struct service *s)
{
    const char *wrong;

    assert_int_equal(usher_advance(s->u, wall(s)), USHER_OK);
    wrong = usher__service_check(s->u);
    if (wrong != NULL)
        fail_msg("the service's own check: %s", wrong);
}

static inline void define(struct service *s, usher_queue_t *q, const char *policy)
{
    char json[2048], err[256];
    size_t len = strlen(policy);

    assert_true(len < sizeof json);
    for (size_t i = 0; i <= len; i++)
        json[i] = policy[i] == '\'' ? '"' : policy[i];
    if (usher_define(q, json, err, sizeof err, NULL, NULL) != USHER_OK)
        fail_msg("%s", err);
    run(s);
}

static inline usher_queue_t *queue(struct service *s, const char *name)
{
    usher_queue_t *q;

    assert_int_equal(usher_queue(s->u, &q, name), USHER_OK);
    return q;
}

static inline usher_agent_t *agent(struct service *s, const char *name, const char *skill)
{
    usher_agent_t *a;

    assert_int_equal(usher_agent(s->u, &a, name, &skill, skill != NULL), USHER_OK);
    run(s);
    return a;
}

/* policy: JSON with ' for ". o: NULL, or what is to be set of the options. */
static inline struct service *begin_with(const char *policy, const usher_options *o)
{
    struct service *s = calloc(1, sizeof *s);
    usher_options options = USHER_INIT(usher_options);

    assert_non_null(s);
    if (o != NULL)
        options = *o;
    options.size = sizeof options;
    assert_int_equal(usher_manual_clock_new(&s->clock, T0), USHER_OK);
    options.clock = usher_manual_clock_get(s->clock);
    assert_int_equal(usher_open(&s->u, NULL, "memory:", &options, NULL, NULL), USHER_OK);
    s->q = queue(s, "desk");
    define(s, s->q, policy);
    s->ann = agent(s, "ann", NULL);
    s->bob = agent(s, "bob", NULL);
    assert_int_equal(usher_subscribe(s->u, NULL, 0, on_event, s), USHER_OK);
    return s;
}

static inline struct service *begin(const char *policy)
{
    return begin_with(policy, NULL);
}

static inline void on_closed(void *user)
{
    struct service *s = user;

    s->closed = 1;
}

static inline void end(struct service *s)
{
    run(s);
    assert_int_equal(usher_close(s->u, on_closed, s), USHER_OK);
    while (!s->closed)
        usher_turn(s->u);
    usher_manual_clock_free(s->clock);
    free(s);
}

/* ---- time ------------------------------------------------------------------------------------ */

/* To T0 + ms, with a stop at every instant at which something is due. */
static inline void at(struct service *s, int64_t ms)
{
    assert_int_equal(usher_advance(s->u, T0 + ms), USHER_OK);
    run(s);
}

/* To T0 + ms without a stop: what is due in between runs late. */
static inline void late(struct service *s, int64_t ms)
{
    assert_int_equal(usher_manual_clock_skip(s->clock, T0 + ms), USHER_OK);
    run(s);
}

/* ---- the requester's side -------------------------------------------------------------------- */

static inline void on_done(usher_t *u, const usher_done *d, void *user)
{
    struct service *s = user;

    (void)u;
    s->done = *d;
    if (s->dones_n < DONES_MAX)
        s->dones[s->dones_n++] = *d;
}

/* What the call returns, or its status; the rest is in s->done. */
static inline int enqueue(struct service *s, usher_queue_t *q, usher_request r)
{
    int err;

    r.size = sizeof r;
    s->dones_n = 0;
    err = usher_enqueue(q, &r, on_done, s);
    run(s);
    return err != USHER_OK ? err : s->done.status;
}

static inline usher_id ticket(struct service *s, const char *who, int32_t priority)
{
    usher_request r = { .requester = who, .priority = priority };

    assert_int_equal(enqueue(s, s->q, r), USHER_OK);
    return s->done.ticket;
}

/* Status; the ticket is in s->done. */
static inline int join(struct service *s, const char *who)
{
    usher_request r = { .requester = who, .dedup_key = "printer", .body = TEXT("mine too") };

    return enqueue(s, s->q, r);
}

/* A ticket that ada and bea wait for. */
static inline usher_id joined(struct service *s)
{
    assert_int_equal(join(s, "ada"), USHER_OK);
    assert_int_equal(join(s, "bea"), USHER_OK);
    assert_int_equal(s->done.outcome, USHER_WAS_JOINED);
    return s->done.ticket;
}

/* ---- commands -------------------------------------------------------------------------------- */

static inline int act(struct service *s, usher_command c)
{
    int err;

    c.size = sizeof c;
    err = usher_act(s->u, &c, on_done, s);
    run(s);
    return err != USHER_OK ? err : s->done.status;
}

/* By the holder; with a text, which some verbs need. */
static inline int by_agent(struct service *s, usher_claim c, int verb)
{
    return act(s, (usher_command){ .verb = verb, .claim = c, .text = TEXT("word") });
}

static inline int by_person(struct service *s, usher_id id, int verb, const char *who)
{
    return act(s, (usher_command){ .verb = verb, .claim = { id, 0 }, .who = who,
                                   .text = TEXT("text") });
}

static inline int pause(struct service *s, usher_claim c, int on, int64_t until)
{
    return act(s, (usher_command){ .verb = USHER_PAUSE, .kind = on, .claim = c, .at = until,
                                   .text = TEXT("when?") });
}

static inline int reprioritise(struct service *s, usher_id id, int priority)
{
    return act(s, (usher_command){ .verb = USHER_REPRIORITISE, .kind = priority,
                                   .claim = { id, 0 } });
}

static inline int move(struct service *s, usher_id id, usher_queue_t *to)
{
    return act(s, (usher_command){ .verb = USHER_MOVE, .claim = { id, 0 }, .queue = to });
}

/* Offers it to the queue or to the agent. */
static inline int hand_off(struct service *s, usher_claim c, usher_queue_t *q, usher_agent_t *a)
{
    return act(s, (usher_command){ .verb = USHER_HAND_OFF, .claim = c, .queue = q, .agent = a,
                                   .text = TEXT("why") });
}

static inline int by_desk(struct service *s, usher_id id, int verb)
{
    return act(s, (usher_command){ .verb = verb, .claim = { id, 0 }, .who = "dee",
                                   .text = TEXT("because") });
}

static inline int reply(struct service *s, usher_id id, const char *who, int kind)
{
    return act(s, (usher_command){ .verb = USHER_REPLY, .kind = kind, .claim = { id, 0 },
                                   .who = who, .text = TEXT("text") });
}

/* ---- claims ---------------------------------------------------------------------------------- */

/* A claim that has been made, and what became of it. */
struct waiter {
    struct service *s;
    uint32_t told;  /* how often its callback ran */
    uint32_t place; /* 1: it was the first one of all that was told */
    int status;
    size_t n;
    usher_work work[WORKS_MAX]; /* strings: not after the callback */
};

static inline void on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    struct waiter *waiter = user;

    (void)a;
    assert_true(n <= WORKS_MAX);
    waiter->told++;
    waiter->place = ++waiter->s->served_n;
    waiter->status = status;
    waiter->n = n;
    if (n > 0)
        memcpy(waiter->work, w, n * sizeof *w);
}

/* What the call returns; its callback may have run. */
static inline int claim_many(struct service *s, struct waiter *w, usher_agent_t *a,
                             usher_claim_args c)
{
    int err;

    *w = (struct waiter){ .s = s };
    c.size = sizeof c;
    err = usher_claim_many(a, &c, on_work, w);
    run(s);
    return err;
}

static inline void park(struct service *s, struct waiter *w, usher_agent_t *a, int64_t wait_ms)
{
    usher_claim_args c = { .queues = &s->q, .queues_n = 1, .wait_ms = wait_ms };

    assert_int_equal(claim_many(s, w, a, c), USHER_OK);
    assert_int_equal(w->told, 0);
}

/* The next one for this agent; {0, 0} when there is none. */
static inline usher_claim claim_from(struct service *s, usher_agent_t *a, usher_queue_t *q)
{
    struct waiter w;

    assert_int_equal(claim_many(s, &w, a, (usher_claim_args){ .queues = &q, .queues_n = 1 }),
                     USHER_OK);
    assert_int_equal(w.told, 1);
    if (w.status == USHER_OK)
        return w.work[0].claim;
    assert_int_equal(w.status, USHER_ETIMEDOUT);
    return (usher_claim){ 0, 0 };
}

static inline usher_claim claim(struct service *s, usher_agent_t *a)
{
    return claim_from(s, a, s->q);
}

/* Status, and the claim; {0, 0} when it is not OK. */
static inline int claim_ticket(struct service *s, usher_agent_t *a, usher_id id, usher_claim *c)
{
    struct waiter w = { .s = s };
    int err = usher_claim_ticket(a, id, NULL, on_work, &w);

    *c = (usher_claim){ 0, 0 };
    run(s);
    if (err != USHER_OK)
        return err;
    assert_int_equal(w.told, 1);
    if (w.status == USHER_OK)
        *c = w.work[0].claim;
    return w.status;
}

/* A new ticket in an agent's hands. */
static inline usher_claim held(struct service *s, const char *who)
{
    usher_id id = ticket(s, who, 0);
    usher_claim c;

    assert_int_equal(claim_ticket(s, s->ann, id, &c), USHER_OK);
    return c;
}

static inline usher_claim resolved(struct service *s, usher_id id)
{
    usher_claim c;

    assert_int_equal(claim_ticket(s, s->ann, id, &c), USHER_OK);
    assert_int_equal(by_agent(s, c, USHER_RESOLVE), USHER_OK);
    return c;
}

/* A new one that ann has offered to the queue or to the agent. */
static inline usher_claim handed_off(struct service *s, usher_queue_t *q, usher_agent_t *a)
{
    usher_claim c = held(s, "ada");

    assert_int_equal(hand_off(s, c, q, a), USHER_OK);
    assert_int_equal(s->done.outcome, 0);
    assert_int_equal(s->done.state, USHER_OFFERED);
    return c;
}

/* ---- looking --------------------------------------------------------------------------------- */

static inline usher_standing peek(struct service *s, usher_id id)
{
    usher_standing out = USHER_INIT(usher_standing);

    assert_int_equal(usher_peek(s->u, id, &out), USHER_OK);
    return out;
}

static inline int state(struct service *s, usher_id id)
{
    return peek(s, id).state;
}

static inline usher_promise promise(struct service *s, usher_id id, int which)
{
    return peek(s, id).promises[which - 1];
}

/* How many of a kind were told since `from`. */
static inline uint32_t count_from(const struct service *s, uint32_t from, int kind)
{
    uint32_t n = 0;

    for (uint32_t i = from; i < s->seen_n; i++)
        n += s->seen[i].kind == kind;
    return n;
}

static inline uint32_t count(const struct service *s, int kind)
{
    return count_from(s, 0, kind);
}

/* The last event of a kind; it must be there. */
static inline const usher_event *last(const struct service *s, int kind)
{
    for (uint32_t i = s->seen_n; i-- > 0;) {
        if (s->seen[i].kind == kind)
            return &s->seen[i];
    }
    fail_msg("no event %s", usher_name(USHER_NAME_EVENT, kind));
    return NULL;
}

static inline const char *who_of(const struct service *s, const usher_event *e)
{
    return s->who[e - s->seen];
}

static inline const char *text_of(const struct service *s, const usher_event *e)
{
    return s->text[e - s->seen];
}

static inline const char *to_of(const struct service *s, const usher_event *e)
{
    return s->to[e - s->seen];
}

static inline const char *rule_of(const struct service *s, const usher_event *e)
{
    return s->rule[e - s->seen];
}

/* The kinds of the events since `from`, in order; 0 ends the list. */
static inline void expect_events(const struct service *s, uint32_t from, const int *kinds)
{
    uint32_t i = from;

    for (; *kinds != 0; kinds++, i++) {
        if (i >= s->seen_n)
            fail_msg("no event where %s should be", usher_name(USHER_NAME_EVENT, *kinds));
        if (s->seen[i].kind != *kinds)
            fail_msg("event %s where %s should be",
                     usher_name(USHER_NAME_EVENT, s->seen[i].kind),
                     usher_name(USHER_NAME_EVENT, *kinds));
    }
    if (i < s->seen_n)
        fail_msg("one event too many: %s", usher_name(USHER_NAME_EVENT, s->seen[i].kind));
}
#define EXPECT_EVENTS(s, from, ...) expect_events(s, from, (const int[]){ __VA_ARGS__, 0 })

#endif
