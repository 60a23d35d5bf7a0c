/* Who serves: nobody is hindered from picking, but the people passed over are counted; and a
 * ticket that nobody present can serve does not wait in silence. */
#include "person.h"

static const char plain[] = "{'lease':{'for':'20h','max':'20h'}}";

/* ---- picking --------------------------------------------------------------------------------- */

static void test_agents__those_passed_over_are_counted(void **unused)
{
    (void)unused;

    struct story *story = tell(plain);
    struct service *s = story->s;
    usher_claim c;

    ticket(s, "ada", 0);
    at(s, MINUTE);
    ticket(s, "bea", USHER_HIGH); /* has its share of turns, but does not always come before */
    ticket(s, "cleo", USHER_URGENT);
    ticket(s, "dora", 0);
    ticket(s, "eva", 0);
    skip_to_here(story);
    assert_int_equal(claim_ticket(s, s->ann, 4, &c), USHER_OK);
    /* ada, and cleo, who is urgent */
    TOLD(story, "00:01 #4 claimed ann (claimed) n=2 until=20:01 took=00:00");
    assert_int_equal(figures_of(s, s->q).passed_over, 2);
    assert_int_equal(figures_of_agent(s, s->ann).out_of_turn, 1);
    assert_int_equal(figures_of_agent(s, s->ann).passed_over, 2);

    /* By the line it is nobody, whoever is claimed. */
    assert_int_equal(claim(s, s->bob).ticket, 3);
    assert_int_equal(figures_of_agent(s, s->bob).out_of_turn, 0);
    assert_int_equal(figures_of_agent(s, s->bob).passed_over, 0);
    assert_int_equal(figures_of(s, s->q).claims, 2);
    over(story);
}

/* Looking into it and letting go is picking too. */
static void test_agents__a_look_and_back_is_counted_up_to_a_minute(void **unused)
{
    (void)unused;

    for (int after = 0; after < 2; after++) {
        struct story *story = tell(plain);
        struct service *s = story->s;
        usher_claim c;

        ticket(s, "ada", 0);
        c = claim(s, s->ann);
        at(s, MINUTE + after);
        skip_to_here(story);
        by_agent(s, c, USHER_RELEASE);
        if (after == 0)
            TOLD(story, "00:01 #1 released ann (waiting) n=1 held=00:01 \"word\"");
        else
            TOLD(story, "00:01:00.001 #1 released ann (waiting) held=00:01:00.001 \"word\"");
        assert_int_equal(figures_of(s, s->q).let_go, 1 - after);
        assert_int_equal(figures_of(s, s->q).passed_over, 1 - after);
        assert_int_equal(figures_of_agent(s, s->ann).let_go, 1 - after);
        assert_int_equal(figures_of_agent(s, s->ann).passed_over, 1 - after);
        assert_int_equal(figures_of_agent(s, s->ann).held_ms, MINUTE + after);
        over(story);
    }
}

/* Who asked him a question goes on with it: that is no picking. */
static void test_agents__what_is_kept_for_one_is_his(void **unused)
{
    (void)unused;

    struct story *story = tell(plain);
    struct service *s = story->s;
    usher_claim c = held(s, "ada");

    ticket(s, "bea", USHER_URGENT);
    pause(s, c, USHER_ON_REQUESTER, 0);
    reply(s, c.ticket, "ada", 0);
    skip_to_here(story);
    assert_int_equal(claim_ticket(s, s->ann, c.ticket, &c), USHER_OK);
    TOLD(story, "00:00 #1 claimed ann (claimed) until=20:00");
    over(story);
}

static void test_agents__each_has_his_figures(void **unused)
{
    (void)unused;

    struct service *s = begin("{'lease':{'for':'1h','max':'20h'},'retry':{'attempts':9}}");
    usher_agent_figures ann, bob;
    usher_claim c;

    c = held(s, "ada");
    at(s, 10 * MINUTE);
    by_agent(s, c, USHER_RESOLVE);
    c = held(s, "bea");
    at(s, 15 * MINUTE);
    by_agent(s, c, USHER_FAIL);
    held(s, "cleo");
    at(s, 15 * MINUTE + HOUR); /* its lease ends */
    c = held(s, "dora");
    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    held(s, "eva");
    assert_int_equal(usher_agent_gone(s->bob, NULL, NULL), USHER_OK);
    run(s);
    ann = figures_of_agent(s, s->ann);
    assert_int_equal(ann.present, 1);
    assert_int_equal(ann.holds, 1); /* eva's; dora's is paused */
    assert_int_equal(ann.claims, 5);
    assert_int_equal(ann.resolved, 1);
    assert_int_equal(ann.failed, 1);
    assert_int_equal(ann.leases_expired, 1);
    assert_int_equal(ann.held_ms, 10 * MINUTE + 5 * MINUTE + HOUR + 0);
    bob = figures_of_agent(s, s->bob);
    assert_int_equal(bob.present, 0);
    assert_int_equal(bob.claims, 0);
    end(s);
}

/* He changes his mind while she is at it: her time was hers, and she is told by name that she can stop. */
static void test_agents__what_was_held_until_somebody_withdrew(void **unused)
{
    (void)unused;

    struct story *story = tell(plain);
    struct service *s = story->s;
    usher_claim c = held(s, "ada");

    at(s, 10 * MINUTE);
    skip_to_here(story);
    says(s, c.ticket, USHER_WITHDRAW, "ada", NULL);
    TOLD(story, "00:10 #1 withdrawn ada -> ann (withdrawn) held=00:10");
    assert_int_equal(figures_of_agent(s, s->ann).held_ms, 10 * MINUTE);
    assert_int_equal(figures_of_agent(s, s->ann).holds, 0);
    assert_int_equal(holder_says(s, c, USHER_UPDATE, 0, "word"), USHER_ESTALE);
    over(story);
}

/* ---- skills ---------------------------------------------------------------------------------- */

static int needing(struct service *s, const char *who, const char *skill, const char *key)
{
    return enqueue(
        s, s->q,
        (usher_request){ .requester = who, .needs = &skill, .needs_n = 1, .dedup_key = key });
}

static void test_agents__nobody_can_is_said_at_once(void **unused)
{
    (void)unused;

    struct story *story = tell(plain);
    struct service *s = story->s;
    usher_agent_t *cora;

    needing(s, "ada", "cobol", NULL);
    ticket(s, "bea", 0);
    TOLD(story, "00:00 #1 enqueued ada (waiting)",
         "00:00 #1 no_agent (waiting)",
         "00:00 #2 enqueued bea (waiting)");
    assert_int_equal(figures_of(s, s->q).no_agent, 1);
    assert_int_equal(claim(s, s->ann).ticket, 2); /* it holds nobody up */
    assert_int_equal(claim(s, s->ann).ticket, 0);
    cora = agent(s, "cora", "cobol");
    assert_int_equal(claim(s, cora).ticket, 1);
    over(story);
}

static void test_agents__the_last_one_who_can_goes(void **unused)
{
    (void)unused;

    struct story *story = tell(plain);
    struct service *s = story->s;
    usher_agent_t *cora = agent(s, "cora", "cobol"), *carl = agent(s, "carl", "cobol");
    usher_claim c;

    needing(s, "ada", "cobol", NULL);
    skip_to_here(story);
    usher_agent_gone(carl, NULL, NULL);
    run(s);
    assert_int_equal(count(s, USHER_EV_NO_AGENT), 0); /* there is one left */
    usher_agent_gone(cora, NULL, NULL);
    run(s);
    assert_int_equal(count(s, USHER_EV_NO_AGENT), 1);
    assert_int_equal(last(s, USHER_EV_NO_AGENT)->ticket, 1);

    /* Once, until it is claimed. */
    agent(s, "cora", "cobol");
    usher_agent_gone(cora, NULL, NULL);
    run(s);
    assert_int_equal(count(s, USHER_EV_NO_AGENT), 1);
    agent(s, "cora", "cobol");
    c = claim(s, cora);
    assert_int_equal(c.ticket, 1);
    /* she takes what she holds to the line, and her skill away */
    usher_agent_gone(cora, NULL, NULL);
    run(s);
    assert_int_equal(count(s, USHER_EV_NO_AGENT), 2);
    over(story);
}

static void test_agents__a_skill_that_is_taken_away_is_as_good_as_gone(void **unused)
{
    (void)unused;

    struct service *s = begin(plain);

    agent(s, "ann", "cobol");
    needing(s, "ada", "cobol", NULL);
    assert_int_equal(count(s, USHER_EV_NO_AGENT), 0);
    agent(s, "ann", "welding");
    assert_int_equal(count(s, USHER_EV_NO_AGENT), 1);
    end(s);
}

static void test_agents__one_more_need_may_be_too_many(void **unused)
{
    (void)unused;

    struct service *s = begin(plain);

    agent(s, "ann", "cobol");
    agent(s, "bob", "welding");
    needing(s, "ada", "cobol", "k");
    assert_int_equal(count(s, USHER_EV_NO_AGENT), 0);
    needing(s, "bea", "welding", "k"); /* joins: now it needs both, and nobody has both */
    assert_int_equal(count(s, USHER_EV_NO_AGENT), 1);
    end(s);
}

/* Not yet in the line: not yet a lack. */
static void test_agents__a_ticket_for_later_is_looked_at_when_it_starts(void **unused)
{
    (void)unused;

    struct service *s = begin(plain);
    const char *cobol = "cobol";
    usher_request r = { .requester = "ada", .needs = &cobol, .needs_n = 1, .start_at = T0 + DAY };

    enqueue(s, s->q, r);
    assert_int_equal(count(s, USHER_EV_NO_AGENT), 0);
    at(s, DAY);
    assert_int_equal(count(s, USHER_EV_NO_AGENT), 1);
    assert_int_equal(last(s, USHER_EV_NO_AGENT)->at, T0 + DAY);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agents__those_passed_over_are_counted),
        cmocka_unit_test(test_agents__a_look_and_back_is_counted_up_to_a_minute),
        cmocka_unit_test(test_agents__what_is_kept_for_one_is_his),
        cmocka_unit_test(test_agents__each_has_his_figures),
        cmocka_unit_test(test_agents__what_was_held_until_somebody_withdrew),
        cmocka_unit_test(test_agents__nobody_can_is_said_at_once),
        cmocka_unit_test(test_agents__the_last_one_who_can_goes),
        cmocka_unit_test(test_agents__a_skill_that_is_taken_away_is_as_good_as_gone),
        cmocka_unit_test(test_agents__one_more_need_may_be_too_many),
        cmocka_unit_test(test_agents__a_ticket_for_later_is_looked_at_when_it_starts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
