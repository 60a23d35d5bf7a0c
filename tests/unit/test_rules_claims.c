/* Claims: who gets which ticket, at once, out of turn, or when it comes. */
#include "rules.h"

static usher_id needing(struct service *s, const char *skill)
{
    usher_request r = { .requester = "ada", .needs = &skill, .needs_n = 1 };

    assert_int_equal(enqueue(s, s->q, r), USHER_OK);
    return s->done.ticket;
}

/* ---- claims ---------------------------------------------------------------------------------- */

static void test_claim__takes_the_smallest_rank_then_id(void **unused)
{
    (void)unused;

    struct service *s = begin("{'line':{'gap':'1m'}}");

    ticket(s, "ada", 0);
    ticket(s, "ada", 0);
    ticket(s, "bea", 0);
    assert_int_equal(claim(s, s->ann).ticket, 1);
    assert_int_equal(claim(s, s->ann).ticket, 3);
    assert_int_equal(claim(s, s->ann).ticket, 2);
    assert_int_equal(claim(s, s->ann).ticket, 0);
    end(s);
}

static void test_claim__tells_what_it_got(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':'1h'}}}");
    struct waiter w;

    ticket(s, "ada", USHER_HIGH);
    claim_many(s, &w, s->ann, (usher_claim_args){ .queues = &s->q, .queues_n = 1, .n = 5 });
    assert_int_equal(w.n, 1);
    assert_int_equal(w.work[0].claim.token, 1);
    assert_int_equal(w.work[0].priority, USHER_HIGH);
    assert_int_equal(w.work[0].lease_until_at, T0 + 15 * MINUTE);
    assert_int_equal(w.work[0].due_at, T0 + HOUR);
    assert_int_equal(w.work[0].enqueued_at, T0);
    assert_int_equal(w.work[0].persons, 1);
    end(s);
}

static void test_claim__takes_as_many_as_there_are(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    struct waiter w;

    for (int i = 0; i < 5; i++)
        ticket(s, "ada", 0);
    claim_many(s, &w, s->ann, (usher_claim_args){ .queues = &s->q, .queues_n = 1, .n = 3 });
    assert_int_equal(w.n, 3);
    claim_many(s, &w, s->ann, (usher_claim_args){ .queues = &s->q, .queues_n = 1, .n = 3 });
    assert_int_equal(w.n, 2);
    assert_int_equal(w.work[1].claim.ticket, 5);
    end(s);
}

/* How many of n claims went to each band; bands that are full to begin with. */
static void shares(struct service *s, uint32_t n, uint32_t of[5])
{
    struct waiter w;

    memset(of, 0, 5 * sizeof *of);
    for (uint32_t i = 0; i < n; i++) {
        claim_many(s, &w, s->ann, (usher_claim_args){ .queues = &s->q, .queues_n = 1 });
        assert_int_equal(w.status, USHER_OK);
        of[w.work[0].priority]++;
    }
}

static void fill(struct service *s, int32_t priority, int n)
{
    for (int i = 0; i < n; i++)
        ticket(s, "ada", priority);
}

static void test_shares__are_by_weight(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    uint32_t of[5];

    for (int32_t priority = USHER_LOW; priority <= USHER_HIGH; priority++)
        fill(s, priority, 30);
    shares(s, 26, of);
    assert_int_equal(of[USHER_HIGH], 16);
    assert_int_equal(of[USHER_NORMAL], 8);
    assert_int_equal(of[USHER_LOW], 2);
    end(s);
}

static void test_shares__first_comes_before_the_rest_and_is_free(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    uint32_t of[5];

    for (int32_t priority = USHER_LOW; priority <= USHER_URGENT; priority++)
        fill(s, priority, 13);
    shares(s, 13, of);
    assert_int_equal(of[USHER_URGENT], 13);
    shares(s, 13, of);
    assert_int_equal(of[USHER_HIGH], 8);
    assert_int_equal(of[USHER_LOW], 1);
    end(s);
}

static void test_shares__an_empty_band_saves_nothing_up(void **unused)
{
    (void)unused;

    struct service *s = begin("{'line':{'shares':{'high':1,'normal':1}}}");
    uint32_t of[5];

    fill(s, USHER_NORMAL, 40);
    shares(s, 20, of);
    fill(s, USHER_HIGH, 20);
    shares(s, 10, of);
    assert_in_range(of[USHER_HIGH], 5, 6); /* half of them, and the first one's tie */
    end(s);
}

static void test_shares__start_anew_with_a_policy(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    uint32_t of[5];

    fill(s, USHER_HIGH, 10);
    fill(s, USHER_LOW, 10);
    shares(s, 2, of); /* high, and then low: high has paid 1, low 0 */
    assert_int_equal(of[USHER_LOW], 1);
    define(s, s->q, "{}");
    shares(s, 2, of);
    assert_int_equal(of[USHER_LOW], 1);
    end(s);
}

static void test_claim__walks_past_what_it_has_no_skill_for(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_id a = needing(s, "welding"), b = needing(s, "painting"), c = ticket(s, "ada", 0);
    usher_agent_t *will = agent(s, "will", "painting");

    assert_int_equal(claim(s, s->ann).ticket, c);
    assert_int_equal(claim(s, will).ticket, b);
    assert_int_equal(claim(s, will).ticket, 0);
    agent(s, "will", "welding"); /* replaces what he had */
    assert_int_equal(claim(s, will).ticket, a);
    end(s);
}

static void test_claim__goes_queue_by_queue_in_the_order_given(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_queue_t *both[2] = { queue(s, "other"), s->q };
    usher_request r = { .requester = "ada", .priority = USHER_LOW };
    struct waiter w;

    ticket(s, "ada", USHER_URGENT);
    enqueue(s, both[0], r);
    claim_many(s, &w, s->ann, (usher_claim_args){ .queues = both, .queues_n = 2, .n = 2 });
    assert_int_equal(w.n, 2);
    assert_int_equal(w.work[0].claim.ticket, 2);
    assert_int_equal(w.work[1].claim.ticket, 1);
    end(s);
}

static void test_claim__takes_what_is_kept_first_over_all_queues(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_queue_t *both[2] = { s->q, queue(s, "other") };
    usher_claim c = held(s, "ada");
    struct waiter w;

    move(s, c.ticket, both[1]);
    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    by_agent(s, c, USHER_RESUME);
    ticket(s, "bea", USHER_URGENT);
    assert_int_not_equal(claim(s, s->ann).ticket, c.ticket); /* not of a queue that it names */
    ticket(s, "bea", USHER_URGENT);
    claim_many(s, &w, s->ann, (usher_claim_args){ .queues = both, .queues_n = 2 });
    assert_int_equal(w.work[0].claim.ticket, c.ticket);
    end(s);
}

static void test_claim__of_what_is_kept_uses_no_turn(void **unused)
{
    (void)unused;

    struct service *s = begin("{'line':{'shares':{'high':1,'normal':1}}}");
    usher_claim c = held(s, "ada");
    uint32_t of[5];

    fill(s, USHER_HIGH, 5);
    fill(s, USHER_NORMAL, 5);
    shares(s, 1, of); /* high by the tie; normal is next */
    assert_int_equal(of[USHER_HIGH], 1);
    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    by_agent(s, c, USHER_RESUME);
    assert_int_equal(claim(s, s->ann).ticket, c.ticket);
    shares(s, 1, of);
    assert_int_equal(of[USHER_NORMAL], 1);
    end(s);
}

/* ---- out of turn ----------------------------------------------------------------------------- */

static void test_claim_ticket__counts_those_who_would_have_come_first(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c;

    fill(s, USHER_URGENT, 2); /* `first`: before all of normal */
    fill(s, USHER_HIGH, 3);   /* not counted: another band has its own turns */
    fill(s, USHER_NORMAL, 4);
    assert_int_equal(claim_ticket(s, s->ann, 8, &c), USHER_OK); /* the third of four */
    assert_int_equal(last(s, USHER_EV_CLAIMED)->n, 4);
    assert_int_equal(claim_ticket(s, s->ann, 1, &c), USHER_OK);
    assert_int_equal(last(s, USHER_EV_CLAIMED)->n, 0);
    end(s);
}

static void test_claim_ticket__passes_over_nobody_if_it_was_kept_for_the_agent(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c, d;

    fill(s, USHER_NORMAL, 3);
    for (int i = 0; i < 2; i++) {
        claim_ticket(s, s->ann, 3, &c);
        pause(s, c, USHER_ON_THIRD_PARTY, 0);
        by_agent(s, c, USHER_RESUME);
        claim_ticket(s, i == 0 ? s->ann : s->bob, 3, &d);
        assert_int_equal(last(s, USHER_EV_CLAIMED)->n, i == 0 ? 0 : 2);
        by_agent(s, d, USHER_RELEASE);
    }
    end(s);
}

static void test_claim_ticket__uses_no_turn_and_does_not_look_at_needs(void **unused)
{
    (void)unused;

    struct service *s = begin("{'line':{'shares':{'high':1,'normal':1}}}");
    usher_id t = needing(s, "welding");
    uint32_t of[5];
    usher_claim c;

    fill(s, USHER_HIGH, 3);
    fill(s, USHER_NORMAL, 3);
    assert_int_equal(claim_ticket(s, s->ann, t, &c), USHER_OK);
    shares(s, 1, of);
    assert_int_equal(of[USHER_HIGH], 1);
    end(s);
}

/* ---- parked claims --------------------------------------------------------------------------- */

static void test_parked__are_served_first_come_first_served(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    struct waiter a, b;

    park(s, &a, s->bob, USHER_NEVER);
    park(s, &b, s->ann, USHER_NEVER);
    ticket(s, "ada", 0);
    assert_int_equal(a.told, 1);
    assert_int_equal(b.told, 0);
    ticket(s, "ada", 0);
    assert_int_equal(b.status, USHER_OK);
    end(s);
}

static void test_parked__go_to_the_next_one_who_has_the_skill(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    struct waiter a, b;

    park(s, &a, s->ann, USHER_NEVER);
    park(s, &b, agent(s, "will", "welding"), USHER_NEVER);
    needing(s, "welding");
    assert_int_equal(a.told, 0);
    assert_int_equal(b.told, 1);
    agent(s, "ann", "welding");
    needing(s, "welding");
    assert_int_equal(a.told, 1);
    end(s);
}

static void test_parked__wait_as_long_as_was_asked(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    struct waiter w;

    park(s, &w, s->ann, MINUTE);
    at(s, MINUTE - 1);
    assert_int_equal(w.told, 0);
    at(s, MINUTE);
    assert_int_equal(w.status, USHER_ETIMEDOUT);
    ticket(s, "ada", 0);
    assert_int_equal(w.told, 1);
    end(s);
}

static void test_parked__get_what_comes_in_the_ms_in_which_their_wait_ends(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_request r = { .requester = "ada", .start_at = T0 + MINUTE };
    struct waiter w;

    enqueue(s, s->q, r);
    park(s, &w, s->ann, MINUTE);
    at(s, MINUTE);
    assert_int_equal(w.status, USHER_OK); /* what gives service comes first */
    end(s);
}

static void test_parked__wait_by_the_boot_clock(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    struct waiter w;

    park(s, &w, s->ann, MINUTE);
    usher_manual_clock_step(s->clock, HOUR);
    run(s);
    assert_int_equal(w.told, 0);
    at(s, HOUR + MINUTE);
    assert_int_equal(w.status, USHER_ETIMEDOUT);
    end(s);
}

static void test_parked__can_be_canceled(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    struct waiter w;

    park(s, &w, s->ann, USHER_NEVER);
    assert_int_equal(usher_claim_cancel(s->bob, &w), USHER_ENOENT);
    assert_int_equal(usher_claim_cancel(s->ann, &w), USHER_OK);
    run(s);
    assert_int_equal(w.status, USHER_ECANCELED);
    assert_int_equal(usher_claim_cancel(s->ann, &w), USHER_ENOENT);
    end(s);
}

static void test_parked__are_woken_by_all_that_comes_into_the_line(void **unused)
{
    (void)unused;

    struct service *s = begin("{'line':{'keep_for':'10m'},'retry':{'attempts':1}}");
    usher_claim c = held(s, "ada");
    struct waiter w;

    for (int i = 0; i < 7; i++) {
        park(s, &w, s->bob, USHER_NEVER);
        switch (i) {
        case 0: by_agent(s, c, USHER_RELEASE); break;
        case 1: /* kept for bob at first: his */
            pause(s, c, USHER_ON_REQUESTER, 0);
            reply(s, c.ticket, "ada", 0);
            break;
        case 2: by_agent(s, c, USHER_FAIL); by_person(s, c.ticket, USHER_REVIVE, NULL); break;
        case 3: by_agent(s, c, USHER_RESOLVE); by_person(s, c.ticket, USHER_REOPEN, "ada"); break;
        case 4: pause(s, c, USHER_UNTIL, wall(s) + 1); at(s, wall(s) - T0 + 1); break;
        case 5: /* kept for ann */
            by_agent(s, c, USHER_RELEASE);
            assert_int_equal(w.told, 1);
            by_agent(s, w.work[0].claim, USHER_RELEASE);
            claim_ticket(s, s->ann, c.ticket, &c);
            park(s, &w, s->bob, USHER_NEVER);
            pause(s, c, USHER_ON_THIRD_PARTY, 0);
            by_agent(s, c, USHER_RESUME);
            assert_int_equal(w.told, 0);
            at(s, wall(s) - T0 + 10 * MINUTE);
            break;
        default: ticket(s, "ada", 0); break;
        }
        assert_int_equal(w.told, 1);
        assert_int_equal(w.status, USHER_OK);
        c = w.work[0].claim;
    }
    end(s);
}

static void test_parked__of_several_queues_look_into_all(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_queue_t *both[2] = { s->q, queue(s, "other") };
    usher_request r = { .requester = "ada" };
    struct waiter w;

    claim_many(s, &w, s->ann, (usher_claim_args){ .queues = both, .queues_n = 2, .n = 9,
                                                  .wait_ms = USHER_NEVER });
    enqueue(s, both[1], r);
    assert_int_equal(w.told, 1);
    assert_int_equal(w.n, 1); /* one is enough */
    end(s);
}

static void test_parked__end_when_the_service_closes(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    struct waiter w;

    park(s, &w, s->ann, USHER_NEVER);
    end(s);
    assert_int_equal(w.told, 1);
    assert_int_equal(w.status, USHER_ECANCELED);
}

/* ---- an agent that goes ---------------------------------------------------------------------- */

static void test_gone__releases_cancels_and_keeps_nothing(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim b = held(s, "ada"), a = held(s, "ada"), c = held(s, "ada");
    usher_queue_t *other = queue(s, "other");
    struct waiter w;
    uint32_t from;

    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    by_agent(s, c, USHER_RESUME);
    claim_many(s, &w, s->ann, (usher_claim_args){ .queues = &other, .queues_n = 1,
                                                  .wait_ms = USHER_NEVER });
    from = s->seen_n;
    assert_int_equal(usher_agent_gone(s->ann, on_done, s), USHER_OK);
    run(s);
    EXPECT_EVENTS(s, from, USHER_EV_RELEASED, USHER_EV_RELEASED, USHER_EV_KEEP_ENDED,
                  USHER_EV_AGENT_GONE);
    assert_int_equal(s->seen[from].ticket, b.ticket); /* by ascending id */
    assert_int_equal(s->seen[from].n, 0);
    assert_int_equal(s->seen[from + 1].ticket, a.ticket);
    assert_int_equal(s->seen[from + 3].n, 2);
    assert_string_equal(who_of(s, &s->seen[from + 3]), "ann");
    assert_int_equal(w.status, USHER_ECANCELED);
    end(s);
}

/* The clock has moved on, and no timer has run yet: the keep ended before he went, and by itself. */
static void test_gone__what_was_kept_until_before_that_is_not_let_go_again(void **unused)
{
    (void)unused;

    struct service *s = begin("{'line':{'keep_for':'15m'}}");
    usher_claim c = held(s, "ada");
    uint32_t from;

    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    by_agent(s, c, USHER_RESUME);
    from = s->seen_n;
    assert_int_equal(usher_manual_clock_skip(s->clock, T0 + 20 * MINUTE), USHER_OK);
    assert_int_equal(usher_agent_gone(s->ann, on_done, s), USHER_OK);
    run(s);
    EXPECT_EVENTS(s, from, USHER_EV_KEEP_ENDED, USHER_EV_AGENT_GONE);
    assert_string_equal(rule_of(s, &s->seen[from]), "line.keep_for");
    assert_string_equal(who_of(s, &s->seen[from]), "");
    assert_int_equal(s->seen[from].at, T0 + 15 * MINUTE);
    assert_int_equal(claim(s, s->bob).ticket, c.ticket);
    end(s);
}

static void test_gone__cannot_claim_until_it_is_back(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c;
    struct waiter w;

    ticket(s, "ada", 0);
    usher_agent_gone(s->ann, NULL, NULL);
    run(s);
    assert_int_equal(claim_many(s, &w, s->ann,
                                (usher_claim_args){ .queues = &s->q, .queues_n = 1 }),
                     USHER_ESTATE);
    assert_int_equal(claim_ticket(s, s->ann, 1, &c), USHER_ESTATE);
    assert_ptr_equal(agent(s, "ann", NULL), s->ann);
    assert_int_equal(claim(s, s->ann).ticket, 1);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_claim__takes_the_smallest_rank_then_id),
        cmocka_unit_test(test_claim__tells_what_it_got),
        cmocka_unit_test(test_claim__takes_as_many_as_there_are),
        cmocka_unit_test(test_shares__are_by_weight),
        cmocka_unit_test(test_shares__first_comes_before_the_rest_and_is_free),
        cmocka_unit_test(test_shares__an_empty_band_saves_nothing_up),
        cmocka_unit_test(test_shares__start_anew_with_a_policy),
        cmocka_unit_test(test_claim__walks_past_what_it_has_no_skill_for),
        cmocka_unit_test(test_claim__goes_queue_by_queue_in_the_order_given),
        cmocka_unit_test(test_claim__takes_what_is_kept_first_over_all_queues),
        cmocka_unit_test(test_claim__of_what_is_kept_uses_no_turn),
        cmocka_unit_test(test_claim_ticket__counts_those_who_would_have_come_first),
        cmocka_unit_test(test_claim_ticket__passes_over_nobody_if_it_was_kept_for_the_agent),
        cmocka_unit_test(test_claim_ticket__uses_no_turn_and_does_not_look_at_needs),
        cmocka_unit_test(test_parked__are_served_first_come_first_served),
        cmocka_unit_test(test_parked__go_to_the_next_one_who_has_the_skill),
        cmocka_unit_test(test_parked__wait_as_long_as_was_asked),
        cmocka_unit_test(test_parked__get_what_comes_in_the_ms_in_which_their_wait_ends),
        cmocka_unit_test(test_parked__wait_by_the_boot_clock),
        cmocka_unit_test(test_parked__can_be_canceled),
        cmocka_unit_test(test_parked__are_woken_by_all_that_comes_into_the_line),
        cmocka_unit_test(test_parked__of_several_queues_look_into_all),
        cmocka_unit_test(test_parked__end_when_the_service_closes),
        cmocka_unit_test(test_gone__releases_cancels_and_keeps_nothing),
        cmocka_unit_test(test_gone__what_was_kept_until_before_that_is_not_let_go_again),
        cmocka_unit_test(test_gone__cannot_claim_until_it_is_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
