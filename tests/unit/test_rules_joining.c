/* Joining a ticket instead of doubling it, and batches. */
#include "rules.h"

/* ---- joining --------------------------------------------------------------------------------- */

static void test_join__adds_a_person(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_id t = joined(s);

    assert_int_equal(peek(s, t).persons, 2);
    assert_string_equal(peek(s, t).requester, "ada");
    assert_string_equal(who_of(s, last(s, USHER_EV_JOINED)), "bea");
    assert_string_equal(text_of(s, last(s, USHER_EV_JOINED)), "mine too");
    end(s);
}

static void test_join__the_same_person_is_one(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_id t = joined(s);

    assert_int_equal(join(s, "ada"), USHER_OK);
    assert_int_equal(s->done.outcome, USHER_WAS_JOINED);
    assert_int_equal(peek(s, t).persons, 2);
    assert_int_equal(count(s, USHER_EV_JOINED), 2);
    end(s);
}

static void test_join__is_for_one_queue_and_key(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_id t = joined(s);
    usher_request r = { .requester = "ada", .dedup_key = "Printer" };

    assert_int_equal(enqueue(s, s->q, r), USHER_OK);
    assert_int_not_equal(s->done.ticket, t);
    r.dedup_key = "printer";
    enqueue(s, queue(s, "other"), r);
    assert_int_not_equal(s->done.ticket, t);
    ticket(s, "ada", 0);
    assert_int_not_equal(s->done.ticket, t);
    end(s);
}

static void test_join__lifts_to_a_higher_priority(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_request r = { .requester = "bea", .dedup_key = "printer", .priority = USHER_HIGH };
    uint32_t from;

    join(s, "ada");
    from = s->seen_n;
    enqueue(s, s->q, r);
    EXPECT_EVENTS(s, from, USHER_EV_JOINED, USHER_EV_REPRIORITISED);
    assert_string_equal(who_of(s, &s->seen[from + 1]), "bea");
    assert_int_equal(s->done.priority, USHER_HIGH);
    r.priority = USHER_LOW;
    from = s->seen_n;
    enqueue(s, s->q, r);
    EXPECT_EVENTS(s, from, USHER_EV_JOINED);
    assert_int_equal(s->done.priority, USHER_HIGH);
    end(s);
}

static void test_join__takes_the_earlier_start(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':'1h'}}}");
    usher_request r = { .requester = "ada", .dedup_key = "k", .start_at = T0 + DAY };

    enqueue(s, s->q, r);
    r.start_at = T0 + 2 * DAY;
    enqueue(s, s->q, r);
    assert_int_equal(peek(s, 1).start_at, T0 + DAY);
    r.start_at = T0 + HOUR;
    enqueue(s, s->q, r);
    assert_int_equal(peek(s, 1).until_at, T0 + HOUR);
    at(s, HOUR);
    assert_int_equal(state(s, 1), USHER_WAITING);
    assert_int_equal(promise(s, 1, USHER_PROMISE_ACK).start_at, T0 + HOUR);
    end(s);
}

static void test_join__with_a_start_that_has_come_starts_it(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_request r = { .requester = "ada", .dedup_key = "k", .start_at = T0 + DAY };
    uint32_t from;

    enqueue(s, s->q, r);
    from = s->seen_n;
    r.start_at = 0;
    enqueue(s, s->q, r);
    EXPECT_EVENTS(s, from, USHER_EV_JOINED, USHER_EV_STARTED);
    assert_int_equal(s->seen[from + 1].at, T0);
    assert_string_equal(who_of(s, &s->seen[from + 1]), "ada"); /* by him, not by a timer */
    assert_int_equal(s->done.state, USHER_WAITING);
    assert_int_equal(state(s, 1), USHER_WAITING);
    assert_int_equal(peek(s, 1).rank_at, T0);
    end(s);
}

static void test_join__does_not_end_a_backoff(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c;

    join(s, "ada");
    c = claim(s, s->ann);
    by_agent(s, c, USHER_FAIL);
    join(s, "bea");
    assert_int_equal(state(s, c.ticket), USHER_SCHEDULED);
    end(s);
}

static void test_join__unites_the_needs(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    const char *welding = "welding";
    usher_request r = { .requester = "ada", .dedup_key = "k" };

    enqueue(s, s->q, r);
    r.needs = &welding;
    r.needs_n = 1;
    enqueue(s, s->q, r);
    enqueue(s, s->q, r);
    assert_int_equal(claim(s, s->ann).ticket, 0);
    assert_int_equal(claim(s, agent(s, "will", "welding")).ticket, 1);
    end(s);
}

static void test_join__a_need_named_twice_is_one(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    char names[USHER_NEEDS_MAX - 1][4];
    const char *needs[USHER_NEEDS_MAX], *twice[] = { "last", "last" };
    usher_request r = { .requester = "ada", .dedup_key = "k", .needs = needs,
                        .needs_n = USHER_NEEDS_MAX - 1 };

    for (int i = 0; i < USHER_NEEDS_MAX - 1; i++) {
        snprintf(names[i], sizeof names[i], "n%d", i);
        needs[i] = names[i];
    }
    assert_int_equal(enqueue(s, s->q, r), USHER_OK);
    r.needs = twice;
    r.needs_n = 2;
    assert_int_equal(enqueue(s, s->q, r), USHER_OK); /* there was room for one */
    assert_int_equal(s->done.outcome, USHER_WAS_JOINED);
    needs[USHER_NEEDS_MAX - 1] = "last";
    assert_int_equal(usher_agent(s->u, &s->bob, "bob", needs, USHER_NEEDS_MAX), USHER_OK);
    run(s);
    assert_int_equal(claim(s, s->ann).ticket, 0);
    assert_int_equal(claim(s, s->bob).ticket, 1);
    end(s);
}

static void test_join__with_too_many_needs_changes_nothing(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    char names[USHER_NEEDS_MAX + 1][4];
    const char *needs[USHER_NEEDS_MAX + 1];
    usher_request r = { .requester = "ada", .dedup_key = "k", .needs = needs,
                        .needs_n = USHER_NEEDS_MAX };

    for (int i = 0; i <= USHER_NEEDS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "n%d", i);
        needs[i] = names[i];
    }
    assert_int_equal(enqueue(s, s->q, r), USHER_OK);
    assert_int_equal(enqueue(s, s->q, r), USHER_OK); /* the same ones are not more */
    r.requester = "bea";
    r.needs = needs + USHER_NEEDS_MAX;
    r.needs_n = 1;
    r.priority = USHER_HIGH;
    assert_int_equal(enqueue(s, s->q, r), USHER_ELIMIT);
    assert_int_equal(peek(s, 1).persons, 1);
    assert_int_equal(peek(s, 1).priority, USHER_NORMAL);
    assert_int_equal(peek(s, 1).ticket_seq, 3); /* that nobody has these skills was told, too */
    end(s);
}

static void test_join__by_as_many_as_the_limit_says(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    char who[8];

    for (int i = 0; i < USHER_PERSONS_MAX; i++) {
        snprintf(who, sizeof who, "p%d", i);
        assert_int_equal(join(s, who), USHER_OK);
    }
    assert_int_equal(join(s, "one more"), USHER_ELIMIT);
    assert_int_equal(join(s, "p0"), USHER_OK);
    assert_int_equal(peek(s, 1).persons, USHER_PERSONS_MAX);
    end(s);
}

static void test_join__finds_a_reopened_ticket_again(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_id t = joined(s);

    resolved(s, t);
    by_person(s, t, USHER_REOPEN, "ada");
    join(s, "cleo");
    assert_int_equal(s->done.ticket, t);
    end(s);
}

static void test_join__does_not_find_it_when_another_took_its_place(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_id t = joined(s), other;

    resolved(s, t);
    join(s, "cleo");
    other = s->done.ticket;
    assert_int_not_equal(other, t);
    by_person(s, t, USHER_REOPEN, "ada");
    join(s, "dora");
    assert_int_equal(s->done.ticket, other);
    end(s);
}

static void test_join__finds_a_moved_ticket_in_its_queue(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_id t = joined(s);
    usher_request r = { .requester = "cleo", .dedup_key = "printer" };

    move(s, t, queue(s, "other"));
    join(s, "cleo");
    assert_int_not_equal(s->done.ticket, t);
    enqueue(s, queue(s, "other"), r);
    assert_int_equal(s->done.ticket, t);
    end(s);
}

static void test_join__does_not_find_one_that_moved_to_another_with_its_key(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_id t = joined(s);
    usher_request r = { .requester = "cleo", .dedup_key = "printer" };

    enqueue(s, queue(s, "other"), r);
    move(s, t, queue(s, "other"));
    r.requester = "dora";
    enqueue(s, queue(s, "other"), r);
    assert_int_not_equal(s->done.ticket, t);
    end(s);
}

static void test_join__is_possible_while_the_queue_is_held_or_full(void **unused)
{
    (void)unused;

    struct service *s = begin("{'limits':{'open':1}}");

    join(s, "ada");
    usher_queue_hold(s->q, USHER_HOLD_ENQUEUE, NULL, NULL);
    assert_int_equal(join(s, "bea"), USHER_OK);
    end(s);
}

/* ---- batches --------------------------------------------------------------------------------- */

static int many(struct service *s, usher_request *r, size_t n)
{
    int err;

    for (size_t i = 0; i < n; i++)
        r[i].size = sizeof *r;
    s->dones_n = 0;
    err = usher_enqueue_many(s->q, r, n, on_done, s);
    run(s);
    return err;
}

static void test_many__tells_each_in_order(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_request r[3] = { { .requester = "ada" },
                           { .requester = "bea" },
                           { .requester = "cleo" } };

    assert_int_equal(many(s, r, 3), USHER_OK);
    assert_int_equal(s->dones_n, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(s->dones[i].status, USHER_OK);
        assert_int_equal(s->dones[i].ticket, i + 1);
    }
    end(s);
}

static void test_many__of_several_requesters_keep_their_gaps(void **unused)
{
    (void)unused;

    struct service *s = begin("{'line':{'gap':'1m'}}");
    usher_request r[6] = { { .requester = "ada" }, { .requester = "bea" }, { .requester = "cleo" },
                           { .requester = "ada" }, { .requester = "bea" }, { .requester = "ada" } };

    assert_int_equal(many(s, r, 6), USHER_OK);
    assert_int_equal(peek(s, 1).rank_at, T0);
    assert_int_equal(peek(s, 2).rank_at, T0);
    assert_int_equal(peek(s, 3).rank_at, T0);
    assert_int_equal(peek(s, 4).rank_at, T0 + MINUTE);
    assert_int_equal(peek(s, 5).rank_at, T0 + MINUTE);
    assert_int_equal(peek(s, 6).rank_at, T0 + 2 * MINUTE);
    end(s);
}

static void test_many__joins_within_the_batch(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_request r[2] = { { .requester = "ada", .dedup_key = "k" },
                           { .requester = "bea", .dedup_key = "k" } };

    many(s, r, 2);
    assert_int_equal(s->dones[1].ticket, s->dones[0].ticket);
    assert_int_equal(s->dones[1].outcome, USHER_WAS_JOINED);
    assert_int_equal(peek(s, 1).persons, 2);
    end(s);
}

static void test_many__all_or_none_when_it_is_full(void **unused)
{
    (void)unused;

    struct service *s = begin("{'limits':{'open':2}}");
    usher_request r[3] = { { .requester = "ada" },
                           { .requester = "bea" },
                           { .requester = "cleo" } };

    assert_int_equal(many(s, r, 3), USHER_EFULL);
    assert_int_equal(s->dones_n, 0);
    assert_int_equal(count(s, USHER_EV_ENQUEUED), 0);
    assert_int_equal(many(s, r, 2), USHER_OK);
    assert_int_equal(s->dones[0].ticket, 1);
    end(s);
}

static void test_many__held_tells_each_that_it_is_held(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_request r[2] = { { .requester = "ada" }, { .requester = "bea" } };

    usher_queue_hold(s->q, USHER_HOLD_ENQUEUE, NULL, NULL);
    assert_int_equal(many(s, r, 2), USHER_OK);
    assert_int_equal(s->dones_n, 2);
    assert_int_equal(s->dones[0].status, USHER_ESTATE);
    assert_int_equal(s->dones[1].status, USHER_ESTATE);
    end(s);
}

static void test_many__a_repeat_within_the_batch_is_one(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_request r[2] = { { .requester = "ada", .op = { 0, 5 } },
                           { .requester = "ada", .op = { 0, 5 } } };

    many(s, r, 2);
    assert_int_equal(s->dones[0].status, USHER_OK);
    assert_int_equal(s->dones[1].ticket, s->dones[0].ticket);
    assert_int_equal(s->dones[1].outcome, USHER_WAS_REPEATED);
    assert_int_equal(count(s, USHER_EV_ENQUEUED), 1);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join__adds_a_person),
        cmocka_unit_test(test_join__the_same_person_is_one),
        cmocka_unit_test(test_join__is_for_one_queue_and_key),
        cmocka_unit_test(test_join__lifts_to_a_higher_priority),
        cmocka_unit_test(test_join__takes_the_earlier_start),
        cmocka_unit_test(test_join__with_a_start_that_has_come_starts_it),
        cmocka_unit_test(test_join__does_not_end_a_backoff),
        cmocka_unit_test(test_join__unites_the_needs),
        cmocka_unit_test(test_join__a_need_named_twice_is_one),
        cmocka_unit_test(test_join__with_too_many_needs_changes_nothing),
        cmocka_unit_test(test_join__by_as_many_as_the_limit_says),
        cmocka_unit_test(test_join__finds_a_reopened_ticket_again),
        cmocka_unit_test(test_join__does_not_find_it_when_another_took_its_place),
        cmocka_unit_test(test_join__finds_a_moved_ticket_in_its_queue),
        cmocka_unit_test(test_join__does_not_find_one_that_moved_to_another_with_its_key),
        cmocka_unit_test(test_join__is_possible_while_the_queue_is_held_or_full),
        cmocka_unit_test(test_many__tells_each_in_order),
        cmocka_unit_test(test_many__of_several_requesters_keep_their_gaps),
        cmocka_unit_test(test_many__joins_within_the_batch),
        cmocka_unit_test(test_many__all_or_none_when_it_is_full),
        cmocka_unit_test(test_many__held_tells_each_that_it_is_held),
        cmocka_unit_test(test_many__a_repeat_within_the_batch_is_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
