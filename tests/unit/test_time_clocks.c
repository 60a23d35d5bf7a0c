/* Clocks that are set, and machines that sleep: promises follow the wall, leases the boot clock,
 * and nothing happens twice. */
#include "times.h"

static const char policy[] = "{'promises':{'ack':{'target':'2h'},'resolve':{'target':'100h'}},"
                             "'lease':{'for':'30m'},"
                             "'ladder':[{'on':'ack','at':'100%','raise':1},"
                             "{'on':'ack','at':'100%','notify':['lead'],'raise':1,'repeat':'1h',"
                             "'times':2}]}";

/* 09:00 enqueued, 10:30 claimed: the lease is until 11:00, half of the ack's time was used at
 * 10:00. */
static struct desk *half_past_ten(usher_id *id)
{
    struct desk *d = begin(policy, "2026-06-01 09:00 +00:00");

    *id = enqueue(d, 0);
    to(d, "2026-06-01 10:30 +00:00");
    claim(d, *id);
    ASSERT_TOLD(d, 0, {.at = "2026-06-01 09:00 +00:00", .kind = USHER_EV_ENQUEUED},
                {.at = "2026-06-01 10:00 +00:00", .kind = USHER_EV_WARNED, .promise = ACK, .n = 50},
                {.at = "2026-06-01 10:30 +00:00", .kind = USHER_EV_CLAIMED});
    return d;
}

static void test_clock__back_an_hour(void **unused)
{
    (void)unused;

    usher_id id;
    struct desk *d = half_past_ten(&id);

    set_clock(d, -HOUR);
    assert_instant(usher_now(d->u), "2026-06-01 10:30 +00:00"); /* it holds still */
    assert_instant(due(d, id, ACK), "2026-06-01 11:00 +00:00");
    assert_int_equal(d->told_n, 3); /* 10:00 comes again, and is not told again */
    to(d, "2026-06-01 09:59:59 +00:00");
    assert_int_equal(peek(d, id).state, USHER_CLAIMED);
    to(d, "2026-06-01 10:00:01 +00:00"); /* the lease's half hour is over, whatever the wall says */
    assert_int_equal(last(d, USHER_EV_LEASE_EXPIRED)->e.at, usher_now(d->u));
    assert_instant(usher_now(d->u), "2026-06-01 10:30 +00:00");
    assert_int_equal(count_of(d, USHER_EV_WARNED, ACK), 1);
    to(d, "2026-06-01 14:00 +00:00");
    assert_int_equal(count_of(d, USHER_EV_LEASE_EXPIRED, 0), 1);
    assert_int_equal(count_of(d, USHER_EV_WARNED, ACK), 2); /* 80 % */
    assert_int_equal(count_of(d, USHER_EV_BROKEN, ACK), 1);
    assert_instant(last(d, USHER_EV_BROKEN)->e.at, "2026-06-01 11:00:00.001 +00:00");
    assert_int_equal(last(d, USHER_EV_BROKEN)->e.seen_at, 0);
    assert_int_equal(count_of(d, USHER_EV_STEPPED, ACK), 4);
    assert_instant(last(d, USHER_EV_STEPPED)->e.at, "2026-06-01 13:00 +00:00");
    assert_int_equal(peek(d, id).level, 4);
    end(d);
}

static void test_clock__forward_a_week(void **unused)
{
    (void)unused;

    usher_id id;
    struct desk *d = half_past_ten(&id);

    set_clock(d, 7 * DAY);
    assert_int_equal(peek(d, id).state, USHER_CLAIMED); /* of the lease no ms is gone */
    assert_instant(peek(d, id).until_at, "2026-06-08 11:00 +00:00");
    /* Broken, each by itself at its own instant; one event for the rest, which is late. */
    ASSERT_TOLD(d, 3,
                {.at = "2026-06-01 11:00:00.001 +00:00", .kind = USHER_EV_BROKEN, .promise = ACK},
                {.at = "2026-06-05 13:00:00.001 +00:00", .kind = USHER_EV_BROKEN,
                 .promise = RESOLVE},
                {.at = "2026-06-04 17:00 +00:00", .kind = USHER_EV_WARNED, .promise = RESOLVE,
                 .n = 80, .notify = "lead ", .level = 4});
    assert_string_equal(last(d, USHER_EV_WARNED)->text,
                        "warn[1] of ack, warn[0] of resolve, ladder[0], ladder[1]");
    for (uint32_t i = 3; i < d->told_n; i++)
        assert_instant(d->told[i].e.seen_at, "2026-06-08 10:30 +00:00");
    to(d, "2026-06-08 10:59:59 +00:00");
    assert_int_equal(peek(d, id).state, USHER_CLAIMED);
    to(d, "2026-06-08 11:00 +00:00");
    assert_int_equal(peek(d, id).state, USHER_WAITING);
    to(d, "2026-06-30 11:00 +00:00");
    assert_int_equal(d->told_n, 7); /* the lease's end, and nothing once more */
    end(d);
}

/* Forward and back again: what has been told stays told, and does not come a second time. */
static void test_clock__forward_and_back(void **unused)
{
    (void)unused;

    usher_id id;
    struct desk *d = half_past_ten(&id);
    uint32_t told;

    set_clock(d, 7 * DAY);
    told = d->told_n;
    set_clock(d, -7 * DAY);
    assert_int_equal(promise(d, id, ACK).state, USHER_BROKEN);
    to(d, "2026-06-01 11:00 +00:00");
    assert_int_equal(last(d, USHER_EV_LEASE_EXPIRED)->e.ticket, id);
    to(d, "2026-06-20 11:00 +00:00");
    assert_int_equal(d->told_n, told + 1);
    end(d);
}

static void test_machine__sleeps_and_leases_run_on(void **unused)
{
    (void)unused;

    usher_id id;
    struct desk *d = half_past_ten(&id);

    sleep_until(d, "2026-06-01 18:00 +00:00");
    /* The boot clock has counted the sleep: the lease ended at its instant, before anything
     * broke. */
    ASSERT_TOLD(d, 3,
                {.at = "2026-06-01 11:00 +00:00", .kind = USHER_EV_LEASE_EXPIRED},
                {.at = "2026-06-01 11:00:00.001 +00:00", .kind = USHER_EV_BROKEN, .promise = ACK},
                {.at = "2026-06-01 13:00 +00:00", .kind = USHER_EV_STEPPED, .promise = ACK, .n = 2,
                 .rule = "ladder[1]", .notify = "lead ", .level = 4});
    assert_string_equal(last(d, USHER_EV_STEPPED)->text, "warn[1] of ack, ladder[0]");
    for (uint32_t i = 3; i < d->told_n; i++)
        assert_instant(d->told[i].e.seen_at, "2026-06-01 18:00 +00:00");
    assert_int_equal(peek(d, id).state, USHER_WAITING);
    assert_int_equal(peek(d, id).attempts, 1);
    end(d);
}

/* A minute is not late: each is told by itself. */
static void test_machine__sleeps_for_a_minute(void **unused)
{
    (void)unused;

    struct desk *d = begin(policy, "2026-06-01 09:00 +00:00");
    uint32_t told;

    enqueue(d, 0);
    to(d, "2026-06-01 10:59:30 +00:00");
    told = d->told_n;
    sleep_until(d, "2026-06-01 11:00:30 +00:00");
    ASSERT_TOLD(d, told,
                {.at = "2026-06-01 11:00:00.001 +00:00", .kind = USHER_EV_BROKEN, .promise = ACK},
                {.at = "2026-06-01 11:00:00.001 +00:00", .kind = USHER_EV_STEPPED,
                 .rule = "ladder[0]", .level = 1},
                {.at = "2026-06-01 11:00:00.001 +00:00", .kind = USHER_EV_STEPPED,
                 .rule = "ladder[1]", .notify = "lead ", .level = 2});
    assert_instant(last(d, USHER_EV_STEPPED)->e.seen_at, "2026-06-01 11:00:30 +00:00");
    assert_string_equal(last(d, USHER_EV_STEPPED)->text, "");
    end(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock__back_an_hour),
        cmocka_unit_test(test_clock__forward_a_week),
        cmocka_unit_test(test_clock__forward_and_back),
        cmocka_unit_test(test_machine__sleeps_and_leases_run_on),
        cmocka_unit_test(test_machine__sleeps_for_a_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
