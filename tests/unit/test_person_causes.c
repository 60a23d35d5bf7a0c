/* What keeps coming gets its cause mended, and everybody who had it hears so. */
#include "person.h"

static const char policy[] =
    "{'promises':{'update':{'target':'40d'},'resolve':{'target':'40d'}},'warn':[],"
    " 'recurrence':{'window':'30d','cause_after':3,'cause_queue':'problems'},"
    " 'aftercare':{'confirm_within':'5d','reopen_within':'30d'}}";

struct scene {
    struct story *story;
    struct service *s;
    usher_queue_t *problems;
    usher_agent_t *carl;
};

static struct scene scene_with(const char *json, const usher_options *o)
{
    struct scene x = { .story = tell_with(json, o) };

    x.s = x.story->s;
    x.problems = queue(x.s, "problems");
    x.carl = agent(x.s, "carl", NULL);
    skip_to_here(x.story);
    return x;
}

static usher_id jam(struct scene *x, const char *who)
{
    return asks_for(x->s, x->s->q, who, "jams");
}

/* Three days, three jams: ada, bea, ada. The cause is #4. */
static struct scene jammed_with(const usher_options *o)
{
    struct scene x = scene_with(policy, o);

    jam(&x, "ada");
    at(x.s, DAY);
    jam(&x, "bea");
    at(x.s, 2 * DAY);
    jam(&x, "ada");
    return x;
}

static struct scene jammed(void)
{
    return jammed_with(NULL);
}

static int solve(struct scene *x, usher_id id, int as, const char *text)
{
    usher_claim c;

    assert_int_equal(claim_ticket(x->s, x->carl, id, &c), USHER_OK);
    return holder_says(x->s, c, USHER_RESOLVE, as, text);
}

static int link_to(struct scene *x, usher_id id, usher_id cause)
{
    return act(x->s, (usher_command){
                         .verb = USHER_LINK, .claim = { id, 0 }, .who = "dora", .other = cause });
}

static usher_symptom jams(struct scene *x)
{
    struct looked l = look(x->s, (usher_query){ .what = USHER_READ_SYMPTOMS, .symptom = "jams" });

    assert_int_equal(l.n, 1);
    assert_int_equal(l.symptoms[0].last_at % MINUTE, T0 % MINUTE);
    return l.symptoms[0];
}

/* ---- it comes again -------------------------------------------------------------------------- */

static void test_causes__the_third_time_somebody_is_asked_why(void **unused)
{
    (void)unused;

    struct scene x = jammed();
    struct looked l;
    usher_symptom sy;

    TOLD(x.story, "00:00 #1 enqueued ada (waiting)",
         "1d00:00 #2 enqueued bea (waiting)",
         "1d00:00 #2 recurred bea (waiting) by_him=1 n=2 other=#1",
         "2d00:00 #3 enqueued ada (waiting)",
         "2d00:00 #3 recurred ada (waiting) by_him=2 n=3 other=#2",
         "2d00:00 #4 enqueued desk (waiting) in=problems",
         "2d00:00 #1 linked (waiting) other=#4",
         "2d00:00 #4 linked (waiting) in=problems other=#1",
         "2d00:00 #2 linked (waiting) other=#4",
         "2d00:00 #4 linked (waiting) in=problems other=#2",
         "2d00:00 #3 linked (waiting) other=#4",
         "2d00:00 #4 linked (waiting) in=problems other=#3");
    assert_int_equal(peek(x.s, 4).is_cause, 1);
    assert_int_equal(peek(x.s, 4).linked, 3);
    assert_string_equal(peek(x.s, 4).requester, "desk"); /* that desk waits for it */
    assert_string_equal(peek(x.s, 4).symptom, "jams");
    assert_int_equal(peek(x.s, 1).cause, 4);
    assert_int_equal(peek(x.s, 1).follows, 0);
    assert_int_equal(peek(x.s, 3).follows, 2);
    l = look(x.s, (usher_query){ .what = USHER_READ_BODY, .ticket = 4 });
    assert_string_equal(l.text, "jams");
    l = look(x.s, (usher_query){ .what = USHER_READ_TICKETS, .linked = 4 });
    assert_int_equal(l.n, 3);
    assert_int_equal(l.tickets[2], 3);

    at(x.s, 3 * DAY); /* from now on each is linked as it comes: one cause per symptom */
    skip_to_here(x.story);
    jam(&x, "cleo");
    TOLD(x.story, "3d00:00 #5 enqueued cleo (waiting)",
         "3d00:00 #5 recurred cleo (waiting) by_him=1 n=4 other=#3",
         "3d00:00 #5 linked cleo (waiting) other=#4",
         "3d00:00 #4 linked (waiting) in=problems other=#5");
    sy = jams(&x);
    assert_int_equal(sy.seen, 4);
    assert_int_equal(sy.recent, 4);
    assert_int_equal(sy.requesters, 3);
    assert_int_equal(sy.first_at, T0);
    assert_int_equal(sy.last_at, T0 + 3 * DAY);
    assert_int_equal(sy.last, 5);
    assert_int_equal(sy.cause, 4);
    assert_int_equal(sy.linked, 4);
    assert_int_equal(sy.causes, 1);
    assert_int_equal(figures_of(x.s, x.s->q).recurred, 3);
    over(x.story);
}

static void test_causes__what_is_older_than_the_window_does_not_count(void **unused)
{
    (void)unused;

    for (int in_time = 0; in_time < 2; in_time++) {
        struct scene x = scene_with(policy, NULL);

        jam(&x, "ada");
        at(x.s, 30 * DAY - in_time);
        skip_to_here(x.story);
        jam(&x, "ada");
        assert_int_equal(count(x.s, USHER_EV_RECURRED), in_time);
        assert_int_equal(peek(x.s, 2).follows, in_time);
        over(x.story);
    }
}

static void test_causes__counted_in_the_whole_service(void **unused)
{
    (void)unused;

    struct scene x = scene_with(policy, NULL);

    asks_for(x.s, queue(x.s, "counter"), "ada", "jams");
    asks_for(x.s, queue(x.s, "counter"), "bea", "noise");
    skip_to_here(x.story);
    jam(&x, "ada");
    TOLD(x.story, "00:00 #3 enqueued ada (waiting)",
         "00:00 #3 recurred ada (waiting) by_him=2 n=2 other=#1");
    over(x.story);
}

/* Who joins says the same once more: that is one ticket, and one occurrence. */
static void test_causes__joining_is_no_occurrence(void **unused)
{
    (void)unused;

    struct scene x = scene_with(policy, NULL);
    usher_request r = { .requester = "ada", .dedup_key = "k", .symptom = "jams" };

    for (int i = 0; i < 5; i++)
        assert_int_equal(enqueue(x.s, x.s->q, r), USHER_OK);
    assert_int_equal(count(x.s, USHER_EV_RECURRED), 0);
    assert_int_equal(jams(&x).seen, 1);
    over(x.story);
}

static void test_causes__who_has_withdrawn_is_not_linked(void **unused)
{
    (void)unused;

    struct scene x = scene_with(policy, NULL);

    jam(&x, "ada");
    jam(&x, "bea");
    says(x.s, 1, USHER_WITHDRAW, "ada", NULL);
    jam(&x, "cleo");
    assert_int_equal(peek(x.s, 4).linked, 2);
    assert_int_equal(peek(x.s, 1).cause, 0);
    assert_int_equal(peek(x.s, 2).cause, 4);
    over(x.story);
}

static void test_causes__without_a_queue_for_it_is_told_all_the_same(void **unused)
{
    (void)unused;

    struct scene x = scene_with("{'recurrence':{'cause_after':2,'cause_queue':'research'}}", NULL);

    for (int i = 0; i < 3; i++)
        jam(&x, "ada");
    TOLD(x.story, "00:00 #1 enqueued ada (waiting)",
         "00:00 #2 enqueued ada (waiting)",
         "00:00 #2 recurred ada (waiting) by_him=2 n=2 other=#1",
         "00:00 #2 no_queue -> research (waiting) rule=recurrence.cause_queue",
         "00:00 #3 enqueued ada (waiting)",
         "00:00 #3 recurred ada (waiting) by_him=3 n=3 other=#2");
    define(x.s, x.s->q, "{'recurrence':{'cause_after':2}}");
    skip_to_here(x.story);
    jam(&x, "ada");
    TOLD(x.story, "00:00 #4 enqueued ada (waiting)",
         "00:00 #4 recurred ada (waiting) by_him=4 n=4 other=#3");
    over(x.story);
}

/* A cause that is full takes no more, and there is no second one beside it. */
static void test_causes__of_very_many(void **unused)
{
    (void)unused;

    struct service *s = begin(policy);
    usher_request r = { .requester = "ada", .symptom = "jams" };

    queue(s, "problems");
    for (int i = 0; i < USHER_LINKS_MAX + 5; i++) {
        s->seen_n = 0;
        assert_int_equal(enqueue(s, s->q, r), USHER_OK);
        assert_true(i == 2 || count(s, USHER_EV_ENQUEUED) == 1);
    }
    assert_int_equal(peek(s, 4).linked, USHER_LINKS_MAX);
    assert_int_equal(peek(s, USHER_LINKS_MAX + 1).cause, 4);
    assert_int_equal(peek(s, USHER_LINKS_MAX + 2).cause, 0); /* #4 is the cause itself */
    assert_int_equal(
        act(s,
            (usher_command){ .verb = USHER_LINK, .claim = { USHER_LINKS_MAX + 2, 0 }, .other = 4 }),
        USHER_ELIMIT);
    by_person(s, 1, USHER_WITHDRAW, "ada");
    end(s);
}

/* ---- a workaround, a fix --------------------------------------------------------------------- */

static void test_causes__a_workaround_is_told_to_all_and_the_cause_stays_open(void **unused)
{
    (void)unused;

    struct scene x = jammed();
    usher_promise before;
    usher_claim c;

    resolved(x.s, 1); /* by hand; that does not touch the cause */
    assert_int_equal(state(x.s, 4), USHER_WAITING);
    before = promise(x.s, 2, USHER_PROMISE_RESOLVE);
    at(x.s, 2 * DAY + HOUR);
    assert_int_equal(claim_ticket(x.s, x.carl, 4, &c), USHER_OK);
    at(x.s, 2 * DAY + HOUR + 5 * MINUTE);
    skip_to_here(x.story);
    assert_int_equal(holder_says(x.s, c, USHER_RESOLVE, USHER_AS_WORKAROUND, "use tray 2"),
                     USHER_OK);
    assert_int_equal(x.s->done.token, c.token);
    TOLD(x.story,
         "2d01:05 #4 updated carl (claimed) in=problems as=workaround word=01:05 \"use tray 2\"",
         "2d01:05 #1 cause_told (resolved) as=workaround other=#4 \"use tray 2\"",
         "2d01:05 #2 cause_told (waiting) as=workaround other=#4 \"use tray 2\"",
         "2d01:05 #3 cause_told (waiting) as=workaround other=#4 \"use tray 2\"");
    assert_int_equal(state(x.s, 4), USHER_CLAIMED);
    assert_int_equal(promise(x.s, 2, USHER_PROMISE_RESOLVE).due_at, before.due_at);
    /* it is not a word on that ticket */
    assert_int_equal(promise(x.s, 2, USHER_PROMISE_UPDATE).state, 0);
    assert_true(peek(x.s, 2).last_word.len == 0);
    assert_int_equal(jams(&x).workarounds, 1);
    assert_int_equal(jams(&x).cause, 4);
    jam(&x, "cleo");
    assert_int_equal(peek(x.s, 5).cause, 4);
    over(x.story);
}

static void
test_causes__a_fix_is_told_to_all_and_asked_of_those_who_thought_it_was_over(void **unused)
{
    (void)unused;

    struct scene x = jammed();

    resolved(x.s, 1);
    at(x.s, 8 * DAY); /* #1 is closed, by silence */
    resolved(x.s, 2);
    assert_int_equal(state(x.s, 1), USHER_CLOSED);
    at(x.s, 9 * DAY);
    skip_to_here(x.story);
    assert_int_equal(solve(&x, 4, USHER_AS_FIX, "new rollers"), USHER_OK);
    TOLD(x.story, "9d00:00 #4 claimed carl (claimed) in=problems until=9d00:15 took=7d00:00",
         "9d00:00 #4 resolved carl (resolved) in=problems as=fix took=7d00:00 word=7d00:00 "
         "held=00:00 \"new rollers\"",
         "9d00:00 #1 check_in (closed) as=fix other=#4 \"new rollers\"",
         "9d00:00 #2 check_in (resolved) as=fix other=#4 \"new rollers\"",
         "9d00:00 #3 cause_told (waiting) as=fix other=#4 \"new rollers\"");
    assert_int_equal(state(x.s, 3), USHER_WAITING); /* its holder solves it, not the cause */
    assert_int_equal(jams(&x).cause, 0);
    assert_int_equal(jams(&x).fixes, 1);

    /* He is asked, and says no: that is his ticket again, and not the cause's affair. */
    assert_int_equal(says(x.s, 1, USHER_REOPEN, "ada", "it jams"), USHER_OK);
    assert_int_equal(state(x.s, 4), USHER_RESOLVED);

    /* It starts from one: what was before the fix does not count. */
    skip_to_here(x.story);
    jam(&x, "dora");
    TOLD(x.story, "9d00:00 #5 enqueued dora (waiting)");
    assert_int_equal(jams(&x).recent, 1);
    assert_int_equal(jams(&x).seen, 4);
    over(x.story);
}

static void test_causes__a_fix_that_was_none(void **unused)
{
    (void)unused;

    struct scene x = jammed();

    solve(&x, 4, USHER_AS_FIX, "new rollers");
    at(x.s, 3 * DAY);
    assert_int_equal(says(x.s, 4, USHER_REOPEN, "desk", "they jam"), USHER_OK);
    assert_int_equal(jams(&x).cause, 4);
    skip_to_here(x.story);
    jam(&x, "dora");
    TOLD(x.story, "3d00:00 #5 enqueued dora (waiting)",
         "3d00:00 #5 linked dora (waiting) other=#4",
         "3d00:00 #4 linked (waiting) in=problems other=#5");
    over(x.story);
}

static void test_causes__answered_is_neither_and_nobody_is_told(void **unused)
{
    (void)unused;

    struct scene x = jammed();

    skip_to_here(x.story);
    solve(&x, 4, USHER_AS_ANSWERED, "works as designed");
    TOLD(x.story, "2d00:00 #4 claimed carl (claimed) in=problems until=2d00:15 took=00:00",
         "2d00:00 #4 resolved carl (resolved) in=problems as=answered took=00:00 word=00:00 "
         "held=00:00 "
         "\"works as designed\"");
    over(x.story);
}

static void test_causes__when_it_is_over_nobody_hangs_on_it(void **unused)
{
    (void)unused;

    struct scene x = jammed();

    solve(&x, 4, USHER_AS_FIX, "new rollers");
    at(x.s, 8 * DAY); /* the desk has said nothing against it */
    assert_int_equal(state(x.s, 4), USHER_CLOSED);
    assert_int_equal(peek(x.s, 4).linked, 0);
    assert_int_equal(peek(x.s, 3).cause, 4); /* who looks may still see what it was */
    over(x.story);
}

/* However long it takes: who is linked is not forgotten before the cause is over. */
static void test_causes__a_closed_one_is_remembered_until_then(void **unused)
{
    (void)unused;

    struct scene x = jammed_with(&(usher_options){ .keep_closed = 1 });

    resolved(x.s, 1);
    resolved(x.s, 2);
    for (int i = 0; i < 4; i++)
        resolved(x.s, ticket(x.s, "zoe", 0));
    at(x.s, 100 * DAY);
    assert_int_equal(state(x.s, 1), USHER_CLOSED);
    skip_to_here(x.story);
    solve(&x, 4, USHER_AS_FIX, "new rollers");
    assert_int_equal(last(x.s, USHER_EV_CHECK_IN)->ticket, 2);
    assert_int_equal(count(x.s, USHER_EV_CHECK_IN), 2);
    over(x.story);
}

/* ---- by hand --------------------------------------------------------------------------------- */

static void test_causes__linked_by_the_desk(void **unused)
{
    (void)unused;

    struct scene x = scene_with("{}", NULL);
    usher_id a = ticket(x.s, "ada", 0), b = ticket(x.s, "bea", 0),
             cause = asks_for(x.s, x.problems, "dora", NULL);

    skip_to_here(x.story);
    assert_int_equal(link_to(&x, a, cause), USHER_OK);
    assert_int_equal(link_to(&x, b, cause), USHER_OK);
    TOLD(x.story, "00:00 #1 linked dora (waiting) other=#3",
         "00:00 #3 linked (waiting) in=problems other=#1",
         "00:00 #2 linked dora (waiting) other=#3",
         "00:00 #3 linked (waiting) in=problems other=#2");
    assert_int_equal(peek(x.s, cause).linked, 2);
    assert_int_equal(peek(x.s, cause).is_cause, 0); /* nobody's policy has opened it */
    assert_int_equal(link_to(&x, a, 0), USHER_OK);
    assert_int_equal(peek(x.s, a).cause, 0);
    assert_int_equal(peek(x.s, cause).linked, 1);
    TOLD(x.story, "00:00 #1 linked dora (waiting)");
    assert_int_equal(link_to(&x, a, 0), USHER_ESTATE);
    solve(&x, cause, USHER_AS_WORKAROUND, "use tray 2");
    assert_int_equal(last(x.s, USHER_EV_CAUSE_TOLD)->ticket, b);
    assert_int_equal(count(x.s, USHER_EV_CAUSE_TOLD), 1);
    over(x.story);
}

static void test_causes__not_to_nothing_to_itself_or_to_what_is_over(void **unused)
{
    (void)unused;

    struct scene x = scene_with("{}", NULL);
    usher_id a = ticket(x.s, "ada", 0), cause = asks_for(x.s, x.problems, "dora", NULL);

    assert_int_equal(link_to(&x, a, 77), USHER_ENOENT);
    assert_int_equal(link_to(&x, a, a), USHER_ESTATE);
    solve(&x, cause, USHER_AS_FIX, "done");
    assert_int_equal(link_to(&x, a, cause), USHER_ESTATE);
    says(x.s, cause, USHER_CONFIRM, "dora", NULL);
    assert_int_equal(link_to(&x, a, cause), USHER_ESTATE);
    assert_int_equal(peek(x.s, a).cause, 0);
    over(x.story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_causes__the_third_time_somebody_is_asked_why),
        cmocka_unit_test(test_causes__what_is_older_than_the_window_does_not_count),
        cmocka_unit_test(test_causes__counted_in_the_whole_service),
        cmocka_unit_test(test_causes__joining_is_no_occurrence),
        cmocka_unit_test(test_causes__who_has_withdrawn_is_not_linked),
        cmocka_unit_test(test_causes__without_a_queue_for_it_is_told_all_the_same),
        cmocka_unit_test(test_causes__of_very_many),
        cmocka_unit_test(test_causes__a_workaround_is_told_to_all_and_the_cause_stays_open),
        cmocka_unit_test(
            test_causes__a_fix_is_told_to_all_and_asked_of_those_who_thought_it_was_over),
        cmocka_unit_test(test_causes__a_fix_that_was_none),
        cmocka_unit_test(test_causes__answered_is_neither_and_nobody_is_told),
        cmocka_unit_test(test_causes__when_it_is_over_nobody_hangs_on_it),
        cmocka_unit_test(test_causes__a_closed_one_is_remembered_until_then),
        cmocka_unit_test(test_causes__linked_by_the_desk),
        cmocka_unit_test(test_causes__not_to_nothing_to_itself_or_to_what_is_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
