/* What may happen to a ticket while it is offered, and where it stands then. */
#include "rules.h"

#include "core/ticket.h"

static void test_offered__another_priority_is_another_band_of_that_line(void **unused)
{
    struct service *s = begin("{}");
    usher_queue_t *q = queue(s, "tier2");
    usher_claim c;

    (void)unused;
    assert_int_equal(move(s, ticket(s, "eve", USHER_HIGH), q), USHER_OK);
    assert_int_equal(move(s, ticket(s, "eve", 0), q), USHER_OK);
    at(s, MINUTE);
    c = handed_off(s, q, NULL);
    assert_int_equal(peek(s, c.ticket).ahead, 1);
    assert_int_equal(reprioritise(s, c.ticket, USHER_URGENT), USHER_OK);
    assert_int_equal(state(s, c.ticket), USHER_OFFERED);
    assert_int_equal(peek(s, c.ticket).ahead, 0);
    assert_int_equal(claim_from(s, s->bob, q).ticket, c.ticket);
    /* ... also with an agent */
    c = handed_off(s, NULL, s->bob);
    assert_int_equal(reprioritise(s, c.ticket, USHER_HIGH), USHER_OK);
    assert_int_equal(claim_from(s, s->bob, q).ticket, c.ticket);
    end(s);
}

static void test_offered__a_move_moves_the_ticket_and_not_the_offer(void **unused)
{
    struct service *s = begin("{}");
    usher_queue_t *q = queue(s, "tier2"), *third = queue(s, "third");
    usher_claim c = handed_off(s, q, NULL);

    (void)unused;
    assert_int_equal(move(s, c.ticket, third), USHER_OK);
    assert_int_equal(state(s, c.ticket), USHER_OFFERED);
    assert_ptr_equal(peek(s, c.ticket).queue, third);
    assert_string_equal(peek(s, c.ticket).offered_to, "tier2");
    assert_int_equal(peek(s, c.ticket).until_at, T0 + 30 * MINUTE);
    assert_int_equal(by_desk(s, c.ticket, USHER_RECALL), USHER_OK);
    assert_ptr_equal(peek(s, c.ticket).queue, third);
    assert_int_equal(hand_off(s, c, q, NULL), USHER_OK);
    assert_int_equal(move(s, c.ticket, q), USHER_OK); /* where it is offered to */
    assert_int_equal(state(s, c.ticket), USHER_OFFERED);
    assert_int_equal(claim_from(s, s->bob, q).ticket, c.ticket);
    end(s);
}

static void test_offered__a_step_moves_and_lifts_it(void **unused)
{
    struct service *s =
        begin("{'promises':{'resolve':{'target':'20m'}},"
              "'ladder':[{'on':'resolve','at':'50%','move':'third','priority':'high','raise':2}]}");
    usher_queue_t *q = queue(s, "tier2"), *third = queue(s, "third");
    usher_claim to_queue = handed_off(s, q, NULL), to_agent = handed_off(s, NULL, s->bob);

    (void)unused;
    assert_int_equal(move(s, ticket(s, "eve", 0), q), USHER_OK);
    at(s, 10 * MINUTE);
    assert_int_equal(state(s, to_queue.ticket), USHER_OFFERED);
    assert_ptr_equal(peek(s, to_queue.ticket).queue, third);
    assert_int_equal(peek(s, to_queue.ticket).priority, USHER_HIGH);
    assert_int_equal(peek(s, to_queue.ticket).level, 2);
    assert_int_equal(peek(s, to_queue.ticket).until_at, T0 + 30 * MINUTE);
    assert_int_equal(state(s, to_agent.ticket), USHER_OFFERED);
    assert_int_equal(claim_from(s, s->bob, q).ticket, to_agent.ticket);
    assert_ptr_equal(peek(s, to_agent.ticket).queue, third);
    assert_int_equal(claim_from(s, s->bob, q).ticket, to_queue.ticket);
    assert_ptr_equal(peek(s, to_queue.ticket).queue, q);
    end(s);
}

static void test_offered__joins_are_let_in(void **unused)
{
    struct service *s = begin("{}");
    usher_queue_t *q = queue(s, "tier2");
    usher_agent_t *dan = agent(s, "dan", "latin");
    usher_request r = { .requester = "cid", .dedup_key = "printer", .priority = USHER_HIGH,
                        .needs_n = 1, .needs = (const char *const[]){ "latin" } };
    usher_claim c;

    (void)unused;
    assert_int_equal(move(s, ticket(s, "eve", USHER_HIGH), q), USHER_OK);
    at(s, MINUTE);
    assert_int_equal(claim_ticket(s, s->ann, (join(s, "ada"), s->done.ticket), &c), USHER_OK);
    assert_int_equal(hand_off(s, c, q, NULL), USHER_OK);
    assert_int_equal(join(s, "bea"), USHER_OK);
    assert_int_equal(s->done.outcome, USHER_WAS_JOINED);
    assert_int_equal(s->done.state, USHER_OFFERED);
    assert_int_equal(enqueue(s, s->q, r), USHER_OK);
    assert_int_equal(peek(s, c.ticket).persons, 3);
    assert_int_equal(peek(s, c.ticket).priority, USHER_HIGH);
    assert_int_equal(count(s, USHER_EV_NO_AGENT), 0);
    assert_int_not_equal(claim_from(s, s->bob, q).ticket, 0);
    assert_int_equal(claim_from(s, s->bob, q).ticket, 0); /* he lacks the skill by now */
    assert_int_equal(claim_from(s, dan, q).ticket, c.ticket);
    end(s);
}

static void test_offered__one_of_many_may_leave_and_the_last_ends_it(void **unused)
{
    struct service *s = begin("{}");
    usher_id id = joined(s);
    usher_claim c;

    (void)unused;
    assert_int_equal(claim_ticket(s, s->ann, id, &c), USHER_OK);
    assert_int_equal(hand_off(s, c, NULL, s->bob), USHER_OK);
    assert_int_equal(by_person(s, id, USHER_WITHDRAW, "ada"), USHER_OK);
    assert_int_equal(state(s, id), USHER_OFFERED);
    assert_string_equal(peek(s, id).requester, "bea");
    assert_int_equal(by_person(s, id, USHER_WITHDRAW, "bea"), USHER_OK);
    assert_int_equal(state(s, id), USHER_WITHDRAWN);
    assert_null(peek(s, id).offered_to);
    assert_int_equal(last(s, USHER_EV_WITHDRAWN)->held_ms, -1); /* told when it was offered */
    assert_int_equal(claim(s, s->bob).ticket, 0);
    at(s, HOUR);
    assert_int_equal(count(s, USHER_EV_OFFER_EXPIRED), 0);
    end(s);
}

static void test_offered__a_later_policy_is_for_the_next_offer(void **unused)
{
    struct service *s = begin("{'handoff':{'accept_within':'20m'}}");
    usher_queue_t *q = queue(s, "tier2");
    usher_claim c = handed_off(s, q, NULL);

    (void)unused;
    define(s, s->q, "{'handoff':{'accept_within':'1m','hops':1},'lease':{'for':'3m'}}");
    assert_int_equal(usher_apply(s->q, on_done, s), USHER_OK);
    run(s);
    assert_int_equal(count(s, USHER_EV_APPLIED), 1);
    assert_int_equal(peek(s, c.ticket).until_at, T0 + 20 * MINUTE);
    at(s, 10 * MINUTE);
    assert_int_equal(by_desk(s, c.ticket, USHER_RECALL), USHER_OK);
    assert_int_equal(peek(s, c.ticket).until_at, T0 + 13 * MINUTE);
    assert_int_equal(hand_off(s, c, q, NULL), USHER_OK);
    assert_int_equal(s->done.outcome, USHER_WAS_ESCALATED);
    end(s);
}

static void test_offered__messages_want_an_answer_as_ever(void **unused)
{
    struct service *s = begin("{'promises':{'answer':{'target':'1h'}},"
                              "'handoff':{'accept_within':'3h'}}");
    usher_claim c = handed_off(s, NULL, s->bob);

    (void)unused;
    assert_int_equal(by_person(s, c.ticket, USHER_ASK, "ada"), USHER_OK);
    assert_int_equal(state(s, c.ticket), USHER_OFFERED);
    assert_int_equal(promise(s, c.ticket, USHER_PROMISE_ANSWER).due_at, T0 + HOUR);
    assert_int_equal(reply(s, c.ticket, "ada", 0), USHER_OK);
    assert_int_equal(state(s, c.ticket), USHER_OFFERED);
    at(s, 30 * MINUTE);
    assert_int_equal(by_agent(s, c, USHER_UPDATE), USHER_OK); /* the giver answers for it */
    assert_int_equal(promise(s, c.ticket, USHER_PROMISE_ANSWER).state, USHER_KEPT);
    end(s);
}

/* What began before time ends: never. */
static void test_offered__an_end_beyond_all_time_never_comes(void **unused)
{
    struct policy policy;
    struct facts facts = { .here = &policy, .agent_present = true };
    struct extra extra = { .hops = 0 };
    struct ticket t = { .id = 1, .token = 1, .queue = 1, .holder = 1, .requester = 1,
                        .persons_n = 1, .state = USHER_CLAIMED, .priority = USHER_NORMAL,
                        .extra = &extra };
    struct outcome out;
    int64_t now = INT64_MAX - 5;

    (void)unused;
    usher__policy_default(&policy);
    assert_int_equal(usher__step(&t, &(struct command){ .verb = USHER_HAND_OFF, .to_agent = 2 },
                                 (struct now){ now, now, 0, now }, &policy, &facts, &out), 0);
    assert_int_equal(t.state, USHER_OFFERED);
    assert_int_equal(t.until_at, INT64_MAX);
    assert_int_equal(usher__next_timer(&t, &policy).kind, TIMER_NONE);
    assert_int_equal(usher__lease_end(&t), INT64_MAX);
}

/* A claim of what is offered may bring it into another queue; any other claim needs no room. */
static void test_offered__only_such_a_claim_asks_for_room(void **unused)
{
    struct extra extra = { .offer_queue = 2 };
    struct ticket t = { .id = 1, .queue = 1, .state = USHER_OFFERED, .extra = &extra };
    struct command claim = { .verb = VERB_CLAIM }, out_of_turn = { .verb = VERB_CLAIM_TICKET };
    struct command offer = { .verb = USHER_HAND_OFF, .queue = 2 };

    (void)unused;
    assert_int_equal(usher__room_for(&t, &claim), ROOM_LINE);
    assert_int_equal(usher__room_for(&t, &out_of_turn), ROOM_LINE);
    t.state = USHER_WAITING;
    assert_int_equal(usher__room_for(&t, &claim), 0);
    assert_int_equal(usher__room_for(&t, &out_of_turn), 0);
    t.state = USHER_CLAIMED;
    assert_int_equal(usher__room_for(&t, &offer), ROOM_EXTRA | ROOM_OFFER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offered__another_priority_is_another_band_of_that_line),
        cmocka_unit_test(test_offered__a_move_moves_the_ticket_and_not_the_offer),
        cmocka_unit_test(test_offered__a_step_moves_and_lifts_it),
        cmocka_unit_test(test_offered__joins_are_let_in),
        cmocka_unit_test(test_offered__one_of_many_may_leave_and_the_last_ends_it),
        cmocka_unit_test(test_offered__a_later_policy_is_for_the_next_offer),
        cmocka_unit_test(test_offered__messages_want_an_answer_as_ever),
        cmocka_unit_test(test_offered__an_end_beyond_all_time_never_comes),
        cmocka_unit_test(test_offered__only_such_a_claim_asks_for_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
