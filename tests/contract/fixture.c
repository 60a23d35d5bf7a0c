/* See fixture.h. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop/service.h"

enum { SAID_MAX = 12, LAST_TICKETS = 64 };

const char *const fixture_states[STATES] = {
    "nothing",  "scheduled", "waiting",   "kept",   "shared", "claimed", "paused",  "stuck",
    "resolved", "closed",    "withdrawn", "parked", "full",   "held",    "pending",
};

/* ---- checks ---------------------------------------------------------------------------------- */

static int failures; /* since the last verdict */

bool fixture_check(const struct fixture *f, bool ok, const char *condition, const char *file,
                   int line, const char *format, ...)
{
    va_list args;

    if (ok)
        return true;
    if (++failures > SAID_MAX)
        return false;
    fprintf(stderr, "%s:%d: %s: not %s; ", file, line, f->what, condition);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return false;
}

void fixture_verdict(void)
{
    int n = failures;

    failures = 0;
    if (n > SAID_MAX)
        fprintf(stderr, "... and %d more\n", n - SAID_MAX);
    if (n > 0)
        fail_msg("%d checks failed", n);
}

void fixture_what(struct fixture *f, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(f->what_room, sizeof f->what_room, format, args);
    va_end(args);
}

/* ---- the allocator --------------------------------------------------------------------------- */

void fixture_fail(struct fixture *f, uint64_t n, bool for_ever)
{
    f->asked = 0;
    f->failed = 0;
    f->fail_at = n;
    f->for_ever = for_ever;
}

/* Moves every block that is resized, so that a pointer that was kept shows. */
static void *resize(void *ctx, void *p, size_t n)
{
    struct fixture *f = ctx;
    max_align_t *old = p == NULL ? NULL : (max_align_t *)p - 1;
    max_align_t *block = NULL;
    size_t old_len = 0;

    if (n > 0 && f->fail_at > 0) {
        f->asked++;
        if (f->asked == f->fail_at || (f->for_ever && f->asked > f->fail_at)) {
            f->failed++;
            return NULL;
        }
    }
    if (old != NULL)
        memcpy(&old_len, old, sizeof old_len);
    if (n > 0) {
        block = malloc(sizeof *block + n);
        assert_non_null(block);
        memset(block + 1, 0xa5, n);
        memcpy(block, &n, sizeof n);
        if (old != NULL)
            memcpy(block + 1, old + 1, old_len < n ? old_len : n);
        f->held_n++;
        f->held_len += n;
    }
    if (old != NULL) {
        f->held_n--;
        f->held_len -= old_len;
        memset(old + 1, 0xdd, old_len);
        free(old);
    }
    return block == NULL ? NULL : block + 1;
}

/* ---- what callbacks report ------------------------------------------------------------------- */

static void mix(struct fixture *f, const void *data, size_t len)
{
    const unsigned char *p = data;

    for (size_t i = 0; i < len; i++)
        f->told = (f->told ^ p[i]) * UINT64_C(1099511628211);
}

static void mix_number(struct fixture *f, int64_t n)
{
    mix(f, &n, sizeof n);
}

static void mix_string(struct fixture *f, const char *s)
{
    mix(f, s == NULL ? "-" : s, s == NULL ? 2 : strlen(s) + 1);
}

static void mix_text(struct fixture *f, usher_text t)
{
    mix_number(f, (int64_t)t.len);
    if (t.len > 0) {
        mix(f, t.data, (size_t)t.len);
        CHECK(f, t.data[t.len] == '\0', "no NUL after a text of %d bytes", (int)t.len);
    }
}

/* u: NULL where the callback is not told. */
static void tell(struct receipt *r, const usher_t *u, int kind, int status)
{
    struct fixture *f = r->f;
    void (*hook)(struct fixture *) = r->hook;

    CHECK(f, !r->calling, "a callback of kind %d inside its call", kind);
    CHECK(f, f->closed == 0 || (u != NULL && u == f->other), "kind %d after the close callback",
          kind);
    r->ran++;
    r->status = status;
    f->ran++;
    mix_number(f, kind);
    mix_number(f, status);
    r->hook = NULL;
    if (hook != NULL)
        hook(f);
}

void fixture_on_open(usher_t *u, int status, usher_text detail, void *user)
{
    struct receipt *r = user;

    mix_text(r->f, detail);
    tell(r, u, IN_OPEN, status);
}

void fixture_on_closed(void *user)
{
    struct receipt *r = user;
    struct fixture *f = r->f;
    uint64_t told = f->told; /* who closes it is not what is compared */

    f->u = NULL;
    tell(r, NULL, IN_CLOSE, 0);
    f->told = told;
    f->closed++;
}

void fixture_on_post(usher_t *u, void *user)
{
    tell(user, u, IN_POST, 0);
}

void fixture_on_done(usher_t *u, const usher_done *d, void *user)
{
    struct receipt *r = user;
    struct fixture *f = r->f;

    CHECK(f, d->size == sizeof *d, "size %d", (int)d->size);
    mix_number(f, (int64_t)d->ticket);
    mix_number(f, (int64_t)d->seq);
    mix_number(f, (int64_t)d->token);
    mix_number(f, d->state);
    mix_number(f, d->verb);
    mix_number(f, d->outcome);
    mix_number(f, d->until_at);
    mix_number(f, d->priority);
    mix_text(f, d->detail);
    tell(r, u, IN_DONE, d->status);
}

void fixture_on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    struct receipt *r = user;
    struct fixture *f = r->f;

    CHECK(f, a != NULL, "no agent");
    CHECK(f, (n > 0) == (status == USHER_OK), "%d rows, status %d", (int)n, status);
    r->rows += n;
    for (size_t i = 0; i < n; i++) {
        mix_number(f, (int64_t)w[i].claim.ticket);
        mix_number(f, (int64_t)w[i].claim.token);
        mix_string(f, usher_queue_name(w[i].queue));
        mix_number(f, w[i].lease_until_at);
        mix_number(f, w[i].due_at);
        mix_number(f, w[i].persons);
        mix_string(f, w[i].requester);
        mix_string(f, w[i].symptom);
        mix_string(f, w[i].ref);
        mix_text(f, w[i].body);
    }
    tell(r, NULL, IN_WORK, status);
    for (size_t i = 0; i < n; i++) /* they live until this returns, whatever the hook has done */
        CHECK(f, w[i].size == sizeof w[i] && w[i].requester[0] != '\0', "row %d", (int)i);
}

void fixture_on_event(usher_t *u, const usher_event *e, void *user)
{
    struct receipt *r = user;
    struct fixture *f = r->f;

    CHECK(f, e->size == sizeof *e, "size %d", (int)e->size);
    mix_number(f, (int64_t)e->seq);
    mix_number(f, (int64_t)e->ticket);
    mix_number(f, (int64_t)e->ticket_seq);
    mix_number(f, e->at);
    mix_number(f, e->until_at);
    mix_number(f, e->kind);
    mix_number(f, e->state);
    mix_number(f, e->how);
    mix_number(f, e->n);
    mix_string(f, usher_queue_name(e->queue));
    mix_string(f, e->who);
    mix_string(f, e->to);
    mix_text(f, e->text);
    tell(r, u, IN_EVENT, 0);
    CHECK(f, e->size == sizeof *e, "the event changed while it was looked at");
    if (e->text.len > 0)
        CHECK(f, e->text.data[e->text.len] == '\0', "its text changed");
}

void fixture_on_page(usher_t *u, int status, const usher_page *p, void *user)
{
    struct receipt *r = user;
    struct fixture *f = r->f;

    CHECK(f, p->size == sizeof *p, "size %d", (int)p->size);
    r->rows += p->n;
    mix_number(f, (int64_t)p->n);
    for (uint64_t i = 0; p->tickets != NULL && i < p->n; i++)
        mix_string(f, p->tickets[i].requester);
    for (uint64_t i = 0; p->events != NULL && i < p->n; i++)
        mix_text(f, p->events[i].text);
    mix_text(f, p->text);
    tell(r, u, IN_PAGE, status);
    for (uint64_t i = 0; p->tickets != NULL && i < p->n; i++)
        CHECK(f, p->tickets[i].size == sizeof p->tickets[i] && p->tickets[i].requester[0] != '\0',
              "row %d", (int)i);
}

static void on_lost(usher_t *u, int status, usher_id ticket, int verb, void *user)
{
    struct receipt *r = ((struct fixture *)user)->lost;

    mix_number(r->f, (int64_t)ticket);
    mix_number(r->f, verb);
    tell(r, u, IN_LOST, status);
}

struct receipt *fixture_receipt(struct fixture *f)
{
    struct receipt *r = calloc(1, sizeof *r);

    assert_non_null(r);
    r->f = f;
    r->next = f->receipts;
    f->receipts = r;
    r->calling = true;
    return r;
}

int fixture_returned(struct receipt *r, int returned, int64_t callbacks)
{
    r->calling = false;
    r->accepted = returned >= 0 ? callbacks : 0;
    CHECK(r->f, r->ran == 0, "%u callbacks inside the call", r->ran);
    return returned;
}

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
        memset(g->data, 0xee, g->len);
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
    usher_allocator allocator = {resize, f};

    o.allocator = give(f, &allocator, sizeof allocator);
    o.clock = give(f, usher_manual_clock_get(f->clock), sizeof *o.clock);
    o.on_lost = on_lost;
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

static usher_command command(struct fixture *f, int verb)
{
    usher_command c = USHER_INIT(usher_command);

    c.verb = verb;
    c.kind = kind_of(verb);
    c.claim = claim_now(f);
    if (verb >= USHER_ASK)
        c.claim.token = 0;
    c.text = give_text(f, "a word about it");
    c.at = verb == USHER_UPDATE || verb == USHER_PAUSE ? f->at + 7200000 : 0;
    c.queue = verb == USHER_MOVE ? f->q2 : NULL;
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

const usher_query *give_query(struct fixture *f, int what)
{
    usher_query q = USHER_INIT(usher_query);

    q.what = what;
    q.ticket = f->ticket;
    q.promise = USHER_PROMISE_RESOLVE;
    if (what == USHER_READ_TICKETS)
        q.requester = give_string(f, "eva");
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

/* ---- calls ----------------------------------------------------------------------------------- */

bool fixture_is(const struct call *call, const char *name)
{
    return strcmp(call->name, name) == 0;
}

const struct call *fixture_find(const char *name)
{
    for (size_t i = 0; i < fixture_calls_n; i++) {
        if (fixture_is(&fixture_calls[i], name))
            return &fixture_calls[i];
    }
    fail_msg("there is no call of %s", name);
    return NULL;
}

static int64_t callbacks_of(const struct call *call, int64_t returned)
{
    if (call->callback == IN_NONE || returned < 0)
        return 0;
    if (call->callback == IN_EVENT)
        return -1;
    if (fixture_is(call, "usher_enqueue_many"))
        return 3;
    return fixture_is(call, "usher_act_many") ? returned : 1;
}

/* What was refused has no effect, so its ops can be used again. */
int64_t fixture_call(struct fixture *f, const struct call *call, struct receipt **receipt)
{
    struct receipt *r = fixture_receipt(f);
    uint64_t op = f->op;
    int64_t returned;

    if (fixture_is(call, "usher_manual_clock_new")) {
        usher_manual_clock_free(f->clock_out);
        f->clock_out = NULL;
    }
    returned = call->run(f, call->variant, r);
    take_given(f);
    r->calling = false;
    r->accepted = callbacks_of(call, returned);
    CHECK(f, r->ran == 0 || call->callback == IN_EVENT, "%u callbacks inside the call", r->ran);
    if (returned < 0)
        f->op = op;
    if (receipt != NULL)
        *receipt = r;
    return returned;
}

void fixture_act(struct fixture *f, int verb, int kind)
{
    usher_command c = command(f, verb);

    if (kind != 0)
        c.kind = kind;
    assert_int_equal(usher_act(f->u, &c, NULL, NULL), USHER_OK);
    take_given(f);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct fixture *fixture_new(bool own)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    f->own = own;
    f->at = T0;
    f->what = f->what_room;
    f->standing = calloc(1, sizeof *f->standing);
    assert_non_null(f->standing);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(usher_manual_clock_new(&f->clock, T0), USHER_OK);
    assert_int_equal(usher_manual_clock_new(&f->spare, T0), USHER_OK);
    f->lost = fixture_receipt(f);
    f->lost->calling = false;
    return f;
}

int fixture_open(struct fixture *f, void (*open_hook)(struct fixture *f))
{
    struct receipt *r = fixture_receipt(f);
    int err;

    r->hook = open_hook;
    err =
        usher_open(&f->u, f->own ? NULL : &f->loop, "memory:", give_options(f), fixture_on_open, r);
    take_given(f);
    (void)fixture_returned(r, err, 1);
    return err;
}

static void claim_it(struct fixture *f)
{
    struct receipt *r = fixture_receipt(f);

    assert_int_equal(
        fixture_returned(r, usher_claim_ticket(f->a, f->ticket, NULL, fixture_on_work, r), 1),
        USHER_OK);
}

static void enqueue(struct fixture *f, usher_queue_t *q, const char *who, int64_t start_at)
{
    usher_request r = USHER_INIT(usher_request);

    r.requester = who;
    r.body = (usher_text){"no paper", 8};
    r.start_at = start_at;
    if (q == f->q) {
        r.dedup_key = "K-1";
        r.ref = "R-1";
    }
    assert_int_equal(usher_enqueue(q, &r, NULL, NULL), USHER_OK);
}

static void define(usher_queue_t *q, const char *policy)
{
    char err[200];

    if (usher_define(q, policy, err, sizeof err, NULL, NULL) != USHER_OK)
        fail_msg("%s", err);
}

static void park(struct fixture *f)
{
    usher_queue_t *queues[2] = {f->q, f->idle};
    usher_claim_args c = USHER_INIT(usher_claim_args);
    struct receipt *r = fixture_receipt(f);

    f->parked = r;
    c.queues = queues;
    c.queues_n = 2;
    c.n = 2;
    c.wait_ms = USHER_NEVER;
    c.op = next_op(f);
    assert_int_equal(fixture_returned(r, usher_claim_many(f->a, &c, fixture_on_work, r), 1),
                     USHER_OK);
    r = fixture_receipt(f);
    assert_int_equal(
        fixture_returned(r, usher_claim_next(f->b, f->q, 600000, fixture_on_work, r), 1), USHER_OK);
}

/* The records' room starts at 8 and doubles. */
static void fill_pending(struct fixture *f)
{
    const struct call *note = fixture_find("usher_act_many");

    for (int i = 0; i < 5; i++)
        assert_int_equal(fixture_call(f, note, NULL), 3);
    assert_int_equal(fixture_call(f, fixture_find("usher_ask"), NULL), USHER_OK);
}

static void fail_twice(struct fixture *f)
{
    claim_it(f);
    fixture_act(f, USHER_FAIL, 0);
    f->at += 10000;
    assert_int_equal(usher_advance(f->u, f->at), USHER_OK);
    claim_it(f);
    fixture_act(f, USHER_FAIL, 0);
}

/* Two tickets of others stand in q2, the ticket is the first of q. */
void fixture_prepare(struct fixture *f, enum state state)
{
    f->events = fixture_receipt(f);
    f->events->calling = false;
    f->events->accepted = f->lost->accepted = -1;
    assert_int_equal(usher_subscribe(f->u, NULL, 0, fixture_on_event, f->events), USHER_OK);
    assert_int_equal(usher_queue(f->u, &f->q, "desk"), USHER_OK);
    assert_int_equal(usher_queue(f->u, &f->q2, "second line"), USHER_OK);
    assert_int_equal(usher_queue(f->u, &f->idle, "idle"), USHER_OK);
    assert_int_equal(usher_agent(f->u, &f->a, "ann", give_skills(f), 2), USHER_OK);
    assert_int_equal(usher_agent(f->u, &f->b, "bob", give_skills(f), 1), USHER_OK);
    take_given(f);
    define(f->q, FIXTURE_POLICY);
    enqueue(f, f->q2, "ida", 0);
    enqueue(f, f->q2, "otto", 0);
    f->ticket = 99;
    f->last = 2;
    if (state == S_NOTHING)
        return;
    f->ticket = f->last = 3;
    enqueue(f, f->q, "eva", state == S_SCHEDULED ? f->at + 3600000 : 0);
    switch (state) {
    case S_KEPT:
        claim_it(f);
        fixture_act(f, USHER_ACKNOWLEDGE, 0);
        fixture_act(f, USHER_PAUSE, 0);
        fixture_act(f, USHER_RESUME, 0);
        break;
    case S_SHARED:
        enqueue(f, f->q, "kim", 0);
        enqueue(f, f->q, "lea", 0);
        break;
    case S_PAUSED:
        claim_it(f);
        fixture_act(f, USHER_PAUSE, USHER_ON_THIRD_PARTY);
        fixture_act(f, USHER_PAUSE, USHER_ON_REQUESTER);
        break;
    case S_STUCK:
        fail_twice(f);
        break;
    case S_RESOLVED:
    case S_CLOSED:
        claim_it(f);
        fixture_act(f, USHER_RESOLVE, 0);
        if (state == S_CLOSED)
            fixture_act(f, USHER_CONFIRM, 0);
        break;
    case S_WITHDRAWN:
        fixture_act(f, USHER_WITHDRAW, 0);
        break;
    case S_CLAIMED:
    case S_PENDING:
        claim_it(f);
        break;
    case S_PARKED:
        claim_it(f);
        park(f);
        break;
    case S_FULL:
        define(f->q, "{\"limits\":{\"open\":1,\"payload\":100}}");
        break;
    case S_HELD:
        assert_int_equal(usher_queue_hold(f->q, USHER_HOLD_CLAIMS | USHER_HOLD_ENQUEUE, NULL, NULL),
                         USHER_OK);
        break;
    default:
        break;
    }
}

struct fixture *fixture_begin(bool own, enum state state)
{
    struct fixture *f = fixture_new(own);

    fixture_what(f, "in state %s", fixture_states[state]);
    assert_int_equal(fixture_open(f, NULL), USHER_OK);
    fixture_prepare(f, state);
    fixture_run(f);
    assert_int_equal(f->lost->ran, 0);
    if (state == S_PENDING)
        fill_pending(f);
    return f;
}

void fixture_turn(struct fixture *f)
{
    if (!f->own) {
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
        return;
    }
    if (f->u != NULL)
        CHECK(f, usher_turn(f->u) >= 0, "usher_turn");
    if (f->other != NULL)
        CHECK(f, usher_turn(f->other) >= 0, "usher_turn of another");
}

static void check_inside(struct fixture *f)
{
    const char *wrong = f->u == NULL ? NULL : usher__service_check(f->u);

    CHECK(f, wrong == NULL, "the service's own check: %s", wrong);
}

void fixture_run(struct fixture *f)
{
    uint64_t before;

    do {
        before = f->ran;
        fixture_turn(f);
        fixture_turn(f);
    } while (f->ran != before);
    check_inside(f);
}

static void on_other_closed(void *user)
{
    ((struct fixture *)user)->other = NULL;
}

static void check_receipts(const struct fixture *f)
{
    for (const struct receipt *r = f->receipts; r != NULL; r = r->next)
        CHECK(f, r->accepted == -1 || r->ran == (uint64_t)r->accepted,
              "%u callbacks of a call that was accepted %d times", r->ran, (int)r->accepted);
}

static void free_fixture(struct fixture *f)
{
    struct receipt *next;

    for (struct receipt *r = f->receipts; r != NULL; r = next) {
        next = r->next;
        free(r);
    }
    usher_manual_clock_free(f->clock);
    usher_manual_clock_free(f->spare);
    usher_manual_clock_free(f->clock_out);
    free(f->standing);
    free(f);
}

void fixture_end(struct fixture *f)
{
    fixture_fail(f, 1, true);
    if (f->u != NULL && !f->u->closing) {
        struct receipt *r = fixture_receipt(f);

        CHECK(f, fixture_returned(r, usher_close(f->u, fixture_on_closed, r), 1) == USHER_OK,
              "usher_close");
    }
    if (f->other != NULL)
        CHECK(f, usher_close(f->other, on_other_closed, f) == USHER_OK, "usher_close of another");
    for (int i = 0; i < 100 && (f->closed == 0 || f->other != NULL); i++)
        fixture_turn(f);
    CHECK(f, f->closed == 1, "%u close callbacks", f->closed);
    CHECK(f, f->other == NULL, "the other has not closed");
    (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    check_receipts(f);
    CHECK(f, f->held_n == 0 && f->held_len == 0, "%d blocks of %d bytes not given back",
          (int)f->held_n, (int)f->held_len);
    CHECK(f, uv_loop_close(&f->loop) == 0, "something of ours is left in the loop");
    take_given(f);
    free_fixture(f);
}

/* ---- what can be seen ------------------------------------------------------------------------ */

static void print_string(FILE *out, const char *name, const char *s)
{
    fprintf(out, " %s %s", name, s == NULL ? "-" : s);
}

static void print_standing(FILE *out, const usher_standing *s)
{
    fprintf(out, "\n%d: %s seq %d queue %s at %lld %lld %lld until %lld rank %lld ahead %lld %lld",
            (int)s->ticket, usher_name(USHER_NAME_STATE, s->state), (int)s->ticket_seq,
            usher_queue_name(s->queue), (long long)s->enqueued_at, (long long)s->start_at,
            (long long)s->state_at, (long long)s->until_at, (long long)s->rank_at,
            (long long)s->ahead, (long long)s->ahead_in_queue);
    fprintf(out, " due %lld %lld prio %d level %d waits %d n %u %u %u policy %u",
            (long long)s->due_at, (long long)s->next_word_at, s->priority, s->level,
            s->waits_for_you, s->attempts, s->chases, s->persons, s->policy_version);
    print_string(out, "requester", s->requester);
    print_string(out, "holder", s->holder);
    print_string(out, "kept", s->kept_for);
    print_string(out, "symptom", s->symptom);
    print_string(out, "ref", s->ref);
    fprintf(out, " word %.*s question %.*s", (int)s->last_word.len,
            s->last_word.data == NULL ? "" : s->last_word.data, (int)s->question.len,
            s->question.data == NULL ? "" : s->question.data);
    for (int i = 0; i < 4; i++) {
        const usher_promise *p = &s->promises[i];

        fprintf(out, " promise %d: %lld %lld %lld %lld %d %u", i, (long long)p->start_at,
                (long long)p->due_at, (long long)p->target_ms, (long long)p->left_ms, p->state,
                p->arming);
    }
}

static void print_counts(struct fixture *f, FILE *out, const usher_queue_t *q)
{
    uint64_t n[USHER_STATES] = {0};

    CHECK(f, usher_counts(q, n) == USHER_OK, "usher_counts");
    fprintf(out, "\n%s:", usher_queue_name(q));
    for (int i = 0; i < USHER_STATES; i++)
        fprintf(out, " %d", (int)n[i]);
}

char *fixture_digest(struct fixture *f, bool told)
{
    uint64_t fail_at = f->fail_at;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    usher_standing s;

    assert_non_null(out);
    f->fail_at = 0;
    if (f->u == NULL || f->u->closing) {
        fprintf(out, "closed");
    } else {
        fprintf(out, "now %lld", (long long)usher_now(f->u));
        for (usher_id id = 1; id <= LAST_TICKETS; id++) {
            s = (usher_standing)USHER_INIT(usher_standing);
            if (usher_peek(f->u, id, &s) == USHER_OK)
                print_standing(out, &s);
        }
        s = (usher_standing)USHER_INIT(usher_standing);
        if (usher_peek_ref(f->q, "R-1", &s) == USHER_OK)
            fprintf(out, "\nR-1: %d", (int)s.ticket);
        print_counts(f, out, f->q);
        print_counts(f, out, f->q2);
        print_counts(f, out, f->idle);
    }
    if (told)
        fprintf(out, "\n%d callbacks, told %016llx", (int)f->ran, (unsigned long long)f->told);
    assert_int_equal(fclose(out), 0);
    f->fail_at = fail_at;
    return text;
}

bool fixture_same(const struct fixture *f, const char *before, const char *after, const char *text)
{
    size_t i = 0, line = 0;

    if (strcmp(before, after) == 0)
        return true;
    for (; before[i] == after[i]; i++) {
        if (before[i] == '\n')
            line = i + 1;
    }
    if (i > line + 60)
        line = i - 60;
    return CHECK(f, false, "%s:\n  %.*s\n  %.*s", text, (int)strcspn(before + line, "\n") % 120,
                 before + line, (int)strcspn(after + line, "\n") % 120, after + line);
}
