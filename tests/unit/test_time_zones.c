/* Promises where clocks do what people forget: change at night, by half an hour, in winter, by
 * two hours, by a whole day; and beyond what the tables of a zone's file hold. */
#include "times.h"

/* A policy with one promise on one calendar. */
#define POLICY(zone, week, target) \
    "{'calendars':{'c':{'zone':'" zone "','week':{" week "}}}," \
    "'promises':{'resolve':{'calendar':'c','target':'" target "'}}}"
#define NIGHTS "'mon-sun':[['22:00','06:00']]"
#define DAYS   "'mon-sun':[['09:00','17:00']]"

/* Enqueued then, it is due then, and is broken a millisecond after it opens again (or, where the
 * target ends within a window, after the due). */
static void expect(const char *policy, const char *start, const char *due_at, const char *broken_at)
{
    struct desk *d = begin(policy, start);
    usher_id id = enqueue(d, 0);
    const struct told *broken;

    assert_instant(due(d, id, RESOLVE), due_at);
    assert_int_equal(read_why(d, id, RESOLVE, when(start), when(due_at)),
                     promise(d, id, RESOLVE).target_ms);
    to_at(d, when(broken_at));
    assert_int_equal(count_of(d, USHER_EV_BROKEN, 0), 0);
    assert_int_equal(promise(d, id, RESOLVE).left_ms, 0);
    to_at(d, when(broken_at) + 1);
    broken = last(d, USHER_EV_BROKEN);
    assert_int_equal(broken->e.at, when(broken_at) + 1);
    assert_instant(broken->e.due_at, due_at);
    assert_int_equal(broken->e.seen_at, 0);
    end(d);
}

static void test_nights__that_lose_an_hour(void **unused)
{
    (void)unused;

    expect(POLICY("Europe/Berlin", NIGHTS, "7h"), "2026-03-28 20:00 +01:00",
           "2026-03-29 06:00 +02:00", "2026-03-29 22:00 +02:00");
    expect(POLICY("Europe/Berlin", NIGHTS, "6h59m"), "2026-03-28 20:00 +01:00",
           "2026-03-29 05:59 +02:00", "2026-03-29 05:59 +02:00");
}

static void test_nights__that_win_an_hour(void **unused)
{
    (void)unused;

    expect(POLICY("Europe/Berlin", NIGHTS, "9h"), "2026-10-24 20:00 +02:00",
           "2026-10-25 06:00 +01:00", "2026-10-25 22:00 +01:00");
    expect(POLICY("Europe/Berlin", NIGHTS, "8h30m"), "2026-10-24 20:00 +02:00",
           "2026-10-25 05:30 +01:00", "2026-10-25 05:30 +01:00");
}

static void test_nights__warnings_go_by_what_is_used(void **unused)
{
    (void)unused;

    struct desk *d = begin(POLICY("Europe/Berlin", NIGHTS, "7h"), "2026-03-28 20:00 +01:00");

    enqueue(d, 0);
    to(d, "2026-03-30 12:00 +02:00");
    ASSERT_TOLD(d, 0, {.at = "2026-03-28 20:00 +01:00", .kind = USHER_EV_ENQUEUED},
                {.at = "2026-03-29 01:30 +01:00", .kind = USHER_EV_WARNED, .n = 50},
                {.at = "2026-03-29 04:36 +02:00", .kind = USHER_EV_WARNED, .n = 80},
                {.at = "2026-03-29 22:00:00.001 +02:00", .kind = USHER_EV_BROKEN});
    end(d);
}

static void test_nights__belong_to_the_day_they_begin_on(void **unused)
{
    (void)unused;

    /* Friday's goes on into Saturday; Sunday's would be Monday's morning, and there is none. A
     * holiday closes its own night, not the one that runs into it. */
    expect(POLICY("Europe/Berlin", "'mon-fri':[['22:00','06:00']]", "9h"),
           "2026-06-05 22:00 +02:00", "2026-06-08 23:00 +02:00", "2026-06-08 23:00 +02:00");
    expect("{'calendars':{'c':{'zone':'Europe/Berlin','week':{" NIGHTS "},"
           "'holidays':['*-12-25']}},'promises':{'resolve':{'calendar':'c','target':'9h'}}}",
           "2026-12-24 22:00 +01:00", "2026-12-26 23:00 +01:00", "2026-12-26 23:00 +01:00");
}

static void test_lord_howe__changes_by_half_an_hour(void **unused)
{
    (void)unused;

    expect(POLICY("Australia/Lord_Howe", NIGHTS, "7h30m"), "2026-10-03 22:00 +10:30",
           "2026-10-04 06:00 +11:00", "2026-10-04 22:00 +11:00");
    expect(POLICY("Australia/Lord_Howe", NIGHTS, "8h30m"), "2026-04-04 22:00 +11:00",
           "2026-04-05 06:00 +10:30", "2026-04-05 22:00 +10:30");
    /* 02:10 is not there in October: forward by the half hour. 01:45 is there twice in April:
     * the earlier. */
    expect(POLICY("Australia/Lord_Howe", "'sun':[['02:10','04:00']]", "1h"),
           "2026-10-04 00:00 +10:30", "2026-10-04 03:40 +11:00", "2026-10-04 03:40 +11:00");
    expect(POLICY("Australia/Lord_Howe", "'sun':[['01:45','03:00']]", "1h"),
           "2026-04-05 00:00 +11:00", "2026-04-05 02:15 +10:30", "2026-04-05 02:15 +10:30");
}

/* +01:00 is the standard time here, and an hour less in Ramadan: what the file calls DST is
 * winter's. */
static void test_casablanca__goes_back_for_ramadan(void **unused)
{
    (void)unused;

    expect(POLICY("Africa/Casablanca", NIGHTS, "9h"), "2026-02-14 22:00 +01:00",
           "2026-02-15 06:00 +00:00", "2026-02-15 22:00 +00:00");
    expect(POLICY("Africa/Casablanca", NIGHTS, "7h"), "2026-03-21 22:00 +00:00",
           "2026-03-22 06:00 +01:00", "2026-03-22 22:00 +01:00");
    expect(POLICY("Africa/Casablanca", DAYS, "10h"), "2026-02-14 16:00 +01:00",
           "2026-02-16 10:00 +00:00", "2026-02-16 10:00 +00:00");
}

/* 30 December 2011 was not: Thursday 29, then Saturday 31. */
static void test_apia__has_no_windows_on_a_day_that_was_not(void **unused)
{
    (void)unused;

    expect(POLICY("Pacific/Apia", DAYS, "9h"), "2011-12-29 09:00 -10:00",
           "2011-12-31 10:00 +14:00", "2011-12-31 10:00 +14:00");
    expect(POLICY("Pacific/Apia", DAYS, "16h"), "2011-12-29 09:00 -10:00",
           "2011-12-31 17:00 +14:00", "2012-01-01 09:00 +14:00");
    /* Friday's hours are not Saturday's either. */
    expect(POLICY("Pacific/Apia", "'thu':[['09:00','17:00']],'fri':[['06:00','08:00']],"
                                  "'sat':[['09:00','17:00']]", "15h"),
           "2011-12-29 09:00 -10:00", "2011-12-31 16:00 +14:00", "2011-12-31 16:00 +14:00");
    expect(POLICY("Pacific/Apia", DAYS, "2wd"), "2011-12-28 10:00 -10:00",
           "2011-12-31 10:00 +14:00", "2011-12-31 10:00 +14:00");
    /* The night of the 29th ends when 06:00 would have been on the day that was not: a day
     * later. */
    expect(POLICY("Pacific/Apia", NIGHTS, "8h"), "2011-12-29 22:00 -10:00",
           "2011-12-31 06:00 +14:00", "2011-12-31 22:00 +14:00");
}

static void test_troll__changes_by_two_hours(void **unused)
{
    (void)unused;

    expect(POLICY("Antarctica/Troll", NIGHTS, "6h"), "2026-03-28 22:00 +00:00",
           "2026-03-29 06:00 +02:00", "2026-03-29 22:00 +02:00");
    expect(POLICY("Antarctica/Troll", NIGHTS, "10h"), "2026-10-24 22:00 +02:00",
           "2026-10-25 06:00 +00:00", "2026-10-25 22:00 +00:00");
}

static void test_far__2038_and_beyond(void **unused)
{
    (void)unused;

    /* Across the last second that 32 bits hold, and across changes that no table lists. */
    expect(POLICY("UTC", "'mon-sun':[['00:00','24:00']]", "1h"), "2038-01-19 03:00 +00:00",
           "2038-01-19 04:00 +00:00", "2038-01-19 04:00 +00:00");
    expect(POLICY("Europe/Berlin", NIGHTS, "7h"), "2038-03-27 22:00 +01:00",
           "2038-03-28 06:00 +02:00", "2038-03-28 22:00 +02:00");
    expect(POLICY("Europe/Berlin", NIGHTS, "9h"), "2100-10-30 22:00 +02:00",
           "2100-10-31 06:00 +01:00", "2100-10-31 22:00 +01:00");
    expect(POLICY("Australia/Lord_Howe", NIGHTS, "8h30m"), "2100-04-03 22:00 +11:00",
           "2100-04-04 06:00 +10:30", "2100-04-04 22:00 +10:30");
}

static void test_far__2100_is_no_leap_year(void **unused)
{
    (void)unused;

    expect(POLICY("UTC", DAYS, "2h"), "2100-02-28 16:00 +00:00", "2100-03-01 10:00 +00:00",
           "2100-03-01 10:00 +00:00");
    expect(POLICY("UTC", DAYS, "1wd"), "2096-02-28 10:00 +00:00", "2096-02-29 10:00 +00:00",
           "2096-02-29 10:00 +00:00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nights__that_lose_an_hour),
        cmocka_unit_test(test_nights__that_win_an_hour),
        cmocka_unit_test(test_nights__warnings_go_by_what_is_used),
        cmocka_unit_test(test_nights__belong_to_the_day_they_begin_on),
        cmocka_unit_test(test_lord_howe__changes_by_half_an_hour),
        cmocka_unit_test(test_casablanca__goes_back_for_ramadan),
        cmocka_unit_test(test_apia__has_no_windows_on_a_day_that_was_not),
        cmocka_unit_test(test_troll__changes_by_two_hours),
        cmocka_unit_test(test_far__2038_and_beyond),
        cmocka_unit_test(test_far__2100_is_no_leap_year),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
