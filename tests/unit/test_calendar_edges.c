/* Calendars at the ends of time, and of what they may hold. */
#include "calendars.h"

static void test_edges__a_zone_file_may_be_as_long_as_the_limit(void **unused)
{
    static const usher_allocator libc = {libc_resize, NULL};
    static unsigned char bytes[ZONE_FILE_MAX + 1];
    struct almanac *a = malloc(sizeof *a);
    struct calendar *c;
    const void *kept;
    size_t len;

    (void)unused;
    assert_non_null(a);
    read_spec(a, "mon-fri 09:00-17:00");
    if (!read_zone(a, "Europe/Berlin")) {
        free(a);
        skip();
    }
    memcpy(bytes, a->zone, a->spec.zone_len); /* what follows a zone is not looked at */
    a->spec.zone_bytes = bytes;
    a->spec.zone_len = ZONE_FILE_MAX + 1;
    assert_int_equal(usher__calendar_new(&c, &libc, &a->spec), USHER_EINVAL);
    assert_null(c);
    a->spec.zone_len = ZONE_FILE_MAX;
    assert_int_equal(usher__calendar_new(&c, &libc, &a->spec), 0);
    assert_at(usher__calendar_next_open(c, at("2026-06-01 00:00")), "2026-06-01 09:00 +02:00");
    assert_string_equal(usher__calendar_zone(c, &kept, &len), "Europe/Berlin");
    assert_int_equal(len, ZONE_FILE_MAX);
    usher__calendar_free(c);
    free(a);
}

/* Days are looked for on 36,525 dates: 100 years. */
static void test_edges__a_day_after_more_than_100_years_never_comes(void **unused)
{
    static const struct {
        const char *calendar, *first, *second;
    } cases[] = {
        {"2026-06-02 09:00-10:00; 2126-06-02 09:00-10:00", "2026-06-02 09:30", "2126-06-02 09:30"},
        {"2026-06-02 09:00-10:00; 2126-06-03 09:00-10:00", "2026-06-02 09:30", NULL},
    };

    (void)unused;
    assert_int_equal(usher__date_day(2126, 6, 2) - usher__date_day(2026, 6, 2), 36524);
    for (int i = 0; i < 2; i++) {
        struct calendar *c = calendar(cases[i].calendar);
        int64_t day = at("2026-06-01 09:30");

        assert_at(usher__calendar_days(c, day, 1), cases[i].first);
        assert_same_at(usher__calendar_days(c, day, 2),
                       cases[i].second != NULL ? at(cases[i].second) : INT64_MAX);
        usher__calendar_free(c);
    }
}

static void test_edges__days_of_24_hours_end_with_the_numbers(void **unused)
{
    int64_t t = at("2026-06-01 09:30");

    (void)unused;
    assert_same_at(usher__calendar_days(NULL, t, INT64_MAX), INT64_MAX);
    assert_same_at(usher__calendar_days(NULL, t, INT64_MAX / DAY_MS), INT64_MAX);
    assert_same_at(usher__calendar_days(NULL, t, INT64_MAX / DAY_MS - 30000),
                   t + (INT64_MAX / DAY_MS - 30000) * DAY_MS);
    assert_same_at(usher__calendar_days(NULL, t, -INT64_MAX), INT64_MIN);
    assert_same_at(usher__calendar_days(NULL, t, -(t / DAY_MS)), t % DAY_MS);
    assert_same_at(usher__calendar_days(NULL, t, -(t / DAY_MS) - 1), INT64_MIN);
}

/* The first instant of all is an opening, for nothing is open before it. */
static void test_edges__what_is_open_in_1970_opened_then(void **unused)
{
    struct calendar *c = calendar("mon-sun 00:00-24:00; 1970-01-03 closed");

    (void)unused;
    assert_true(usher__calendar_is_open(c, 0));
    assert_false(usher__calendar_is_open(c, -1));
    assert_same_at(usher__calendar_next_open(c, 0), 0);
    assert_same_at(usher__calendar_next_open(c, -5 * DAY_MS), 0);
    assert_same_at(usher__calendar_next_open(c, 1), at("1970-01-04 00:00"));
    assert_same_at(usher__calendar_reach(c, -5 * DAY_MS, HOUR), HOUR);
    assert_int_equal(usher__calendar_between(c, -5 * DAY_MS, HOUR), HOUR);
    assert_int_equal(usher__calendar_between(c, -5 * DAY_MS, -DAY_MS), 0);
    usher__calendar_free(c);
}

/* A calendar of nothing but special days goes on to the last of them, and that may be the last of all. */
static void test_edges__the_last_date_of_all_may_be_a_special_day(void **unused)
{
    struct calendar *c = calendar("2026-06-01 09:00-10:00; 9999-12-31 22:00-24:00");

    (void)unused;
    assert_at(usher__calendar_reach(c, at("2026-06-01 09:00"), HOUR), "2026-06-01 10:00");
    assert_at(usher__calendar_pass(c, at("2026-06-01 09:00"), HOUR), "9999-12-31 22:00:00.001");
    assert_int_equal(usher__calendar_between(c, 0, INT64_MAX), 3 * HOUR);
    assert_true(usher__calendar_is_open(c, USHER_AT_MAX));
    assert_same_at(usher__calendar_next_close(c, at("9999-12-31 22:00")), INT64_MAX);
    usher__calendar_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edges__a_zone_file_may_be_as_long_as_the_limit),
        cmocka_unit_test(test_edges__a_day_after_more_than_100_years_never_comes),
        cmocka_unit_test(test_edges__days_of_24_hours_end_with_the_numbers),
        cmocka_unit_test(test_edges__what_is_open_in_1970_opened_then),
        cmocka_unit_test(test_edges__the_last_date_of_all_may_be_a_special_day),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
