/* Pauses, and keeping a ticket for its holder afterwards. */
#include "rules.h"

static const char pauses[] =
    "{'pause':{'requester':{'max':'2h','remind':['30m','1h'],'then':'resolve'},"
    "          'third_party':{'max':'2h'}},"
    " 'promises':{'answer':{'target':'8h'},'resolve':{'target':'8h'}}}";

static int64_t until(struct service *s, usher_id id)
{
    return peek(s, id).until_at - T0;
}

/* ---- keeping --------------------------------------------------------------------------------- */

static usher_claim kept(struct service *s)
{
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    by_agent(s, c, USHER_RESUME);
    return c;
}

static void test_keep__is_for_the_last_holder_and_out_of_the_line(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = kept(s);

    assert_string_equal(peek(s, c.ticket).kept_for, "ann");
    assert_int_equal(peek(s, c.ticket).ahead, -1);
    assert_int_equal(until(s, c.ticket), 15 * MINUTE);
    assert_int_equal(claim(s, s->bob).ticket, 0);
    assert_int_equal(claim(s, s->ann).ticket, c.ticket);
    end(s);
}

static void test_keep__ends_after_keep_for(void **unused)
{
    (void)unused;

    struct service *s = begin("{'line':{'keep_for':'5m'}}");
    usher_claim c = kept(s);

    at(s, 5 * MINUTE - 1);
    assert_int_equal(claim(s, s->bob).ticket, 0);
    at(s, 5 * MINUTE);
    assert_int_equal(last(s, USHER_EV_KEEP_ENDED)->at, T0 + 5 * MINUTE);
    assert_int_equal(peek(s, c.ticket).ahead, 0);
    assert_int_equal(peek(s, c.ticket).state_at, T0); /* it has been waiting all the time */
    assert_int_equal(claim(s, s->bob).ticket, c.ticket);
    end(s);
}

static void test_keep__for_0_does_not_keep(void **unused)
{
    (void)unused;

    struct service *s = begin("{'line':{'keep_for':'0s'}}");
    usher_claim c = kept(s);

    assert_null(peek(s, c.ticket).kept_for);
    assert_int_equal(claim(s, s->bob).ticket, c.ticket);
    end(s);
}

static void test_keep__follows_the_policy_of_the_queue_it_is_in(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    define(s, queue(s, "other"), "{'line':{'keep_for':'1h'}}");
    move(s, c.ticket, queue(s, "other"));
    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    by_agent(s, c, USHER_RESUME);
    assert_int_equal(until(s, c.ticket), HOUR);
    end(s);
}

static void test_keep__after_a_pause_that_ran_out_a_reply_and_a_reopen(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada"), d = held(s, "ada"), e = held(s, "ada");

    pause(s, c, USHER_UNTIL, T0 + HOUR);
    pause(s, d, USHER_ON_REQUESTER, 0);
    by_agent(s, e, USHER_RESOLVE);
    at(s, HOUR);
    reply(s, d.ticket, "ada", 0);
    by_person(s, e.ticket, USHER_REOPEN, "ada");
    assert_string_equal(peek(s, c.ticket).kept_for, "ann");
    assert_string_equal(peek(s, d.ticket).kept_for, "ann");
    assert_string_equal(peek(s, e.ticket).kept_for, "ann");
    end(s);
}

static void test_keep__ends_with_a_move(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = kept(s);
    uint32_t from = s->seen_n;

    move(s, c.ticket, s->q); /* where it is */
    assert_string_equal(peek(s, c.ticket).kept_for, "ann");
    move(s, c.ticket, queue(s, "other"));
    EXPECT_EVENTS(s, from, USHER_EV_MOVED, USHER_EV_MOVED);
    assert_null(peek(s, c.ticket).kept_for);
    assert_int_equal(claim_from(s, s->bob, queue(s, "other")).ticket, c.ticket);
    end(s);
}

static void test_keep__not_after_release_nor_fail(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada"), d = held(s, "ada");

    by_agent(s, c, USHER_ACKNOWLEDGE);
    by_agent(s, c, USHER_RELEASE);
    by_agent(s, d, USHER_FAIL);
    at(s, 10 * SECOND);
    assert_null(peek(s, c.ticket).kept_for);
    assert_null(peek(s, d.ticket).kept_for);
    end(s);
}

static void test_keep__not_for_an_agent_that_has_gone(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_REQUESTER, 0);
    usher_agent_gone(s->ann, NULL, NULL);
    run(s);
    assert_int_equal(state(s, c.ticket), USHER_PAUSED); /* its pauses stand */
    reply(s, c.ticket, "ada", 0);
    assert_null(peek(s, c.ticket).kept_for);
    end(s);
}

/* ---- pauses ---------------------------------------------------------------------------------- */

static void test_pause__ends_at_the_instant_that_was_given(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_THIRD_PARTY, T0 + HOUR);
    assert_int_equal(last(s, USHER_EV_PAUSED)->until_at, T0 + HOUR);
    at(s, HOUR - 1);
    assert_int_equal(state(s, c.ticket), USHER_PAUSED);
    at(s, HOUR);
    assert_int_equal(state(s, c.ticket), USHER_WAITING);
    assert_int_equal(last(s, USHER_EV_PAUSE_ENDED)->how, USHER_ON_THIRD_PARTY);
    end(s);
}

static void test_pause__without_an_end_lasts_for_the_maximum(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    assert_int_equal(until(s, c.ticket), 30 * DAY);
    assert_int_equal(s->done.outcome, 0);
    end(s);
}

static void test_pause__is_clipped_at_the_maximum(void **unused)
{
    (void)unused;

    struct service *s = begin(pauses);
    usher_claim c = held(s, "ada"), d = held(s, "ada");

    assert_int_equal(pause(s, c, USHER_ON_THIRD_PARTY, T0 + 2 * HOUR + 1), USHER_OK);
    assert_int_equal(s->done.outcome, USHER_WAS_CLIPPED);
    assert_int_equal(until(s, c.ticket), 2 * HOUR);
    pause(s, d, USHER_ON_THIRD_PARTY, T0 + 2 * HOUR);
    assert_int_equal(s->done.outcome, 0);
    end(s);
}

static void test_pause__all_of_one_reason_share_its_maximum(void **unused)
{
    (void)unused;

    struct service *s = begin(pauses);
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_THIRD_PARTY, T0 + HOUR);
    at(s, HOUR);
    claim_ticket(s, s->ann, c.ticket, &c);
    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    assert_int_equal(until(s, c.ticket), 2 * HOUR); /* one hour is left */
    at(s, 2 * HOUR);
    claim_ticket(s, s->ann, c.ticket, &c);
    assert_int_equal(pause(s, c, USHER_ON_THIRD_PARTY, 0), USHER_ESTATE);
    assert_int_equal(pause(s, c, USHER_UNTIL, T0 + 3 * HOUR), USHER_OK); /* another reason */
    end(s);
}

static void test_pause__on_the_requester_has_its_maximum_anew_after_a_reply(void **unused)
{
    (void)unused;

    struct service *s = begin(pauses);
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_REQUESTER, 0);
    at(s, HOUR);
    reply(s, c.ticket, "ada", 0);
    claim_ticket(s, s->ann, c.ticket, &c);
    pause(s, c, USHER_ON_REQUESTER, 0);
    assert_int_equal(until(s, c.ticket), 3 * HOUR);
    end(s);
}

static void test_pause__courtesy_neither_ends_it_nor_gives_a_new_maximum(void **unused)
{
    (void)unused;

    struct service *s = begin(pauses);
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_REQUESTER, 0);
    at(s, HOUR);
    reply(s, c.ticket, "ada", USHER_COURTESY);
    assert_int_equal(state(s, c.ticket), USHER_PAUSED);
    by_agent(s, c, USHER_RESUME);
    claim_ticket(s, s->ann, c.ticket, &c);
    pause(s, c, USHER_ON_REQUESTER, 0);
    assert_int_equal(until(s, c.ticket), 2 * HOUR);
    end(s);
}

static void test_pause__a_second_one_replaces_end_question_and_reminders(void **unused)
{
    (void)unused;

    struct service *s = begin(pauses);
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_REQUESTER, T0 + HOUR);
    at(s, 40 * MINUTE);
    assert_int_equal(count(s, USHER_EV_REMINDED), 1);
    act(s, (usher_command){ .verb = USHER_PAUSE, .kind = USHER_ON_REQUESTER, .claim = c,
                            .text = TEXT("which?") });
    assert_string_equal(peek(s, c.ticket).question.data, "which?");
    assert_int_equal(until(s, c.ticket), 2 * HOUR); /* the maximum counts from the first one */
    assert_int_equal(peek(s, c.ticket).state_at, T0);
    at(s, 70 * MINUTE);
    assert_int_equal(last(s, USHER_EV_REMINDED)->at, T0 + 70 * MINUTE);
    assert_int_equal(last(s, USHER_EV_REMINDED)->n, 1);
    end(s);
}

static void test_pause__reminds(void **unused)
{
    (void)unused;

    struct service *s = begin(pauses);
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_REQUESTER, 0);
    at(s, 30 * MINUTE);
    assert_int_equal(last(s, USHER_EV_REMINDED)->n, 1);
    at(s, HOUR);
    assert_int_equal(last(s, USHER_EV_REMINDED)->n, 2);
    at(s, 2 * HOUR - 1);
    assert_int_equal(count(s, USHER_EV_REMINDED), 2);
    end(s);
}

static void test_pause__ends_with_its_last_reason(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_REQUESTER, 0);
    pause(s, c, USHER_UNTIL, T0 + HOUR);
    assert_int_equal(until(s, c.ticket), HOUR); /* the earliest end */
    reply(s, c.ticket, "ada", 0);
    assert_int_equal(state(s, c.ticket), USHER_PAUSED);
    assert_int_equal(act(s, (usher_command){ .verb = USHER_RESUME, .kind = USHER_ON_REQUESTER,
                                             .claim = c }),
                     USHER_ESTATE); /* that one does not run any more */
    at(s, HOUR);
    assert_int_equal(state(s, c.ticket), USHER_WAITING);
    end(s);
}

static void test_pause__a_resume_of_one_reason_leaves_the_other(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'resolve':{'target':'4h','pauses':['requester']}}}");
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_REQUESTER, 0);
    pause(s, c, USHER_ON_THIRD_PARTY, T0 + HOUR);
    assert_int_equal(act(s, (usher_command){ .verb = USHER_RESUME, .kind = USHER_ON_THIRD_PARTY,
                                             .claim = c }),
                     USHER_OK);
    assert_int_equal(state(s, c.ticket), USHER_PAUSED);
    assert_int_equal(peek(s, c.ticket).waits_for_you, 1);
    at(s, 2 * HOUR);
    assert_int_equal(promise(s, c.ticket, USHER_PROMISE_RESOLVE).left_ms, 4 * HOUR);
    end(s);
}

static void test_pause__what_a_second_one_replaced_counts(void **unused)
{
    (void)unused;

    struct service *s = begin(pauses);
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    at(s, HOUR);
    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    at(s, 90 * MINUTE);
    by_agent(s, c, USHER_RESUME);
    claim_ticket(s, s->ann, c.ticket, &c);
    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    assert_int_equal(until(s, c.ticket), 2 * HOUR); /* half an hour is left */
    end(s);
}

static void test_pause__the_question_is_shown_while_it_is_asked(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_REQUESTER, 0);
    assert_int_equal(peek(s, c.ticket).waits_for_you, 1);
    assert_string_equal(peek(s, c.ticket).question.data, "when?");
    assert_string_equal(peek(s, c.ticket).last_word.data, "when?");
    reply(s, c.ticket, "ada", 0);
    assert_int_equal(peek(s, c.ticket).waits_for_you, 0);
    assert_null(peek(s, c.ticket).question.data);
    end(s);
}

static void test_no_reply__resolves_at_the_maximum(void **unused)
{
    (void)unused;

    struct service *s = begin(pauses);
    usher_claim c = held(s, "ada");
    uint32_t from;

    pause(s, c, USHER_ON_REQUESTER, 0);
    at(s, 2 * HOUR - 1);
    from = s->seen_n;
    at(s, 2 * HOUR);
    EXPECT_EVENTS(s, from, USHER_EV_PAUSE_ENDED, USHER_EV_RESOLVED);
    assert_int_equal(s->seen[from].state, USHER_PAUSED);
    assert_int_equal(s->seen[from + 1].how, USHER_AS_NO_REPLY);
    assert_int_equal(s->seen[from + 1].lapsed, 1 << USHER_PROMISE_RESOLVE);
    assert_int_equal(s->seen[from + 1].kept, 0);
    assert_int_equal(state(s, c.ticket), USHER_RESOLVED);
    end(s);
}

static void test_no_reply__not_at_an_end_that_the_agent_chose(void **unused)
{
    (void)unused;

    struct service *s = begin(pauses);
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_REQUESTER, T0 + 2 * HOUR - 1);
    at(s, 2 * HOUR);
    assert_int_equal(state(s, c.ticket), USHER_WAITING);
    end(s);
}

static void test_no_reply__not_while_another_reason_runs(void **unused)
{
    (void)unused;

    struct service *s = begin(pauses);
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_REQUESTER, 0);
    pause(s, c, USHER_UNTIL, T0 + 3 * HOUR);
    at(s, 2 * HOUR);
    assert_int_equal(state(s, c.ticket), USHER_PAUSED);
    at(s, 3 * HOUR);
    assert_int_equal(state(s, c.ticket), USHER_WAITING);
    end(s);
}

static void test_no_reply__not_with_an_unanswered_message(void **unused)
{
    (void)unused;

    struct service *s = begin(pauses);
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_REQUESTER, 0);
    by_person(s, c.ticket, USHER_ASK, "ada");
    at(s, 2 * HOUR);
    assert_int_equal(state(s, c.ticket), USHER_WAITING);
    end(s);
}

static void test_no_reply__is_undone_by_a_reopen(void **unused)
{
    (void)unused;

    struct service *s = begin(pauses);
    usher_claim c = held(s, "ada");

    at(s, 10 * MINUTE);
    pause(s, c, USHER_ON_REQUESTER, 0);
    at(s, DAY);
    by_person(s, c.ticket, USHER_REOPEN, "ada");
    assert_int_equal(promise(s, c.ticket, USHER_PROMISE_RESOLVE).state, USHER_RUNNING);
    assert_int_equal(promise(s, c.ticket, USHER_PROMISE_RESOLVE).left_ms, 8 * HOUR - 10 * MINUTE);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keep__is_for_the_last_holder_and_out_of_the_line),
        cmocka_unit_test(test_keep__ends_after_keep_for),
        cmocka_unit_test(test_keep__for_0_does_not_keep),
        cmocka_unit_test(test_keep__follows_the_policy_of_the_queue_it_is_in),
        cmocka_unit_test(test_keep__after_a_pause_that_ran_out_a_reply_and_a_reopen),
        cmocka_unit_test(test_keep__ends_with_a_move),
        cmocka_unit_test(test_keep__not_after_release_nor_fail),
        cmocka_unit_test(test_keep__not_for_an_agent_that_has_gone),
        cmocka_unit_test(test_pause__ends_at_the_instant_that_was_given),
        cmocka_unit_test(test_pause__without_an_end_lasts_for_the_maximum),
        cmocka_unit_test(test_pause__is_clipped_at_the_maximum),
        cmocka_unit_test(test_pause__all_of_one_reason_share_its_maximum),
        cmocka_unit_test(test_pause__on_the_requester_has_its_maximum_anew_after_a_reply),
        cmocka_unit_test(test_pause__courtesy_neither_ends_it_nor_gives_a_new_maximum),
        cmocka_unit_test(test_pause__a_second_one_replaces_end_question_and_reminders),
        cmocka_unit_test(test_pause__reminds),
        cmocka_unit_test(test_pause__ends_with_its_last_reason),
        cmocka_unit_test(test_pause__a_resume_of_one_reason_leaves_the_other),
        cmocka_unit_test(test_pause__what_a_second_one_replaced_counts),
        cmocka_unit_test(test_pause__the_question_is_shown_while_it_is_asked),
        cmocka_unit_test(test_no_reply__resolves_at_the_maximum),
        cmocka_unit_test(test_no_reply__not_at_an_end_that_the_agent_chose),
        cmocka_unit_test(test_no_reply__not_while_another_reason_runs),
        cmocka_unit_test(test_no_reply__not_with_an_unanswered_message),
        cmocka_unit_test(test_no_reply__is_undone_by_a_reopen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
