/* Durations. A fixed order of the units makes one pass enough, and "1m1h" an error: it is a slip
 * more often than an hour and a minute. */
#include "core/duration.h"

#include <stdbool.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t ms;
};

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR, WEEK = 7 * DAY };

static const struct unit units[] = {{"w", WEEK},   {"d", DAY},    {"h", HOUR},
                                    {"m", MINUTE}, {"s", SECOND}, {"ms", 1}};

enum { UNITS = sizeof units / sizeof units[0] };

static int64_t times(int64_t a, int64_t b)
{
    int64_t product;

    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

static int64_t plus(int64_t a, int64_t b)
{
    int64_t sum;

    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int64_t usher__duration_parse(const char *text, size_t len)
{
    const char *at = text;
    const char *end = text + len;
    size_t unit = 0;
    int64_t ms = 0;

    if (len == 0)
        return -1;
    while (at < end) {
        const char *name;
        int64_t n = 0;

        if (!is_digit(*at))
            return -1;
        for (; at < end && is_digit(*at); at++)
            n = plus(times(n, 10), *at - '0');
        for (name = at; at < end && !is_digit(*at); at++)
            continue;
        while (unit < UNITS && (strlen(units[unit].name) != (size_t)(at - name) ||
                                memcmp(units[unit].name, name, (size_t)(at - name)) != 0))
            unit++;
        if (unit == UNITS)
            return -1;
        ms = plus(ms, times(n, units[unit].ms));
        unit++;
    }
    return ms;
}
