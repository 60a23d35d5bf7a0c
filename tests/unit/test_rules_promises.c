/* Promises: when they are due, broken and warned of. */
#include "rules.h"

enum {
    ACK = USHER_PROMISE_ACK,
    ANSWER = USHER_PROMISE_ANSWER,
    RESOLVE = USHER_PROMISE_RESOLVE,
};
#define BIT(promise) (1 << (promise))

static const char ack_1h[] = "{'promises':{'ack':{'target':'1h'}}}";

/* ---- due, broken, warned --------------------------------------------------------------------- */

static void test_promise__is_due_a_target_after_its_start(void **unused)
{
    (void)unused;

    struct service *s = begin(ack_1h);
    usher_id t = ticket(s, "ada", 0);
    usher_promise p;

    at(s, 10 * MINUTE);
    p = promise(s, t, ACK);
    assert_int_equal(p.state, USHER_RUNNING);
    assert_int_equal(p.start_at, T0);
    assert_int_equal(p.target_ms, HOUR);
    assert_int_equal(p.due_at, T0 + HOUR);
    assert_int_equal(p.left_ms, 50 * MINUTE);
    assert_int_equal(p.arming, 1);
    end(s);
}

static void test_promise__is_not_broken_at_its_due(void **unused)
{
    (void)unused;

    struct service *s = begin(ack_1h);
    usher_id t = ticket(s, "ada", 0);

    at(s, HOUR);
    assert_int_equal(promise(s, t, ACK).state, USHER_RUNNING);
    assert_int_equal(promise(s, t, ACK).left_ms, 0);
    assert_int_equal(count(s, USHER_EV_BROKEN), 0);
    end(s);
}

static void test_promise__is_broken_1_ms_after_its_due(void **unused)
{
    (void)unused;

    struct service *s = begin(ack_1h);
    usher_id t = ticket(s, "ada", 0);

    at(s, HOUR + 1);
    assert_int_equal(promise(s, t, ACK).state, USHER_BROKEN);
    assert_int_equal(last(s, USHER_EV_BROKEN)->at, T0 + HOUR + 1);
    assert_int_equal(last(s, USHER_EV_BROKEN)->due_at, T0 + HOUR);
    assert_int_equal(last(s, USHER_EV_BROKEN)->promise, ACK);
    end(s);
}

static void test_promise__is_kept_by_a_word_at_its_due(void **unused)
{
    (void)unused;

    struct service *s = begin(ack_1h);
    usher_id t = ticket(s, "ada", 0);
    usher_claim c;

    at(s, HOUR);
    assert_int_equal(claim_ticket(s, s->ann, t, &c), USHER_OK);
    by_agent(s, c, USHER_ACKNOWLEDGE);
    assert_int_equal(last(s, USHER_EV_ACKNOWLEDGED)->kept, BIT(ACK));
    end(s);
}

static void test_promise__is_broken_once_and_for_all(void **unused)
{
    (void)unused;

    struct service *s = begin(ack_1h);
    usher_id t = ticket(s, "ada", 0);
    usher_claim c;

    at(s, 2 * HOUR);
    assert_int_equal(promise(s, t, ACK).due_at, T0 + HOUR); /* it is still owed */
    assert_int_equal(promise(s, t, ACK).left_ms, -HOUR);
    claim_ticket(s, s->ann, t, &c);
    by_agent(s, c, USHER_ACKNOWLEDGE);
    assert_int_equal(last(s, USHER_EV_ACKNOWLEDGED)->kept, 0);
    assert_int_equal(promise(s, t, ACK).state, USHER_BROKEN);
    assert_int_equal(promise(s, t, ACK).due_at, USHER_NEVER);
    assert_int_equal(count(s, USHER_EV_BROKEN), 1);
    end(s);
}

static void test_promise__is_broken_at_its_instant_however_late_that_is_seen(void **unused)
{
    (void)unused;

    struct service *s = begin(ack_1h);

    ticket(s, "ada", 0);
    late(s, 3 * HOUR);
    assert_int_equal(last(s, USHER_EV_BROKEN)->at, T0 + HOUR + 1);
    assert_int_equal(last(s, USHER_EV_BROKEN)->seen_at, T0 + 3 * HOUR);
    assert_int_equal(last(s, USHER_EV_WARNED)->at, T0 + 48 * MINUTE);
    end(s);
}

static void test_promise__is_warned_of_at_50_and_80_per_cent(void **unused)
{
    (void)unused;

    struct service *s = begin(ack_1h);

    ticket(s, "ada", 0);
    at(s, 30 * MINUTE - 1);
    assert_int_equal(count(s, USHER_EV_WARNED), 0);
    at(s, 30 * MINUTE);
    assert_int_equal(last(s, USHER_EV_WARNED)->n, 50);
    assert_int_equal(last(s, USHER_EV_WARNED)->due_at, T0 + HOUR);
    at(s, 48 * MINUTE - 1);
    assert_int_equal(count(s, USHER_EV_WARNED), 1);
    at(s, 48 * MINUTE);
    assert_int_equal(last(s, USHER_EV_WARNED)->n, 80);
    at(s, DAY);
    assert_int_equal(count(s, USHER_EV_WARNED), 2);
    end(s);
}

static void test_promise__is_warned_of_at_the_first_ms_of_a_percentage(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':'101ms'}},'warn':[1,50,99]}");

    ticket(s, "ada", 0);
    at(s, DAY);
    assert_int_equal(s->seen[1].at, T0 + 2);
    assert_int_equal(s->seen[2].at, T0 + 51);
    assert_int_equal(s->seen[3].at, T0 + 100);
    assert_int_equal(s->seen[4].at, T0 + 102);
    EXPECT_EVENTS(s, 0, USHER_EV_ENQUEUED, USHER_EV_WARNED, USHER_EV_WARNED, USHER_EV_WARNED,
                  USHER_EV_BROKEN);
    end(s);
}

static void test_promise__is_warned_of_as_its_policy_says(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':'1h'}},'warn':[]}");

    ticket(s, "ada", 0);
    at(s, DAY);
    assert_int_equal(count(s, USHER_EV_WARNED), 0);
    end(s);
}

static void test_promise__broken_comes_before_warnings_of_the_same_ms(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':'10m'},'answer':{'target':'599999ms'},"
                              "'resolve':{'target':'599999ms'}}}");
    usher_id t = ticket(s, "ada", 0);
    uint32_t from;

    by_person(s, t, USHER_ASK, "ada");
    at(s, 10 * MINUTE - 1);
    from = s->seen_n;
    at(s, 10 * MINUTE); /* answer and resolve are broken */
    EXPECT_EVENTS(s, from, USHER_EV_BROKEN, USHER_EV_BROKEN);
    assert_int_equal(s->seen[from].promise, ANSWER);
    assert_int_equal(s->seen[from + 1].promise, RESOLVE);
    end(s);
}

static void test_promise__warnings_of_the_same_ms_come_after_broken(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':'2h'},"
                              "'resolve':{'target':'3599999ms'}},'warn':[50]}");
    uint32_t from;

    ticket(s, "ada", 0);
    at(s, HOUR - 1);
    from = s->seen_n;
    at(s, HOUR);
    EXPECT_EVENTS(s, from, USHER_EV_BROKEN, USHER_EV_WARNED);
    end(s);
}

static void test_timers__what_gives_service_comes_before_what_records_its_lack(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':'899999ms'}},'warn':[],"
                              "'aftercare':{'check_in':['15m'],'confirm_within':'15m'}}");
    usher_id late_one = ticket(s, "ada", 0);
    usher_claim first = held(s, "ada"), second = held(s, "ada"), done = held(s, "ada");
    uint32_t from;

    by_agent(s, first, USHER_ACKNOWLEDGE);
    by_agent(s, second, USHER_ACKNOWLEDGE);
    by_agent(s, done, USHER_RESOLVE);
    from = s->seen_n;
    at(s, 15 * MINUTE);
    EXPECT_EVENTS(s, from, USHER_EV_LEASE_EXPIRED, USHER_EV_LEASE_EXPIRED, USHER_EV_BROKEN,
                  USHER_EV_CHECK_IN, USHER_EV_CLOSED);
    assert_int_equal(s->seen[from].ticket, first.ticket);
    assert_int_equal(s->seen[from + 1].ticket, second.ticket);
    assert_int_equal(s->seen[from + 2].ticket, late_one);
    end(s);
}

static void test_timers__run_in_the_order_of_their_instants_however_late(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':'1h'}},'warn':[50]}");
    usher_id t = ticket(s, "ada", 0);
    uint32_t from;

    at(s, MINUTE);
    held(s, "bea");
    from = s->seen_n;
    late(s, DAY);
    /* A warning that is late is told when nothing else of its ticket is to come. */
    EXPECT_EVENTS(s, from, USHER_EV_LEASE_EXPIRED, USHER_EV_BROKEN, USHER_EV_WARNED,
                  USHER_EV_BROKEN, USHER_EV_WARNED);
    assert_int_equal(s->seen[from + 1].ticket, t);
    assert_int_equal(s->seen[from + 1].at, T0 + HOUR + 1);
    assert_int_equal(s->seen[from + 2].at, T0 + 30 * MINUTE);
    assert_int_equal(s->seen[from + 3].at, T0 + HOUR + MINUTE + 1);
    assert_int_equal(s->seen[from + 3].seen_at, T0 + DAY);
    end(s);
}

static void test_promise__is_warned_of_once_per_arming(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'resolve':{'target':'1h'}},'lease':{'for':'8h'}}");
    usher_claim c = held(s, "ada");

    at(s, 40 * MINUTE);
    by_person(s, c.ticket, USHER_ASK, "ada");
    pause(s, c, USHER_UNTIL, T0 + 2 * HOUR);
    at(s, 2 * HOUR);
    by_person(s, c.ticket, USHER_ASK, "ada");
    at(s, DAY);
    assert_int_equal(count(s, USHER_EV_WARNED), 2);
    assert_int_equal(last(s, USHER_EV_WARNED)->at, T0 + 2 * HOUR + 8 * MINUTE);
    end(s);
}

static void test_promise__is_not_made_where_its_priority_has_no_target(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':{'normal':'1h'}}}}");
    usher_id low = ticket(s, "ada", USHER_LOW), urgent = ticket(s, "ada", USHER_URGENT);

    assert_int_equal(promise(s, low, ACK).state, 0);
    assert_int_equal(promise(s, low, ACK).arming, 0);
    assert_int_equal(peek(s, low).due_at, USHER_NEVER);
    assert_int_equal(promise(s, urgent, ACK).target_ms, HOUR); /* the next lower one's */
    end(s);
}

static void test_promise__starts_with_the_ticket(void **unused)
{
    (void)unused;

    struct service *s = begin(ack_1h);
    usher_request r = { .requester = "ada", .start_at = T0 + DAY };

    enqueue(s, s->q, r);
    assert_int_equal(promise(s, 1, ACK).state, 0);
    at(s, DAY);
    assert_int_equal(promise(s, 1, ACK).due_at, T0 + DAY + HOUR);
    late(s, 2 * DAY);
    assert_int_equal(last(s, USHER_EV_BROKEN)->at, T0 + DAY + HOUR + 1);
    end(s);
}

static void test_promise__the_nearest_due_is_shown(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':'2h'},'answer':{'target':'3h'},"
                              "'resolve':{'target':'1h'}}}");
    usher_id t = ticket(s, "ada", 0);

    assert_int_equal(peek(s, t).due_at, T0 + HOUR);
    assert_int_equal(peek(s, t).next_word_at, T0 + 2 * HOUR); /* resolve is no word */
    end(s);
}

static void test_promise__is_that_of_the_policy_it_was_taken_under(void **unused)
{
    (void)unused;

    struct service *s = begin(ack_1h);
    usher_id before = ticket(s, "ada", 0), after;

    define(s, s->q, "{'promises':{'ack':{'target':'2h'}}}");
    after = ticket(s, "ada", 0);
    assert_int_equal(promise(s, before, ACK).due_at, T0 + HOUR);
    assert_int_equal(promise(s, after, ACK).due_at, T0 + 2 * HOUR);
    assert_int_equal(peek(s, before).policy_version, 2);
    assert_int_equal(peek(s, after).policy_version, 3);
    at(s, HOUR + 1);
    assert_int_equal(last(s, USHER_EV_BROKEN)->ticket, before);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_promise__is_due_a_target_after_its_start),
        cmocka_unit_test(test_promise__is_not_broken_at_its_due),
        cmocka_unit_test(test_promise__is_broken_1_ms_after_its_due),
        cmocka_unit_test(test_promise__is_kept_by_a_word_at_its_due),
        cmocka_unit_test(test_promise__is_broken_once_and_for_all),
        cmocka_unit_test(test_promise__is_broken_at_its_instant_however_late_that_is_seen),
        cmocka_unit_test(test_promise__is_warned_of_at_50_and_80_per_cent),
        cmocka_unit_test(test_promise__is_warned_of_at_the_first_ms_of_a_percentage),
        cmocka_unit_test(test_promise__is_warned_of_as_its_policy_says),
        cmocka_unit_test(test_promise__broken_comes_before_warnings_of_the_same_ms),
        cmocka_unit_test(test_promise__warnings_of_the_same_ms_come_after_broken),
        cmocka_unit_test(test_timers__what_gives_service_comes_before_what_records_its_lack),
        cmocka_unit_test(test_timers__run_in_the_order_of_their_instants_however_late),
        cmocka_unit_test(test_promise__is_warned_of_once_per_arming),
        cmocka_unit_test(test_promise__is_not_made_where_its_priority_has_no_target),
        cmocka_unit_test(test_promise__starts_with_the_ticket),
        cmocka_unit_test(test_promise__the_nearest_due_is_shown),
        cmocka_unit_test(test_promise__is_that_of_the_policy_it_was_taken_under),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
