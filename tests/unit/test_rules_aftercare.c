/* After-care: confirming, chasing, reopening, leaving. */
#include "rules.h"

static const char aftercare[] =
    "{'aftercare':{'check_in':['1h','3h'],'confirm_within':'3h','reopen_within':'10h'}}";

/* ---- after-care ------------------------------------------------------------------------------ */

static void test_aftercare__silence_closes(void **unused)
{
    (void)unused;

    struct service *s = begin(aftercare);
    usher_id t = ticket(s, "ada", 0);

    at(s, HOUR);
    resolved(s, t);
    assert_int_equal(peek(s, t).until_at, T0 + 4 * HOUR);
    at(s, 4 * HOUR - 1);
    assert_int_equal(state(s, t), USHER_RESOLVED);
    at(s, 4 * HOUR);
    assert_int_equal(state(s, t), USHER_CLOSED);
    assert_int_equal(last(s, USHER_EV_CLOSED)->at, T0 + 4 * HOUR);
    assert_string_equal(who_of(s, last(s, USHER_EV_CLOSED)), "");
    end(s);
}

static void test_aftercare__checks_in_up_to_the_closing(void **unused)
{
    (void)unused;

    struct service *s = begin(aftercare);
    uint32_t from;

    resolved(s, ticket(s, "ada", 0));
    from = s->seen_n;
    at(s, HOUR);
    assert_int_equal(last(s, USHER_EV_CHECK_IN)->n, 1);
    at(s, DAY);
    EXPECT_EVENTS(s, from, USHER_EV_CHECK_IN, USHER_EV_CHECK_IN, USHER_EV_CLOSED);
    assert_int_equal(s->seen[from + 1].at, T0 + 3 * HOUR);
    assert_int_equal(s->seen[from + 1].n, 2);
    end(s);
}

static void test_aftercare__checks_in_anew_after_the_next_resolve(void **unused)
{
    (void)unused;

    struct service *s = begin(aftercare);
    usher_id t = ticket(s, "ada", 0);

    resolved(s, t);
    at(s, HOUR);
    by_person(s, t, USHER_REOPEN, "ada");
    resolved(s, t);
    at(s, 2 * HOUR);
    assert_int_equal(count(s, USHER_EV_CHECK_IN), 2);
    assert_int_equal(last(s, USHER_EV_CHECK_IN)->n, 1);
    end(s);
}

static void test_aftercare__with_nothing_to_wait_for_closes_at_once(void **unused)
{
    (void)unused;

    struct service *s = begin("{'aftercare':{'confirm_within':'0s'}}");
    uint32_t from;

    at(s, 0);
    from = s->seen_n;
    resolved(s, ticket(s, "ada", 0));
    EXPECT_EVENTS(s, from, USHER_EV_ENQUEUED, USHER_EV_CLAIMED, USHER_EV_RESOLVED, USHER_EV_CLOSED);
    assert_int_equal(s->done.state, USHER_CLOSED);
    end(s);
}

static void test_aftercare__is_that_of_the_policy_it_was_taken_under(void **unused)
{
    (void)unused;

    struct service *s = begin(aftercare);
    usher_id t = ticket(s, "ada", 0);

    define(s, s->q, "{}");
    resolved(s, t);
    assert_int_equal(peek(s, t).until_at, T0 + 3 * HOUR);
    end(s);
}

static void test_confirm__closes(void **unused)
{
    (void)unused;

    struct service *s = begin(aftercare);
    usher_id t = ticket(s, "ada", 0);

    resolved(s, t);
    assert_int_equal(by_person(s, t, USHER_CONFIRM, "ada"), USHER_OK);
    assert_int_equal(s->done.state, USHER_CLOSED);
    assert_string_equal(who_of(s, last(s, USHER_EV_CLOSED)), "ada");
    assert_string_equal(text_of(s, last(s, USHER_EV_CLOSED)), ""); /* the text is the confirm's */
    end(s);
}

static void test_confirm__by_one_of_two_does_not_close(void **unused)
{
    (void)unused;

    struct service *s = begin(aftercare);
    usher_id t = joined(s);

    resolved(s, t);
    by_person(s, t, USHER_CONFIRM, "bea");
    assert_int_equal(state(s, t), USHER_RESOLVED);
    by_person(s, t, USHER_CONFIRM, "bea"); /* once more is no harm */
    assert_int_equal(state(s, t), USHER_RESOLVED);
    by_person(s, t, USHER_CONFIRM, "ada");
    assert_int_equal(state(s, t), USHER_CLOSED);
    end(s);
}

static void test_confirm__is_asked_for_anew_after_the_next_resolve(void **unused)
{
    (void)unused;

    struct service *s = begin(aftercare);
    usher_id t = joined(s);

    resolved(s, t);
    by_person(s, t, USHER_CONFIRM, "bea");
    by_person(s, t, USHER_REOPEN, "ada"); /* one refusal reopens it for all */
    resolved(s, t);
    by_person(s, t, USHER_CONFIRM, "ada");
    assert_int_equal(state(s, t), USHER_RESOLVED);
    end(s);
}

static void test_confirm__is_not_waited_for_from_one_who_has_left(void **unused)
{
    (void)unused;

    struct service *s = begin(aftercare);
    usher_id t = joined(s);
    uint32_t from;

    resolved(s, t);
    by_person(s, t, USHER_CONFIRM, "bea");
    from = s->seen_n;
    by_person(s, t, USHER_WITHDRAW, "ada");
    EXPECT_EVENTS(s, from, USHER_EV_LEFT, USHER_EV_CLOSED);
    assert_string_equal(who_of(s, &s->seen[from + 1]), "ada");
    end(s);
}

static void test_confirm__is_still_waited_for_from_those_who_stay(void **unused)
{
    (void)unused;

    struct service *s = begin(aftercare);
    usher_id t = joined(s);

    resolved(s, t);
    by_person(s, t, USHER_CONFIRM, "bea");
    by_person(s, t, USHER_WITHDRAW, "bea");
    assert_int_equal(state(s, t), USHER_RESOLVED);
    by_person(s, t, USHER_CONFIRM, "ada");
    assert_int_equal(state(s, t), USHER_CLOSED);
    end(s);
}

static void test_ask__in_resolved_starts_confirm_within_anew(void **unused)
{
    (void)unused;

    struct service *s = begin(aftercare);
    usher_id t = ticket(s, "ada", 0);

    resolved(s, t);
    at(s, 2 * HOUR);
    by_person(s, t, USHER_ASK, "ada");
    assert_int_equal(peek(s, t).until_at, T0 + 5 * HOUR);
    at(s, 5 * HOUR);
    assert_int_equal(last(s, USHER_EV_CLOSED)->at, T0 + 5 * HOUR);
    end(s);
}

static void test_ask__is_counted(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_id t = ticket(s, "ada", 0);

    by_person(s, t, USHER_ASK, "ada");
    by_person(s, t, USHER_ASK, "ada");
    assert_int_equal(peek(s, t).chases, 2);
    assert_int_equal(last(s, USHER_EV_ASKED)->n, 2);
    assert_int_equal(peek(s, t).rank_at, T0); /* chasing moves nobody */
    end(s);
}

/* ---- reopening ------------------------------------------------------------------------------- */

static void test_reopen__a_reply_does(void **unused)
{
    (void)unused;

    struct service *s = begin(aftercare);
    usher_id t = ticket(s, "ada", 0);
    uint32_t from;

    resolved(s, t);
    from = s->seen_n;
    reply(s, t, "ada", 0);
    EXPECT_EVENTS(s, from, USHER_EV_REPLIED, USHER_EV_REOPENED);
    assert_int_equal(s->seen[from].state, USHER_RESOLVED);
    assert_string_equal(who_of(s, &s->seen[from + 1]), "ada");
    assert_string_equal(text_of(s, &s->seen[from + 1]), "");
    assert_int_equal(state(s, t), USHER_WAITING);
    end(s);
}

static void test_reopen__thanks_do_not(void **unused)
{
    (void)unused;

    struct service *s = begin(aftercare);
    usher_id t = ticket(s, "ada", 0);

    resolved(s, t);
    assert_int_equal(reply(s, t, "ada", USHER_COURTESY), USHER_OK);
    assert_int_equal(state(s, t), USHER_RESOLVED);
    by_person(s, t, USHER_CONFIRM, "ada");
    assert_int_equal(reply(s, t, "ada", USHER_COURTESY), USHER_ESTATE);
    end(s);
}

static void test_reopen__of_a_closed_ticket_up_to_reopen_within(void **unused)
{
    (void)unused;

    for (int late_by = 0; late_by < 2; late_by++) {
        struct service *s = begin(aftercare);
        usher_id t = ticket(s, "ada", 0);

        resolved(s, t);
        at(s, 10 * HOUR - 1 + late_by); /* it closed long before: that does not count */
        assert_int_equal(state(s, t), USHER_CLOSED);
        assert_int_equal(by_person(s, t, USHER_REOPEN, "ada"), late_by ? USHER_ESTATE : USHER_OK);
        assert_int_equal(reply(s, t, "ada", 0), late_by ? USHER_ESTATE : USHER_OK);
        end(s);
    }
}

static void test_reopen__of_a_resolved_ticket_at_any_time(void **unused)
{
    (void)unused;

    struct service *s =
        begin("{'aftercare':{'confirm_within':'10h','reopen_within':'0s'}}");
    usher_id t = ticket(s, "ada", 0);

    resolved(s, t);
    at(s, 9 * HOUR);
    assert_int_equal(by_person(s, t, USHER_REOPEN, "ada"), USHER_OK);
    end(s);
}

static void test_reopen__puts_it_where_it_was_in_the_line(void **unused)
{
    (void)unused;

    struct service *s = begin("{'line':{'keep_for':'0s'}}");
    usher_id t = ticket(s, "ada", 0), other;

    resolved(s, t);
    at(s, HOUR);
    other = ticket(s, "bea", 0);
    by_person(s, t, USHER_REOPEN, "ada");
    assert_int_equal(peek(s, t).rank_at, T0);
    assert_int_equal(peek(s, t).ahead, 0);
    assert_int_equal(peek(s, other).ahead, 1);
    end(s);
}

static void test_reopen__nothing_runs_any_more_after_care(void **unused)
{
    (void)unused;

    struct service *s = begin(aftercare);
    usher_id t = ticket(s, "ada", 0);
    uint32_t from;

    resolved(s, t);
    by_person(s, t, USHER_REOPEN, "ada");
    at(s, HOUR); /* the time it is kept is over */
    from = s->seen_n;
    at(s, 10 * DAY);
    EXPECT_EVENTS(s, from, 0);
    end(s);
}

/* ---- leaving --------------------------------------------------------------------------------- */

static void test_withdraw__of_one_of_two_leaves_the_ticket(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_id t = joined(s);

    assert_int_equal(by_person(s, t, USHER_WITHDRAW, "ada"), USHER_OK);
    assert_int_equal(count(s, USHER_EV_LEFT), 1);
    assert_int_equal(state(s, t), USHER_WAITING);
    assert_int_equal(peek(s, t).persons, 1);
    assert_string_equal(peek(s, t).requester, "bea");
    assert_int_equal(by_person(s, t, USHER_ASK, "ada"), USHER_ESTATE); /* not any more */
    assert_int_equal(by_person(s, t, USHER_ASK, "bea"), USHER_OK);
    end(s);
}

static void test_withdraw__of_the_last_one_ends_it(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_id t = joined(s);
    usher_claim c;

    claim_ticket(s, s->ann, t, &c);
    by_person(s, t, USHER_WITHDRAW, "bea");
    by_person(s, t, USHER_WITHDRAW, "ada");
    assert_int_equal(state(s, t), USHER_WITHDRAWN);
    assert_null(peek(s, t).holder);
    assert_int_equal(by_agent(s, c, USHER_UPDATE), USHER_ESTALE);
    end(s);
}

static void test_withdraw__one_who_left_may_join_again(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_id t = joined(s);

    by_person(s, t, USHER_WITHDRAW, "ada");
    assert_int_equal(join(s, "ada"), USHER_OK);
    assert_int_equal(peek(s, t).persons, 2);
    assert_string_equal(peek(s, t).requester, "bea");
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aftercare__silence_closes),
        cmocka_unit_test(test_aftercare__checks_in_up_to_the_closing),
        cmocka_unit_test(test_aftercare__checks_in_anew_after_the_next_resolve),
        cmocka_unit_test(test_aftercare__with_nothing_to_wait_for_closes_at_once),
        cmocka_unit_test(test_aftercare__is_that_of_the_policy_it_was_taken_under),
        cmocka_unit_test(test_confirm__closes),
        cmocka_unit_test(test_confirm__by_one_of_two_does_not_close),
        cmocka_unit_test(test_confirm__is_asked_for_anew_after_the_next_resolve),
        cmocka_unit_test(test_confirm__is_not_waited_for_from_one_who_has_left),
        cmocka_unit_test(test_confirm__is_still_waited_for_from_those_who_stay),
        cmocka_unit_test(test_ask__in_resolved_starts_confirm_within_anew),
        cmocka_unit_test(test_ask__is_counted),
        cmocka_unit_test(test_reopen__a_reply_does),
        cmocka_unit_test(test_reopen__thanks_do_not),
        cmocka_unit_test(test_reopen__of_a_closed_ticket_up_to_reopen_within),
        cmocka_unit_test(test_reopen__of_a_resolved_ticket_at_any_time),
        cmocka_unit_test(test_reopen__puts_it_where_it_was_in_the_line),
        cmocka_unit_test(test_reopen__nothing_runs_any_more_after_care),
        cmocka_unit_test(test_withdraw__of_one_of_two_leaves_the_ticket),
        cmocka_unit_test(test_withdraw__of_the_last_one_ends_it),
        cmocka_unit_test(test_withdraw__one_who_left_may_join_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
