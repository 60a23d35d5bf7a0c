/* Durations: what is one, and how long it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/duration.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static void test_duration__is_whole_numbers_with_units(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1ms", 1},
        {"1s", SECOND},
        {"1m", MINUTE},
        {"1h", HOUR},
        {"1d", DAY},
        {"1w", 7 * DAY},
        {"0s", 0},
        {"007s", 7 * SECOND},
        {"1h30m", 90 * MINUTE},
        {"1w2d3h4m5s6ms", 9 * DAY + 3 * HOUR + 4 * MINUTE + 5 * SECOND + 6},
        {"90m", 90 * MINUTE},
        {"1m1ms", MINUTE + 1},
        {"9223372036854775806ms", INT64_MAX - 1},
        {"9223372036854775808ms", INT64_MAX},
        {"99999999999999999999999s", INT64_MAX},
        {"9223372036854775807w", INT64_MAX},
        {"1w9223372036854775807ms", INT64_MAX},
        {"", -1},
        {"4", -1},
        {"h", -1},
        {"4 h", -1},
        {" 4h", -1},
        {"4h ", -1},
        {"4 hours", -1},
        {"4H", -1},
        {"-4h", -1},
        {"+4h", -1},
        {"1.5h", -1},
        {"1h30", -1},
        {"30m1h", -1},
        {"1h1h", -1},
        {"1ms1ms", -1},
        {"1s1m", -1},
        {"2wd", -1},
        {"1mo", -1},
        {"1hm", -1},
        {"4h\n", -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = strlen(cases[i].text);
        char *text = malloc(len + 1); /* with nothing behind it that could be read */
        int64_t ms;

        assert_non_null(text);
        memcpy(text + 1, cases[i].text, len);
        ms = usher__duration_parse(text + 1, len);
        free(text);
        if (ms != cases[i].ms)
            fail_msg("%s: %lld, not %lld", cases[i].text, (long long)ms, (long long)cases[i].ms);
    }
    assert_int_equal(usher__duration_parse("4h\0", 3), -1);
    assert_int_equal(usher__duration_parse("\0", 1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_duration__is_whole_numbers_with_units),
    };

    return cmocka_run_group_tests_name("duration", tests, NULL, NULL);
}
