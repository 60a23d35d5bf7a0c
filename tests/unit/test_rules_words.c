/* The promises of a word: the first one, an answer, the next one. */
#include "rules.h"

enum {
    ACK = USHER_PROMISE_ACK,
    ANSWER = USHER_PROMISE_ANSWER,
    UPDATE = USHER_PROMISE_UPDATE,
};
#define BIT(promise) (1 << (promise))

static const char ack_1h[] = "{'promises':{'ack':{'target':'1h'}}}";
static const char answer_1h[] = "{'promises':{'answer':{'target':'1h'}}}";
static const char update_1h[] = "{'promises':{'update':{'target':'1h'}},'lease':{'for':'8h'}}";

/* ---- ack: the first word --------------------------------------------------------------------- */

static uint32_t kept_by(int verb, int kind)
{
    struct service *s = begin(ack_1h);
    usher_claim c = held(s, "ada");
    uint32_t kept;

    assert_int_equal(act(s, (usher_command){ .verb = verb, .kind = kind, .claim = c,
                                             .text = TEXT("word"), .at = 0 }),
                     USHER_OK);
    kept = s->seen[s->seen_n - 1].kept;
    assert_int_equal(promise(s, c.ticket, ACK).state, kept != 0 ? USHER_KEPT : USHER_RUNNING);
    end(s);
    return kept;
}

static void test_ack__is_kept_by_a_word(void **unused)
{
    (void)unused;

    assert_int_equal(kept_by(USHER_ACKNOWLEDGE, 0), BIT(ACK));
    assert_int_equal(kept_by(USHER_UPDATE, 0), BIT(ACK));
    assert_int_equal(kept_by(USHER_RESOLVE, 0), BIT(ACK));
    assert_int_equal(kept_by(USHER_PAUSE, USHER_ON_REQUESTER), BIT(ACK));
}

static void test_ack__is_not_kept_by_what_the_requester_does_not_hear(void **unused)
{
    (void)unused;

    assert_int_equal(kept_by(USHER_PAUSE, USHER_ON_THIRD_PARTY), 0);
    assert_int_equal(kept_by(USHER_EXTEND, 0), 0);
    assert_int_equal(kept_by(USHER_RELEASE, 0), 0);
    assert_int_equal(kept_by(USHER_FAIL, 0), 0);
    assert_int_equal(kept_by(USHER_ACKNOWLEDGE, USHER_BY_MACHINE), 0);
}

static void test_ack__is_kept_by_a_receipt_where_the_policy_says_so(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':'1h','receipt':true},"
                              "'answer':{'target':'1h'},'update':{'target':'1h'}}}");
    usher_id t = ticket(s, "ada", 0);
    usher_command receipt = { .verb = USHER_ACKNOWLEDGE, .kind = USHER_BY_MACHINE,
                              .claim = { t, 0 } };

    by_person(s, t, USHER_ASK, "ada");
    assert_int_equal(act(s, receipt), USHER_OK);
    assert_int_equal(last(s, USHER_EV_RECEIPT)->kept, BIT(ACK));
    assert_int_equal(promise(s, t, ACK).state, USHER_KEPT);
    assert_int_equal(promise(s, t, ANSWER).state, USHER_RUNNING); /* it is no word */
    assert_int_equal(promise(s, t, UPDATE).state, 0);
    end(s);
}

static void test_ack__is_not_paused(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':'1h'}},'lease':{'for':'8h'}}");
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    at(s, HOUR + 1);
    assert_int_equal(last(s, USHER_EV_BROKEN)->promise, ACK);
    end(s);
}

static void test_ack__goes_on_over_release_and_a_lease_that_ended(void **unused)
{
    (void)unused;

    struct service *s = begin(ack_1h);
    usher_claim c = held(s, "ada");

    at(s, 15 * MINUTE);
    claim_ticket(s, s->ann, c.ticket, &c);
    by_agent(s, c, USHER_RELEASE);
    assert_int_equal(promise(s, c.ticket, ACK).start_at, T0);
    assert_int_equal(promise(s, c.ticket, ACK).arming, 1);
    end(s);
}

/* ---- answer: the oldest message -------------------------------------------------------------- */

static void test_answer__counts_from_the_oldest_message(void **unused)
{
    (void)unused;

    struct service *s = begin(answer_1h);
    usher_id t = ticket(s, "ada", 0);

    at(s, 10 * MINUTE);
    by_person(s, t, USHER_ASK, "ada");
    at(s, 20 * MINUTE);
    by_person(s, t, USHER_ASK, "ada");
    reply(s, t, "ada", 0);
    assert_int_equal(promise(s, t, ANSWER).start_at, T0 + 10 * MINUTE);
    assert_int_equal(promise(s, t, ANSWER).arming, 1);
    end(s);
}

static void test_answer__counts_anew_after_a_word(void **unused)
{
    (void)unused;

    struct service *s = begin(answer_1h);
    usher_claim c = held(s, "ada");

    by_person(s, c.ticket, USHER_ASK, "ada");
    by_agent(s, c, USHER_UPDATE);
    assert_int_equal(last(s, USHER_EV_UPDATED)->kept, BIT(ANSWER));
    at(s, 5 * MINUTE);
    by_person(s, c.ticket, USHER_ASK, "ada");
    assert_int_equal(promise(s, c.ticket, ANSWER).start_at, T0 + 5 * MINUTE);
    assert_int_equal(promise(s, c.ticket, ANSWER).arming, 2);
    end(s);
}

static void test_answer__is_for_a_reply_that_is_not_courtesy(void **unused)
{
    (void)unused;

    struct service *s = begin(answer_1h);
    usher_id t = ticket(s, "ada", 0);

    reply(s, t, "ada", USHER_COURTESY);
    assert_int_equal(promise(s, t, ANSWER).state, 0);
    reply(s, t, "ada", 0);
    assert_int_equal(promise(s, t, ANSWER).state, USHER_RUNNING);
    end(s);
}

static void test_answer__waits_for_the_start_of_a_ticket(void **unused)
{
    (void)unused;

    struct service *s = begin(answer_1h);
    usher_request r = { .requester = "ada", .start_at = T0 + DAY };

    enqueue(s, s->q, r);
    by_person(s, 1, USHER_ASK, "ada");
    assert_int_equal(promise(s, 1, ANSWER).state, 0);
    at(s, DAY);
    assert_int_equal(promise(s, 1, ANSWER).start_at, T0 + DAY);
    end(s);
}

static void test_answer__is_for_one_who_joins_what_is_acknowledged(void **unused)
{
    (void)unused;

    struct service *s = begin(answer_1h);
    usher_request r = { .requester = "ada", .dedup_key = "k" };
    usher_claim c;

    enqueue(s, s->q, r);
    r.requester = "bea";
    enqueue(s, s->q, r);
    assert_int_equal(promise(s, 1, ANSWER).state, 0);
    c = claim(s, s->ann);
    by_agent(s, c, USHER_ACKNOWLEDGE);
    r.requester = "cleo";
    enqueue(s, s->q, r);
    assert_int_equal(promise(s, 1, ANSWER).state, USHER_RUNNING);
    end(s);
}

static void test_answer__is_for_a_reopen(void **unused)
{
    (void)unused;

    struct service *s = begin(answer_1h);
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_RESOLVE);
    at(s, HOUR);
    by_person(s, c.ticket, USHER_REOPEN, "ada");
    assert_int_equal(promise(s, c.ticket, ANSWER).start_at, T0 + HOUR);
    end(s);
}

static void test_answer__is_not_for_an_ask_in_resolved(void **unused)
{
    (void)unused;

    struct service *s = begin(answer_1h);
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_RESOLVE);
    by_person(s, c.ticket, USHER_ASK, "ada");
    assert_int_equal(promise(s, c.ticket, ANSWER).state, 0);
    end(s);
}

/* ---- update: the next word ------------------------------------------------------------------- */

static void test_update__is_armed_by_the_acknowledgement(void **unused)
{
    (void)unused;

    struct service *s = begin(update_1h);
    usher_claim c = held(s, "ada");

    assert_int_equal(promise(s, c.ticket, UPDATE).state, 0);
    at(s, 10 * MINUTE);
    by_agent(s, c, USHER_ACKNOWLEDGE);
    assert_int_equal(promise(s, c.ticket, UPDATE).due_at, T0 + 70 * MINUTE);
    end(s);
}

static void test_update__is_not_armed_anew_by_another_acknowledgement(void **unused)
{
    (void)unused;

    struct service *s = begin(update_1h);
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_ACKNOWLEDGE);
    at(s, 10 * MINUTE);
    by_agent(s, c, USHER_ACKNOWLEDGE);
    assert_int_equal(promise(s, c.ticket, UPDATE).start_at, T0);
    by_agent(s, c, USHER_RELEASE);
    c = claim(s, s->bob);
    by_agent(s, c, USHER_ACKNOWLEDGE);
    assert_int_equal(promise(s, c.ticket, UPDATE).start_at, T0);
    end(s);
}

static void test_update__is_kept_and_armed_anew_by_an_update(void **unused)
{
    (void)unused;

    struct service *s = begin(update_1h);
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_ACKNOWLEDGE);
    at(s, 50 * MINUTE); /* both warnings are behind us */
    by_agent(s, c, USHER_UPDATE);
    assert_int_equal(last(s, USHER_EV_UPDATED)->kept, BIT(UPDATE));
    assert_int_equal(promise(s, c.ticket, UPDATE).start_at, T0 + 50 * MINUTE);
    assert_int_equal(promise(s, c.ticket, UPDATE).arming, 2);
    at(s, 80 * MINUTE);
    assert_int_equal(last(s, USHER_EV_WARNED)->at, T0 + 80 * MINUTE); /* warned of anew */
    end(s);
}

static void test_update__is_armed_anew_after_it_was_broken(void **unused)
{
    (void)unused;

    struct service *s = begin(update_1h);
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_ACKNOWLEDGE);
    at(s, 2 * HOUR);
    by_agent(s, c, USHER_UPDATE);
    assert_int_equal(last(s, USHER_EV_UPDATED)->kept, 0);
    assert_int_equal(promise(s, c.ticket, UPDATE).state, USHER_RUNNING);
    at(s, 3 * HOUR + 1);
    assert_int_equal(count(s, USHER_EV_BROKEN), 2);
    end(s);
}

static void test_update__is_stopped_by_a_resolve(void **unused)
{
    (void)unused;

    struct service *s = begin(update_1h);
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_ACKNOWLEDGE);
    by_agent(s, c, USHER_RESOLVE);
    assert_int_equal(last(s, USHER_EV_RESOLVED)->kept, BIT(UPDATE));
    at(s, DAY);
    assert_int_equal(count(s, USHER_EV_BROKEN), 0);
    end(s);
}

static void test_update__is_due_a_target_after_the_pause_on_the_requester(void **unused)
{
    (void)unused;

    struct service *s = begin(update_1h);
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_ACKNOWLEDGE);
    at(s, 10 * MINUTE);
    pause(s, c, USHER_ON_REQUESTER, 0);
    assert_int_equal(last(s, USHER_EV_PAUSED)->kept, BIT(UPDATE));
    assert_int_equal(promise(s, c.ticket, UPDATE).arming, 2);
    assert_int_equal(promise(s, c.ticket, UPDATE).due_at, USHER_NEVER);
    at(s, 5 * HOUR);
    assert_int_equal(promise(s, c.ticket, UPDATE).left_ms, HOUR);
    reply(s, c.ticket, "ada", 0);
    assert_int_equal(promise(s, c.ticket, UPDATE).due_at, T0 + 6 * HOUR);
    end(s);
}

static void test_update__is_not_paused_by_a_third_party(void **unused)
{
    (void)unused;

    struct service *s = begin(update_1h);
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_ACKNOWLEDGE);
    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    at(s, HOUR + 1);
    assert_int_equal(last(s, USHER_EV_BROKEN)->promise, UPDATE);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ack__is_kept_by_a_word),
        cmocka_unit_test(test_ack__is_not_kept_by_what_the_requester_does_not_hear),
        cmocka_unit_test(test_ack__is_kept_by_a_receipt_where_the_policy_says_so),
        cmocka_unit_test(test_ack__is_not_paused),
        cmocka_unit_test(test_ack__goes_on_over_release_and_a_lease_that_ended),
        cmocka_unit_test(test_answer__counts_from_the_oldest_message),
        cmocka_unit_test(test_answer__counts_anew_after_a_word),
        cmocka_unit_test(test_answer__is_for_a_reply_that_is_not_courtesy),
        cmocka_unit_test(test_answer__waits_for_the_start_of_a_ticket),
        cmocka_unit_test(test_answer__is_for_one_who_joins_what_is_acknowledged),
        cmocka_unit_test(test_answer__is_for_a_reopen),
        cmocka_unit_test(test_answer__is_not_for_an_ask_in_resolved),
        cmocka_unit_test(test_update__is_armed_by_the_acknowledgement),
        cmocka_unit_test(test_update__is_not_armed_anew_by_another_acknowledgement),
        cmocka_unit_test(test_update__is_kept_and_armed_anew_by_an_update),
        cmocka_unit_test(test_update__is_armed_anew_after_it_was_broken),
        cmocka_unit_test(test_update__is_stopped_by_a_resolve),
        cmocka_unit_test(test_update__is_due_a_target_after_the_pause_on_the_requester),
        cmocka_unit_test(test_update__is_not_paused_by_a_third_party),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
