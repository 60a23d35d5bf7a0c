/* What holds a queue up, what fills it, and commands that are repeated. */
#include "rules.h"

static void fill(struct service *s, int32_t priority, int n)
{
    for (int i = 0; i < n; i++)
        ticket(s, "ada", priority);
}

/* ---- held queues ----------------------------------------------------------------------------- */

static void hold(struct service *s, uint32_t bits)
{
    assert_int_equal(usher_queue_hold(s->q, bits, on_done, s), USHER_OK);
    run(s);
    assert_int_equal(s->done.status, USHER_OK);
}

static void test_hold__of_claims_lets_them_park(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    struct waiter w;
    usher_claim c;

    ticket(s, "ada", 0);
    hold(s, USHER_HOLD_CLAIMS);
    assert_int_equal(last(s, USHER_EV_QUEUE_HELD)->how, USHER_HOLD_CLAIMS);
    assert_int_equal(claim(s, s->ann).ticket, 0);
    assert_int_equal(claim_ticket(s, s->ann, 1, &c), USHER_ESTATE);
    assert_int_equal(claim_ticket(s, s->ann, 9, &c), USHER_ENOENT);
    park(s, &w, s->ann, USHER_NEVER);
    hold(s, USHER_RUN);
    assert_int_equal(w.told, 1);
    end(s);
}

static void test_hold__of_claims_keeps_what_is_kept_too(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    by_agent(s, c, USHER_RESUME);
    hold(s, USHER_HOLD_CLAIMS);
    assert_int_equal(claim(s, s->ann).ticket, 0);
    end(s);
}

static void test_hold__of_enqueues_refuses_them(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_request r = { .requester = "ada" };
    usher_claim c = held(s, "ada");

    hold(s, USHER_HOLD_ENQUEUE);
    assert_int_equal(enqueue(s, s->q, r), USHER_ESTATE);
    assert_int_equal(s->done.status, USHER_ESTATE); /* as status: the queue says so */
    by_agent(s, c, USHER_RELEASE);
    assert_int_equal(claim(s, s->ann).ticket, 1); /* claims go on */
    end(s);
}

/* ---- full queues ----------------------------------------------------------------------------- */

static const char two_open[] = "{'limits':{'open':2}}";

static void test_full__refuses_and_tells_once_when_there_is_room(void **unused)
{
    (void)unused;

    struct service *s = begin(two_open);
    usher_request r = { .requester = "ada" };
    usher_id t = ticket(s, "ada", 0);
    usher_claim c;

    ticket(s, "ada", 0);
    assert_int_equal(enqueue(s, s->q, r), USHER_EFULL);
    assert_int_equal(enqueue(s, s->q, r), USHER_EFULL);
    claim_ticket(s, s->ann, t, &c);
    by_agent(s, c, USHER_RESOLVE);
    assert_int_equal(enqueue(s, s->q, r), USHER_EFULL); /* resolved is not over */
    by_person(s, t, USHER_CONFIRM, "ada");
    assert_int_equal(count(s, USHER_EV_ROOM), 1);
    by_person(s, 2, USHER_WITHDRAW, "ada");
    assert_int_equal(count(s, USHER_EV_ROOM), 1);
    assert_int_equal(enqueue(s, s->q, r), USHER_OK);
    end(s);
}

static void test_full__tells_nobody_who_was_not_refused(void **unused)
{
    (void)unused;

    struct service *s = begin(two_open);

    fill(s, 0, 2);
    by_person(s, 1, USHER_WITHDRAW, "ada");
    assert_int_equal(count(s, USHER_EV_ROOM), 0);
    end(s);
}

static void test_full__has_room_when_a_ticket_moves_or_the_limit_rises(void **unused)
{
    (void)unused;

    struct service *s = begin(two_open);
    usher_request r = { .requester = "ada" };

    fill(s, 0, 2);
    enqueue(s, s->q, r);
    move(s, 1, queue(s, "other"));
    assert_int_equal(count(s, USHER_EV_ROOM), 1);
    ticket(s, "ada", 0);
    enqueue(s, s->q, r);
    define(s, s->q, "{'limits':{'open':3}}");
    assert_int_equal(count(s, USHER_EV_ROOM), 2);
    end(s);
}

static void test_full__moves_and_reopens_are_let_in(void **unused)
{
    (void)unused;

    struct service *s = begin(two_open);
    usher_request r = { .requester = "ada" };
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_RESOLVE);
    by_person(s, c.ticket, USHER_CONFIRM, "ada");
    fill(s, 0, 2);
    assert_int_equal(by_person(s, c.ticket, USHER_REOPEN, "ada"), USHER_OK);
    enqueue(s, queue(s, "other"), r);
    assert_int_equal(move(s, s->done.ticket, s->q), USHER_OK);
    end(s);
}

static void test_full__a_body_larger_than_the_policy_allows_is_refused(void **unused)
{
    (void)unused;

    struct service *s = begin("{'limits':{'payload':4}}");
    usher_request r = { .requester = "ada", .body = TEXT("1234") };

    assert_int_equal(enqueue(s, s->q, r), USHER_OK);
    r.body = (usher_text)TEXT("12345");
    assert_int_equal(enqueue(s, s->q, r), USHER_ELIMIT);
    end(s);
}

static void test_counts__are_by_state(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    uint64_t n[USHER_STATES];

    fill(s, 0, 3);
    held(s, "ada");
    by_person(s, 1, USHER_WITHDRAW, "ada");
    move(s, 2, queue(s, "other"));
    assert_int_equal(usher_counts(s->q, n), USHER_OK);
    assert_int_equal(n[USHER_WAITING], 1);
    assert_int_equal(n[USHER_CLAIMED], 1);
    assert_int_equal(n[USHER_WITHDRAWN], 1);
    assert_int_equal(usher_counts(queue(s, "other"), n), USHER_OK);
    assert_int_equal(n[USHER_WAITING], 1);
    end(s);
}

/* ---- commands that are repeated -------------------------------------------------------------- */

static const usher_op op = { 7, 9 };

static void test_op__a_repeated_enqueue_is_the_same_ticket(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_request r = { .requester = "ada", .body = TEXT("x"), .op = op };
    uint32_t from;

    enqueue(s, s->q, r);
    from = s->seen_n;
    assert_int_equal(enqueue(s, s->q, r), USHER_OK);
    assert_int_equal(s->done.ticket, 1);
    assert_int_equal(s->done.outcome, USHER_WAS_REPEATED);
    EXPECT_EVENTS(s, from, 0);
    r.body = (usher_text)TEXT("y");
    assert_int_equal(enqueue(s, s->q, r), USHER_EINVAL);
    assert_int_equal(s->done.status, USHER_EINVAL);
    end(s);
}

static void test_op__a_repeated_join_is_joined_as_before(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_request r = { .requester = "ada", .dedup_key = "k" };

    enqueue(s, s->q, r);
    r.requester = "bea";
    r.op = op;
    enqueue(s, s->q, r);
    enqueue(s, s->q, r);
    assert_int_equal(s->done.outcome, USHER_WAS_JOINED | USHER_WAS_REPEATED);
    assert_int_equal(count(s, USHER_EV_JOINED), 1);
    end(s);
}

static void test_op__a_repeat_gets_the_first_result_whatever_came_after(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");
    usher_command pausing = { .verb = USHER_PAUSE, .kind = USHER_UNTIL, .claim = c,
                              .at = T0 + HOUR, .op = op };

    act(s, pausing);
    by_agent(s, c, USHER_RESUME);
    at(s, 30 * MINUTE);
    assert_int_equal(act(s, pausing), USHER_OK);
    assert_int_equal(s->done.state, USHER_PAUSED);
    assert_int_equal(s->done.token, c.token);
    assert_int_equal(s->done.until_at, T0 + HOUR);
    assert_int_equal(s->done.outcome, USHER_WAS_REPEATED);
    assert_int_equal(state(s, c.ticket), USHER_WAITING);
    pausing.at++;
    assert_int_equal(act(s, pausing), USHER_EINVAL);
    end(s);
}

static void test_op__a_repeated_claim_is_the_same_tickets_and_tokens(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim_args args = { .queues = &s->q, .queues_n = 1, .n = 2, .op = op };
    struct waiter a, b;
    uint32_t from;

    fill(s, 0, 3);
    claim_many(s, &a, s->ann, args);
    by_agent(s, a.work[0].claim, USHER_RELEASE); /* stale: the fence will tell */
    from = s->seen_n;
    claim_many(s, &b, s->ann, args);
    EXPECT_EVENTS(s, from, 0);
    assert_int_equal(b.status, USHER_OK);
    assert_int_equal(b.n, 2);
    assert_memory_equal(&b.work[0].claim, &a.work[0].claim, sizeof a.work[0].claim);
    assert_memory_equal(&b.work[1].claim, &a.work[1].claim, sizeof a.work[0].claim);
    args.n = 1;
    claim_many(s, &b, s->ann, args);
    assert_int_equal(b.status, USHER_EINVAL);
    args.n = 2;
    claim_many(s, &b, s->bob, args);
    assert_int_equal(b.status, USHER_EINVAL);
    end(s);
}

static void test_op__a_repeated_claim_ticket_is_the_same_claim(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    struct waiter w = { .s = s };
    usher_id t = ticket(s, "ada", 0);

    for (int i = 0; i < 2; i++) {
        assert_int_equal(usher_claim_ticket(s->ann, t, &op, on_work, &w), USHER_OK);
        run(s);
        assert_int_equal(w.status, USHER_OK);
        assert_int_equal(w.work[0].claim.token, 1);
    }
    assert_int_equal(count(s, USHER_EV_CLAIMED), 1);
    end(s);
}

static void test_op__is_remembered_for_the_window(void **unused)
{
    (void)unused;

    struct service *s = begin_with("{}", &(usher_options){ .op_window_ms = MINUTE });
    usher_request r = { .requester = "ada", .op = op };

    enqueue(s, s->q, r);
    at(s, MINUTE - 1);
    enqueue(s, s->q, r);
    assert_int_equal(s->done.ticket, 1);
    at(s, MINUTE);
    enqueue(s, s->q, r);
    assert_int_equal(s->done.ticket, 2);
    assert_int_equal(s->done.outcome, 0);
    end(s);
}

static void test_op__is_remembered_until_as_many_newer_ones_came(void **unused)
{
    (void)unused;

    struct service *s = begin_with("{}", &(usher_options){ .op_window_n = 2 });
    usher_request r = { .requester = "ada", .op = { 0, 1 } };

    enqueue(s, s->q, r);
    r.op.lo = 2;
    enqueue(s, s->q, r);
    r.op.lo = 1;
    enqueue(s, s->q, r);
    assert_int_equal(s->done.ticket, 1);
    r.op.lo = 3;
    enqueue(s, s->q, r);
    r.op.lo = 1;
    enqueue(s, s->q, r);
    assert_int_equal(s->done.ticket, 4);
    end(s);
}

static void test_op__errors_are_not_remembered(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");
    usher_command resume = { .verb = USHER_RESUME, .claim = c, .op = op };

    assert_int_equal(act(s, resume), USHER_ESTATE);
    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    assert_int_equal(act(s, resume), USHER_OK);
    assert_int_equal(s->done.outcome, 0);
    end(s);
}

static void test_op__a_parked_claim_is_remembered_when_it_is_served(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim_args args = { .queues = &s->q, .queues_n = 1, .wait_ms = USHER_NEVER, .op = op };
    struct waiter a, b;

    claim_many(s, &a, s->ann, args);
    assert_int_equal(a.told, 0);
    ticket(s, "ada", 0);
    assert_int_equal(a.told, 1);
    ticket(s, "ada", 0);
    claim_many(s, &b, s->ann, args);
    assert_int_equal(b.n, 1);
    assert_int_equal(b.work[0].claim.ticket, a.work[0].claim.ticket);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hold__of_claims_lets_them_park),
        cmocka_unit_test(test_hold__of_claims_keeps_what_is_kept_too),
        cmocka_unit_test(test_hold__of_enqueues_refuses_them),
        cmocka_unit_test(test_full__refuses_and_tells_once_when_there_is_room),
        cmocka_unit_test(test_full__tells_nobody_who_was_not_refused),
        cmocka_unit_test(test_full__has_room_when_a_ticket_moves_or_the_limit_rises),
        cmocka_unit_test(test_full__moves_and_reopens_are_let_in),
        cmocka_unit_test(test_full__a_body_larger_than_the_policy_allows_is_refused),
        cmocka_unit_test(test_counts__are_by_state),
        cmocka_unit_test(test_op__a_repeated_enqueue_is_the_same_ticket),
        cmocka_unit_test(test_op__a_repeated_join_is_joined_as_before),
        cmocka_unit_test(test_op__a_repeat_gets_the_first_result_whatever_came_after),
        cmocka_unit_test(test_op__a_repeated_claim_is_the_same_tickets_and_tokens),
        cmocka_unit_test(test_op__a_repeated_claim_ticket_is_the_same_claim),
        cmocka_unit_test(test_op__is_remembered_for_the_window),
        cmocka_unit_test(test_op__is_remembered_until_as_many_newer_ones_came),
        cmocka_unit_test(test_op__errors_are_not_remembered),
        cmocka_unit_test(test_op__a_parked_claim_is_remembered_when_it_is_served),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
