/* Tickets that nobody present can serve: said once to each, whenever that becomes so; and the few answers that are
 * kept of who can are never old ones. */
#include "rules.h"

static usher_agent_t *skilled(struct service *s, const char *name, const char *const *skills, uint32_t n)
{
    usher_agent_t *a;

    assert_int_equal(usher_agent(s->u, &a, name, skills, n), USHER_OK);
    run(s);
    return a;
}

static usher_id needing(struct service *s, const char *a, const char *b)
{
    const char *needs[2] = { a, b };
    usher_request r = { .requester = "ada", .needs = needs, .needs_n = b != NULL ? 2 : 1 };

    assert_int_equal(enqueue(s, s->q, r), USHER_OK);
    return s->done.ticket;
}

static void gone(struct service *s, usher_agent_t *a)
{
    assert_int_equal(usher_agent_gone(a, NULL, NULL), USHER_OK);
    run(s);
}

static uint32_t told(const struct service *s)
{
    return count(s, USHER_EV_NO_AGENT);
}

static void test_no_agent__is_asked_of_one_agent_not_of_all_together(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");

    agent(s, "eve", "wifi");
    agent(s, "fay", "french");
    needing(s, "wifi", NULL);
    needing(s, "french", NULL);
    assert_int_equal(told(s), 0);
    needing(s, "french", "wifi"); /* each has one of them */
    assert_int_equal(told(s), 1);
    assert_int_equal(last(s, USHER_EV_NO_AGENT)->ticket, 3);
    assert_int_equal(last(s, USHER_EV_NO_AGENT)->state, USHER_WAITING);
    end(s);
}

/* What was true when it was asked last is asked again. */
static void test_no_agent__who_comes_and_goes_between_two_tickets_counts(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    const char *both[2] = { "wifi", "french" };
    usher_agent_t *eve;

    needing(s, "wifi", NULL);
    needing(s, "wifi", NULL);
    assert_int_equal(told(s), 2);
    eve = agent(s, "eve", "wifi");
    needing(s, "wifi", NULL);
    assert_int_equal(told(s), 2);
    gone(s, eve); /* of the three one has not been told yet */
    assert_int_equal(told(s), 3);
    needing(s, "wifi", NULL);
    assert_int_equal(told(s), 4);
    skilled(s, "eve", both, 2);
    needing(s, "wifi", "french");
    assert_int_equal(told(s), 4);
    skilled(s, "eve", both + 1, 1);
    assert_int_equal(told(s), 5);
    assert_int_equal(last(s, USHER_EV_NO_AGENT)->ticket, 5);
    end(s);
}

/* More different needs than answers are kept. */
static void test_no_agent__of_many_different_needs(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    char name[16], who[16];
    usher_agent_t *a[40];
    const char *skill = name;

    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "skill%d", i);
        snprintf(who, sizeof who, "agent%d", i);
        a[i] = skilled(s, who, &skill, 1);
    }
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 40; i++) {
            snprintf(name, sizeof name, "skill%d", i);
            needing(s, name, NULL);
        }
    }
    assert_int_equal(told(s), 0);
    for (int i = 0; i < 40; i += 2)
        gone(s, a[i]);
    assert_int_equal(told(s), 40);
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "skill%d", i);
        needing(s, name, NULL);
    }
    assert_int_equal(told(s), 60);
    end(s);
}

/* By id, whatever line they stand in, before it is told that the agent has gone. */
static void test_no_agent__all_that_lose_him_are_told_in_order(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_queue_t *tier2 = queue(s, "tier2");
    usher_agent_t *eve = agent(s, "eve", "wifi");
    const char *need = "wifi";
    usher_request r = { .requester = "bea", .needs = &need, .needs_n = 1 };
    usher_claim c;
    uint32_t from;

    assert_int_equal(enqueue(s, tier2, r), USHER_OK);    /* 1: in another line */
    r.priority = USHER_URGENT;
    assert_int_equal(enqueue(s, s->q, r), USHER_OK);     /* 2: in eve's hands */
    assert_int_equal(enqueue(s, tier2, r), USHER_OK);    /* 3 */
    assert_int_equal(enqueue(s, s->q, (usher_request){ .requester = "cee" }), USHER_OK); /* 4: anybody */
    assert_int_equal(enqueue(s, s->q, r), USHER_OK);     /* 5: kept for eve */
    assert_int_equal(enqueue(s, s->q, r), USHER_OK);     /* 6: offered to her */
    assert_int_equal(claim_ticket(s, eve, 2, &c), USHER_OK);
    assert_int_equal(claim_ticket(s, eve, 5, &c), USHER_OK);
    assert_int_equal(pause(s, c, USHER_ON_THIRD_PARTY, T0 + MINUTE), USHER_OK);
    assert_int_equal(by_agent(s, c, USHER_RESUME), USHER_OK);
    assert_string_equal(peek(s, 5).kept_for, "eve");
    assert_int_equal(claim_ticket(s, s->bob, 6, &c), USHER_OK);
    assert_int_equal(hand_off(s, c, NULL, eve), USHER_OK);
    from = s->seen_n;
    gone(s, eve);
    EXPECT_EVENTS(s, from, USHER_EV_RELEASED, USHER_EV_NO_AGENT, USHER_EV_KEEP_ENDED, USHER_EV_DECLINED,
                  USHER_EV_NO_AGENT, USHER_EV_NO_AGENT, USHER_EV_NO_AGENT, USHER_EV_NO_AGENT,
                  USHER_EV_AGENT_GONE);
    assert_int_equal(s->seen[from + 1].ticket, 2);
    assert_int_equal(s->seen[from + 3].n, 1); /* by going */
    assert_string_equal(s->to[from + 3], "eve");
    assert_int_equal(s->seen[from + 4].ticket, 6);
    assert_int_equal(s->seen[from + 5].ticket, 1);
    assert_int_equal(s->seen[from + 6].ticket, 3);
    assert_int_equal(s->seen[from + 7].ticket, 5);
    end(s);
}

/* Who is not replaced in his own skills loses nobody; nor does one whose like is there. */
static void test_no_agent__is_not_said_while_another_can(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    const char *more[2] = { "french", "wifi" };
    usher_agent_t *eve = agent(s, "eve", "wifi");

    skilled(s, "fay", more, 2);
    needing(s, "wifi", NULL);
    gone(s, eve);
    assert_int_equal(told(s), 0);
    eve = agent(s, "eve", "wifi");
    skilled(s, "fay", more, 1);
    assert_int_equal(told(s), 0);
    skilled(s, "eve", more, 2);
    assert_int_equal(told(s), 0);
    skilled(s, "eve", NULL, 0);
    assert_int_equal(told(s), 1);
    end(s);
}

/* Once, until it is claimed; then it may be said again. */
static void test_no_agent__is_said_again_after_a_claim(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c;

    needing(s, "wifi", NULL);
    assert_int_equal(told(s), 1);
    agent(s, "eve", "wifi");
    agent(s, "eve", NULL);
    assert_int_equal(told(s), 1);
    assert_int_equal(claim_ticket(s, s->ann, 1, &c), USHER_OK); /* out of turn needs no skill */
    assert_int_equal(by_agent(s, c, USHER_RELEASE), USHER_OK);
    assert_int_equal(told(s), 2);
    end(s);
}

/* A name's number may be another name's later. */
static void test_no_agent__of_a_skill_that_was_forgotten_meanwhile(void **unused)
{
    (void)unused;

    struct service *s = begin_with("{}", &(usher_options){ .keep_closed = 1 });
    usher_claim c;

    for (int i = 0; i < 4; i++) { /* tickets and their needs' names come and go */
        char need[2] = { (char)('a' + i), '\0' };
        usher_id id = needing(s, need, NULL);

        assert_int_equal(told(s), (uint32_t)i + 1);
        assert_int_equal(claim_ticket(s, s->ann, id, &c), USHER_OK);
        assert_int_equal(by_agent(s, c, USHER_RESOLVE), USHER_OK);
        assert_int_equal(by_person(s, id, USHER_CONFIRM, "ada"), USHER_OK);
    }
    agent(s, "eve", "z");
    needing(s, "z", NULL);
    assert_int_equal(told(s), 4);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_agent__is_asked_of_one_agent_not_of_all_together),
        cmocka_unit_test(test_no_agent__who_comes_and_goes_between_two_tickets_counts),
        cmocka_unit_test(test_no_agent__of_many_different_needs),
        cmocka_unit_test(test_no_agent__all_that_lose_him_are_told_in_order),
        cmocka_unit_test(test_no_agent__is_not_said_while_another_can),
        cmocka_unit_test(test_no_agent__is_said_again_after_a_claim),
        cmocka_unit_test(test_no_agent__of_a_skill_that_was_forgotten_meanwhile),
    };

    return cmocka_run_group_tests_name("no_agent", tests, NULL, NULL);
}
