/* After the answer: "resolved" is our claim until the person says so, and he can take it back. */
#include "person.h"

static const char policy[] =
    "{'promises':{'ack':{'target':'1h'},'answer':{'target':'2h'},'resolve':{'target':'8h'}},"
    "'warn':[],"
    " 'aftercare':{'check_in':['1d','3d'],'confirm_within':'5d','reopen_within':'30d'}}";

/* ada's, solved by ann at 01:00. */
static usher_id solved(struct story *story)
{
    struct service *s = story->s;
    usher_id t = ticket(s, "ada", 0);
    usher_claim c;

    at(s, 50 * MINUTE);
    c = claim(s, s->ann);
    at(s, HOUR);
    assert_int_equal(holder_says(s, c, USHER_RESOLVE, USHER_AS_FIX, "new drum"), USHER_OK);
    return t;
}

static void test_aftercare__asks_twice_and_takes_silence_for_a_yes(void **unused)
{
    (void)unused;

    struct story *story = tell(policy);
    struct service *s = story->s;
    usher_id t = solved(story);

    assert_int_equal(peek(s, t).until_at, T0 + 5 * DAY + HOUR);
    at(s, 6 * DAY);
    TOLD(story, "00:00 #1 enqueued ada (waiting)",
         "00:50 #1 claimed ann (claimed) until=01:05 took=00:50",
         "01:00 #1 resolved ann (resolved) as=fix "
         "kept=ack+resolve took=01:00 word=01:00 held=00:10 \"new drum\"",
         "1d01:00 #1 check_in (resolved) n=1 rule=aftercare.check_in",
         "3d01:00 #1 check_in (resolved) n=2 rule=aftercare.check_in",
         "5d01:00 #1 closed (closed) took=01:00 rule=aftercare.confirm_within");
    assert_int_equal(figures_of(s, s->q).closed, 1);
    assert_int_equal(figures_of(s, s->q).confirmed, 0);
    assert_int_equal(figures_of(s, s->q).solve.n, 1);
    assert_int_equal(figures_of(s, s->q).solve.max_ms, HOUR);
    over(story);
}

static void test_aftercare__a_yes_ends_it_at_once(void **unused)
{
    (void)unused;

    struct story *story = tell(policy);
    struct service *s = story->s;
    usher_id t = solved(story);

    at(s, 2 * DAY);
    skip_to_here(story);
    assert_int_equal(says(s, t, USHER_CONFIRM, "ada", "prints"), USHER_OK);
    at(s, 10 * DAY);
    TOLD(story, "2d00:00 #1 confirmed ada (resolved) \"prints\"",
         "2d00:00 #1 closed ada (closed) took=01:00");
    over(story);
}

/* A no, with a reason: nothing starts from zero but our answer to it. */
static void test_aftercare__a_no_goes_on_where_we_were(void **unused)
{
    (void)unused;

    struct story *story = tell(policy);
    struct service *s = story->s;
    usher_id t = solved(story);
    usher_claim c;

    at(s, 2 * DAY);
    skip_to_here(story);
    assert_int_equal(says(s, t, USHER_REOPEN, "ada", "grey again"), USHER_OK);
    assert_string_equal(peek(s, t).kept_for, "ann");
    assert_int_equal(peek(s, t).until_at, T0 + 2 * DAY + 15 * MINUTE);
    assert_int_equal(peek(s, t).rank_at, T0 + HOUR); /* its place in the line is the old one */
    promised_by(s, t, USHER_PROMISE_ANSWER, 2 * DAY + 2 * HOUR);
    promised_by(s, t, USHER_PROMISE_RESOLVE, 2 * DAY + 7 * HOUR); /* an hour was used */

    c = claim(s, s->ann);
    at(s, 2 * DAY + 10 * MINUTE);
    holder_says(s, c, USHER_RESOLVE, USHER_AS_FIX, "new roller");
    at(s, 7 * DAY); /* check-ins and silence count from the second answer */
    TOLD(story, "2d00:00 #1 reopened ada (waiting) \"grey again\"",
         "2d00:00 #1 claimed ann (claimed) until=2d00:15",
         "2d00:10 #1 resolved ann (resolved) as=fix kept=answer+resolve took=2d00:10 held=00:10 "
         "\"new roller\"",
         "3d00:10 #1 check_in (resolved) n=1 rule=aftercare.check_in",
         "5d00:10 #1 check_in (resolved) n=2 rule=aftercare.check_in");
    at(s, 8 * DAY);
    TOLD(story, "7d00:10 #1 closed (closed) took=2d00:10 rule=aftercare.confirm_within");
    assert_int_equal(figures_of(s, s->q).resolved, 2);
    assert_int_equal(figures_of(s, s->q).reopened, 1);
    assert_int_equal(figures_of(s, s->q).solve.n, 1); /* the resolve that held */
    assert_int_equal(figures_of(s, s->q).solve.max_ms, 2 * DAY + 10 * MINUTE);
    over(story);
}

/* What was kept when we thought that it was solved may be broken after all. */
static void test_aftercare__a_promise_kept_too_early_may_still_be_broken(void **unused)
{
    (void)unused;

    struct story *story = tell(policy);
    struct service *s = story->s;
    usher_id t = solved(story);

    at(s, DAY);
    says(s, t, USHER_REOPEN, "ada", "grey again");
    skip_to_here(story);
    at(s, 2 * DAY);
    TOLD(story, "1d00:15 #1 keep_ended (waiting) rule=line.keep_for",
         "1d02:00:00.001 #1 broken (waiting) of=answer due=1d02:00 rule=promises.answer.target",
         "1d07:00:00.001 #1 broken (waiting) of=resolve due=1d07:00 rule=promises.resolve.target");
    assert_int_equal(resolved(s, t).ticket, t);
    assert_int_equal(promise(s, t, USHER_PROMISE_RESOLVE).state, USHER_BROKEN);
    over(story);
}

/* "Is it really done?" The standing answers that; but he is still interested, so his time starts
 * anew. */
static void test_aftercare__asking_starts_his_time_anew(void **unused)
{
    (void)unused;

    struct story *story = tell(policy);
    struct service *s = story->s;
    usher_id t = solved(story);

    at(s, 4 * DAY);
    skip_to_here(story);
    assert_int_equal(says(s, t, USHER_ASK, "ada", "is it really done?"), USHER_OK);
    assert_int_equal(peek(s, t).until_at, T0 + 9 * DAY);
    assert_string_equal(peek(s, t).last_word.data, "new drum");
    assert_int_equal(promise(s, t, USHER_PROMISE_ANSWER).state, 0); /* nothing is owed for it */
    at(s, 9 * DAY - 1);
    assert_int_equal(state(s, t), USHER_RESOLVED);
    at(s, 9 * DAY);
    TOLD(story, "4d00:00 #1 asked ada (resolved) n=1 \"is it really done?\"",
         "9d00:00 #1 closed (closed) took=01:00 rule=aftercare.confirm_within");
    over(story);
}

static void test_aftercare__thanks_are_not_a_refusal(void **unused)
{
    (void)unused;

    struct story *story = tell(policy);
    struct service *s = story->s;
    usher_id t = solved(story);

    at(s, DAY);
    skip_to_here(story);
    assert_int_equal(reply(s, t, "ada", USHER_COURTESY), USHER_OK);
    assert_int_equal(peek(s, t).until_at, T0 + 5 * DAY + HOUR); /* nor a sign that he is in doubt */
    at(s, 5 * DAY + HOUR);
    /* it is closed, and stays so */
    assert_int_equal(reply(s, t, "ada", USHER_COURTESY), USHER_ESTATE);
    assert_int_equal(state(s, t), USHER_CLOSED);
    over(story);
}

static void test_aftercare__closed_is_not_the_last_word_for_thirty_days(void **unused)
{
    (void)unused;

    for (int how = 0; how < 2; how++) {
        struct story *story = tell(policy);
        struct service *s = story->s;
        usher_id t = solved(story);

        at(s, 30 * DAY + HOUR - 1); /* counted from the resolve, not from the closing */
        assert_int_equal(state(s, t), USHER_CLOSED);
        skip_to_here(story);
        assert_int_equal(says(s, t, how == 0 ? USHER_REOPEN : USHER_REPLY, "ada", "grey again"),
                         USHER_OK);
        if (how == 0)
            TOLD(story, "30d00:59:59.999 #1 reopened ada (waiting) \"grey again\"");
        else
            TOLD(story, "30d00:59:59.999 #1 replied ada (closed) \"grey again\"",
                 "30d00:59:59.999 #1 reopened ada (waiting)");
        assert_string_equal(peek(s, t).kept_for, "ann");
        promised_by(s, t, USHER_PROMISE_RESOLVE, 30 * DAY + HOUR - 1 + 7 * HOUR);
        over(story);
    }
}

/* Later than that it is a new ticket, which knows the old one. */
static void test_aftercare__after_that_a_new_ticket_follows_it(void **unused)
{
    (void)unused;

    struct story *story = tell(policy);
    struct service *s = story->s;
    usher_id t = solved(story), again;
    usher_request r = { .requester = "ada", .follows = t };
    struct looked l;

    at(s, 30 * DAY + HOUR);
    assert_int_equal(says(s, t, USHER_REOPEN, "ada", "grey again"), USHER_ESTATE);
    assert_int_equal(says(s, t, USHER_REPLY, "ada", "grey again"), USHER_ESTATE);
    skip_to_here(story);
    assert_int_equal(enqueue(s, s->q, r), USHER_OK);
    again = s->done.ticket;
    TOLD(story, "30d01:00 #2 enqueued ada (waiting)");
    assert_int_equal(peek(s, again).follows, t);
    assert_int_equal(peek(s, t).follows, 0);
    assert_int_equal(peek(s, t).state, USHER_CLOSED);
    l = look(s, (usher_query){ .what = USHER_READ_TICKETS, .linked = t });
    assert_int_equal(l.n, 1);
    assert_int_equal(l.tickets[0], again);
    r.follows = 3; /* there never was one */
    assert_int_equal(enqueue(s, s->q, r), USHER_EINVAL);
    over(story);
}

/* The agent who had it has gone: it is not kept for a name. */
static void test_aftercare__a_no_when_the_holder_has_gone(void **unused)
{
    (void)unused;

    struct story *story = tell(policy);
    struct service *s = story->s;
    usher_id t = solved(story);

    usher_agent_gone(s->ann, NULL, NULL);
    says(s, t, USHER_REOPEN, "ada", "grey again");
    assert_null(peek(s, t).kept_for);
    assert_int_equal(claim(s, s->bob).ticket, t);
    over(story);
}

static void test_aftercare__a_workaround_is_an_answer_too(void **unused)
{
    (void)unused;

    struct story *story = tell(policy);
    struct service *s = story->s;
    usher_claim c = held(s, "ada");

    skip_to_here(story);
    assert_int_equal(holder_says(s, c, USHER_RESOLVE, USHER_AS_WORKAROUND, "print on the second "
                                                                           "floor"), USHER_OK);
    TOLD(story, "00:00 #1 resolved ann (resolved) as=workaround "
                "kept=ack+resolve took=00:00 word=00:00 held=00:00 "
                "\"print on the second floor\"");
    assert_int_equal(figures_of(s, s->q).workarounds, 1);
    over(story);
}

/* Where nobody is asked, our claim is the last word at once; he can still take it back. */
static void test_aftercare__of_nobody(void **unused)
{
    (void)unused;

    struct story *story = tell("{'aftercare':{'confirm_within':'0s'}}");
    struct service *s = story->s;
    usher_id t = solved(story);

    TOLD(story, "00:00 #1 enqueued ada (waiting)",
         "00:50 #1 claimed ann (claimed) until=01:05 took=00:50",
         "01:00 #1 resolved ann (resolved) as=fix took=01:00 word=01:00 held=00:10 \"new drum\"",
         "01:00 #1 closed ann (closed) took=01:00");
    assert_int_equal(says(s, t, USHER_REOPEN, "ada", "no"), USHER_OK);
    over(story);
}

/* Nobody could do it: that is not hidden, it is one level up, and he may see it. */
static void test_aftercare__is_not_for_what_is_stuck(void **unused)
{
    (void)unused;

    struct story *story = tell("{'retry':{'attempts':2,'backoff':['10m']}}");
    struct service *s = story->s;
    usher_claim c = held(s, "ada");

    at(s, 5 * MINUTE);
    holder_says(s, c, USHER_FAIL, 0, "no paper");
    at(s, 20 * MINUTE);
    claim(s, s->ann); /* and then nothing is heard of her */
    at(s, HOUR);
    TOLD(story, "00:00 #1 enqueued ada (waiting)",
         "00:00 #1 claimed ann (claimed) until=00:15 took=00:00",
         "00:05 #1 failed ann (scheduled) n=1 until=00:15 held=00:05 "
         "rule=retry.backoff \"no paper\"",
         "00:15 #1 started (waiting)",
         "00:20 #1 claimed ann (claimed) until=00:35",
         "00:35 #1 lease_expired ann (stuck) n=2 held=00:15 rule=lease.for",
         "00:35 #1 stuck ann (stuck) n=2 level=1 rule=retry.attempts");
    assert_int_equal(peek(s, c.ticket).level, 1);
    assert_int_equal(says(s, c.ticket, USHER_ASK, "ada", "and?"), USHER_OK);
    over(story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aftercare__asks_twice_and_takes_silence_for_a_yes),
        cmocka_unit_test(test_aftercare__a_yes_ends_it_at_once),
        cmocka_unit_test(test_aftercare__a_no_goes_on_where_we_were),
        cmocka_unit_test(test_aftercare__a_promise_kept_too_early_may_still_be_broken),
        cmocka_unit_test(test_aftercare__asking_starts_his_time_anew),
        cmocka_unit_test(test_aftercare__thanks_are_not_a_refusal),
        cmocka_unit_test(test_aftercare__closed_is_not_the_last_word_for_thirty_days),
        cmocka_unit_test(test_aftercare__after_that_a_new_ticket_follows_it),
        cmocka_unit_test(test_aftercare__a_no_when_the_holder_has_gone),
        cmocka_unit_test(test_aftercare__a_workaround_is_an_answer_too),
        cmocka_unit_test(test_aftercare__of_nobody),
        cmocka_unit_test(test_aftercare__is_not_for_what_is_stuck),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
