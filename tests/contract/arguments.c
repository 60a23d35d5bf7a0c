/* What the calls of the fixture are given. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop/service.h"

/* ---- arguments ------------------------------------------------------------------------------- */

static void *give_room(struct fixture *f, size_t len)
{
    struct given *g = malloc(sizeof *g + len);

    assert_non_null(g);
    g->len = len;
    g->next = f->given;
    f->given = g;
    return g->data;
}

void *give(struct fixture *f, const void *data, size_t len)
{
    void *room = give_room(f, len);

    memcpy(room, data, len);
    return room;
}

void take_given(struct fixture *f)
{
    struct given *next;

    for (struct given *g = f->given; g != NULL; g = next) {
        next = g->next;
        fixture_spoil(g->data, g->len);
        free(g);
    }
    f->given = NULL;
}

const char *give_string(struct fixture *f, const char *s)
{
    return give(f, s, strlen(s) + 1);
}

static usher_text give_text(struct fixture *f, const char *s)
{
    return (usher_text){give(f, s, strlen(s)), strlen(s)}; /* no NUL behind it */
}

const char *const *give_skills(struct fixture *f)
{
    const char *skills[2] = {give_string(f, "wifi"), give_string(f, "french")};

    return give(f, skills, sizeof skills);
}

const usher_options *give_options(struct fixture *f)
{
    usher_options o = USHER_INIT(usher_options);
    usher_allocator allocator = {fixture_resize, f};

    o.allocator = give(f, &allocator, sizeof allocator);
    o.clock = give(f, usher_manual_clock_get(f->clock), sizeof *o.clock);
    o.on_lost = fixture_on_lost;
    o.user = f;
    o.seed = 7;
    return give(f, &o, sizeof o);
}

static usher_op next_op(struct fixture *f)
{
    return (usher_op){7, ++f->op};
}

/* variant 0: new tickets; 1: the first joins the fixture's. The third joins the second. */
const usher_request *give_requests(struct fixture *f, size_t n, int variant)
{
    usher_request *r = give_room(f, n * sizeof *r);
    char who[40];

    for (size_t i = 0; i < n; i++) {
        const char *needs[1] = {give_string(f, "wifi")};

        snprintf(who, sizeof who, "somebody-%d", (int)i);
        r[i] = (usher_request)USHER_INIT(usher_request);
        r[i].requester = give_string(f, who);
        r[i].body = give_text(f, "it makes a noise, and then it stops");
        r[i].symptom = give_string(f, "noise");
        r[i].dedup_key = give_string(f, i == 0 && variant == 1 ? "K-1"
                                        : i == 2               ? "somebody-1"
                                                               : who);
        r[i].ref = give_string(f, i == 0 ? "R-1" : "R-2");
        r[i].needs = give(f, needs, sizeof needs);
        r[i].needs_n = 1;
        r[i].priority = USHER_HIGH;
        r[i].op = next_op(f);
    }
    return r;
}

/* variant 0: at once; 1: it waits. */
const usher_claim_args *give_claim_args(struct fixture *f, int variant)
{
    usher_claim_args c = USHER_INIT(usher_claim_args);
    usher_queue_t *queues[2] = {f->q, f->q2};

    c.queues = give(f, queues, sizeof queues);
    c.queues_n = 2;
    c.n = 3;
    c.wait_ms = variant == 0 ? 0 : USHER_NEVER;
    c.op = next_op(f);
    return give(f, &c, sizeof c);
}

const usher_op *give_op(struct fixture *f)
{
    usher_op op = next_op(f);

    return give(f, &op, sizeof op);
}

/* Of the claim that stands, or else a stale one. */
static usher_claim claim_now(struct fixture *f)
{
    uint64_t token = usher__service_token(f->u, f->ticket);

    return (usher_claim){f->ticket, token != 0 ? token : 1};
}

const usher_claim *give_claim(struct fixture *f)
{
    usher_claim claim = claim_now(f);

    return give(f, &claim, sizeof claim);
}

static int kind_of(int verb)
{
    switch (verb) {
    case USHER_PAUSE:
        return USHER_ON_REQUESTER;
    case USHER_RESOLVE:
        return USHER_AS_FIX;
    case USHER_REPRIORITISE:
        return USHER_URGENT;
    default:
        return 0;
    }
}

/* Too long for the pool of small texts: it has a block of its own. */
static char long_text[2000];

static usher_command command(struct fixture *f, int verb)
{
    usher_command c = USHER_INIT(usher_command);

    memset(long_text, 'x', sizeof long_text - 1);
    c.verb = verb;
    c.kind = kind_of(verb);
    c.claim = claim_now(f);
    if (verb >= USHER_ASK)
        c.claim.token = 0;
    c.text = give_text(f, verb == USHER_MOVE ? long_text : "a word about it");
    c.at = verb == USHER_UPDATE || verb == USHER_PAUSE ? f->at + 7200000 : 0;
    c.queue = verb == USHER_MOVE || verb == USHER_HAND_OFF ? f->q2 : NULL;
    c.other = verb == USHER_LINK ? 1 : 0;
    c.who = give_string(f, verb >= USHER_REVIVE ? "the desk" : "eva");
    return c;
}

/* The second of several is the one that was asked for, the others are notes. */
const usher_command *give_commands(struct fixture *f, size_t n, int verb)
{
    usher_command *c = give_room(f, n * sizeof *c);

    for (size_t i = 0; i < n; i++) {
        c[i] = command(f, n == 1 || i == 1 ? verb : USHER_NOTE);
        c[i].op = next_op(f);
    }
    return c;
}

const usher_done *give_done(struct fixture *f)
{
    usher_done d = USHER_INIT(usher_done);

    d.detail = give_text(f, "why it failed");
    return give(f, &d, sizeof d);
}

/* Room for one: it is full after the call, and nothing of it is looked at again. */
usher_collected *give_collected(struct fixture *f)
{
    usher_collected c = USHER_INIT(usher_collected);

    c.rows = give_room(f, sizeof *c.rows);
    c.row_size = sizeof *c.rows;
    c.n = 1;
    return give(f, &c, sizeof c);
}

const usher_query *give_query(struct fixture *f, int what)
{
    usher_query q = USHER_INIT(usher_query);

    q.what = what;
    q.ticket = f->ticket;
    q.promise = USHER_PROMISE_RESOLVE;
    if (what == USHER_READ_TICKETS)
        q.requester = give_string(f, "eva");
    if (what == USHER_READ_WHAT_IF) {
        q.queue = f->q;
        q.policy = give_string(f, FIXTURE_POLICY);
    }
    return give(f, &q, sizeof q);
}

usher_standing *give_standing(struct fixture *f)
{
    *f->standing = (usher_standing)USHER_INIT(usher_standing);
    return f->standing;
}

usher_manual_clock_t *take_spare(struct fixture *f)
{
    usher_manual_clock_t *c = f->spare;

    f->spare = NULL;
    return c;
}

void fixture_act(struct fixture *f, int verb, int kind)
{
    usher_command c = command(f, verb);

    if (kind != 0)
        c.kind = kind;
    assert_int_equal(usher_act(f->u, &c, NULL, NULL), USHER_OK);
    take_given(f);
}

void fixture_offer(struct fixture *f, usher_agent_t *to)
{
    usher_command c = command(f, USHER_HAND_OFF);

    c.agent = to;
    if (to != NULL)
        c.queue = NULL;
    assert_int_equal(usher_act(f->u, &c, NULL, NULL), USHER_OK);
    take_given(f);
}

void fixture_link(struct fixture *f, usher_id ticket, usher_id cause)
{
    usher_command c = command(f, USHER_LINK);

    c.claim.ticket = ticket;
    c.other = cause;
    assert_int_equal(usher_act(f->u, &c, NULL, NULL), USHER_OK);
    take_given(f);
}
