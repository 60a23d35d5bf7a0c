/* What the public calls tell: errors by name and text, why a command was refused, the trace; and
 * that running out of memory is told, and changes nothing. */
#include "desk.h"

/* ---- errors ---------------------------------------------------------------------------------- */

static void test_calls__errors_have_text_whatever_the_number(void **state)
{
    (void)state;
    for (int err = -30000; err < 1000; err++) {
        assert_non_null(usher_strerror(err));
        assert_non_null(usher_err_name(err));
    }
    assert_string_equal(usher_err_name(USHER_ESTALE), "USHER_ESTALE");
    assert_string_equal(usher_err_name(USHER_OK), "USHER_OK");
    assert_string_equal(usher_err_name(UV_EMFILE), "EMFILE");
    assert_string_equal(usher_strerror(UV_EMFILE), uv_strerror(UV_EMFILE));
    assert_string_equal(usher_strerror(-20500), "unknown error");
    assert_string_equal(usher_err_name(INT32_MIN), "unknown error");
    assert_int_equal(usher_version(), USHER_VERSION_NUMBER);
}

/* ---- what a completion says ------------------------------------------------------------------ */

static void say(struct desk *d, usher_command c, int status, const char *detail)
{
    assert_int_equal(act(d, c), status);
    assert_string_equal(d->detail, detail);
}

static void test_calls__details_say_why(void **state)
{
    struct desk *d = begin();
    usher_command c;
    usher_request r = request();

    (void)state;
    hold_one(d);
    assert_string_equal(d->detail, "");
    say(d, command(d, USHER_NOTE), USHER_OK, "");
    c = command(d, USHER_REVIVE);
    say(d, c, USHER_ESTATE, "revive: not possible in state claimed");
    c.claim = (usher_claim){17, 0};
    say(d, c, USHER_ENOENT, "revive: there is no ticket 17, or it is no longer kept");
    c = command(d, USHER_RELEASE);
    c.claim.token += 6;
    say(d, c, USHER_ESTALE, "release: the token 7 is stale: the claim has ended");
    c = command(d, USHER_ASK);
    c.who = "bo";
    say(d, c, USHER_ESTATE, "ask: who is not one of the ticket's persons");
    c = command(d, USHER_EXTEND);
    c.ms = 100 * HOUR;
    say(d, c, USHER_OK, "extend: clipped to the policy's lease.max");
    c = command(d, USHER_UPDATE);
    c.text = (usher_text)TEXT("soon");
    c.at = 5;
    say(d, c, USHER_EINVAL, "update: the instant 5 has passed");
    c.at = 0;
    c.op.lo = 1;
    say(d, c, USHER_OK, "");
    say(d, c, USHER_OK, "");
    assert_int_equal(d->last.outcome, USHER_WAS_REPEATED);
    c.text = (usher_text)TEXT("sooner");
    say(d, c, USHER_EINVAL, "update: this op was used with other arguments");
    c = command(d, USHER_PAUSE);
    c.kind = USHER_ON_REQUESTER;
    c.text = (usher_text)TEXT("which printer?");
    c.at = USHER_AT_MAX;
    say(d, c, USHER_OK, "pause: clipped to the policy's pause.requester.max");
    c = command(d, USHER_RESUME);
    c.kind = USHER_UNTIL;
    say(d, c, USHER_ESTATE, "resume: it is not paused for that reason");
    assert_int_equal(usher_queue_hold(d->q, USHER_HOLD_ENQUEUE, NULL, NULL), USHER_OK);
    assert_int_equal(enqueue(d, r), USHER_OK);
    run(d);
    assert_int_equal(d->last.status, USHER_ESTATE);
    assert_string_equal(d->detail, "enqueue: the queue is held");
    end(d);
}

/* ---- the trace ------------------------------------------------------------------------------- */

static void test_calls__the_trace_tells_what_is_done(void **state)
{
    struct desk d = {.left = UINT32_MAX};
    usher_options o = USHER_INIT(usher_options);

    (void)state;
    o.trace = on_trace;
    o.user = &d;
    assert_int_equal(usher_open(&d.u, NULL, "memory:", &o, NULL, NULL), USHER_OK);
    assert_int_equal(usher_queue(d.u, &d.q, "desk"), USHER_OK);
    assert_int_equal(usher_agent(d.u, &d.a, "ann", NULL, 0), USHER_OK);
    hold_one(&d);
    assert_int_equal(usher_resolve(d.u, &d.claim, 0, NULL, NULL, NULL), USHER_OK);
    assert_int_equal(usher_close(d.u, on_closed, &d), USHER_OK);
    while (!d.closed)
        (void)usher_turn(d.u);
    assert_memory_equal(d.trace, "open memory:\n", 13);
    assert_non_null(strstr(d.trace, "\nqueue desk: USHER_OK\n"));
    assert_non_null(strstr(d.trace, "\nenqueue desk, 1: ticket 1: USHER_OK\n"));
    assert_non_null(strstr(d.trace, "\nact resolve ticket 1: USHER_OK\n"));
    assert_non_null(strstr(d.trace, "\ntimer in "));
    assert_non_null(strstr(d.trace, "\nclose\n"));
}

/* ---- out of memory --------------------------------------------------------------------------- */

enum { STEPS = 12 };

/* One call of each kind that allocates; what it returns. */
static int step(struct desk *d, int which)
{
    usher_request r = request();
    usher_request many[3] = {r, r, r};
    usher_query q = USHER_INIT(usher_query);
    usher_command c = command(d, USHER_PAUSE);
    usher_queue_t *other;
    usher_agent_t *bob;

    r.symptom = "smoke";
    r.dedup_key = "key";
    r.op.lo = 1;
    q.what = USHER_READ_TICKETS;
    c.kind = USHER_ON_REQUESTER;
    c.text = (usher_text)TEXT("which one?");
    switch (which) {
    case 0:
        return usher_queue(d->u, &other, "other");
    case 1:
        return usher_agent(d->u, &bob, "bob", &(const char *){"skill"}, 1);
    case 2:
        return usher_define(d->q, "{\"line\":{\"gap\":\"1m\"}}", NULL, 0, on_done, d);
    case 3:
        return usher_enqueue(d->q, &r, on_done, d);
    case 4:
        r.requester = "bo";
        r.op.lo = 2;
        return usher_enqueue(d->q, &r, on_done, d);
    case 5:
        return usher_enqueue_many(d->q, many, 3, on_done, d);
    case 6:
        return usher_claim_next(d->a, d->q, 0, on_work, d);
    case 7:
        return usher_act(d->u, &c, on_done, d);
    case 8:
        return usher_post(d->u, on_post, d);
    case 9:
        return usher_read(d->u, &q, on_page, d);
    case 10:
        return usher_queue_hold(d->q, 0, on_done, d);
    default:
        return usher_agent_gone(d->a, on_done, d);
    }
}

/* The call is repeated with one allocation more each time, until it is taken; whatever was refused
 * before has left no trace: no callback, and nothing that keeps it from being taken now. */
static void test_calls__out_of_memory_changes_nothing(void **state)
{
    struct desk *d = begin();
    uint32_t refused = 0;

    (void)state;
    for (int which = 0; which < STEPS; which++) {
        uint32_t done = d->done, worked = d->worked;
        int r = USHER_ENOMEM;

        for (uint32_t n = 0; r == USHER_ENOMEM && n < 100; n++) {
            d->left = n;
            r = step(d, which);
            d->left = UINT32_MAX;
            if (r != USHER_ENOMEM)
                break;
            refused++;
            run(d);
            assert_int_equal(d->done, done);
            assert_int_equal(d->worked, worked);
        }
        assert_int_equal(r, USHER_OK);
        run(d);
    }
    assert_int_equal(d->lines, 1);
    assert_true(refused > STEPS);
    end(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls__errors_have_text_whatever_the_number),
        cmocka_unit_test(test_calls__details_say_why),
        cmocka_unit_test(test_calls__the_trace_tells_what_is_done),
        cmocka_unit_test(test_calls__out_of_memory_changes_nothing),
    };

    return cmocka_run_group_tests_name("calls_told", tests, NULL, NULL);
}
