/* Every public function, called inside every kind of callback, on a host's loop and on its own.
 *
 * "The state is complete before your code runs, so a callback may call anything, usher_close()
 * included." So a call inside a callback must answer and do what the same call answers and does
 * right after that callback; that is what each is compared with. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "loop/service.h"

enum from { /* the callback inside which the call is made */
            FROM_OPEN,
            FROM_DONE,
            FROM_NEXT,
            FROM_MANY,
            FROM_TICKET,
            FROM_CANCELED,
            FROM_TIMED_OUT, /* inside usher_advance() */
            FROM_EVENT,
            FROM_PAGE,
            FROM_POST,
            FROM_LOST,
            FROMS
};
static const char *const from_names[FROMS] = {"open",   "done",     "claim_next", "claim_many",
                                              "ticket", "canceled", "timed out",  "event",
                                              "page",   "post",     "lost"};

enum how { INSIDE, AFTER, INSIDE_THEN_CLOSE, CLOSE_THEN_INSIDE };
static const char *const how_names[] = {"", "after it: ", "then close: ", "close, then: "};

/* What the hook does; one at a time. */
static struct {
    const struct call *call;
    enum how how;
    int64_t returned;
    bool has_run;
} job;

static void close_it(struct fixture *f)
{
    struct receipt *r = fixture_receipt(f);
    bool already = f->u->closing;
    int err = fixture_returned(r, usher_close(f->u, fixture_on_closed, r), 1);

    CHECK(f, err == (already ? USHER_ECANCELED : USHER_OK), "usher_close: %d", err);
}

static void hook(struct fixture *f)
{
    job.has_run = true;
    if (job.how == AFTER)
        return;
    if (job.how == CLOSE_THEN_INSIDE)
        close_it(f);
    job.returned = fixture_call(f, job.call, NULL);
    if (job.how == INSIDE_THEN_CLOSE)
        close_it(f);
}

/* ---- making each kind of callback happen ----------------------------------------------------- */

static struct receipt *with_hook(struct fixture *f)
{
    struct receipt *r = fixture_receipt(f);

    r->hook = hook;
    return r;
}

static void trigger_claim(struct fixture *f, enum from from)
{
    struct receipt *r = with_hook(f);
    usher_claim_args c = USHER_INIT(usher_claim_args);
    int err;

    c.queues = &f->q2;
    c.queues_n = 1;
    c.n = 2;
    if (from == FROM_NEXT)
        err = usher_claim_next(f->a, f->q2, 0, fixture_on_work, r);
    else if (from == FROM_MANY)
        err = usher_claim_many(f->a, &c, fixture_on_work, r);
    else if (from == FROM_TICKET)
        err = usher_claim_ticket(f->a, 1, NULL, fixture_on_work, r);
    else
        err = usher_claim_next(f->a, f->idle, 500, fixture_on_work, r);
    assert_int_equal(fixture_returned(r, err, 1), USHER_OK);
    if (from == FROM_CANCELED)
        assert_int_equal(usher_claim_cancel(f->a, r), USHER_OK);
    if (from != FROM_TIMED_OUT)
        return;
    f->at += 500;
    err = usher_advance(f->u, f->at);
    CHECK(f, err == USHER_OK || (err == USHER_ECANCELED && f->u->closing), "usher_advance: %d",
          err);
}

static void trigger(struct fixture *f, enum from from)
{
    usher_command note = USHER_INIT(usher_command);
    struct receipt *r;
    int err = USHER_OK;

    note.verb = USHER_NOTE;
    note.claim.ticket = f->ticket;
    switch (from) {
    case FROM_DONE:
        r = with_hook(f);
        err = fixture_returned(r, usher_act(f->u, &note, fixture_on_done, r), 1);
        break;
    case FROM_EVENT:
        f->events->hook = hook;
        err = usher_act(f->u, &note, NULL, NULL);
        break;
    case FROM_PAGE:
        r = with_hook(f);
        err = fixture_returned(
            r, usher_read(f->u, give_query(f, USHER_READ_TICKETS), fixture_on_page, r), 1);
        take_given(f);
        break;
    case FROM_POST:
        r = with_hook(f);
        err = fixture_returned(r, usher_post(f->u, fixture_on_post, r), 1);
        break;
    case FROM_LOST:
        f->lost->hook = hook;
        note.claim.ticket = 98;
        err = usher_act(f->u, &note, NULL, NULL);
        break;
    case FROM_OPEN:
    case FROMS:
        break;
    default:
        trigger_claim(f, from);
        break;
    }
    assert_int_equal(err, USHER_OK);
}

/* ---- what is expected ------------------------------------------------------------------------ */

/* "A turn inside a callback: ESTATE"; "ESTATE: inside a callback" (usher_advance). */
static bool must_be_outside(const struct call *call)
{
    return fixture_is(call, "usher_turn") || fixture_is(call, "usher_advance");
}

static void check_inside(const struct fixture *f, int64_t after)
{
    int64_t expected = after;

    if (fixture_is(job.call, "usher_advance") || (fixture_is(job.call, "usher_turn") && f->own))
        expected = USHER_ESTATE;
    if (fixture_is(job.call, "usher_timeout")) /* there may be more to do in one than after it */
        CHECK(f, job.returned == after || job.returned == 0, "%d", (int)job.returned);
    else
        CHECK(f, job.returned == expected, "%d, expected %d", (int)job.returned, (int)expected);
}

static void check_closing(const struct fixture *f)
{
    if (!(job.call->flags & CALL_SERVICE) || !(job.call->flags & CALL_INT) ||
        fixture_is(job.call, "usher_fd") || fixture_is(job.call, "usher_timeout"))
        return;
    if (must_be_outside(job.call))
        CHECK(f,
              job.returned == USHER_ECANCELED || job.returned == USHER_ESTATE ||
                  (!f->own && job.returned == USHER_EINVAL),
              "%d", (int)job.returned);
    else
        CHECK(f, job.returned == USHER_ECANCELED, "%d", (int)job.returned);
}

/* Runs it; returns what can be seen in the end. */
static char *run_one(const struct call *call, enum from from, enum how how, bool own,
                     int64_t *returned)
{
    struct fixture *f = fixture_new(own);
    bool told;
    char *digest;

    fixture_what(f, "%s%s inside %s, %s loop", how_names[how], call->label, from_names[from],
                 own ? "its own" : "the host's");
    job.call = call;
    job.how = how;
    job.returned = 0;
    job.has_run = false;
    assert_int_equal(fixture_open(f, from == FROM_OPEN ? hook : NULL), USHER_OK);
    fixture_prepare(f, S_CLAIMED);
    fixture_run(f);
    if (from != FROM_OPEN)
        trigger(f, from);
    if (how == AFTER) {
        fixture_run(f);
        job.returned = fixture_call(f, call, NULL);
    }
    fixture_run(f);
    CHECK(f, job.has_run, "the callback has not run");
    if (how == INSIDE)
        check_inside(f, *returned);
    if (how == CLOSE_THEN_INSIDE)
        check_closing(f);
    if (how == INSIDE_THEN_CLOSE && !must_be_outside(call) && !fixture_is(call, "usher_timeout"))
        CHECK(f, job.returned == *returned, "%d", (int)job.returned);
    *returned = job.returned;
    /* When the open callback runs, all that came after it is still to be told. */
    told = from != FROM_OPEN && !fixture_is(call, "usher_turn");
    digest = fixture_digest(f, told);
    if (how == INSIDE && must_be_outside(call)) { /* nothing happened: compare with nothing */
        free(digest);
        digest = NULL;
    }
    fixture_end(f);
    return digest;
}

static void try_call(const struct call *call, enum from from, bool own)
{
    struct fixture none = {.what = call->label};
    int64_t after = 0, unused;
    char *control = run_one(call, from, AFTER, own, &after);
    char *inside;

    unused = after;
    inside = run_one(call, from, INSIDE, own, &unused);
    if (inside != NULL) {
        fixture_what(&none, "%s inside %s, and after it", call->label, from_names[from]);
        none.what = none.what_room;
        (void)fixture_same(&none, control, inside, "they differ");
    }
    free(inside);
    free(control);
    unused = after;
    free(run_one(call, from, INSIDE_THEN_CLOSE, own, &unused));
    free(run_one(call, from, CLOSE_THEN_INSIDE, own, &unused));
}

static void try_all(enum from from)
{
    for (int own = 0; own < 2; own++) {
        for (size_t i = 0; i < fixture_calls_n; i++)
            try_call(&fixture_calls[i], from, own != 0);
    }
    fixture_verdict();
}

#define TEST(name, from)                                                                           \
    static void test_reentry__any_call_inside_##name(void **state)                                 \
    {                                                                                              \
        (void)state;                                                                               \
        try_all(from);                                                                             \
    }
TEST(open, FROM_OPEN)
TEST(done, FROM_DONE)
TEST(claim_next, FROM_NEXT)
TEST(claim_many, FROM_MANY)
TEST(claim_ticket, FROM_TICKET)
TEST(a_claim_that_is_canceled, FROM_CANCELED)
TEST(a_claim_that_timed_out, FROM_TIMED_OUT)
TEST(event, FROM_EVENT)
TEST(page, FROM_PAGE)
TEST(post, FROM_POST)
TEST(lost, FROM_LOST)

/* ---- the close callback ---------------------------------------------------------------------- */

static void call_without_service(struct fixture *f)
{
    job.has_run = true;
    for (size_t i = 0; i < fixture_calls_n; i++) {
        const struct call *call = &fixture_calls[i];

        if ((call->flags & CALL_SERVICE) != 0)
            continue;
        fixture_what(f, "%s inside the close callback", call->label);
        job.returned = fixture_call(f, call, NULL);
        if ((call->flags & CALL_INT) != 0)
            CHECK(f, job.returned == USHER_OK, "%d", (int)job.returned);
    }
}

/* u is gone: what needs none works, opening the next one included, on the same loop. */
static void test_reentry__without_a_service_inside_close(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        struct fixture *f = fixture_begin(own != 0, S_CLAIMED);
        struct receipt *r = fixture_receipt(f);

        job.has_run = false;
        r->hook = call_without_service;
        assert_int_equal(fixture_returned(r, usher_close(f->u, fixture_on_closed, r), 1), USHER_OK);
        for (int i = 0; i < 20; i++)
            fixture_turn(f);
        CHECK(f, job.has_run, "the close callback has not run");
        CHECK(f, f->other != NULL, "nothing was opened");
        fixture_end(f);
    }
    fixture_verdict();
}

/* ---- during the close ------------------------------------------------------------------------ */

static void call_all_closing(struct fixture *f)
{
    job.has_run = true;
    for (size_t i = 0; i < fixture_calls_n; i++) {
        job.call = &fixture_calls[i];
        if (fixture_is(job.call, "usher_open"))
            continue;
        fixture_what(f, "%s while it closes", job.call->label);
        job.returned = fixture_call(f, job.call, NULL);
        check_closing(f);
    }
}

/* Outstanding callbacks run first: all calls inside them are refused, and nothing comes of them. */
static void test_reentry__in_what_is_outstanding_at_the_close(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        for (int from = FROM_DONE; from < FROMS; from++) {
            struct fixture *f = fixture_begin(own != 0, S_PARKED);

            if (from == FROM_TIMED_OUT)
                f->parked->hook = call_all_closing; /* of one that is parked: by the close itself */
            else
                trigger(f, (enum from)from);
            for (struct receipt *r = f->receipts; r != NULL; r = r->next)
                r->hook = r->hook == hook ? call_all_closing : r->hook;
            job.has_run = false;
            close_it(f);
            for (int i = 0; i < 20; i++)
                fixture_turn(f);
            CHECK(f, job.has_run, "the callback %s has not run", from_names[from]);
            fixture_end(f);
        }
    }
    fixture_verdict();
}

/* ---- all at once ----------------------------------------------------------------------------- */

static void call_all(struct fixture *f)
{
    job.has_run = true;
    for (size_t i = 0; i < fixture_calls_n; i++) {
        const struct call *call = &fixture_calls[i];

        if (fixture_is(call, "usher_close") || fixture_is(call, "usher_unsubscribe") ||
            (fixture_is(call, "usher_open") && f->other != NULL))
            continue;
        (void)fixture_call(f, call, NULL);
    }
}

/* Many calls inside one callback, in each state: rings and arrays grow while they are read. */
static void test_reentry__all_calls_inside_one(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        for (int s = 0; s < STATES; s++) {
            for (int from = FROM_DONE; from < FROMS; from++) {
                struct fixture *f = fixture_begin(own != 0, (enum state)s);

                fixture_what(f, "all calls inside %s in state %s", from_names[from],
                             fixture_states[s]);
                trigger(f, (enum from)from);
                for (struct receipt *r = f->receipts; r != NULL; r = r->next)
                    r->hook = r->hook == hook ? call_all : r->hook;
                fixture_run(f);
                fixture_end(f);
            }
        }
    }
    fixture_verdict();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reentry__any_call_inside_open),
        cmocka_unit_test(test_reentry__any_call_inside_done),
        cmocka_unit_test(test_reentry__any_call_inside_claim_next),
        cmocka_unit_test(test_reentry__any_call_inside_claim_many),
        cmocka_unit_test(test_reentry__any_call_inside_claim_ticket),
        cmocka_unit_test(test_reentry__any_call_inside_a_claim_that_is_canceled),
        cmocka_unit_test(test_reentry__any_call_inside_a_claim_that_timed_out),
        cmocka_unit_test(test_reentry__any_call_inside_event),
        cmocka_unit_test(test_reentry__any_call_inside_page),
        cmocka_unit_test(test_reentry__any_call_inside_post),
        cmocka_unit_test(test_reentry__any_call_inside_lost),
        cmocka_unit_test(test_reentry__without_a_service_inside_close),
        cmocka_unit_test(test_reentry__in_what_is_outstanding_at_the_close),
        cmocka_unit_test(test_reentry__all_calls_inside_one),
    };

    return cmocka_run_group_tests_name("reentry", tests, NULL, NULL);
}
