/* Many persons wait for one ticket: all of them are owed every word and the confirmation, and
 * nobody is dropped. */
#include "person.h"

static const char policy[] =
    "{'promises':{'ack':{'target':'1h'},'answer':{'target':'2h'},'update':{'target':'4h'},"
    "             'resolve':{'target':{'high':'6h','normal':'8h'}}},"
    " 'warn':[], 'handoff':{'accept_within':'30m'},"
    " 'aftercare':{'confirm_within':'5d','reopen_within':'30d'}}";

static int joins(struct service *s, const char *who, int priority, const char *body)
{
    int r = enqueue(
        s, s->q,
        (usher_request){
            .requester = who, .dedup_key = "printer", .priority = priority, .body = words(body) });

    if (r == USHER_OK)
        assert_int_equal(s->done.outcome, USHER_WAS_JOINED);
    return r;
}

static usher_id opened_by(struct service *s, const char *who)
{
    assert_int_equal(enqueue(s, s->q, (usher_request){ .requester = who, .dedup_key = "printer" }),
                     USHER_OK);
    assert_int_equal(s->done.outcome, 0);
    return s->done.ticket;
}

static void test_joining__three_wait_one_leaves_one_refuses_all_confirm(void **unused)
{
    (void)unused;

    struct story *story = tell(policy);
    struct service *s = story->s;
    usher_id t = opened_by(s, "ada");
    usher_claim c;

    at(s, 5 * MINUTE);
    joins(s, "bea", 0, "mine too");
    at(s, 10 * MINUTE);
    c = claim(s, s->ann);
    holder_says(s, c, USHER_ACKNOWLEDGE, 0, "ann has it");
    TOLD(story, "00:00 #1 enqueued ada (waiting)",
         "00:05 #1 joined bea (waiting) \"mine too\"",
         "00:10 #1 claimed ann (claimed) until=00:25 took=00:10",
         "00:10 #1 acknowledged ann (claimed) kept=ack word=00:10 \"ann has it\"");
    /* who joined before the first word had it like the others */
    promised_by(s, t, USHER_PROMISE_ANSWER, USHER_NEVER);

    at(s, 20 * MINUTE);
    joins(s, "cleo", USHER_HIGH, "nobody can print");
    TOLD(story, "00:20 #1 joined cleo (claimed) \"nobody can print\"",
         "00:20 #1 reprioritised cleo (claimed) high");
    assert_int_equal(peek(s, t).persons, 3);
    assert_string_equal(peek(s, t).requester, "ada");
    /* nobody has told her anything */
    promised_by(s, t, USHER_PROMISE_ANSWER, 2 * HOUR + 20 * MINUTE);
    promised_by(s, t, USHER_PROMISE_RESOLVE, 6 * HOUR);              /* from the same start */

    at(s, 24 * MINUTE);
    assert_int_equal(says(s, t, USHER_WITHDRAW, "bea", "I have my own now"), USHER_OK);
    assert_int_equal(says(s, t, USHER_ASK, "bea", NULL), USHER_ESTATE);
    holder_says(s, c, USHER_UPDATE, 0, "the drum is worn");
    at(s, 30 * MINUTE);
    assert_int_equal(holder_says(s, c, USHER_RESOLVE, USHER_AS_FIX, "new drum"), USHER_OK);
    TOLD(story, "00:24 #1 left bea (claimed) high \"I have my own now\"",
         "00:24 #1 updated ann (claimed) kept=answer+update high \"the drum is worn\"",
         "00:30 #1 resolved ann (resolved) as=fix kept=update+resolve high took=00:30 held=00:20 "
         "\"new drum\"");

    at(s, HOUR);
    assert_int_equal(says(s, t, USHER_CONFIRM, "bea", NULL), USHER_ESTATE); /* she waits no more */
    assert_int_equal(says(s, t, USHER_CONFIRM, "ada", "prints"), USHER_OK);
    assert_int_equal(s->done.state, USHER_RESOLVED);
    at(s, 2 * HOUR);
    assert_int_equal(says(s, t, USHER_REOPEN, "cleo", "still grey"), USHER_OK);
    TOLD(story, "01:00 #1 confirmed ada (resolved) high \"prints\"",
         "02:00 #1 reopened cleo (waiting) high \"still grey\"");
    assert_string_equal(peek(s, t).kept_for, "ann");
    promised_by(s, t, USHER_PROMISE_ANSWER, 4 * HOUR);
    /* half an hour was used */
    promised_by(s, t, USHER_PROMISE_RESOLVE, 2 * HOUR + 6 * HOUR - 30 * MINUTE);

    at(s, 2 * HOUR + 5 * MINUTE);
    c = claim(s, s->ann);
    holder_says(s, c, USHER_RESOLVE, USHER_AS_FIX, "and a new roller");
    at(s, 3 * HOUR);
    assert_int_equal(says(s, t, USHER_CONFIRM, "cleo", NULL), USHER_OK);
    assert_int_equal(s->done.state, USHER_RESOLVED); /* ada's yes was to the first answer */
    at(s, 4 * HOUR);
    assert_int_equal(says(s, t, USHER_CONFIRM, "ada", NULL), USHER_OK);
    TOLD(story, "02:05 #1 claimed ann (claimed) until=02:20 high",
         "02:05 #1 resolved ann (resolved) as=fix kept=answer+resolve high took=02:05 held=00:00 "
         "\"and a new roller\"",
         "03:00 #1 confirmed cleo (resolved) high",
         "04:00 #1 confirmed ada (resolved) high",
         "04:00 #1 closed ada (closed) high took=02:05");
    over(story);
}

static void test_joining__the_first_one_leaves_and_the_others_stay(void **unused)
{
    (void)unused;

    struct story *story = tell(policy);
    struct service *s = story->s;
    usher_id t = opened_by(s, "ada");
    usher_claim c;

    joins(s, "bea", 0, NULL);
    joins(s, "cleo", 0, NULL);
    at(s, 10 * MINUTE);
    c = claim(s, s->ann);
    assert_int_equal(holder_says(s, c, USHER_PAUSE, USHER_ON_REQUESTER, "which printer?"),
                     USHER_OK);
    at(s, 20 * MINUTE);
    skip_to_here(story);
    assert_int_equal(says(s, t, USHER_WITHDRAW, "ada", NULL), USHER_OK);
    assert_string_equal(peek(s, t).requester, "bea"); /* who came next */
    assert_int_equal(peek(s, t).waits_for_you, 1);    /* the question is to all of them */
    at(s, 30 * MINUTE);
    assert_int_equal(says(s, t, USHER_REPLY, "cleo", "the big one"), USHER_OK);
    assert_int_equal(says(s, t, USHER_WITHDRAW, "bea", NULL), USHER_OK);
    assert_string_equal(peek(s, t).requester, "cleo");
    at(s, 40 * MINUTE);
    /* the last one ends it */
    assert_int_equal(says(s, t, USHER_WITHDRAW, "cleo", "never mind"), USHER_OK);
    TOLD(story, "00:20 #1 left ada (paused)",
         "00:30 #1 replied cleo (waiting) \"the big one\"",
         "00:30 #1 left bea (waiting)",
         "00:40 #1 withdrawn cleo (withdrawn) lapsed=answer+update+resolve \"never mind\"");
    over(story);
}

static void test_joining__one_word_answers_all(void **unused)
{
    (void)unused;

    struct story *story = tell(policy);
    struct service *s = story->s;
    usher_id t = opened_by(s, "ada");
    usher_claim c = claim(s, s->ann);

    holder_says(s, c, USHER_ACKNOWLEDGE, 0, "ann has it");
    at(s, MINUTE);
    joins(s, "bea", 0, NULL);
    at(s, 2 * MINUTE);
    joins(s, "cleo", 0, NULL);
    promised_by(s, t, USHER_PROMISE_ANSWER, 2 * HOUR + MINUTE); /* the oldest counts */
    at(s, 3 * MINUTE);
    skip_to_here(story);
    holder_says(s, c, USHER_UPDATE, 0, "soon");
    TOLD(story, "00:03 #1 updated ann (claimed) kept=answer+update \"soon\"");
    promised_by(s, t, USHER_PROMISE_ANSWER, USHER_NEVER);
    over(story);
}

/* The one who joins may be the reason why a promise is broken: it runs from when the first one
 * came. */
static void test_joining__with_a_shorter_promise_may_break_it_at_once(void **unused)
{
    (void)unused;

    struct story *story = tell(policy);
    struct service *s = story->s;

    opened_by(s, "ada");
    at(s, 30 * MINUTE);
    held(s, "zoe"); /* another ticket, so that ada's is not the only one */
    at(s, 7 * HOUR);
    skip_to_here(story);
    joins(s, "bea", USHER_HIGH, NULL);
    TOLD(story, "07:00 #1 joined bea (waiting)",
         "07:00 #1 reprioritised bea (waiting) high",
         "07:00 #1 broken (waiting) of=resolve due=06:00 high rule=promises.resolve.target");
    over(story);
}

/* Whatever is being done with the ticket, one more person changes nothing about that. */
static void test_joining__in_any_state_before_resolved(void **unused)
{
    (void)unused;

    for (int which = 0; which < 4; which++) {
        struct story *story = tell(policy);
        struct service *s = story->s;
        usher_id t = opened_by(s, "ada");
        usher_claim c = claim(s, s->ann);
        usher_standing before;

        if (which == 1)
            pause(s, c, USHER_ON_THIRD_PARTY, 0);
        else if (which == 2)
            assert_int_equal(act(s, (usher_command){ .verb = USHER_HAND_OFF, .claim = c,
                                                     .queue = queue(s, "workshop") }), USHER_OK);
        else if (which == 3)
            by_agent(s, c, USHER_FAIL); /* waits for its second attempt */
        before = peek(s, t);
        assert_int_equal(joins(s, "bea", 0, NULL), USHER_OK);
        assert_int_equal(peek(s, t).state, before.state);
        assert_int_equal(peek(s, t).until_at, before.until_at);
        assert_int_equal(peek(s, t).rank_at, before.rank_at);
        assert_int_equal(peek(s, t).persons, 2);
        over(story);
    }
}

static void test_joining__ends_with_the_resolve(void **unused)
{
    (void)unused;

    struct story *story = tell(policy);
    struct service *s = story->s;
    usher_id t = opened_by(s, "ada"), other;

    resolved(s, t);
    other = opened_by(s, "bea"); /* "solved" is only our claim, but he has not been part of it */
    assert_int_not_equal(other, t);
    assert_int_equal(peek(s, t).persons, 1);
    over(story);
}

/* Who says nothing has no veto: silence closes, whoever has confirmed by then. */
static void test_joining__the_silence_of_one_does_not_keep_it_open(void **unused)
{
    (void)unused;

    struct story *story = tell(policy);
    struct service *s = story->s;
    usher_id t = opened_by(s, "ada");

    joins(s, "bea", 0, NULL);
    at(s, HOUR);
    resolved(s, t);
    at(s, 2 * HOUR);
    skip_to_here(story);
    says(s, t, USHER_CONFIRM, "ada", NULL);
    at(s, 6 * DAY);
    TOLD(story, "02:00 #1 confirmed ada (resolved)",
         "5d01:00 #1 closed (closed) took=01:00 rule=aftercare.confirm_within");
    over(story);
}

static void test_joining__the_same_person_waits_once(void **unused)
{
    (void)unused;

    struct story *story = tell(policy);
    struct service *s = story->s;
    usher_id t = opened_by(s, "ada");

    joins(s, "bea", 0, "mine too");
    joins(s, "bea", 0, "mine too, really");
    TOLD(story, "00:00 #1 enqueued ada (waiting)",
         "00:00 #1 joined bea (waiting) \"mine too\"",
         "00:00 #1 joined bea (waiting) \"mine too, really\"");
    assert_int_equal(peek(s, t).persons, 2);
    resolved(s, t);
    says(s, t, USHER_CONFIRM, "ada", NULL);
    says(s, t, USHER_CONFIRM, "bea", NULL);
    assert_int_equal(state(s, t), USHER_CLOSED);
    over(story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_joining__three_wait_one_leaves_one_refuses_all_confirm),
        cmocka_unit_test(test_joining__the_first_one_leaves_and_the_others_stay),
        cmocka_unit_test(test_joining__one_word_answers_all),
        cmocka_unit_test(test_joining__with_a_shorter_promise_may_break_it_at_once),
        cmocka_unit_test(test_joining__in_any_state_before_resolved),
        cmocka_unit_test(test_joining__ends_with_the_resolve),
        cmocka_unit_test(test_joining__the_silence_of_one_does_not_keep_it_open),
        cmocka_unit_test(test_joining__the_same_person_waits_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
