/* How long things took, as their events say it: to the first claim, to the first word, to the resolve,
 * and how long each claim was held. In wall time, from the requester's start on. */
#include "rules.h"

static void expect_took(struct service *s, int kind, int64_t took, int64_t word, int64_t held)
{
    const usher_event *e = last(s, kind);

    assert_int_equal(e->took_ms, took);
    assert_int_equal(e->word_ms, word);
    assert_int_equal(e->held_ms, held);
}

static void test_took__to_the_first_claim_and_the_first_word(void **unused)
{
    struct service *s = begin("{}");
    usher_id id = ticket(s, "ada", 0);
    usher_claim c;

    (void)unused;
    expect_took(s, USHER_EV_ENQUEUED, -1, -1, -1);
    at(s, MINUTE);
    assert_int_equal(claim_ticket(s, s->ann, id, &c), USHER_OK);
    expect_took(s, USHER_EV_CLAIMED, MINUTE, -1, -1);
    at(s, 3 * MINUTE);
    assert_int_equal(act(s, (usher_command){ .verb = USHER_ACKNOWLEDGE, .kind = USHER_BY_MACHINE,
                                             .claim = { id, 0 } }), USHER_OK);
    expect_took(s, USHER_EV_RECEIPT, -1, -1, -1); /* no word */
    assert_int_equal(by_agent(s, c, USHER_ACKNOWLEDGE), USHER_OK);
    expect_took(s, USHER_EV_ACKNOWLEDGED, -1, 3 * MINUTE, -1);
    at(s, 4 * MINUTE);
    assert_int_equal(by_agent(s, c, USHER_UPDATE), USHER_OK);
    expect_took(s, USHER_EV_UPDATED, -1, -1, -1); /* not the first */
    assert_int_equal(by_agent(s, c, USHER_RELEASE), USHER_OK);
    expect_took(s, USHER_EV_RELEASED, -1, -1, 3 * MINUTE);
    at(s, 5 * MINUTE);
    assert_int_equal(claim_ticket(s, s->bob, id, &c), USHER_OK);
    expect_took(s, USHER_EV_CLAIMED, -1, -1, -1); /* once */
    end(s);
}

static void test_took__at_once_is_nothing_and_not_none(void **unused)
{
    struct service *s = begin("{'aftercare':{'confirm_within':'0s'}}");
    usher_claim c = held(s, "ada");

    (void)unused;
    expect_took(s, USHER_EV_CLAIMED, 0, -1, -1);
    assert_int_equal(by_agent(s, c, USHER_RESOLVE), USHER_OK);
    expect_took(s, USHER_EV_RESOLVED, 0, 0, 0);
    expect_took(s, USHER_EV_CLOSED, 0, -1, -1);
    end(s);
}

/* A ticket that starts later is waited for from its start. */
static void test_took__counts_from_the_start(void **unused)
{
    struct service *s = begin("{}");
    usher_request r = { .requester = "ada", .start_at = T0 + HOUR };
    usher_claim c;

    (void)unused;
    assert_int_equal(enqueue(s, s->q, r), USHER_OK);
    at(s, HOUR + MINUTE);
    c = claim(s, s->ann);
    expect_took(s, USHER_EV_CLAIMED, MINUTE, -1, -1);
    at(s, HOUR + 2 * MINUTE);
    assert_int_equal(pause(s, c, USHER_ON_REQUESTER, 0), USHER_OK); /* its question is a word */
    expect_took(s, USHER_EV_PAUSED, -1, 2 * MINUTE, MINUTE);
    assert_int_equal(pause(s, c, USHER_ON_REQUESTER, 0), USHER_OK);
    expect_took(s, USHER_EV_PAUSED, -1, -1, -1);
    end(s);
}

/* CLOSED says what the requester waited for: to the resolve that held, not to the silence after it. */
static void test_took__to_the_resolve_that_held(void **unused)
{
    struct service *s = begin("{'aftercare':{'confirm_within':'5d'}}");
    usher_id id = ticket(s, "ada", 0);

    (void)unused;
    at(s, HOUR);
    resolved(s, id);
    expect_took(s, USHER_EV_RESOLVED, HOUR, HOUR, 0);
    at(s, 2 * HOUR);
    assert_int_equal(by_person(s, id, USHER_REOPEN, "ada"), USHER_OK);
    at(s, 3 * HOUR);
    resolved(s, id);
    expect_took(s, USHER_EV_RESOLVED, 3 * HOUR, -1, 0);
    at(s, 3 * HOUR + 5 * DAY);
    expect_took(s, USHER_EV_CLOSED, 3 * HOUR, -1, -1);
    assert_int_equal(last(s, USHER_EV_CLOSED)->at, T0 + 3 * HOUR + 5 * DAY);
    end(s);
}

/* Whatever ends or interrupts a claim says how long that was held; what takes a paused ticket does
 * not, for nobody held it. */
static void test_took__each_claim_is_told_once(void **unused)
{
    struct service *s = begin("{'lease':{'for':'15m'},'retry':{'attempts':2,'backoff':['0s']}}");
    usher_claim c = held(s, "ada");

    (void)unused;
    at(s, 15 * MINUTE);
    expect_took(s, USHER_EV_LEASE_EXPIRED, -1, -1, 15 * MINUTE);
    assert_int_equal(claim_ticket(s, s->ann, c.ticket, &c), USHER_OK);
    at(s, 17 * MINUTE);
    assert_int_equal(by_agent(s, c, USHER_FAIL), USHER_OK); /* the second: stuck */
    expect_took(s, USHER_EV_FAILED, -1, -1, 2 * MINUTE);
    expect_took(s, USHER_EV_STUCK, -1, -1, -1);
    assert_int_equal(claim_ticket(s, s->ann, c.ticket, &c), USHER_OK);
    at(s, 20 * MINUTE);
    assert_int_equal(pause(s, c, USHER_ON_THIRD_PARTY, 0), USHER_OK);
    expect_took(s, USHER_EV_PAUSED, -1, -1, 3 * MINUTE);
    at(s, 30 * MINUTE);
    assert_int_equal(claim_ticket(s, s->bob, c.ticket, &c), USHER_OK);
    expect_took(s, USHER_EV_CLAIMED, -1, -1, -1);
    at(s, 31 * MINUTE);
    assert_int_equal(usher_agent_gone(s->bob, on_done, s), USHER_OK);
    run(s);
    expect_took(s, USHER_EV_RELEASED, -1, -1, MINUTE);
    assert_int_equal(claim_ticket(s, s->ann, c.ticket, &c), USHER_OK);
    at(s, 35 * MINUTE);
    assert_int_equal(by_person(s, c.ticket, USHER_WITHDRAW, "ada"), USHER_OK);
    expect_took(s, USHER_EV_WITHDRAWN, -1, -1, 4 * MINUTE);
    end(s);
}

/* Before the offer and after the recall; the time between is nobody's. */
static void test_took__an_offer_interrupts_a_claim(void **unused)
{
    struct service *s = begin("{}");
    usher_claim c = held(s, "ada"), his;

    (void)unused;
    at(s, MINUTE);
    assert_int_equal(hand_off(s, c, NULL, s->bob), USHER_OK);
    expect_took(s, USHER_EV_OFFERED, -1, -1, MINUTE);
    at(s, 11 * MINUTE);
    assert_int_equal(by_desk(s, c.ticket, USHER_RECALL), USHER_OK);
    expect_took(s, USHER_EV_RECALLED, -1, -1, -1);
    at(s, 13 * MINUTE);
    assert_int_equal(hand_off(s, c, NULL, s->bob), USHER_OK);
    expect_took(s, USHER_EV_OFFERED, -1, -1, 2 * MINUTE);
    at(s, 14 * MINUTE);
    his = claim(s, s->bob);
    expect_took(s, USHER_EV_CLAIMED, -1, -1, -1);
    at(s, 18 * MINUTE);
    assert_int_equal(by_agent(s, his, USHER_RESOLVE), USHER_OK);
    expect_took(s, USHER_EV_RESOLVED, 18 * MINUTE, 18 * MINUTE, 4 * MINUTE);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_took__to_the_first_claim_and_the_first_word),
        cmocka_unit_test(test_took__at_once_is_nothing_and_not_none),
        cmocka_unit_test(test_took__counts_from_the_start),
        cmocka_unit_test(test_took__to_the_resolve_that_held),
        cmocka_unit_test(test_took__each_claim_is_told_once),
        cmocka_unit_test(test_took__an_offer_interrupts_a_claim),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
