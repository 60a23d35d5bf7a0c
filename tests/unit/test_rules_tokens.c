/* Tokens: when one goes stale, that it is for one claim of one ticket; and what a command is
 * refused for when several things are wrong with it. */
#include "rules.h"

static const char policy[] =
    "{'retry':{'attempts':2,'backoff':['1h']},"
    " 'aftercare':{'confirm_within':'5d','reopen_within':'10d'}}";

/* ---- late and stale -------------------------------------------------------------------------- */

/* Every verb of the holder is refused, and changes nothing. */
static void expect_stale(struct service *s, usher_claim c)
{
    static const int verbs[] = { USHER_ACKNOWLEDGE, USHER_UPDATE, USHER_EXTEND, USHER_RELEASE,
                                 USHER_PAUSE, USHER_RESUME, USHER_RESOLVE, USHER_FAIL };
    uint64_t before = peek(s, c.ticket).ticket_seq;

    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        usher_command command = { .verb = verbs[i], .claim = c, .text = TEXT("text") };

        if (verbs[i] == USHER_PAUSE)
            command.kind = USHER_ON_REQUESTER;
        if (act(s, command) != USHER_ESTALE)
            fail_msg("%s was not refused as stale", usher_name(USHER_NAME_VERB, verbs[i]));
    }
    assert_int_equal(peek(s, c.ticket).ticket_seq, before);
}

static void test_token__stale_after_the_lease_ran_out(void **unused)
{
    (void)unused;

    struct service *s = begin(policy);
    usher_claim c = held(s, "ada");

    at(s, 15 * MINUTE);
    expect_stale(s, c);
    end(s);
}

static void test_token__stale_when_the_lease_ends_in_the_same_ms(void **unused)
{
    (void)unused;

    struct service *s = begin(policy);
    usher_claim c = held(s, "ada");

    usher_manual_clock_skip(s->clock, T0 + 15 * MINUTE);
    assert_int_equal(by_agent(s, c, USHER_RESOLVE), USHER_ESTALE);
    assert_int_equal(last(s, USHER_EV_LEASE_EXPIRED)->seen_at, 0);
    end(s);
}

static void test_token__good_1_ms_before_the_lease_ends(void **unused)
{
    (void)unused;

    struct service *s = begin(policy);
    usher_claim c = held(s, "ada");

    at(s, 15 * MINUTE - 1);
    assert_int_equal(by_agent(s, c, USHER_RESOLVE), USHER_OK);
    end(s);
}

static void test_token__stale_after_somebody_else_claimed(void **unused)
{
    (void)unused;

    struct service *s = begin(policy);
    usher_claim c = held(s, "ada"), d;

    by_agent(s, c, USHER_RELEASE);
    d = claim(s, s->bob);
    assert_int_equal(d.ticket, c.ticket);
    expect_stale(s, c);
    assert_int_equal(by_agent(s, d, USHER_RESOLVE), USHER_OK);
    end(s);
}

static void test_token__stale_after_the_same_agent_claimed_anew(void **unused)
{
    (void)unused;

    struct service *s = begin(policy);
    usher_claim c = held(s, "ada"), d;

    by_agent(s, c, USHER_RELEASE);
    d = claim(s, s->ann);
    expect_stale(s, c);
    assert_int_equal(by_agent(s, d, USHER_EXTEND), USHER_OK);
    end(s);
}

static void test_token__stale_after_claim_ticket_ended_the_pause(void **unused)
{
    (void)unused;

    struct service *s = begin(policy);
    usher_claim c = held(s, "ada"), d;

    pause(s, c, USHER_ON_REQUESTER, 0);
    assert_int_equal(claim_ticket(s, s->bob, c.ticket, &d), USHER_OK);
    expect_stale(s, c);
    end(s);
}

static void test_token__stale_after_the_pause_ran_out(void **unused)
{
    (void)unused;

    struct service *s = begin(policy);
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_UNTIL, T0 + HOUR);
    at(s, HOUR);
    expect_stale(s, c);
    end(s);
}

static void test_token__stale_after_a_resume(void **unused)
{
    (void)unused;

    struct service *s = begin(policy);
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    by_agent(s, c, USHER_RESUME);
    expect_stale(s, c);
    end(s);
}

static void test_token__stale_after_a_reply_ended_the_pause(void **unused)
{
    (void)unused;

    struct service *s = begin(policy);
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_REQUESTER, 0);
    reply(s, c.ticket, "ada", 0);
    expect_stale(s, c);
    end(s);
}

static void test_token__stale_after_its_own_resolve(void **unused)
{
    (void)unused;

    struct service *s = begin(policy);
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_RESOLVE);
    expect_stale(s, c);
    by_person(s, c.ticket, USHER_CONFIRM, "ada");
    expect_stale(s, c);
    end(s);
}

static void test_token__stale_after_a_reopen(void **unused)
{
    (void)unused;

    struct service *s = begin(policy);
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_RESOLVE);
    by_person(s, c.ticket, USHER_REOPEN, "ada");
    expect_stale(s, c);
    end(s);
}

static void test_token__stale_after_fail_and_withdraw_and_going(void **unused)
{
    (void)unused;

    struct service *s = begin(policy);
    usher_claim c = held(s, "ada"), d = held(s, "ada"), e = held(s, "ada");

    by_agent(s, c, USHER_FAIL);
    expect_stale(s, c);
    by_person(s, d.ticket, USHER_WITHDRAW, "ada");
    expect_stale(s, d);
    usher_agent_gone(s->ann, NULL, NULL);
    run(s);
    expect_stale(s, e);
    end(s);
}

/* Another claim's token, and this one on another ticket, are no good. */
static void test_token__is_for_one_ticket(void **unused)
{
    (void)unused;

    struct service *s = begin(policy);
    usher_claim c = held(s, "ada"), d;

    by_agent(s, c, USHER_RELEASE);
    c = claim(s, s->ann);
    d = held(s, "bea");
    assert_int_not_equal(c.token, d.token);
    expect_stale(s, (usher_claim){ c.ticket, d.token });
    expect_stale(s, (usher_claim){ d.ticket, c.token });
    end(s);
}

static void test_token__only_grows(void **unused)
{
    (void)unused;

    struct service *s = begin(policy);
    usher_claim c = held(s, "ada"), next;
    int64_t now = 0;

    for (int i = 0; i < 7; i++) {
        switch (i) {
        case 0: by_agent(s, c, USHER_RELEASE); break;
        case 1: by_agent(s, c, USHER_FAIL); break;
        case 2: by_agent(s, c, USHER_RESOLVE); by_person(s, c.ticket, USHER_REOPEN, "ada"); break;
        case 3: pause(s, c, USHER_ON_REQUESTER, 0); break;
        case 4: now += 30 * MINUTE; at(s, now); break; /* the lease */
        case 5: move(s, c.ticket, queue(s, "other")); by_agent(s, c, USHER_RELEASE); break;
        default: usher_agent_gone(s->bob, NULL, NULL); agent(s, "bob", NULL); break;
        }
        if (i == 1) {
            now += HOUR;
            at(s, now);
        }
        assert_int_equal(claim_ticket(s, s->bob, c.ticket, &next), USHER_OK);
        assert_true(next.token > c.token);
        c = next;
    }
    end(s);
}

/* ---- the order of the checks ----------------------------------------------------------------- */

static void test_order_of_checks__arguments_before_all(void **unused)
{
    (void)unused;

    struct service *s = begin(policy);
    usher_command c = { .size = sizeof c, .verb = USHER_UPDATE, .claim = { 77, 1 } };

    s->done.status = 1;
    assert_int_equal(usher_act(s->u, &c, on_done, s), USHER_EINVAL); /* no text, no such ticket */
    run(s);
    assert_int_equal(s->done.status, 1); /* it was not told */
    end(s);
}

static void test_order_of_checks__op_before_the_ticket(void **unused)
{
    (void)unused;

    struct service *s = begin_with(policy, &(usher_options){ .keep_closed = 1 });
    usher_id id = ticket(s, "ada", 0);
    usher_command c = { .verb = USHER_WITHDRAW, .claim = { id, 0 }, .who = "ada", .op = { 0, 9 } };

    assert_int_equal(act(s, c), USHER_OK);
    by_person(s, ticket(s, "bea", 0), USHER_WITHDRAW, "bea"); /* lets go of the first one */
    assert_int_equal(by_person(s, id, USHER_NOTE, "desk"), USHER_ENOENT);
    assert_int_equal(act(s, c), USHER_OK);
    assert_int_equal(s->done.outcome, USHER_WAS_REPEATED);
    c.who = "bea";
    assert_int_equal(act(s, c), USHER_EINVAL);
    end(s);
}

static void test_order_of_checks__op_before_the_token(void **unused)
{
    (void)unused;

    struct service *s = begin(policy);
    usher_claim c = held(s, "ada");
    usher_command resolve = { .verb = USHER_RESOLVE, .claim = c, .op = { 1, 2 } };

    assert_int_equal(act(s, resolve), USHER_OK);
    assert_int_equal(act(s, resolve), USHER_OK);
    assert_int_equal(s->done.state, USHER_RESOLVED);
    resolve.op = (usher_op){ 1, 3 };
    assert_int_equal(act(s, resolve), USHER_ESTALE);
    end(s);
}

static void test_order_of_checks__the_token_before_the_state(void **unused)
{
    (void)unused;

    struct service *s = begin(policy);
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    assert_int_equal(by_agent(s, c, USHER_EXTEND), USHER_ESTATE);
    c.token += 1;
    assert_int_equal(by_agent(s, c, USHER_EXTEND), USHER_ESTALE);
    end(s);
}

static void test_order_of_checks__the_token_before_the_person(void **unused)
{
    (void)unused;

    struct service *s = begin(policy);
    usher_command ask = { .verb = USHER_ASK, .claim = { ticket(s, "ada", 0), 3 }, .who = "bea" };

    assert_int_equal(act(s, ask), USHER_ESTALE);
    end(s);
}

static void test_order_of_checks__the_token_before_an_instant(void **unused)
{
    (void)unused;

    struct service *s = begin(policy);
    usher_claim c = held(s, "ada");
    usher_command update = { .verb = USHER_UPDATE, .claim = c, .text = TEXT("x"), .at = T0 };

    assert_int_equal(act(s, update), USHER_EINVAL);
    update.claim.token++;
    assert_int_equal(act(s, update), USHER_ESTALE);
    end(s);
}

static void test_order_of_checks__an_instant_before_what_is_left_of_a_pause(void **unused)
{
    (void)unused;

    struct service *s = begin("{'pause':{'until':{'max':'1h'}}}");
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_UNTIL, T0 + HOUR);
    at(s, HOUR);
    claim_ticket(s, s->ann, c.ticket, &c);
    assert_int_equal(pause(s, c, USHER_UNTIL, T0 + HOUR), USHER_EINVAL);
    assert_int_equal(pause(s, c, USHER_UNTIL, T0 + HOUR + 1), USHER_ESTATE);
    end(s);
}

static void test_order_of_checks__what_is_left_of_a_pause_before_their_number(void **unused)
{
    (void)unused;

    struct service *s = begin("{'pause':{'requester':{'max':'1h'}}}");
    usher_claim c = held(s, "ada");

    for (int i = 0; i < USHER_PAUSES_MAX; i++) {
        assert_int_equal(pause(s, c, USHER_ON_THIRD_PARTY, 0), USHER_OK);
        by_agent(s, c, USHER_RESUME);
        claim_ticket(s, s->ann, c.ticket, &c);
    }
    assert_int_equal(pause(s, c, USHER_ON_REQUESTER, T0), USHER_EINVAL);
    assert_int_equal(pause(s, c, USHER_ON_REQUESTER, 0), USHER_ELIMIT);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token__stale_after_the_lease_ran_out),
        cmocka_unit_test(test_token__stale_when_the_lease_ends_in_the_same_ms),
        cmocka_unit_test(test_token__good_1_ms_before_the_lease_ends),
        cmocka_unit_test(test_token__stale_after_somebody_else_claimed),
        cmocka_unit_test(test_token__stale_after_the_same_agent_claimed_anew),
        cmocka_unit_test(test_token__stale_after_claim_ticket_ended_the_pause),
        cmocka_unit_test(test_token__stale_after_the_pause_ran_out),
        cmocka_unit_test(test_token__stale_after_a_resume),
        cmocka_unit_test(test_token__stale_after_a_reply_ended_the_pause),
        cmocka_unit_test(test_token__stale_after_its_own_resolve),
        cmocka_unit_test(test_token__stale_after_a_reopen),
        cmocka_unit_test(test_token__stale_after_fail_and_withdraw_and_going),
        cmocka_unit_test(test_token__is_for_one_ticket),
        cmocka_unit_test(test_token__only_grows),
        cmocka_unit_test(test_order_of_checks__arguments_before_all),
        cmocka_unit_test(test_order_of_checks__op_before_the_ticket),
        cmocka_unit_test(test_order_of_checks__op_before_the_token),
        cmocka_unit_test(test_order_of_checks__the_token_before_the_state),
        cmocka_unit_test(test_order_of_checks__the_token_before_the_person),
        cmocka_unit_test(test_order_of_checks__the_token_before_an_instant),
        cmocka_unit_test(test_order_of_checks__an_instant_before_what_is_left_of_a_pause),
        cmocka_unit_test(test_order_of_checks__what_is_left_of_a_pause_before_their_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
