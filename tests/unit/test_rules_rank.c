/* Rank: where in its band a ticket stands. */
#include "rules.h"

static const char gap_1m[] = "{'line':{'gap':'1m'}}";

static int64_t rank(struct service *s, usher_id id)
{
    return peek(s, id).rank_at - T0;
}

/* ---- rank ------------------------------------------------------------------------------------ */

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

/* Its rank after it was claimed, asked about and given back. */
static int64_t rank_when_asked(struct service *s, usher_id id)
{
    usher_claim c;

    assert_int_equal(claim_ticket(s, s->ann, id, &c), USHER_OK);
    by_person(s, id, USHER_ASK, "ada");
    by_agent(s, c, USHER_RELEASE);
    return rank(s, id);
}

static void test_rank__keeps_its_gap_when_a_due_has_come_nearer(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'answer':{'target':'10m'},'resolve':{'target':'4h'}},"
                              " 'line':{'gap':'1m'}}");
    usher_id t;

    ticket(s, "ada", 0);
    t = ticket(s, "ada", 0);
    assert_int_equal(rank(s, t), 4 * HOUR + MINUTE);
    assert_int_equal(rank_when_asked(s, t), 11 * MINUTE);
    end(s);
}

static void test_rank__has_no_gap_to_keep_once_computed_anew_without_one(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'answer':{'target':'10m'},'resolve':{'target':'4h'}},"
                              " 'line':{'gap':'1m'}}");
    usher_id t;

    ticket(s, "ada", 0);
    t = ticket(s, "ada", 0);
    move(s, t, queue(s, "other"));
    assert_int_equal(rank(s, t), 4 * HOUR);
    assert_int_equal(rank_when_asked(s, t), 10 * MINUTE);
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
    assert_ptr_equal(peek(s, t).queue, other);
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
        cmocka_unit_test(test_rank__keeps_its_gap_when_a_due_has_come_nearer),
        cmocka_unit_test(test_rank__has_no_gap_to_keep_once_computed_anew_without_one),
        cmocka_unit_test(test_rank__is_that_of_before_after_a_failed_attempt),
        cmocka_unit_test(test_rank__is_computed_anew_at_another_priority),
        cmocka_unit_test(test_rank__a_lift_brings_one_ticket_per_gap_to_the_front),
        cmocka_unit_test(test_rank__a_lift_looks_at_a_mark_up_to_a_gap_after_it_was_set),
        cmocka_unit_test(test_rank__is_computed_anew_in_another_queue),
        cmocka_unit_test(test_standing__counts_those_ahead),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
