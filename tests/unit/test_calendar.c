/* What is open when: each rule of business time, by cases. Zones: test_calendar_zones.c; any calendar
 * beside a naive one: test_calendar_walk.c. */
#include "calendars.h"
#include "core/calendar_table.h"

static const char office[] = "mon-fri 09:00-17:00";
static const char nights[] = "mon-sun 22:00-06:00";
static const char always[] = "mon-sun 00:00-24:00";

/* 2026-11-20 is a Friday. */

static int64_t open_ms(const char *text, const char *from, const char *to)
{
    struct calendar *c = calendar(text);
    int64_t ms = usher__calendar_between(c, at(from), at(to));

    usher__calendar_free(c);
    return ms;
}

/* ---- consuming --------------------------------------------------------------------------------- */

static void test_calendar__time_passes_while_it_is_open(void **unused)
{
    struct calendar *c = calendar(office);
    int64_t friday = at("2026-11-20 16:00");

    (void)unused;
    assert_at(usher__calendar_reach(c, friday, 30 * MINUTE), "2026-11-20 16:30");
    assert_at(usher__calendar_reach(c, friday, HOUR + 1), "2026-11-23 09:00:00.001");
    assert_at(usher__calendar_reach(c, friday, 4 * HOUR), "2026-11-23 12:00");
    assert_at(usher__calendar_reach(c, friday, 49 * HOUR), "2026-11-30 17:00");
    assert_int_equal(usher__calendar_between(c, friday, at("2026-11-23 10:00")), 2 * HOUR);
    assert_int_equal(usher__calendar_between(c, friday + 1, friday + 8), 7);
    assert_int_equal(usher__calendar_between(c, friday, friday), 0);
    assert_int_equal(usher__calendar_between(c, friday, friday - HOUR), 0);
    assert_int_equal(usher__calendar_between(c, at("2026-11-21 00:00"), at("2026-11-23 00:00")), 0);
    usher__calendar_free(c);
}

static void test_calendar__an_exact_fill_is_due_at_the_closing(void **unused)
{
    struct calendar *c = calendar(office);

    (void)unused;
    assert_at(usher__calendar_reach(c, at("2026-11-20 16:00"), HOUR), "2026-11-20 17:00");
    assert_at(usher__calendar_reach(c, at("2026-11-21 16:00"), 8 * HOUR), "2026-11-23 17:00");
    usher__calendar_free(c);
}

static void test_calendar__after_an_exact_fill_the_next_opening_breaks(void **unused)
{
    struct calendar *c = calendar(office);

    (void)unused;
    assert_at(usher__calendar_pass(c, at("2026-11-20 16:00"), HOUR), "2026-11-23 09:00:00.001");
    assert_at(usher__calendar_pass(c, at("2026-11-20 16:00"), HOUR - 1), "2026-11-20 17:00");
    assert_at(usher__calendar_pass(c, at("2026-11-20 16:00"), HOUR - 2), "2026-11-20 16:59:59.999");
    usher__calendar_free(c);
}

static void test_calendar__nothing_has_passed_at_the_start(void **unused)
{
    struct calendar *c = calendar(office);

    (void)unused;
    assert_at(usher__calendar_reach(c, at("2026-11-20 20:00"), 0), "2026-11-20 20:00");
    assert_at(usher__calendar_pass(c, at("2026-11-20 20:00"), 0), "2026-11-23 09:00:00.001");
    assert_at(usher__calendar_pass(c, at("2026-11-20 10:00"), 0), "2026-11-20 10:00:00.001");
    assert_at(usher__calendar_back(c, at("2026-11-20 20:00"), 0), "2026-11-20 20:00");
    usher__calendar_free(c);
}

static void test_calendar__back_is_where_so_much_was_ahead(void **unused)
{
    struct calendar *c = calendar(office);

    (void)unused;
    assert_at(usher__calendar_back(c, at("2026-11-23 10:00"), 30 * MINUTE), "2026-11-23 09:30");
    assert_at(usher__calendar_back(c, at("2026-11-23 10:00"), HOUR), "2026-11-23 09:00");
    assert_at(usher__calendar_back(c, at("2026-11-23 10:00"), HOUR + 1), "2026-11-20 16:59:59.999");
    assert_at(usher__calendar_back(c, at("2026-11-22 10:00"), 8 * HOUR), "2026-11-20 09:00");
    usher__calendar_free(c);
}

/* ---- windows ----------------------------------------------------------------------------------- */

static void test_calendar__windows_are_half_open(void **unused)
{
    struct calendar *c = calendar(office);

    (void)unused;
    assert_false(usher__calendar_is_open(c, at("2026-11-20 08:59:59.999")));
    assert_true(usher__calendar_is_open(c, at("2026-11-20 09:00")));
    assert_true(usher__calendar_is_open(c, at("2026-11-20 16:59:59.999")));
    assert_false(usher__calendar_is_open(c, at("2026-11-20 17:00")));
    assert_false(usher__calendar_is_open(c, at("2026-11-21 12:00")));
    usher__calendar_free(c);
}

static void test_calendar__several_windows_in_any_order(void **unused)
{
    struct calendar *c = calendar("mon-fri 13:00-17:00,07:00-07:30,09:00-12:00");

    (void)unused;
    assert_at(usher__calendar_reach(c, at("2026-11-20 07:15"), 4 * HOUR), "2026-11-20 13:45");
    assert_int_equal(usher__calendar_between(c, at("2026-11-16 00:00"), at("2026-11-23 00:00")),
                     5 * (7 * HOUR + 30 * MINUTE));
    usher__calendar_free(c);
}

static void test_calendar__a_window_may_cross_midnight(void **unused)
{
    struct calendar *c = calendar("fri 22:00-06:00");

    (void)unused;
    assert_false(usher__calendar_is_open(c, at("2026-11-20 05:00")));
    assert_true(usher__calendar_is_open(c, at("2026-11-20 23:00")));
    assert_true(usher__calendar_is_open(c, at("2026-11-21 05:59")));
    assert_false(usher__calendar_is_open(c, at("2026-11-21 06:00")));
    assert_at(usher__calendar_reach(c, at("2026-11-20 12:00"), 8 * HOUR), "2026-11-21 06:00");
    assert_at(usher__calendar_pass(c, at("2026-11-20 12:00"), 8 * HOUR), "2026-11-27 22:00:00.001");
    usher__calendar_free(c);
}

static void test_calendar__overlapping_windows_are_one(void **unused)
{
    struct calendar *c = calendar("fri 09:00-12:00,11:00-13:00,09:30-10:00; sat 05:00-10:00");

    (void)unused;
    assert_int_equal(usher__calendar_between(c, at("2026-11-20 00:00"), at("2026-11-21 00:00")),
                     4 * HOUR);
    assert_at(usher__calendar_next_close(c, at("2026-11-20 09:00")), "2026-11-20 13:00");
    usher__calendar_free(c);
    assert_int_equal(
        open_ms("fri 22:00-06:00; sat 05:00-10:00", "2026-11-20 00:00", "2026-11-22 00:00"),
        12 * HOUR);
    assert_int_equal(
        open_ms("fri 22:00-21:00; sat 05:00-10:00", "2026-11-20 00:00", "2026-11-22 00:00"),
        23 * HOUR);
}

static void test_calendar__touching_windows_are_one(void **unused)
{
    struct calendar *c = calendar("fri 12:00-17:00,09:00-12:00,17:00-24:00; sat 00:00-03:00");

    (void)unused;
    assert_at(usher__calendar_next_close(c, at("2026-11-20 10:00")), "2026-11-21 03:00");
    assert_at(usher__calendar_prev_open(c, at("2026-11-21 02:00")), "2026-11-20 09:00");
    assert_at(usher__calendar_next_open(c, at("2026-11-20 10:00")), "2026-11-27 09:00");
    assert_at(usher__calendar_prev_close(c, at("2026-11-21 02:00")), "2026-11-14 03:00");
    assert_at(usher__calendar_pass(c, at("2026-11-20 09:00"), 3 * HOUR), "2026-11-20 12:00:00.001");
    usher__calendar_free(c);
}

static void test_calendar__a_day_may_end_at_24_00(void **unused)
{
    struct calendar *c = calendar("fri 18:00-24:00");

    (void)unused;
    assert_at(usher__calendar_reach(c, at("2026-11-20 00:00"), 6 * HOUR), "2026-11-21 00:00");
    assert_false(usher__calendar_is_open(c, at("2026-11-21 00:00")));
    usher__calendar_free(c);
}

/* ---- special days and holidays ----------------------------------------------------------------- */

static void test_calendar__a_special_day_replaces_the_weekday(void **unused)
{
    struct calendar *c = calendar("mon-fri 09:00-17:00; 2026-11-20 08:00-10:00,12:00-13:00;"
                                  "2026-11-22 14:00-15:00; 2026-11-23 closed");

    (void)unused;
    assert_true(usher__calendar_is_open(c, at("2026-11-20 08:00")));
    assert_false(usher__calendar_is_open(c, at("2026-11-20 11:00")));
    assert_at(usher__calendar_reach(c, at("2026-11-20 09:00"), 3 * HOUR), "2026-11-22 15:00");
    assert_at(usher__calendar_pass(c, at("2026-11-20 09:00"), 3 * HOUR), "2026-11-24 09:00:00.001");
    usher__calendar_free(c);
}

static void test_calendar__special_days_come_in_any_order(void **unused)
{
    struct calendar *c = calendar("2027-01-02 01:00-02:00; 2026-01-02 02:00-03:00;"
                                  "2028-01-02 03:00-04:00; 2025-01-02 04:00-05:00;"
                                  "holiday 2028-01-01,2026-01-02,2020-05-05,2026-01-02");

    (void)unused;
    assert_at(usher__calendar_next_open(c, at("2020-01-01 00:00")), "2025-01-02 04:00");
    assert_at(usher__calendar_next_open(c, at("2025-01-02 05:00")), "2027-01-02 01:00");
    assert_at(usher__calendar_next_open(c, at("2027-01-02 02:00")), "2028-01-02 03:00");
    usher__calendar_free(c);
}

static void test_calendar__a_holiday_is_closed(void **unused)
{
    struct calendar *c = calendar("mon-fri 09:00-17:00; holiday 2026-11-23,*-11-24");

    (void)unused;
    assert_at(usher__calendar_pass(c, at("2026-11-20 16:00"), HOUR), "2026-11-25 09:00:00.001");
    assert_at(usher__calendar_next_open(c, at("2027-11-23 10:00")), "2027-11-25 09:00");
    assert_true(usher__calendar_is_open(c, at("2027-11-23 10:00")));
    usher__calendar_free(c);
}

static void test_calendar__a_holiday_beats_a_special_day(void **unused)
{
    struct calendar *c = calendar("mon-fri 09:00-17:00; 2026-11-20 08:00-10:00;"
                                  "2026-12-25 08:00-10:00; holiday 2026-11-20,*-12-25");

    (void)unused;
    assert_int_equal(usher__calendar_between(c, at("2026-11-20 00:00"), at("2026-11-21 00:00")), 0);
    assert_int_equal(usher__calendar_between(c, at("2026-12-25 00:00"), at("2026-12-26 00:00")), 0);
    usher__calendar_free(c);
}

static void test_calendar__a_night_lasts_into_the_holiday(void **unused)
{
    struct calendar *c = calendar("mon-sun 22:00-06:00; holiday 2026-11-21");

    (void)unused;
    assert_true(usher__calendar_is_open(c, at("2026-11-21 05:59")));
    assert_at(usher__calendar_next_close(c, at("2026-11-20 22:00")), "2026-11-21 06:00");
    assert_at(usher__calendar_next_open(c, at("2026-11-21 01:00")), "2026-11-22 22:00");
    assert_false(usher__calendar_is_open(c, at("2026-11-22 01:00")));
    usher__calendar_free(c);
}

static void test_calendar__a_night_lasts_into_a_special_day(void **unused)
{
    struct calendar *c = calendar("fri 22:00-06:00; 2026-11-21 05:00-05:30,10:00-11:00;"
                                  "2026-11-27 23:00-01:00");

    (void)unused;
    assert_int_equal(usher__calendar_between(c, at("2026-11-20 00:00"), at("2026-11-22 00:00")),
                     9 * HOUR);
    assert_int_equal(usher__calendar_between(c, at("2026-11-27 00:00"), at("2026-11-29 00:00")),
                     2 * HOUR);
    usher__calendar_free(c);
}

static void test_calendar__29_february_is_a_holiday_where_there_is_one(void **unused)
{
    static const char text[] = "mon-sun 09:00-10:00; holiday *-02-29";

    (void)unused;
    assert_int_equal(open_ms(text, "2028-02-28 00:00", "2028-03-02 00:00"), 2 * HOUR);
    assert_int_equal(open_ms(text, "2027-02-28 00:00", "2027-03-02 00:00"), 2 * HOUR);
    assert_int_equal(open_ms(text, "2100-02-28 00:00", "2100-03-02 00:00"), 2 * HOUR);
    assert_int_equal(open_ms(text, "2000-02-28 00:00", "2000-03-02 00:00"), 2 * HOUR);
    assert_int_equal(open_ms(text, "2024-01-01 00:00", "2025-01-01 00:00"), 365 * HOUR);
    assert_int_equal(open_ms(text, "2100-01-01 00:00", "2101-01-01 00:00"), 365 * HOUR);
}

static void test_calendar__years_are_no_border(void **unused)
{
    struct calendar *c = calendar(nights);

    (void)unused;
    assert_at(usher__calendar_prev_open(c, at("2027-01-01 03:00")), "2026-12-31 22:00");
    assert_at(usher__calendar_next_close(c, at("2026-12-31 23:00")), "2027-01-01 06:00");
    assert_int_equal(usher__calendar_between(c, at("2026-12-31 23:00"), at("2027-01-01 01:00")),
                     2 * HOUR);
    assert_at(usher__calendar_reach(c, at("2026-12-31 12:00"), 8 * HOUR), "2027-01-01 06:00");
    usher__calendar_free(c);
    assert_int_equal(open_ms(always, "1970-01-01 00:00", "2400-01-01 00:00"),
                     at("2400-01-01 00:00"));
    assert_int_equal(open_ms(nights, "2000-01-01 00:00", "2400-01-01 00:00"), 146097 * 8 * HOUR);
}

static void test_calendar__works_in_2038_and_2100(void **unused)
{
    struct calendar *c = calendar(office);

    (void)unused;
    assert_at(usher__calendar_reach(c, at("2038-01-18 16:00"), 2 * HOUR), "2038-01-19 10:00");
    assert_at(usher__calendar_reach(c, at("2100-02-26 16:00"), 2 * HOUR), "2100-03-01 10:00");
    assert_at(usher__calendar_reach(c, at("2000-01-03 09:00"), 400 * 261 * 8 * HOUR),
              "2400-03-03 17:00");
    usher__calendar_free(c);
}

/* ---- openings and closings --------------------------------------------------------------------- */

static void test_calendar__openings_and_closings_around_an_instant(void **unused)
{
    struct calendar *c = calendar(office);
    int64_t opens = at("2026-11-20 09:00"), closes = at("2026-11-20 17:00");

    (void)unused;
    assert_same_at(usher__calendar_next_open(c, opens - 1), opens);
    assert_same_at(usher__calendar_next_open(c, opens), opens);
    assert_at(usher__calendar_next_open(c, opens + 1), "2026-11-23 09:00");
    assert_at(usher__calendar_next_open(c, closes), "2026-11-23 09:00");
    assert_same_at(usher__calendar_next_close(c, opens - 1), closes);
    assert_same_at(usher__calendar_next_close(c, opens), closes);
    assert_same_at(usher__calendar_next_close(c, closes - 1), closes);
    assert_at(usher__calendar_next_close(c, closes), "2026-11-23 17:00");
    assert_at(usher__calendar_prev_open(c, opens - 1), "2026-11-19 09:00");
    assert_same_at(usher__calendar_prev_open(c, opens), opens);
    assert_same_at(usher__calendar_prev_open(c, closes), opens);
    assert_at(usher__calendar_prev_close(c, closes - 1), "2026-11-19 17:00");
    assert_same_at(usher__calendar_prev_close(c, closes), closes);
    assert_same_at(usher__calendar_prev_close(c, at("2026-11-22 12:00")), closes);
    assert_same_at(usher__calendar_prev_close(c, at("2026-11-23 09:00")), closes);
    usher__calendar_free(c);
}

static void test_calendar__always_open_neither_opens_nor_closes(void **unused)
{
    struct calendar *calendars[] = {NULL, calendar(always)};

    (void)unused;
    for (int i = 0; i < 2; i++) {
        int64_t t = at("2026-11-20 12:34");

        assert_true(usher__calendar_is_open(calendars[i], t));
        assert_same_at(usher__calendar_next_open(calendars[i], t), INT64_MAX);
        assert_same_at(usher__calendar_next_close(calendars[i], t), INT64_MAX);
        assert_same_at(usher__calendar_prev_close(calendars[i], t), INT64_MIN);
        assert_same_at(usher__calendar_reach(calendars[i], t, 1000 * DAY_MS), t + 1000 * DAY_MS);
        assert_same_at(usher__calendar_pass(calendars[i], t, 1000), t + 1001);
        assert_same_at(usher__calendar_back(calendars[i], t, 1000 * DAY_MS), t - 1000 * DAY_MS);
        assert_same_at(usher__calendar_back(calendars[i], t, t + 1), INT64_MIN);
        assert_int_equal(usher__calendar_between(calendars[i], t, t + 77), 77);
        assert_same_at(usher__calendar_days(calendars[i], t, 3), t + 3 * DAY_MS);
        assert_same_at(usher__calendar_days(calendars[i], t, -3), t - 3 * DAY_MS);
        assert_same_at(usher__calendar_days(calendars[i], DAY_MS, -2), INT64_MIN);
        assert_same_at(usher__calendar_reach(calendars[i], t, INT64_MAX), INT64_MAX);
        assert_same_at(usher__calendar_pass(calendars[i], t, INT64_MAX), INT64_MAX);
    }
    assert_same_at(usher__calendar_prev_open(NULL, 5), INT64_MIN);
    usher__calendar_free(calendars[1]);
}

static void test_calendar__open_for_years_and_then_closed(void **unused)
{
    struct calendar *c = calendar("mon-sun 00:00-24:00; holiday 2010-01-01,2026-11-20");

    (void)unused;
    assert_at(usher__calendar_next_close(c, at("2010-06-01 00:00")), "2026-11-20 00:00");
    assert_at(usher__calendar_prev_open(c, at("2026-11-20 00:00")), "2010-01-02 00:00");
    assert_at(usher__calendar_prev_open(c, at("2026-11-19 12:00")), "2010-01-02 00:00");
    assert_at(usher__calendar_prev_close(c, at("2026-11-19 12:00")), "2010-01-01 00:00");
    assert_at(usher__calendar_next_open(c, at("2010-06-01 00:00")), "2026-11-21 00:00");
    assert_same_at(usher__calendar_next_close(c, at("2026-11-21 00:00")), INT64_MAX);
    usher__calendar_free(c);
}

/* Tables are cut at multiples of 2^25 s, one of which is 2017-11-06 06:24. */
static void test_calendar__tables_are_no_border(void **unused)
{
    struct calendar *c = calendar("mon 05:00-06:24; tue 05:00-07:00");
    int64_t border = at("2017-11-06 06:24");

    (void)unused;
    assert_int_equal(border % CHUNK_MS, 0);
    assert_same_at(usher__calendar_next_close(c, border - 1), border);
    assert_same_at(usher__calendar_prev_close(c, border), border);
    assert_at(usher__calendar_next_open(c, border - 1), "2017-11-07 05:00");
    assert_at(usher__calendar_prev_open(c, border), "2017-11-06 05:00");
    assert_same_at(usher__calendar_reach(c, border - HOUR, HOUR), border);
    assert_at(usher__calendar_pass(c, border - HOUR, HOUR), "2017-11-07 05:00:00.001");
    usher__calendar_free(c);
    c = calendar("mon 06:24-08:00; tue 05:00-07:00");
    assert_same_at(usher__calendar_next_open(c, border - HOUR), border);
    assert_same_at(usher__calendar_prev_open(c, border), border);
    assert_same_at(usher__calendar_prev_open(c, border + HOUR), border);
    assert_at(usher__calendar_prev_close(c, border + HOUR), "2017-10-31 07:00");
    assert_same_at(usher__calendar_back(c, border + HOUR, HOUR), border);
    assert_same_at(usher__calendar_pass(c, border - HOUR, 0), border + 1);
    usher__calendar_free(c);
    c = calendar("mon 06:00-08:00");
    assert_at(usher__calendar_next_close(c, border - 1), "2017-11-06 08:00");
    assert_at(usher__calendar_prev_open(c, border), "2017-11-06 06:00");
    assert_at(usher__calendar_next_open(c, border), "2017-11-13 06:00");
    assert_at(usher__calendar_prev_close(c, border), "2017-10-30 08:00");
    assert_at(usher__calendar_reach(c, border - MINUTE, HOUR), "2017-11-06 07:23");
    usher__calendar_free(c);
}

/* ---- where it ends ----------------------------------------------------------------------------- */

static void dry(const char *text)
{
    struct calendar *c = calendar(text);
    int64_t last = at("2026-11-20 10:00"), end;

    for (int i = 0; i < 3; i++) {
        assert_same_at(usher__calendar_reach(c, last - HOUR, HOUR), last);
        assert_same_at(usher__calendar_pass(c, last - HOUR, HOUR), INT64_MAX);
        assert_same_at(usher__calendar_reach(c, last - HOUR, HOUR + 1), INT64_MAX);
        assert_same_at(usher__calendar_reach(c, at("2300-01-01 00:00"), 1), INT64_MAX);
        assert_same_at(usher__calendar_next_open(c, last), INT64_MAX);
        assert_same_at(usher__calendar_next_open(c, last - 1), INT64_MAX);
        assert_same_at(usher__calendar_next_close(c, last - 1), last);
        assert_same_at(usher__calendar_next_close(c, last), INT64_MAX);
        assert_same_at(usher__calendar_days(c, last - 1, 1), INT64_MAX);
        assert_same_at(usher__calendar_days(c, last, 1000), INT64_MAX);
        assert_false(usher__calendar_is_open(c, last));
        assert_false(usher__calendar_is_open(c, USHER_AT_MAX));
        assert_same_at(usher__calendar_prev_close(c, USHER_AT_MAX), last);
        assert_same_at(usher__calendar_prev_open(c, USHER_AT_MAX), last - HOUR);
        assert_same_at(usher__calendar_back(c, USHER_AT_MAX, HOUR), last - HOUR);
        assert_same_at(usher__calendar_back(c, USHER_AT_MAX, HOUR + 1), INT64_MIN);
        assert_int_equal(usher__calendar_between(c, 0, USHER_AT_MAX), HOUR);
        assert_int_equal(usher__calendar_between(c, 0, INT64_MAX), HOUR);
        while (usher__calendar_span(c, last, INT64_MAX, &end) == USHER_SPAN_HOLIDAY)
            last = end;
        last = at("2026-11-20 10:00");
    }
    usher__calendar_free(c);
}

static void test_calendar__it_may_run_dry(void **unused)
{
    (void)unused;
    dry("2026-11-20 09:00-10:00");
    dry("mon closed; 2026-11-20 09:00-10:00; 2027-11-20 closed; holiday 2035-01-01");
}

static void every_date_but(char *text, size_t size, unsigned month, unsigned day)
{
    size_t n = strlen(text);

    n += (size_t)snprintf(text + n, size - n, "holiday ");
    for (unsigned m = 1; m <= 12; m++) {
        for (unsigned d = 1; d <= usher__date_month_len(2000, m); d++) {
            if (m != month || d != day)
                n += (size_t)snprintf(text + n, size - n, "%s*-%02u-%02u", m + d > 2 ? "," : "", m,
                                      d);
        }
    }
    assert_true(n < size);
}

static void test_calendar__holidays_may_be_all_there_is(void **unused)
{
    char text[4000] = "mon-sun 09:00-10:00; 2026-11-20 09:00-10:00; ";
    struct calendar *c;
    int64_t end;

    (void)unused;
    every_date_but(text, sizeof text, 0, 0);
    c = calendar(text);
    for (int i = 0; i < 3; i++) {
        assert_same_at(usher__calendar_next_open(c, 0), INT64_MAX);
        assert_same_at(usher__calendar_reach(c, at("2026-11-20 00:00"), 1), INT64_MAX);
        assert_same_at(usher__calendar_days(c, at("2026-11-20 00:00"), 1), INT64_MAX);
        assert_int_equal(usher__calendar_span(c, 0, at("2026-01-01 00:00"), &end),
                         USHER_SPAN_HOLIDAY);
        assert_at(end, "2026-01-01 00:00");
    }
    usher__calendar_free(c);
}

static void test_calendar__it_may_open_once_in_28_years(void **unused)
{
    char text[4000] = "mon 09:00-10:00; ";
    struct calendar *c;

    (void)unused;
    every_date_but(text, sizeof text, 2, 29);
    c = calendar(text);
    assert_at(usher__calendar_next_open(c, at("2026-11-20 00:00")), "2044-02-29 09:00");
    assert_at(usher__calendar_reach(c, at("2026-11-20 00:00"), HOUR + 1),
              "2072-02-29 09:00:00.001");
    assert_at(usher__calendar_days(c, at("2044-02-29 09:30"), 1), "2072-02-29 09:30");
    assert_at(usher__calendar_prev_close(c, at("2044-02-29 09:30")), "2016-02-29 10:00");
    usher__calendar_free(c);
}

static void test_calendar__never_open(void **unused)
{
    struct calendar *c = calendar("");
    int64_t end;

    (void)unused;
    assert_same_at(usher__calendar_reach(c, 0, 1), INT64_MAX);
    assert_same_at(usher__calendar_reach(c, 77, 0), 77);
    assert_same_at(usher__calendar_next_open(c, 0), INT64_MAX);
    assert_same_at(usher__calendar_next_close(c, 0), INT64_MAX);
    assert_same_at(usher__calendar_prev_open(c, USHER_AT_MAX), INT64_MIN);
    assert_same_at(usher__calendar_prev_close(c, USHER_AT_MAX), INT64_MIN);
    assert_same_at(usher__calendar_days(c, 0, 1), INT64_MAX);
    assert_same_at(usher__calendar_days(c, USHER_AT_MAX, -1), INT64_MIN);
    assert_int_equal(usher__calendar_span(c, 0, INT64_MAX, &end), USHER_SPAN_CLOSED);
    assert_same_at(end, INT64_MAX);
    usher__calendar_free(c);
}

static void test_calendar__nothing_is_open_before_1970_and_after_9999(void **unused)
{
    struct calendar *c = calendar(always);

    (void)unused;
    assert_same_at(usher__calendar_reach(c, USHER_AT_MAX - 9, 9), USHER_AT_MAX);
    assert_same_at(usher__calendar_reach(c, USHER_AT_MAX - 9, 11), INT64_MAX);
    assert_true(usher__calendar_is_open(c, USHER_AT_MAX));
    assert_int_equal(usher__calendar_between(c, 0, INT64_MAX), USHER_AT_MAX + 1);
    assert_same_at(usher__calendar_reach(c, 0, USHER_AT_MAX), USHER_AT_MAX);
    assert_true(usher__calendar_is_open(c, 0));
    assert_same_at(usher__calendar_prev_open(c, 5), 0);
    assert_same_at(usher__calendar_back(c, 5, 5), 0);
    assert_same_at(usher__calendar_back(c, 5, 6), INT64_MIN);
    usher__calendar_free(c);
    c = calendar("fri 22:00-06:00");
    assert_at(usher__calendar_next_open(c, at("9999-12-30 00:00")), "9999-12-31 22:00");
    assert_same_at(usher__calendar_reach(c, at("9999-12-30 00:00"), 2 * HOUR - 1), USHER_AT_MAX);
    assert_same_at(usher__calendar_reach(c, at("9999-12-30 00:00"), 2 * HOUR + 1), INT64_MAX);
    assert_same_at(usher__calendar_next_close(c, at("9999-12-31 23:00")), INT64_MAX);
    usher__calendar_free(c);
}

/* ---- working days ------------------------------------------------------------------------------ */

static void days(const char *text, const char *from, int64_t n, const char *expected)
{
    struct calendar *c = calendar(text);
    int64_t t = usher__calendar_days(c, at(from), n);

    if (t != at(expected))
        fail_msg("%s: %s and %d days is %s, not %s", text, from, (int)n, when(t), expected);
    usher__calendar_free(c);
}

static void test_calendar__days_keep_the_time_of_day(void **unused)
{
    (void)unused;
    days(office, "2026-11-19 10:30:15.007", 1, "2026-11-20 10:30:15.007");
    days(office, "2026-11-20 10:30", 1, "2026-11-23 10:30");
    days(office, "2026-11-20 10:30", 5, "2026-11-27 10:30");
    days(office, "2026-11-20 10:30", 1000, "2030-09-20 10:30");
    days(always, "2026-11-20 10:30", 3, "2026-11-23 10:30");
}

static void test_calendar__days_end_at_the_next_opening(void **unused)
{
    (void)unused;
    days(office, "2026-11-19 08:00", 1, "2026-11-20 09:00");
    days(office, "2026-11-19 17:00", 1, "2026-11-23 09:00");
    days(office, "2026-11-19 23:00", 1, "2026-11-23 09:00");
    days("mon-fri 09:00-12:00,13:00-17:00", "2026-11-19 12:00", 1, "2026-11-20 13:00");
}

static void test_calendar__days_from_a_closed_day_count_the_next_as_the_first(void **unused)
{
    (void)unused;
    days(office, "2026-11-21 10:30", 1, "2026-11-23 10:30");
    days(office, "2026-11-22 10:30", 1, "2026-11-23 10:30");
    days(office, "2026-11-22 10:30", 2, "2026-11-24 10:30");
    days(office, "2026-11-22 10:30", -1, "2026-11-20 10:30");
}

static void test_calendar__days_back(void **unused)
{
    (void)unused;
    days(office, "2026-11-20 10:30", -1, "2026-11-19 10:30");
    days(office, "2026-11-23 10:30", -1, "2026-11-20 10:30");
    days(office, "2026-11-23 08:00", -1, "2026-11-20 09:00");
    days(office, "2026-11-23 18:00", -1, "2026-11-23 09:00");
    days(office, "2030-09-20 10:30", -1000, "2026-11-20 10:30");
}

static void test_calendar__days_are_dates_on_which_a_window_begins(void **unused)
{
    static const char text[] = "mon-fri 09:00-17:00; 2026-11-21 22:00-02:00; 2026-11-24 closed;"
                               "holiday 2026-11-23";

    (void)unused;
    days(text, "2026-11-20 10:30", 1, "2026-11-21 22:00");
    days(text, "2026-11-20 10:30", 2, "2026-11-25 10:30");
    days("fri 22:00-06:00", "2026-11-21 03:00", 1, "2026-11-27 22:00");
    days("fri 22:00-06:00", "2026-11-20 23:00", 1, "2026-11-27 23:00");
    days(nights, "2026-11-20 05:00", 1, "2026-11-21 05:00");
}

static void test_calendar__there_are_no_days_before_1970(void **unused)
{
    struct calendar *c = calendar(office);

    (void)unused;
    assert_same_at(usher__calendar_days(c, at("1970-01-02 10:00"), -1), at("1970-01-01 10:00"));
    assert_same_at(usher__calendar_days(c, at("1970-01-02 10:00"), -2), INT64_MIN);
    assert_same_at(usher__calendar_days(c, at("9999-12-31 10:00"), 1), INT64_MAX);
    assert_same_at(usher__calendar_days(c, at("9999-12-30 18:00"), 1), INT64_MAX);
    usher__calendar_free(c);
}

/* ---- told as a list ----------------------------------------------------------------------------- */

static void test_calendar__spans(void **unused)
{
    static const struct {
        int kind;
        const char *end;
    } expected[] = {
        {USHER_SPAN_OPEN, "2026-11-19 17:00"},    {USHER_SPAN_CLOSED, "2026-11-20 00:00"},
        {USHER_SPAN_HOLIDAY, "2026-11-22 00:00"}, {USHER_SPAN_CLOSED, "2026-11-22 22:00"},
        {USHER_SPAN_OPEN, "2026-11-23 02:00"},    {USHER_SPAN_HOLIDAY, "2026-11-24 00:00"},
        {USHER_SPAN_CLOSED, "2026-11-24 09:00"},  {USHER_SPAN_OPEN, "2026-11-24 16:00"}};
    struct calendar *c = calendar("mon-fri 09:00-17:00; sun 22:00-02:00;"
                                  "holiday 2026-11-20,*-11-21,2026-11-23");
    int64_t t = at("2026-11-19 12:00"), to = at("2026-11-24 16:00"), end;

    (void)unused;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_int_equal(usher__calendar_span(c, t, to, &end), expected[i].kind);
        assert_at(end, expected[i].end);
        t = end;
    }
    assert_int_equal(usher__calendar_span(NULL, 5, 9, &end), USHER_SPAN_OPEN);
    assert_int_equal(end, 9);
    t = at("2026-11-24 17:00");
    assert_int_equal(usher__calendar_span(c, t, INT64_MAX, &end), USHER_SPAN_CLOSED);
    assert_at(end, "2026-11-25 09:00");
    usher__calendar_free(c);
}

/* ---- memory -------------------------------------------------------------------------------------- */

static void test_calendar__one_that_cannot_be_made_leaves_nothing(void **unused)
{
    struct almanac *a = malloc(sizeof *a);
    struct probe probe = {0};
    usher_allocator failing = {probe_resize, &probe};
    struct calendar *c = NULL;
    uint32_t n;

    (void)unused;
    assert_non_null(a);
    read_spec(a, "mon-fri 09:00-17:00; 2026-11-20 closed; holiday *-12-25");
    for (n = 0; c == NULL; n++) {
        int rc;

        probe.left = n;
        rc = usher__calendar_new(&c, &failing, &a->spec);
        assert_int_equal(rc, c == NULL ? USHER_ENOMEM : 0);
        assert_true(c != NULL || probe.held_n == 0);
    }
    assert_true(n > 1);
    usher__calendar_free(c);
    assert_int_equal(probe.held_n, 0);
    a->spec.zone_bytes = "no zone at all";
    a->spec.zone_len = 14;
    probe.left = UINT32_MAX;
    c = (struct calendar *)&probe;
    assert_int_equal(usher__calendar_new(&c, &failing, &a->spec), USHER_EINVAL);
    assert_null(c);
    assert_int_equal(probe.held_n, 0);
    free(a);
    usher__calendar_free(NULL);
}

/* Whatever is asked of one, what it holds stays small. */
static void test_calendar__its_tables_are_few(void **unused)
{
    struct almanac *a = malloc(sizeof *a);
    struct probe probe = {.left = UINT32_MAX};
    usher_allocator counting = {probe_resize, &probe};
    char text[4000] = "mon-sun 09:00-10:00; ";
    struct calendar *c;
    size_t at_first;

    (void)unused;
    assert_non_null(a);
    read_spec(a, "mon-fri 09:00-17:00");
    assert_int_equal(usher__calendar_new(&c, &counting, &a->spec), 0);
    at_first = probe.held_len;
    assert_true(at_first < 8000);
    assert_true(usher__calendar_is_open(c, at("2026-11-20 09:00")));
    assert_true(probe.held_len < at_first + 5000);
    for (int64_t t = 0; t < USHER_AT_MAX; t += 100 * DAY_MS)
        (void)usher__calendar_reach(c, t, 100 * HOUR);
    assert_true(probe.held_len < 256 * 1024);
    usher__calendar_free(c);
    assert_int_equal(probe.held_len, 0);
    every_date_but(text, sizeof text, 0, 0);
    read_spec(a, text);
    assert_int_equal(usher__calendar_new(&c, &counting, &a->spec), 0);
    assert_same_at(usher__calendar_reach(c, at("2026-11-20 09:00"), 1), INT64_MAX);
    assert_true(probe.held_len < at_first + 10000); /* it has not looked into each year to come */
    usher__calendar_free(c);
    free(a);
}

static void test_calendar__keeps_its_zone(void **unused)
{
    struct calendar *c = calendar(office);
    const void *bytes = c;
    size_t len = 1;

    (void)unused;
    assert_string_equal(usher__calendar_zone(c, &bytes, &len), "UTC");
    assert_null(bytes);
    assert_int_equal(len, 0);
    assert_null(usher__calendar_zone(NULL, &bytes, &len));
    usher__calendar_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calendar__time_passes_while_it_is_open),
        cmocka_unit_test(test_calendar__an_exact_fill_is_due_at_the_closing),
        cmocka_unit_test(test_calendar__after_an_exact_fill_the_next_opening_breaks),
        cmocka_unit_test(test_calendar__nothing_has_passed_at_the_start),
        cmocka_unit_test(test_calendar__back_is_where_so_much_was_ahead),
        cmocka_unit_test(test_calendar__windows_are_half_open),
        cmocka_unit_test(test_calendar__several_windows_in_any_order),
        cmocka_unit_test(test_calendar__a_window_may_cross_midnight),
        cmocka_unit_test(test_calendar__overlapping_windows_are_one),
        cmocka_unit_test(test_calendar__touching_windows_are_one),
        cmocka_unit_test(test_calendar__a_day_may_end_at_24_00),
        cmocka_unit_test(test_calendar__a_special_day_replaces_the_weekday),
        cmocka_unit_test(test_calendar__special_days_come_in_any_order),
        cmocka_unit_test(test_calendar__a_holiday_is_closed),
        cmocka_unit_test(test_calendar__a_holiday_beats_a_special_day),
        cmocka_unit_test(test_calendar__a_night_lasts_into_the_holiday),
        cmocka_unit_test(test_calendar__a_night_lasts_into_a_special_day),
        cmocka_unit_test(test_calendar__29_february_is_a_holiday_where_there_is_one),
        cmocka_unit_test(test_calendar__years_are_no_border),
        cmocka_unit_test(test_calendar__works_in_2038_and_2100),
        cmocka_unit_test(test_calendar__openings_and_closings_around_an_instant),
        cmocka_unit_test(test_calendar__always_open_neither_opens_nor_closes),
        cmocka_unit_test(test_calendar__open_for_years_and_then_closed),
        cmocka_unit_test(test_calendar__tables_are_no_border),
        cmocka_unit_test(test_calendar__it_may_run_dry),
        cmocka_unit_test(test_calendar__holidays_may_be_all_there_is),
        cmocka_unit_test(test_calendar__it_may_open_once_in_28_years),
        cmocka_unit_test(test_calendar__never_open),
        cmocka_unit_test(test_calendar__nothing_is_open_before_1970_and_after_9999),
        cmocka_unit_test(test_calendar__days_keep_the_time_of_day),
        cmocka_unit_test(test_calendar__days_end_at_the_next_opening),
        cmocka_unit_test(test_calendar__days_from_a_closed_day_count_the_next_as_the_first),
        cmocka_unit_test(test_calendar__days_back),
        cmocka_unit_test(test_calendar__days_are_dates_on_which_a_window_begins),
        cmocka_unit_test(test_calendar__there_are_no_days_before_1970),
        cmocka_unit_test(test_calendar__spans),
        cmocka_unit_test(test_calendar__one_that_cannot_be_made_leaves_nothing),
        cmocka_unit_test(test_calendar__its_tables_are_few),
        cmocka_unit_test(test_calendar__keeps_its_zone),
    };

    return cmocka_run_group_tests_name("calendar", tests, NULL, NULL);
}
