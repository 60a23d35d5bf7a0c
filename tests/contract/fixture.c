/* See fixture.h. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop/service.h"

enum { LAST_TICKETS = 64 };

const char *const fixture_states[STATES] = {
    "nothing",  "scheduled", "waiting",   "kept",   "shared", "claimed", "paused",  "stuck",
    "resolved", "closed",    "withdrawn", "parked", "full",   "held",    "pending",
    "offered",  "offered to bob", "cause", "linked", "recurs",
};

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

/* With the symptom of all requests. */
static void enqueue_noise(struct fixture *f)
{
    usher_request r = USHER_INIT(usher_request);

    r.requester = "otto";
    r.symptom = "noise";
    assert_int_equal(usher_enqueue(f->q2, &r, NULL, NULL), USHER_OK);
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
    c.op = *give_op(f);
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
        define(f->q, "{\"limits\":{\"open\":1,\"payload\":100},\"promises\":{\"resolve\":{\"target\":"
                     "\"12h\"}},\"ladder\":[{\"on\":\"resolve\",\"at\":\"-11h\",\"raise\":1}]}");
        break;
    case S_OFFERED:
    case S_OFFERED_TO:
        claim_it(f);
        fixture_offer(f, state == S_OFFERED ? NULL : f->b);
        break;
    case S_CAUSE:
        f->ticket = f->last = 4;
        enqueue(f, f->idle, "eva", 0);
        claim_it(f);
        fixture_act(f, USHER_RESOLVE, 0);
        fixture_act(f, USHER_CONFIRM, 0);
        f->ticket = 3;
        for (usher_id id = 1; id <= 4; id++) {
            if (id != 3)
                fixture_link(f, id, 3);
        }
        claim_it(f);
        break;
    case S_LINKED:
        claim_it(f);
        fixture_act(f, USHER_RESOLVE, 0);
        fixture_link(f, 3, 1);
        fixture_act(f, USHER_CONFIRM, 0);
        break;
    case S_RECURS:
        f->last = 4;
        enqueue_noise(f);
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
    print_string(out, "offered", s->offered_to);
    fprintf(out, " %d hops %u cause %d follows %d linked %u%s rank by %d %lld %lld waits %u",
            s->offer, s->handoffs, (int)s->cause, (int)s->follows, s->linked,
            s->is_cause ? " opened for a symptom" : "", s->rank_by, (long long)s->rank_from_at,
            (long long)s->rank_behind_ms, s->waits);
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
