/* Who is next: rank, claims and their order, what holds them up, and commands that are repeated. */
#include <stdbool.h>

#include "rules.h"

static const char gap_1m[] = "{'line':{'gap':'1m'}}";

static int64_t rank(struct service *s, usher_id id)
{
    return peek(s, id).rank_at - T0;
}

static usher_id needing(struct service *s, const char *skill)
{
    usher_request r = { .requester = "ada", .needs = &skill, .needs_n = 1 };

    assert_int_equal(enqueue(s, s->q, r), USHER_OK);
    return s->done.ticket;
}

/* ---- rank ----------------------------------------------------------------------------------------- */

static void test_rank__is_the_entry_where_nothing_is_promised(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");

    at(s, MINUTE);
    assert_int_equal(rank(s, ticket(s, "ada", 0)), MINUTE);
    end(s);
}

static void test_rank__is_the_nearest_due(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':'1h'},'resolve':{'target':'4h'}}}");

    at(s, MINUTE);
    assert_int_equal(rank(s, ticket(s, "ada", 0)), HOUR + MINUTE);
    end(s);
}

static void test_rank__is_given_at_the_start(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_request r = { .requester = "ada", .start_at = T0 + HOUR };

    enqueue(s, s->q, r);
    assert_int_equal(peek(s, 1).rank_at, 0);
    late(s, DAY);
    assert_int_equal(rank(s, 1), HOUR);
    end(s);
}

static void test_gap__sets_one_requester_apart(void **unused)
{
    (void)unused;

    struct service *s = begin(gap_1m);

    assert_int_equal(rank(s, ticket(s, "ada", 0)), 0);
    assert_int_equal(rank(s, ticket(s, "ada", 0)), MINUTE);
    assert_int_equal(rank(s, ticket(s, "bea", 0)), 0);
    assert_int_equal(rank(s, ticket(s, "ada", 0)), 2 * MINUTE);
    assert_int_equal(rank(s, ticket(s, "bea", 0)), MINUTE);
    end(s);
}

static void test_gap__is_kept_per_band_and_queue(void **unused)
{
    (void)unused;

    struct service *s = begin(gap_1m);
    usher_request r = { .requester = "ada" };

    ticket(s, "ada", 0);
    assert_int_equal(rank(s, ticket(s, "ada", USHER_HIGH)), 0);
    define(s, queue(s, "other"), gap_1m);
    enqueue(s, queue(s, "other"), r);
    assert_int_equal(rank(s, s->done.ticket), 0);
    end(s);
}

static void test_gap__counts_while_it_lies_in_the_future(void **unused)
{
    (void)unused;

    struct service *s = begin(gap_1m);

    ticket(s, "ada", 0);
    at(s, MINUTE - 1);
    assert_int_equal(rank(s, ticket(s, "ada", 0)), MINUTE);
    at(s, 2 * MINUTE);
    assert_int_equal(rank(s, ticket(s, "ada", 0)), 2 * MINUTE);
    end(s);
}

static void test_gap__stays_when_the_ticket_is_withdrawn(void **unused)
{
    (void)unused;

    struct service *s = begin(gap_1m);

    by_person(s, ticket(s, "ada", 0), USHER_WITHDRAW, "ada");
    assert_int_equal(rank(s, ticket(s, "ada", 0)), MINUTE);
    end(s);
}

static void test_gap__is_that_of_the_policy_now(void **unused)
{
    (void)unused;

    struct service *s = begin(gap_1m);

    ticket(s, "ada", 0);
    define(s, s->q, "{'line':{'gap':'5m'}}");
    assert_int_equal(rank(s, ticket(s, "ada", 0)), 5 * MINUTE);
    define(s, s->q, "{}");
    assert_int_equal(rank(s, ticket(s, "ada", 0)), 0); /* no gap: no mark is looked at */
    end(s);
}

static void test_rank__never_grows(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':'1h'},'resolve':{'target':'4h'}}}");
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_ACKNOWLEDGE); /* its nearest due is now that of resolve */
    by_agent(s, c, USHER_RELEASE);
    assert_int_equal(rank(s, c.ticket), HOUR);
    end(s);
}

static void test_rank__takes_a_due_that_has_come_nearer(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'answer':{'target':'10m'},'resolve':{'target':'4h'}}}");
    usher_claim c = held(s, "ada");

    by_person(s, c.ticket, USHER_ASK, "ada");
    assert_int_equal(rank(s, c.ticket), 4 * HOUR); /* chasing moves nobody */
    by_agent(s, c, USHER_RELEASE);
    assert_int_equal(rank(s, c.ticket), 10 * MINUTE);
    end(s);
}

static void test_rank__is_that_of_before_after_a_failed_attempt(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_FAIL);
    at(s, HOUR);
    assert_int_equal(rank(s, c.ticket), 0);
    end(s);
}

static void test_rank__is_computed_anew_at_another_priority(void **unused)
{
    (void)unused;

    struct service *s =
        begin("{'promises':{'ack':{'target':{'high':'1h','normal':'4h'}}},'line':{'gap':'1m'}}");
    usher_id t = ticket(s, "ada", 0);

    at(s, 30 * MINUTE);
    reprioritise(s, t, USHER_HIGH);
    assert_int_equal(rank(s, t), HOUR);
    reprioritise(s, t, USHER_NORMAL); /* the mark there is its own */
    assert_int_equal(rank(s, t), 4 * HOUR);
    reprioritise(s, t, USHER_LOW); /* nothing is promised: when it came */
    assert_int_equal(rank(s, t), 0);
    end(s);
}

static void test_rank__a_lift_brings_one_ticket_per_gap_to_the_front(void **unused)
{
    (void)unused;

    struct service *s = begin(gap_1m);
    usher_id t[5];

    for (int i = 0; i < 5; i++)
        t[i] = ticket(s, "ada", USHER_LOW);
    at(s, HOUR);
    for (int i = 0; i < 5; i++)
        reprioritise(s, t[i], USHER_HIGH);
    assert_int_equal(rank(s, t[0]), 0);
    for (int i = 1; i < 5; i++)
        assert_int_equal(rank(s, t[i]), HOUR + (i - 1) * MINUTE);
    end(s);
}

static void test_rank__a_lift_looks_at_a_mark_up_to_a_gap_after_it_was_set(void **unused)
{
    (void)unused;

    struct service *s = begin(gap_1m);
    usher_id a = ticket(s, "ada", USHER_LOW), b = ticket(s, "ada", USHER_LOW);

    at(s, HOUR);
    reprioritise(s, a, USHER_HIGH);
    at(s, HOUR + MINUTE - 1);
    reprioritise(s, b, USHER_HIGH);
    assert_int_equal(rank(s, b), HOUR + MINUTE - 1);
    end(s);
}

static void test_rank__is_computed_anew_in_another_queue(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_queue_t *other = queue(s, "other");
    usher_id t = ticket(s, "ada", 0), u = ticket(s, "ada", 0);

    define(s, other, "{'line':{'gap':'1h'}}");
    at(s, MINUTE);
    assert_int_equal(move(s, t, s->q), USHER_OK); /* where it is: nothing but the event */
    assert_int_equal(rank(s, t), 0);
    move(s, t, other);
    assert_int_equal(rank(s, t), 0);
    assert_int_equal(peek(s, t).queue == other, true);
    assert_string_equal(usher_queue_name(last(s, USHER_EV_MOVED)->queue), "other");
    move(s, u, other);
    assert_int_equal(rank(s, u), HOUR);
    assert_int_equal(peek(s, t).ahead, 0);
    assert_int_equal(peek(s, u).ahead, 1);
    end(s);
}

static void test_standing__counts_those_ahead(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_id low = ticket(s, "ada", USHER_LOW), a = ticket(s, "bea", 0), b = ticket(s, "cleo", 0);
    usher_id urgent = ticket(s, "dora", USHER_URGENT);

    assert_int_equal(peek(s, b).ahead, 1);
    assert_int_equal(peek(s, b).ahead_in_queue, 2);
    assert_int_equal(peek(s, low).ahead, 0);
    assert_int_equal(peek(s, low).ahead_in_queue, 3);
    assert_int_equal(peek(s, urgent).ahead_in_queue, 0);
    claim_ticket(s, s->ann, a, &(usher_claim){ 0, 0 });
    assert_int_equal(peek(s, a).ahead, -1);
    assert_int_equal(peek(s, b).ahead, 0);
    end(s);
}

/* ---- claims --------------------------------------------------------------------------------------- */

static void test_claim__takes_the_smallest_rank_then_id(void **unused)
{
    (void)unused;

    struct service *s = begin(gap_1m);

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

/* ---- out of turn ---------------------------------------------------------------------------------- */

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

/* ---- parked claims -------------------------------------------------------------------------------- */

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

/* ---- held queues ---------------------------------------------------------------------------------- */

static void hold(struct service *s, uint32_t bits)
{
    assert_int_equal(usher_queue_hold(s->q, bits, on_done, s), USHER_OK);
    run(s);
    assert_int_equal(s->done.status, USHER_OK);
}

static void test_hold__of_claims_lets_them_park(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    struct waiter w;
    usher_claim c;

    ticket(s, "ada", 0);
    hold(s, USHER_HOLD_CLAIMS);
    assert_int_equal(last(s, USHER_EV_QUEUE_HELD)->how, USHER_HOLD_CLAIMS);
    assert_int_equal(claim(s, s->ann).ticket, 0);
    assert_int_equal(claim_ticket(s, s->ann, 1, &c), USHER_ESTATE);
    assert_int_equal(claim_ticket(s, s->ann, 9, &c), USHER_ENOENT);
    park(s, &w, s->ann, USHER_NEVER);
    hold(s, USHER_RUN);
    assert_int_equal(w.told, 1);
    end(s);
}

static void test_hold__of_claims_keeps_what_is_kept_too(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    by_agent(s, c, USHER_RESUME);
    hold(s, USHER_HOLD_CLAIMS);
    assert_int_equal(claim(s, s->ann).ticket, 0);
    end(s);
}

static void test_hold__of_enqueues_refuses_them(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_request r = { .requester = "ada" };
    usher_claim c = held(s, "ada");

    hold(s, USHER_HOLD_ENQUEUE);
    assert_int_equal(enqueue(s, s->q, r), USHER_ESTATE);
    assert_int_equal(s->done.status, USHER_ESTATE); /* as status: the queue says so */
    by_agent(s, c, USHER_RELEASE);
    assert_int_equal(claim(s, s->ann).ticket, 1); /* claims go on */
    end(s);
}

/* ---- full queues ---------------------------------------------------------------------------------- */

static const char two_open[] = "{'limits':{'open':2}}";

static void test_full__refuses_and_tells_once_when_there_is_room(void **unused)
{
    (void)unused;

    struct service *s = begin(two_open);
    usher_request r = { .requester = "ada" };
    usher_id t = ticket(s, "ada", 0);
    usher_claim c;

    ticket(s, "ada", 0);
    assert_int_equal(enqueue(s, s->q, r), USHER_EFULL);
    assert_int_equal(enqueue(s, s->q, r), USHER_EFULL);
    claim_ticket(s, s->ann, t, &c);
    by_agent(s, c, USHER_RESOLVE);
    assert_int_equal(enqueue(s, s->q, r), USHER_EFULL); /* resolved is not over */
    by_person(s, t, USHER_CONFIRM, "ada");
    assert_int_equal(count(s, USHER_EV_ROOM), 1);
    by_person(s, 2, USHER_WITHDRAW, "ada");
    assert_int_equal(count(s, USHER_EV_ROOM), 1);
    assert_int_equal(enqueue(s, s->q, r), USHER_OK);
    end(s);
}

static void test_full__tells_nobody_who_was_not_refused(void **unused)
{
    (void)unused;

    struct service *s = begin(two_open);

    fill(s, 0, 2);
    by_person(s, 1, USHER_WITHDRAW, "ada");
    assert_int_equal(count(s, USHER_EV_ROOM), 0);
    end(s);
}

static void test_full__has_room_when_a_ticket_moves_or_the_limit_rises(void **unused)
{
    (void)unused;

    struct service *s = begin(two_open);
    usher_request r = { .requester = "ada" };

    fill(s, 0, 2);
    enqueue(s, s->q, r);
    move(s, 1, queue(s, "other"));
    assert_int_equal(count(s, USHER_EV_ROOM), 1);
    ticket(s, "ada", 0);
    enqueue(s, s->q, r);
    define(s, s->q, "{'limits':{'open':3}}");
    assert_int_equal(count(s, USHER_EV_ROOM), 2);
    end(s);
}

static void test_full__moves_and_reopens_are_let_in(void **unused)
{
    (void)unused;

    struct service *s = begin(two_open);
    usher_request r = { .requester = "ada" };
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_RESOLVE);
    by_person(s, c.ticket, USHER_CONFIRM, "ada");
    fill(s, 0, 2);
    assert_int_equal(by_person(s, c.ticket, USHER_REOPEN, "ada"), USHER_OK);
    enqueue(s, queue(s, "other"), r);
    assert_int_equal(move(s, s->done.ticket, s->q), USHER_OK);
    end(s);
}

static void test_full__a_body_larger_than_the_policy_allows_is_refused(void **unused)
{
    (void)unused;

    struct service *s = begin("{'limits':{'payload':4}}");
    usher_request r = { .requester = "ada", .body = TEXT("1234") };

    assert_int_equal(enqueue(s, s->q, r), USHER_OK);
    r.body = (usher_text)TEXT("12345");
    assert_int_equal(enqueue(s, s->q, r), USHER_ELIMIT);
    end(s);
}

static void test_counts__are_by_state(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    uint64_t n[USHER_STATES];

    fill(s, 0, 3);
    held(s, "ada");
    by_person(s, 1, USHER_WITHDRAW, "ada");
    move(s, 2, queue(s, "other"));
    assert_int_equal(usher_counts(s->q, n), USHER_OK);
    assert_int_equal(n[USHER_WAITING], 1);
    assert_int_equal(n[USHER_CLAIMED], 1);
    assert_int_equal(n[USHER_WITHDRAWN], 1);
    assert_int_equal(usher_counts(queue(s, "other"), n), USHER_OK);
    assert_int_equal(n[USHER_WAITING], 1);
    end(s);
}

/* ---- an agent that goes --------------------------------------------------------------------------- */

static void test_gone__releases_cancels_and_keeps_nothing(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim b = held(s, "ada"), a = held(s, "ada"), c = held(s, "ada");
    struct waiter w;
    uint32_t from;

    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    by_agent(s, c, USHER_RESUME);
    claim_many(s, &w, s->ann, (usher_claim_args){ .queues = (usher_queue_t *[]){ queue(s, "other") },
                                                  .queues_n = 1, .wait_ms = USHER_NEVER });
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

/* ---- commands that are repeated ------------------------------------------------------------------- */

static const usher_op op = { 7, 9 };

static void test_op__a_repeated_enqueue_is_the_same_ticket(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_request r = { .requester = "ada", .body = TEXT("x"), .op = op };
    uint32_t from;

    enqueue(s, s->q, r);
    from = s->seen_n;
    assert_int_equal(enqueue(s, s->q, r), USHER_OK);
    assert_int_equal(s->done.ticket, 1);
    assert_int_equal(s->done.outcome, USHER_WAS_REPEATED);
    EXPECT_EVENTS(s, from, 0);
    r.body = (usher_text)TEXT("y");
    assert_int_equal(enqueue(s, s->q, r), USHER_EINVAL);
    assert_int_equal(s->done.status, USHER_EINVAL);
    end(s);
}

static void test_op__a_repeated_join_is_joined_as_before(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_request r = { .requester = "ada", .dedup_key = "k" };

    enqueue(s, s->q, r);
    r.requester = "bea";
    r.op = op;
    enqueue(s, s->q, r);
    enqueue(s, s->q, r);
    assert_int_equal(s->done.outcome, USHER_WAS_JOINED | USHER_WAS_REPEATED);
    assert_int_equal(count(s, USHER_EV_JOINED), 1);
    end(s);
}

static void test_op__a_repeat_gets_the_first_result_whatever_came_after(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");
    usher_command pausing = { .verb = USHER_PAUSE, .kind = USHER_UNTIL, .claim = c,
                              .at = T0 + HOUR, .op = op };

    act(s, pausing);
    by_agent(s, c, USHER_RESUME);
    at(s, 30 * MINUTE);
    assert_int_equal(act(s, pausing), USHER_OK);
    assert_int_equal(s->done.state, USHER_PAUSED);
    assert_int_equal(s->done.token, c.token);
    assert_int_equal(s->done.until_at, T0 + HOUR);
    assert_int_equal(s->done.outcome, USHER_WAS_REPEATED);
    assert_int_equal(state(s, c.ticket), USHER_WAITING);
    pausing.at++;
    assert_int_equal(act(s, pausing), USHER_EINVAL);
    end(s);
}

static void test_op__a_repeated_claim_is_the_same_tickets_and_tokens(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim_args args = { .queues = &s->q, .queues_n = 1, .n = 2, .op = op };
    struct waiter a, b;
    uint32_t from;

    fill(s, 0, 3);
    claim_many(s, &a, s->ann, args);
    by_agent(s, a.work[0].claim, USHER_RELEASE); /* stale: the fence will tell */
    from = s->seen_n;
    claim_many(s, &b, s->ann, args);
    EXPECT_EVENTS(s, from, 0);
    assert_int_equal(b.status, USHER_OK);
    assert_int_equal(b.n, 2);
    assert_memory_equal(&b.work[0].claim, &a.work[0].claim, sizeof a.work[0].claim);
    assert_memory_equal(&b.work[1].claim, &a.work[1].claim, sizeof a.work[0].claim);
    args.n = 1;
    claim_many(s, &b, s->ann, args);
    assert_int_equal(b.status, USHER_EINVAL);
    args.n = 2;
    claim_many(s, &b, s->bob, args);
    assert_int_equal(b.status, USHER_EINVAL);
    end(s);
}

static void test_op__a_repeated_claim_ticket_is_the_same_claim(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    struct waiter w = { .s = s };
    usher_id t = ticket(s, "ada", 0);

    for (int i = 0; i < 2; i++) {
        assert_int_equal(usher_claim_ticket(s->ann, t, &op, on_work, &w), USHER_OK);
        run(s);
        assert_int_equal(w.status, USHER_OK);
        assert_int_equal(w.work[0].claim.token, 1);
    }
    assert_int_equal(count(s, USHER_EV_CLAIMED), 1);
    end(s);
}

static void test_op__is_remembered_for_the_window(void **unused)
{
    (void)unused;

    struct service *s = begin_with("{}", &(usher_options){ .op_window_ms = MINUTE });
    usher_request r = { .requester = "ada", .op = op };

    enqueue(s, s->q, r);
    at(s, MINUTE - 1);
    enqueue(s, s->q, r);
    assert_int_equal(s->done.ticket, 1);
    at(s, MINUTE);
    enqueue(s, s->q, r);
    assert_int_equal(s->done.ticket, 2);
    assert_int_equal(s->done.outcome, 0);
    end(s);
}

static void test_op__is_remembered_until_as_many_newer_ones_came(void **unused)
{
    (void)unused;

    struct service *s = begin_with("{}", &(usher_options){ .op_window_n = 2 });
    usher_request r = { .requester = "ada", .op = { 0, 1 } };

    enqueue(s, s->q, r);
    r.op.lo = 2;
    enqueue(s, s->q, r);
    r.op.lo = 1;
    enqueue(s, s->q, r);
    assert_int_equal(s->done.ticket, 1);
    r.op.lo = 3;
    enqueue(s, s->q, r);
    r.op.lo = 1;
    enqueue(s, s->q, r);
    assert_int_equal(s->done.ticket, 4);
    end(s);
}

static void test_op__errors_are_not_remembered(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");
    usher_command resume = { .verb = USHER_RESUME, .claim = c, .op = op };

    assert_int_equal(act(s, resume), USHER_ESTATE);
    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    assert_int_equal(act(s, resume), USHER_OK);
    assert_int_equal(s->done.outcome, 0);
    end(s);
}

static void test_op__a_parked_claim_is_remembered_when_it_is_served(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim_args args = { .queues = &s->q, .queues_n = 1, .wait_ms = USHER_NEVER, .op = op };
    struct waiter a, b;

    claim_many(s, &a, s->ann, args);
    assert_int_equal(a.told, 0);
    ticket(s, "ada", 0);
    assert_int_equal(a.told, 1);
    ticket(s, "ada", 0);
    claim_many(s, &b, s->ann, args);
    assert_int_equal(b.n, 1);
    assert_int_equal(b.work[0].claim.ticket, a.work[0].claim.ticket);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rank__is_the_entry_where_nothing_is_promised),
        cmocka_unit_test(test_rank__is_the_nearest_due),
        cmocka_unit_test(test_rank__is_given_at_the_start),
        cmocka_unit_test(test_gap__sets_one_requester_apart),
        cmocka_unit_test(test_gap__is_kept_per_band_and_queue),
        cmocka_unit_test(test_gap__counts_while_it_lies_in_the_future),
        cmocka_unit_test(test_gap__stays_when_the_ticket_is_withdrawn),
        cmocka_unit_test(test_gap__is_that_of_the_policy_now),
        cmocka_unit_test(test_rank__never_grows),
        cmocka_unit_test(test_rank__takes_a_due_that_has_come_nearer),
        cmocka_unit_test(test_rank__is_that_of_before_after_a_failed_attempt),
        cmocka_unit_test(test_rank__is_computed_anew_at_another_priority),
        cmocka_unit_test(test_rank__a_lift_brings_one_ticket_per_gap_to_the_front),
        cmocka_unit_test(test_rank__a_lift_looks_at_a_mark_up_to_a_gap_after_it_was_set),
        cmocka_unit_test(test_rank__is_computed_anew_in_another_queue),
        cmocka_unit_test(test_standing__counts_those_ahead),
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
        cmocka_unit_test(test_hold__of_claims_lets_them_park),
        cmocka_unit_test(test_hold__of_claims_keeps_what_is_kept_too),
        cmocka_unit_test(test_hold__of_enqueues_refuses_them),
        cmocka_unit_test(test_full__refuses_and_tells_once_when_there_is_room),
        cmocka_unit_test(test_full__tells_nobody_who_was_not_refused),
        cmocka_unit_test(test_full__has_room_when_a_ticket_moves_or_the_limit_rises),
        cmocka_unit_test(test_full__moves_and_reopens_are_let_in),
        cmocka_unit_test(test_full__a_body_larger_than_the_policy_allows_is_refused),
        cmocka_unit_test(test_counts__are_by_state),
        cmocka_unit_test(test_gone__releases_cancels_and_keeps_nothing),
        cmocka_unit_test(test_gone__cannot_claim_until_it_is_back),
        cmocka_unit_test(test_op__a_repeated_enqueue_is_the_same_ticket),
        cmocka_unit_test(test_op__a_repeated_join_is_joined_as_before),
        cmocka_unit_test(test_op__a_repeat_gets_the_first_result_whatever_came_after),
        cmocka_unit_test(test_op__a_repeated_claim_is_the_same_tickets_and_tokens),
        cmocka_unit_test(test_op__a_repeated_claim_ticket_is_the_same_claim),
        cmocka_unit_test(test_op__is_remembered_for_the_window),
        cmocka_unit_test(test_op__is_remembered_until_as_many_newer_ones_came),
        cmocka_unit_test(test_op__errors_are_not_remembered),
        cmocka_unit_test(test_op__a_parked_claim_is_remembered_when_it_is_served),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
