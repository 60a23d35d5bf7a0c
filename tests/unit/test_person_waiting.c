/* The ticket waits for the requester: the question is on record and a word, he is reminded, and
 * what happens when he says nothing depends on whether we owe him an answer. */
#include "person.h"

static const char policy[] =
    "{'promises':{'ack':{'target':'1h'},'answer':{'target':'4h'},'update':{'target':'4h'},"
    "'resolve':{'target':'8h'}},"
    " 'warn':[],"
    " 'pause':{'requester':{'max':'10d','remind':['2d','5d'],'then':'resolve'},"
    "'third_party':{'max':'20d'}}}";

/* ann has it since 00:10, and asks at 00:30. */
static usher_claim asked(struct story *story, int64_t until)
{
    struct service *s = story->s;
    usher_claim c;

    ticket(s, "ada", 0);
    at(s, 10 * MINUTE);
    c = claim(s, s->ann);
    at(s, 24 * MINUTE);
    by_agent(s, c, USHER_EXTEND);
    at(s, 30 * MINUTE);
    skip_to_here(story);
    assert_int_equal(act(s, (usher_command){ .verb = USHER_PAUSE,
                                             .kind = USHER_ON_REQUESTER,
                                             .claim = c,
                                             .text = words("which printer?"),
                                             .at = until }),
                     USHER_OK);
    return c;
}

static void test_waiting__a_question_reminders_thanks_and_the_answer(void **unused)
{
    (void)unused;

    struct story *story = tell(policy);
    struct service *s = story->s;
    usher_claim c = asked(story, 0);
    usher_id t = c.ticket;

    assert_int_equal(peek(s, t).waits_for_you, 1);
    assert_string_equal(peek(s, t).question.data, "which printer?");
    assert_string_equal(peek(s, t).last_word.data, "which printer?");
    assert_string_equal(peek(s, t).holder, "ann");
    /* paused: what is left is shown instead */
    promised_by(s, t, USHER_PROMISE_RESOLVE, USHER_NEVER);
    assert_int_equal(promise(s, t, USHER_PROMISE_RESOLVE).left_ms, 7 * HOUR + 30 * MINUTE);
    at(s, 3 * DAY);
    assert_int_equal(reply(s, t, "ada", USHER_COURTESY), USHER_OK); /* "I'll have a look!" */
    assert_int_equal(peek(s, t).waits_for_you, 1);
    at(s, 6 * DAY);
    assert_int_equal(says(s, t, USHER_REPLY, "ada", "the big one"), USHER_OK);
    TOLD(story,
         "00:30 #1 paused ann (paused) on=requester until=10d00:30 kept=ack word=00:30 held=00:20 "
         "\"which printer?\"",
         "2d00:30 #1 reminded (paused) on=requester n=1 "
         "rule=pause.requester.remind \"which printer?\"",
         "3d00:00 #1 replied ada (paused) courtesy \"text\"",
         "5d00:30 #1 reminded (paused) on=requester n=2 "
         "rule=pause.requester.remind \"which printer?\"",
         "6d00:00 #1 replied ada (waiting) \"the big one\"");

    assert_int_equal(peek(s, t).waits_for_you, 0);
    assert_string_equal(peek(s, t).kept_for, "ann");
    assert_int_equal(peek(s, t).until_at, T0 + 6 * DAY + 15 * MINUTE);
    promised_by(s, t, USHER_PROMISE_RESOLVE, 6 * DAY + 7 * HOUR + 30 * MINUTE);
    /* the question was a word, the next one is due again */
    promised_by(s, t, USHER_PROMISE_UPDATE, 6 * DAY + 4 * HOUR);
    promised_by(s, t, USHER_PROMISE_ANSWER, 6 * DAY + 4 * HOUR);
    assert_int_equal(holder_says(s, c, USHER_UPDATE, 0, "late"), USHER_ESTALE);
    c = claim(s, s->ann);
    assert_int_equal(c.ticket, t);
    assert_int_equal(c.token, 2);
    over(story);
}

static void test_waiting__silence_to_the_end_resolves(void **unused)
{
    (void)unused;

    struct story *story = tell(policy);
    struct service *s = story->s;
    usher_claim c = asked(story, 0);

    at(s, 9 * DAY);
    skip_to_here(story);
    at(s, 11 * DAY);
    TOLD(story, "10d00:30 #1 pause_ended (paused) on=requester rule=pause.requester.max",
         "10d00:30 #1 resolved (resolved) as=no_reply lapsed=update+resolve took=10d00:30 "
         "rule=pause.requester.then");
    assert_int_equal(promise(s, c.ticket, USHER_PROMISE_RESOLVE).state, USHER_LAPSED);

    /* It was only a guess of ours: he can still say that it was wrong. */
    assert_int_equal(says(s, c.ticket, USHER_REPLY, "ada", "I was away"), USHER_OK);
    assert_int_equal(state(s, c.ticket), USHER_WAITING);
    promised_by(s, c.ticket, USHER_PROMISE_RESOLVE, 11 * DAY + 7 * HOUR + 30 * MINUTE);
    over(story);
}

/* He has asked something meanwhile and got no answer: then it is we who are silent. */
static void test_waiting__silence_with_a_message_of_his_unanswered_waits(void **unused)
{
    (void)unused;

    struct story *story = tell(policy);
    struct service *s = story->s;
    usher_claim c = asked(story, 0);

    at(s, DAY);
    assert_int_equal(says(s, c.ticket, USHER_ASK, "ada", "where do I see that?"), USHER_OK);
    at(s, 11 * DAY);
    TOLD(story,
         "00:30 #1 paused ann (paused) on=requester until=10d00:30 kept=ack word=00:30 held=00:20 "
         "\"which printer?\"",
         "1d00:00 #1 asked ada (paused) n=1 \"where do I see that?\"",
         "1d04:00:00.001 #1 broken (paused) of=answer due=1d04:00 rule=promises.answer.target",
         "2d00:30 #1 reminded (paused) on=requester n=1 "
         "rule=pause.requester.remind \"which printer?\"",
         "5d00:30 #1 reminded (paused) on=requester n=2 "
         "rule=pause.requester.remind \"which printer?\"",
         "10d00:30 #1 pause_ended (waiting) on=requester rule=pause.requester.max",
         "10d00:45 #1 keep_ended (waiting) rule=line.keep_for",
         "10d04:30:00.001 #1 broken (waiting) of=update due=10d04:30 rule=promises.update.target",
         "10d08:00:00.001 #1 broken (waiting) of=resolve due=10d08:00 "
         "rule=promises.resolve.target");
    over(story);
}

static void test_waiting__an_answered_message_does_not_count(void **unused)
{
    (void)unused;

    struct story *story = tell(policy);
    struct service *s = story->s;
    usher_claim c = asked(story, 0);

    at(s, DAY);
    says(s, c.ticket, USHER_ASK, "ada", "where do I see that?");
    at(s, DAY + HOUR);
    skip_to_here(story);
    /* his token is good while it is paused */
    assert_int_equal(holder_says(s, c, USHER_UPDATE, 0, "on its back"), USHER_OK);
    at(s, DAY + 2 * HOUR);
    /* and thanks are no message */
    assert_int_equal(reply(s, c.ticket, "ada", USHER_COURTESY), USHER_OK);
    at(s, 11 * DAY);
    assert_int_equal(peek(s, c.ticket).state, USHER_RESOLVED);
    TOLD(story, "1d01:00 #1 updated ann (paused) kept=answer+update \"on its back\"",
         "1d02:00 #1 replied ada (paused) courtesy \"text\"",
         "2d00:30 #1 reminded (paused) on=requester n=1 "
         "rule=pause.requester.remind \"which printer?\"",
         "5d00:30 #1 reminded (paused) on=requester n=2 "
         "rule=pause.requester.remind \"which printer?\"",
         "10d00:30 #1 pause_ended (paused) on=requester rule=pause.requester.max",
         "10d00:30 #1 resolved (resolved) as=no_reply lapsed=update+resolve took=10d00:30 "
         "rule=pause.requester.then");
    over(story);
}

/* Only the policy's own maximum may resolve: an agent cannot shorten the time that a person has. */
static void test_waiting__a_shorter_end_given_by_the_agent_leads_to_waiting(void **unused)
{
    (void)unused;

    struct story *story = tell(policy);
    struct service *s = story->s;
    usher_claim c = asked(story, T0 + DAY);

    at(s, DAY);
    TOLD(story,
         "00:30 #1 paused ann (paused) on=requester until=1d00:00 kept=ack word=00:30 held=00:20 "
         "\"which printer?\"",
         "1d00:00 #1 pause_ended (waiting) on=requester");
    assert_string_equal(peek(s, c.ticket).kept_for, "ann");

    /* One ms before the maximum is shorter, beyond it is the maximum. */
    c = claim(s, s->ann);
    assert_int_equal(pause(s, c, USHER_ON_REQUESTER, T0 + 10 * DAY + 30 * MINUTE - 1), USHER_OK);
    at(s, 10 * DAY + 30 * MINUTE - 1);
    assert_int_equal(state(s, c.ticket), USHER_WAITING);
    over(story);
}

static void test_waiting__a_longer_end_is_cut_and_is_the_maximum(void **unused)
{
    (void)unused;

    struct story *story = tell(policy);
    struct service *s = story->s;
    usher_claim c = asked(story, T0 + 100 * DAY);

    assert_int_equal(s->done.outcome, USHER_WAS_CLIPPED);
    assert_int_equal(s->done.until_at, T0 + 10 * DAY + 30 * MINUTE);
    at(s, 11 * DAY);
    assert_int_equal(state(s, c.ticket), USHER_RESOLVED);
    over(story);
}

/* All questions of a ticket together have the maximum, until he has answered one. */
static void test_waiting__asking_again_is_no_new_maximum(void **unused)
{
    (void)unused;

    struct story *story = tell(policy);
    struct service *s = story->s;
    usher_claim c = asked(story, T0 + 6 * DAY + 30 * MINUTE);

    at(s, 6 * DAY + 30 * MINUTE);
    c = claim(s, s->ann);
    assert_int_equal(pause(s, c, USHER_ON_REQUESTER, 0), USHER_OK);
    assert_int_equal(s->done.until_at, T0 + 10 * DAY + 30 * MINUTE); /* four days are left */
    at(s, 7 * DAY + 30 * MINUTE);
    reply(s, c.ticket, "ada", 0);
    c = claim(s, s->ann);
    assert_int_equal(pause(s, c, USHER_ON_REQUESTER, 0), USHER_OK);
    /* he has answered: ten again */
    assert_int_equal(s->done.until_at, T0 + 17 * DAY + 30 * MINUTE);
    over(story);
}

static void test_waiting__with_nothing_left_there_is_no_more_asking(void **unused)
{
    (void)unused;

    struct story *story = tell("{'pause':{'requester':{'max':'1d'}}}");
    struct service *s = story->s;
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_REQUESTER, 0);
    at(s, DAY);
    c = claim(s, s->ann);
    assert_int_equal(pause(s, c, USHER_ON_REQUESTER, 0), USHER_ESTATE);
    assert_int_equal(pause(s, c, USHER_ON_THIRD_PARTY, 0), USHER_OK);
    over(story);
}

/* He answers, but the spare part is not there yet. */
static void test_waiting__for_two_things_ends_when_both_have_come(void **unused)
{
    (void)unused;

    struct story *story = tell(policy);
    struct service *s = story->s;
    usher_claim c = asked(story, 0);

    assert_int_equal(pause(s, c, USHER_ON_THIRD_PARTY, 0), USHER_OK);
    at(s, DAY);
    skip_to_here(story);
    assert_int_equal(says(s, c.ticket, USHER_REPLY, "ada", "the big one"), USHER_OK);
    assert_int_equal(peek(s, c.ticket).waits_for_you, 0);
    /* of the two only his silence held this up */
    promised_by(s, c.ticket, USHER_PROMISE_UPDATE, DAY + 4 * HOUR);
    promised_by(s, c.ticket, USHER_PROMISE_RESOLVE, USHER_NEVER);
    at(s, DAY + HOUR);
    assert_int_equal(holder_says(s, c, USHER_RESUME, USHER_ON_THIRD_PARTY, "it came"), USHER_OK);
    promised_by(s, c.ticket, USHER_PROMISE_RESOLVE, DAY + HOUR + 7 * HOUR + 30 * MINUTE);
    TOLD(story, "1d00:00 #1 replied ada (paused) \"the big one\"",
         "1d01:00 #1 resumed ann (waiting) on=third_party \"it came\"");
    over(story);
}

/* ---- pauses that save a promise at the last moment ------------------------------------------- */

/* Paused so long after its start: is it counted? */
static uint32_t late_pause(int64_t after, int reason)
{
    struct story *story = tell("{'promises':{'update':{'target':'20m'},'resolve':{'target':'8h'}},"
                               "'warn':[],"
                               " 'lease':{'for':'20h','max':'20h'}}");
    struct service *s = story->s;
    usher_claim c = held(s, "ada");
    uint32_t n;

    at(s, after);
    assert_int_equal(pause(s, c, reason, 0), USHER_OK);
    n = last(s, USHER_EV_PAUSED)->n;
    assert_int_equal(figures_of(s, s->q).pauses, 1);
    assert_int_equal(figures_of(s, s->q).late_pauses, n);
    over(story);
    return n;
}

static void test_waiting__pauses_begun_in_the_last_tenth_are_counted_apart(void **unused)
{
    (void)unused;

    for (int reason = USHER_ON_REQUESTER; reason <= USHER_UNTIL - 1; reason++) {
        assert_int_equal(late_pause(7 * HOUR + 12 * MINUTE - 1, reason), 0);
        assert_int_equal(late_pause(7 * HOUR + 12 * MINUTE, reason), 1);
        assert_int_equal(late_pause(8 * HOUR, reason), 1);     /* the due itself still keeps it */
        /* it is broken: there is nothing to save */
        assert_int_equal(late_pause(8 * HOUR + 1, reason), 0);
    }
}

static void test_waiting__a_pause_that_runs_already_is_counted_once(void **unused)
{
    (void)unused;

    struct story *story = tell("{'promises':{'resolve':{'target':'8h'}},'warn':[],"
                               "'lease':{'for':'20h','max':'20h'}}");
    struct service *s = story->s;
    usher_claim c = held(s, "ada");

    at(s, 7 * HOUR + 30 * MINUTE);
    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    at(s, 9 * HOUR);
    pause(s, c, USHER_ON_THIRD_PARTY, T0 + DAY); /* another end for the same pause */
    pause(s, c, USHER_ON_REQUESTER, 0);          /* the promise stood still already */
    assert_int_equal(figures_of(s, s->q).pauses, 3);
    assert_int_equal(figures_of(s, s->q).late_pauses, 1);
    over(story);
}

/* What the pause does not stop, it does not save. */
static void test_waiting__a_promise_that_goes_on_is_not_saved(void **unused)
{
    (void)unused;

    struct story *story = tell("{'promises':{'update':{'target':'1h'}},'warn':[],"
                               "'lease':{'for':'20h','max':'20h'}}");
    struct service *s = story->s;
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_ACKNOWLEDGE);
    at(s, 59 * MINUTE);
    pause(s, c, USHER_ON_THIRD_PARTY, 0); /* the next word is due all the same */
    promised_by(s, c.ticket, USHER_PROMISE_UPDATE, HOUR);
    pause(s, c, USHER_ON_REQUESTER, 0); /* this one is the word */
    assert_int_equal(figures_of(s, s->q).late_pauses, 0);
    over(story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waiting__a_question_reminders_thanks_and_the_answer),
        cmocka_unit_test(test_waiting__silence_to_the_end_resolves),
        cmocka_unit_test(test_waiting__silence_with_a_message_of_his_unanswered_waits),
        cmocka_unit_test(test_waiting__an_answered_message_does_not_count),
        cmocka_unit_test(test_waiting__a_shorter_end_given_by_the_agent_leads_to_waiting),
        cmocka_unit_test(test_waiting__a_longer_end_is_cut_and_is_the_maximum),
        cmocka_unit_test(test_waiting__asking_again_is_no_new_maximum),
        cmocka_unit_test(test_waiting__with_nothing_left_there_is_no_more_asking),
        cmocka_unit_test(test_waiting__for_two_things_ends_when_both_have_come),
        cmocka_unit_test(test_waiting__pauses_begun_in_the_last_tenth_are_counted_apart),
        cmocka_unit_test(test_waiting__a_pause_that_runs_already_is_counted_once),
        cmocka_unit_test(test_waiting__a_promise_that_goes_on_is_not_saved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
