/* A service that was off for a weekend, with a ladder due in it. */
#include "times.h"

static const char policy[] =
    "{'promises':{'ack':{'target':'4h'},'resolve':{'target':'24h'}},"
    "'ladder':[{'on':'ack','at':'100%','notify':['lead'],'raise':1},"
    "{'on':'resolve','at':'-1h','notify':['agent']},"
    "{'on':'resolve','at':'100%','notify':['lead','manager'],'raise':1,'repeat':'2h','times':3},"
    "{'on':'resolve','at':'+24h','move':'tier2','priority':'high'}]}";

static void test_weekend__is_told_as_broken_each_and_one_event_for_the_rest(void **unused)
{
    (void)unused;

    struct desk *d = begin_in("sqlite:", policy, "2026-06-05 16:00 +00:00"); /* a Friday */
    usher_queue_t *tier2;
    const struct told *rest;
    usher_id id;

    assert_int_equal(usher_queue(d->u, &tier2, "tier2"), USHER_OK);
    id = enqueue(d, 0);
    to(d, "2026-06-05 17:00 +00:00");
    assert_int_equal(d->told_n, 1);
    close_desk(d);
    sleep_until(d, "2026-06-08 08:00 +00:00");
    d->told_n = 0;
    open_desk(d);
    run(d);
    ASSERT_TOLD(d, 0,
                {.at = "2026-06-05 20:00:00.001 +00:00", .kind = USHER_EV_BROKEN, .promise = ACK},
                {.at = "2026-06-06 16:00:00.001 +00:00", .kind = USHER_EV_BROKEN,
                 .promise = RESOLVE},
                {.at = "2026-06-07 16:00 +00:00", .kind = USHER_EV_STEPPED, .promise = RESOLVE,
                 .rule = "ladder[3]", .level = 5});
    for (uint32_t i = 0; i < d->told_n; i++)
        assert_instant(d->told[i].e.seen_at, "2026-06-08 08:00 +00:00");
    rest = last(d, USHER_EV_STEPPED);
    assert_string_equal(rest->notify, "lead agent manager ");
    assert_string_equal(rest->text,
                        "warn[0] of ack, warn[1] of ack, warn[0] of resolve, warn[1] of resolve, "
                        "ladder[0], ladder[1], ladder[2]");
    assert_string_equal(rest->to, "tier2");
    assert_string_equal(rest->queue, "tier2");
    assert_int_equal(rest->e.priority, USHER_HIGH);
    /* Once for each time that a step was due: the ack's, and four of the resolve's. */
    assert_int_equal(peek(d, id).level, 5);
    assert_int_equal(peek(d, id).priority, USHER_HIGH);

    close_desk(d);
    open_desk(d);
    to(d, "2026-07-08 08:00 +00:00");
    assert_int_equal(d->told_n, 3); /* a ladder has an end */
    assert_int_equal(peek(d, id).level, 5);
    end(d);
}

/* What was told before it closed is not told again, and the ladder goes on where it stood. */
static void test_weekend__in_the_middle_of_a_repeat(void **unused)
{
    (void)unused;

    struct desk *d = begin_in("sqlite:", policy, "2026-06-05 16:00 +00:00");
    usher_id id = enqueue(d, 0);

    to(d, "2026-06-06 19:00 +00:00");
    assert_int_equal(peek(d, id).level, 3);
    d->told_n = 0;
    close_desk(d);
    sleep_until(d, "2026-06-06 20:30 +00:00");
    open_desk(d);
    run(d);
    ASSERT_TOLD(d, 0, {.at = "2026-06-06 20:00 +00:00", .kind = USHER_EV_STEPPED, .n = 2,
                       .rule = "ladder[2]", .notify = "lead manager ", .level = 4});
    assert_instant(d->told[0].e.seen_at, "2026-06-06 20:30 +00:00");
    to(d, "2026-06-07 17:00 +00:00"); /* on time again. There is no tier2: it stays */
    ASSERT_TOLD(d, 1,
                {.at = "2026-06-06 22:00 +00:00", .kind = USHER_EV_STEPPED, .n = 3, .level = 5},
                {.at = "2026-06-07 16:00 +00:00", .kind = USHER_EV_NO_QUEUE, .rule = "ladder[3]"},
                {.at = "2026-06-07 16:00 +00:00", .kind = USHER_EV_STEPPED, .rule = "ladder[3]"});
    assert_string_equal(last(d, USHER_EV_NO_QUEUE)->to, "tier2");
    assert_string_equal(last(d, USHER_EV_STEPPED)->queue, "desk");
    end(d);
}

/* The calendar's zone goes into the file: the weekend is counted by it, also after a reopen. */
static void test_weekend__closed_hours_are_closed_while_we_are_off(void **unused)
{
    (void)unused;

    struct desk *d =
        begin_in("sqlite:",
                 "{'calendars':{'office':{'zone':'Europe/Berlin',"
                 "'week':{'mon-fri':[['09:00','17:00']]}}},"
                 "'promises':{'resolve':{'calendar':'office','target':'4h'}}}",
                 "2026-03-27 15:00 +01:00"); /* the Friday before the clocks change */
    usher_id id = enqueue(d, 0);

    to(d, "2026-03-27 15:30 +01:00");
    close_desk(d);
    sleep_until(d, "2026-03-30 10:00 +02:00");
    d->told_n = 0;
    open_desk(d);
    run(d);
    assert_instant(due(d, id, RESOLVE), "2026-03-30 11:00 +02:00");
    assert_int_equal(promise(d, id, RESOLVE).left_ms, HOUR);
    ASSERT_TOLD(d, 0, {.at = "2026-03-27 17:00 +01:00", .kind = USHER_EV_WARNED, .n = 50});
    assert_int_equal(read_why(d, id, RESOLVE, when("2026-03-27 15:00 +01:00"),
                              when("2026-03-30 11:00 +02:00")),
                     4 * HOUR);
    to(d, "2026-03-30 11:00:00.001 +02:00");
    assert_int_equal(promise(d, id, RESOLVE).state, USHER_BROKEN);
    end(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weekend__is_told_as_broken_each_and_one_event_for_the_rest),
        cmocka_unit_test(test_weekend__in_the_middle_of_a_repeat),
        cmocka_unit_test(test_weekend__closed_hours_are_closed_while_we_are_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
