/* Dates: counted one by one, and the other way about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/date.h"

static uint32_t length_of(int64_t year, uint32_t month)
{
    if (month == 2)
        return year % 400 == 0 || (year % 4 == 0 && year % 100 != 0) ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static void test_date__every_day_is_the_one_after_the_day_before(void **state)
{
    struct date d = {-400, 1, 1};
    int64_t day = usher__date_day(-400, 1, 1);
    uint32_t weekday = usher__date_weekday(day);

    (void)state;
    while (d.year < 10401) {
        struct date is = usher__date_of(day);

        if (is.year != d.year || is.month != d.month || is.day != d.day ||
            usher__date_day(d.year, d.month, d.day) != day || usher__date_weekday(day) != weekday ||
            usher__date_month_len(d.year, d.month) != length_of(d.year, d.month))
            fail_msg("%lld-%u-%u", (long long)d.year, d.month, d.day);
        day++;
        weekday = (weekday + 1) % 7;
        if (++d.day > length_of(d.year, d.month)) {
            d.day = 1;
            d.year += d.month == 12 ? 1 : 0;
            d.month = d.month % 12 + 1;
        }
    }
}

static void test_date__days_have_their_known_numbers(void **state)
{
    (void)state;
    assert_int_equal(usher__date_day(1970, 1, 1), 0);
    assert_int_equal(usher__date_weekday(0), 3); /* a Thursday */
    assert_int_equal(usher__date_day(2000, 2, 29), 11016);
    assert_int_equal(usher__date_weekday(11016), 1);
    assert_int_equal(usher__date_day(1969, 12, 31), -1);
    assert_int_equal(usher__date_weekday(-1), 2);
    assert_int_equal(usher__date_day(9999, 12, 31), 2932896);
    assert_int_equal(usher__date_day(0, 3, 1), -719468);
}

static void test_date__an_instant_falls_on_the_day_it_is_in(void **state)
{
    (void)state;
    assert_int_equal(usher__date_at(0), 0);
    assert_int_equal(usher__date_at(DAY_MS - 1), 0);
    assert_int_equal(usher__date_at(DAY_MS), 1);
    assert_int_equal(usher__date_at(-1), -1);
    assert_int_equal(usher__date_at(-DAY_MS), -1);
    assert_int_equal(usher__date_at(-DAY_MS - 1), -2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_date__every_day_is_the_one_after_the_day_before),
        cmocka_unit_test(test_date__days_have_their_known_numbers),
        cmocka_unit_test(test_date__an_instant_falls_on_the_day_it_is_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
