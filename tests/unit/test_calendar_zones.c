/* Calendars on the walls of places where the clock is changed. Where a machine has no zone files, the
 * tests say so and are left out. */
#include "calendars.h"
#include "core/calendar_table.h"

static const char always[] = "mon-sun 00:00-24:00";

/* The windows of one stretch are those, in order; pairs of instants. */
static void opens_at(const char *zone, const char *text, const char *from, const char *to,
                     const char *const *expected, size_t n)
{
    struct calendar *c = calendar_in(zone, text);
    int64_t t = at(from), end = at(to), next, sum = 0;
    size_t i = 0;

    while (t < end) {
        if (usher__calendar_span(c, t, end, &next) == USHER_SPAN_OPEN) {
            assert_true(i + 1 < n);
            assert_at(t, expected[i]);
            assert_at(next, expected[i + 1]);
            assert_int_equal(usher__calendar_between(c, t, next), next - t);
            sum += next - t;
            i += 2;
        }
        assert_true(next > t);
        t = next;
    }
    assert_int_equal(i, n);
    assert_int_equal(usher__calendar_between(c, at(from), end), sum);
    usher__calendar_free(c);
}

#define OPENS(zone, text, from, to, ...)                                                           \
    do {                                                                                           \
        const char *const pairs[] = {__VA_ARGS__};                                                 \
        opens_at(zone, text, from, to, pairs, sizeof pairs / sizeof pairs[0]);                     \
    } while (0)

/* Nothing at all. */
static void shut(const char *zone, const char *text, const char *from, const char *to)
{
    opens_at(zone, text, from, to, NULL, 0);
}

/* ---- Berlin: an hour is skipped on 2026-03-29, 02:00 to 03:00, and one comes twice on 2026-10-25 - */

static void test_calendar_zones__office_hours_follow_the_wall(void **unused)
{
    (void)unused;
    OPENS("Europe/Berlin", "mon-sun 09:00-17:00", "2026-03-28 00:00", "2026-03-30 00:00",
          "2026-03-28 09:00 +01:00", "2026-03-28 17:00 +01:00", "2026-03-29 09:00 +02:00",
          "2026-03-29 17:00 +02:00");
    OPENS("America/New_York", "fri 09:00-17:00", "2026-11-20 00:00", "2026-11-21 00:00",
          "2026-11-20 14:00", "2026-11-20 22:00");
    OPENS("Asia/Kolkata", "fri 09:00-17:00", "2026-11-20 00:00", "2026-11-21 00:00",
          "2026-11-20 03:30", "2026-11-20 11:30");
}

static void test_calendar_zones__a_night_is_shorter_or_longer(void **unused)
{
    (void)unused;
    OPENS("Europe/Berlin", "sat 22:00-06:00", "2026-03-28 00:00", "2026-03-30 00:00",
          "2026-03-28 21:00", "2026-03-29 04:00");
    OPENS("Europe/Berlin", "sat 22:00-06:00", "2026-10-24 00:00", "2026-10-26 00:00",
          "2026-10-24 20:00", "2026-10-25 05:00");
}

static void test_calendar_zones__a_day_has_23_or_25_hours(void **unused)
{
    (void)unused;
    OPENS("Europe/Berlin", "sun 00:00-24:00", "2026-03-28 00:00", "2026-03-31 00:00",
          "2026-03-28 23:00", "2026-03-29 22:00");
    OPENS("Europe/Berlin", "sun 00:00-24:00", "2026-10-24 00:00", "2026-10-27 00:00",
          "2026-10-24 22:00", "2026-10-25 23:00");
}

static void test_calendar_zones__what_is_skipped_moves_forward(void **unused)
{
    (void)unused;
    /* 02:15 is 03:15 then, 02:45 is 03:45. */
    OPENS("Europe/Berlin", "sun 02:15-02:45", "2026-03-29 00:00", "2026-03-30 00:00",
          "2026-03-29 03:15 +02:00", "2026-03-29 03:45 +02:00");
    OPENS("Europe/Berlin", "sun 01:30-02:30", "2026-03-29 00:00", "2026-03-30 00:00",
          "2026-03-29 01:30 +01:00", "2026-03-29 03:30 +02:00");
    OPENS("Europe/Berlin", "sun 02:30-04:00", "2026-03-29 00:00", "2026-03-30 00:00",
          "2026-03-29 03:30 +02:00", "2026-03-29 04:00 +02:00");
    OPENS("Europe/Berlin", "sat 23:00-02:30", "2026-03-28 20:00", "2026-03-30 00:00",
          "2026-03-28 23:00 +01:00", "2026-03-29 03:30 +02:00");
}

static void test_calendar_zones__empty_and_inverted_windows_are_dropped(void **unused)
{
    (void)unused;
    shut("Europe/Berlin", "sun 02:00-03:00", "2026-03-29 00:00", "2026-03-30 00:00");
    shut("Europe/Berlin", "sun 02:30-03:00", "2026-03-29 00:00", "2026-03-30 00:00");
    shut("Europe/Berlin", "sun 02:30-03:30", "2026-03-29 00:00", "2026-03-30 00:00");
    OPENS("Europe/Berlin", "sun 02:30-03:15,03:00-03:10", "2026-03-29 00:00", "2026-03-30 00:00",
          "2026-03-29 01:00", "2026-03-29 01:10");
}

static void test_calendar_zones__a_date_without_a_window_is_no_working_day(void **unused)
{
    struct calendar *c = calendar_in("Europe/Berlin", "mon-sun 02:00-03:00");

    (void)unused;
    assert_at(usher__calendar_days(c, at("2026-03-28 02:30 +01:00"), 1), "2026-03-30 02:30 +02:00");
    assert_at(usher__calendar_days(c, at("2026-03-28 02:30 +01:00"), 2), "2026-03-31 02:30 +02:00");
    assert_at(usher__calendar_days(c, at("2026-03-30 02:30 +02:00"), -1),
              "2026-03-28 02:30 +01:00");
    usher__calendar_free(c);
}

static void test_calendar_zones__of_two_the_earlier(void **unused)
{
    (void)unused;
    OPENS("Europe/Berlin", "sun 02:00-03:00", "2026-10-25 00:00", "2026-10-26 00:00",
          "2026-10-25 02:00 +02:00", "2026-10-25 03:00 +01:00");
    OPENS("Europe/Berlin", "sun 02:15-02:45", "2026-10-24 00:00", "2026-10-26 00:00",
          "2026-10-25 02:15 +02:00", "2026-10-25 02:45 +02:00");
    OPENS("Europe/Berlin", "sun 01:00-02:30", "2026-10-24 00:00", "2026-10-26 00:00",
          "2026-10-25 01:00 +02:00", "2026-10-25 02:30 +02:00");
    OPENS("Europe/Berlin", "sun 02:30-04:00", "2026-10-25 00:00", "2026-10-26 00:00",
          "2026-10-25 02:30 +02:00", "2026-10-25 04:00 +01:00");
}

static void test_calendar_zones__targets_count_what_passes(void **unused)
{
    struct calendar *c = calendar_in("Europe/Berlin", "sat 22:00-06:00; mon-fri 09:00-17:00");

    (void)unused;
    assert_at(usher__calendar_reach(c, at("2026-03-28 12:00"), 7 * HOUR),
              "2026-03-29 06:00 +02:00");
    assert_at(usher__calendar_pass(c, at("2026-03-28 12:00"), 7 * HOUR),
              "2026-03-30 09:00:00.001 +02:00");
    assert_at(usher__calendar_reach(c, at("2026-10-24 12:00"), 9 * HOUR),
              "2026-10-25 06:00 +01:00");
    assert_at(usher__calendar_back(c, at("2026-10-25 05:00 +01:00"), 8 * HOUR),
              "2026-10-24 22:00 +02:00");
    usher__calendar_free(c);
}

static void test_calendar_zones__days_keep_the_time_on_the_wall(void **unused)
{
    struct calendar *c = calendar_in("Europe/Berlin", always);

    (void)unused;
    assert_at(usher__calendar_days(c, at("2026-03-28 12:00 +01:00"), 1), "2026-03-29 12:00 +02:00");
    assert_at(usher__calendar_days(c, at("2026-03-28 02:30 +01:00"), 1), "2026-03-29 03:30 +02:00");
    assert_at(usher__calendar_days(c, at("2026-10-24 02:30 +02:00"), 1), "2026-10-25 02:30 +02:00");
    assert_at(usher__calendar_days(c, at("2026-10-25 02:30 +01:00"), 1), "2026-10-26 02:30 +01:00");
    assert_at(usher__calendar_days(c, at("2026-10-26 12:00 +01:00"), -2),
              "2026-10-24 12:00 +02:00");
    assert_at(usher__calendar_days(c, at("2026-11-20 23:30"), 1), "2026-11-21 23:30");
    usher__calendar_free(c);
}

static void test_calendar_zones__beyond_the_file_its_rule_holds(void **unused)
{
    (void)unused;
    OPENS("Europe/Berlin", "sun 00:00-24:00", "2038-03-27 00:00", "2038-03-30 00:00",
          "2038-03-27 23:00", "2038-03-28 22:00");
    OPENS("Europe/Berlin", "sun 00:00-24:00", "2100-10-30 00:00", "2100-11-01 12:00",
          "2100-10-30 22:00", "2100-10-31 23:00");
    OPENS("Europe/Berlin", "fri 09:00-17:00; holiday 2100-02-28", "2100-02-26 00:00",
          "2100-03-02 00:00", "2100-02-26 08:00", "2100-02-26 16:00");
}

static void test_calendar_zones__holidays_are_dates_on_the_wall(void **unused)
{
    struct calendar *c = calendar_in("Pacific/Auckland", "mon-fri 09:00-17:00; holiday *-12-25");
    int64_t end;

    (void)unused;
    assert_int_equal(usher__calendar_span(c, at("2026-12-24 12:00"), INT64_MAX, &end),
                     USHER_SPAN_HOLIDAY); /* 01:00 on the 25th */
    assert_at(end, "2026-12-26 00:00 +13:00");
    assert_int_equal(usher__calendar_span(c, at("2026-12-24 10:00"), INT64_MAX, &end),
                     USHER_SPAN_CLOSED);
    assert_at(end, "2026-12-25 00:00 +13:00");
    usher__calendar_free(c);
}

/* 00:01 became 23:01 of the day before: a date that ends twice. */
static void test_calendar_zones__a_holiday_that_is_shown_twice(void **unused)
{
    struct calendar *c = calendar_in("America/St_Johns", "mon 09:00-17:00; holiday 2006-10-29");
    int64_t t = at("2006-10-29 00:01 -02:30"), end;

    (void)unused;
    assert_int_equal(usher__calendar_span(c, t - MINUTE, INT64_MAX, &end), USHER_SPAN_HOLIDAY);
    assert_same_at(end, t);
    assert_int_equal(usher__calendar_span(c, t, INT64_MAX, &end), USHER_SPAN_CLOSED);
    assert_same_at(end, t + 59 * MINUTE);
    assert_int_equal(usher__calendar_span(c, end, INT64_MAX, &end), USHER_SPAN_HOLIDAY);
    assert_at(end, "2006-10-30 00:00 -03:30");
    usher__calendar_free(c);
}

/* ---- elsewhere ----------------------------------------------------------------------------------- */

static void test_calendar_zones__half_an_hour_on_lord_howe(void **unused)
{
    (void)unused;
    OPENS("Australia/Lord_Howe", "sun 00:00-24:00", "2024-10-05 00:00", "2024-10-07 00:00",
          "2024-10-06 00:00 +10:30", "2024-10-07 00:00 +11:00");
    OPENS("Australia/Lord_Howe", "sun 02:10-02:20", "2024-10-05 00:00", "2024-10-07 00:00",
          "2024-10-06 02:40 +11:00", "2024-10-06 02:50 +11:00");
    OPENS("Australia/Lord_Howe", "sun 01:45-02:00", "2024-04-06 00:00", "2024-04-08 00:00",
          "2024-04-07 01:45 +11:00", "2024-04-07 02:00 +10:30");
    OPENS("Australia/Lord_Howe", "sun 00:00-24:00", "2024-04-06 00:00", "2024-04-08 00:00",
          "2024-04-07 00:00 +11:00", "2024-04-08 00:00 +10:30");
}

static void test_calendar_zones__summer_time_that_is_negative_in_casablanca(void **unused)
{
    (void)unused;
    OPENS("Africa/Casablanca", "sun 00:00-24:00", "2024-03-09 00:00", "2024-03-12 00:00",
          "2024-03-10 00:00 +01:00", "2024-03-11 00:00");
    OPENS("Africa/Casablanca", "sun 00:00-24:00", "2024-04-13 00:00", "2024-04-16 00:00",
          "2024-04-14 00:00", "2024-04-15 00:00 +01:00");
    OPENS("Africa/Casablanca", "sun 02:30-02:45", "2024-04-13 00:00", "2024-04-16 00:00",
          "2024-04-14 03:30 +01:00", "2024-04-14 03:45 +01:00");
}

static void test_calendar_zones__apia_had_no_30_december(void **unused)
{
    static const char text[] = "mon-sun 09:00-17:00; 2011-12-30 10:00-12:00; holiday 2011-12-30";
    struct calendar *c;

    (void)unused;
    OPENS("Pacific/Apia", text, "2011-12-29 00:00 -10:00", "2012-01-01 00:00 +14:00",
          "2011-12-29 09:00 -10:00", "2011-12-29 17:00 -10:00", "2011-12-31 09:00 +14:00",
          "2011-12-31 17:00 +14:00");
    OPENS("Pacific/Apia", "thu 22:00-06:00; fri 08:00-20:00", "2011-12-29 12:00 -10:00",
          "2012-01-01 00:00 +14:00", "2011-12-29 22:00 -10:00", "2011-12-31 06:00 +14:00");
    OPENS("Pacific/Apia", "thu 00:00-24:00", "2011-12-27 00:00", "2012-01-01 00:00",
          "2011-12-29 00:00 -10:00", "2011-12-31 00:00 +14:00");
    OPENS("Pacific/Apia", always, "2011-12-20 00:00", "2012-01-10 00:00", "2011-12-20 00:00",
          "2012-01-10 00:00");
    c = calendar_in("Pacific/Apia", "mon-sun 09:00-17:00");
    assert_at(usher__calendar_days(c, at("2011-12-29 10:00 -10:00"), 1), "2011-12-31 10:00 +14:00");
    assert_at(usher__calendar_days(c, at("2011-12-31 10:00 +14:00"), -1),
              "2011-12-29 10:00 -10:00");
    assert_at(usher__calendar_reach(c, at("2011-12-29 16:00 -10:00"), 2 * HOUR),
              "2011-12-31 10:00 +14:00");
    usher__calendar_free(c);
}

static void test_calendar_zones__two_hours_at_troll(void **unused)
{
    (void)unused;
    OPENS("Antarctica/Troll", "sun 00:00-24:00", "2024-03-30 00:00", "2024-04-02 00:00",
          "2024-03-31 00:00", "2024-04-01 00:00 +02:00");
    OPENS("Antarctica/Troll", "sun 00:00-24:00", "2024-10-26 00:00", "2024-10-29 00:00",
          "2024-10-27 00:00 +02:00", "2024-10-28 00:00");
    OPENS("Antarctica/Troll", "sun 01:30-02:30", "2024-03-30 00:00", "2024-04-02 00:00",
          "2024-03-31 03:30 +02:00", "2024-03-31 04:30 +02:00");
    shut("Antarctica/Troll", "sun 01:00-03:00", "2024-03-30 00:00", "2024-04-02 00:00");
}

/* A window that is nearly a day long, far west and far east, wherever the tables are cut. */
static void test_calendar_zones__tables_are_no_border(void **unused)
{
    static const char *const far[] = {"Pacific/Honolulu", "Pacific/Kiritimati"};
    static const char *const weekdays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

    (void)unused;
    for (int i = 0; i < 14; i++) {
        char text[40];
        struct calendar *c;

        snprintf(text, sizeof text, "%s 23:00-22:30", weekdays[i / 2]);
        c = calendar_in(far[i % 2], text);
        for (int64_t k = 40; k < 140; k++) {
            int64_t border = k * CHUNK_MS;
            int64_t opens = usher__calendar_next_open(c, border - 3 * DAY_MS);

            for (; opens < border + 3 * DAY_MS; opens = usher__calendar_next_open(c, opens + 1)) {
                int64_t closes = opens + 23 * HOUR + 30 * MINUTE;

                assert_same_at(usher__calendar_next_close(c, opens), closes);
                assert_same_at(usher__calendar_reach(c, opens, closes - opens), closes);
                assert_int_equal(usher__calendar_between(c, opens - HOUR, closes + HOUR),
                                 closes - opens);
            }
        }
        usher__calendar_free(c);
    }
}

static void test_calendar_zones__keeps_the_bytes(void **unused)
{
    struct almanac *a = calloc(1, sizeof *a);
    struct calendar *c = calendar_in("Europe/Berlin", "fri 09:00-17:00");
    const void *bytes;
    size_t len;

    (void)unused;
    assert_non_null(a);
    assert_true(read_zone(a, "Europe/Berlin"));
    assert_string_equal(usher__calendar_zone(c, &bytes, &len), "Europe/Berlin");
    assert_int_equal(len, a->spec.zone_len);
    assert_memory_equal(bytes, a->zone, len);
    usher__calendar_free(c);
    free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calendar_zones__office_hours_follow_the_wall),
        cmocka_unit_test(test_calendar_zones__a_night_is_shorter_or_longer),
        cmocka_unit_test(test_calendar_zones__a_day_has_23_or_25_hours),
        cmocka_unit_test(test_calendar_zones__what_is_skipped_moves_forward),
        cmocka_unit_test(test_calendar_zones__empty_and_inverted_windows_are_dropped),
        cmocka_unit_test(test_calendar_zones__a_date_without_a_window_is_no_working_day),
        cmocka_unit_test(test_calendar_zones__of_two_the_earlier),
        cmocka_unit_test(test_calendar_zones__targets_count_what_passes),
        cmocka_unit_test(test_calendar_zones__days_keep_the_time_on_the_wall),
        cmocka_unit_test(test_calendar_zones__beyond_the_file_its_rule_holds),
        cmocka_unit_test(test_calendar_zones__holidays_are_dates_on_the_wall),
        cmocka_unit_test(test_calendar_zones__a_holiday_that_is_shown_twice),
        cmocka_unit_test(test_calendar_zones__half_an_hour_on_lord_howe),
        cmocka_unit_test(test_calendar_zones__summer_time_that_is_negative_in_casablanca),
        cmocka_unit_test(test_calendar_zones__apia_had_no_30_december),
        cmocka_unit_test(test_calendar_zones__two_hours_at_troll),
        cmocka_unit_test(test_calendar_zones__tables_are_no_border),
        cmocka_unit_test(test_calendar_zones__keeps_the_bytes),
    };

    return cmocka_run_group_tests_name("calendar_zones", tests, NULL, NULL);
}
