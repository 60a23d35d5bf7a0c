/* See when.h. */
#include "when.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Just so many digits. */
static bool digits(const char **s, int n, int64_t *out)
{
    *out = 0;
    for (; n > 0; n--, (*s)++) {
        if (**s < '0' || **s > '9')
            return false;
        *out = *out * 10 + (**s - '0');
    }
    return true;
}

static bool skip(const char **s, char c)
{
    if (**s != c)
        return false;
    ++*s;
    return true;
}

static bool date(const char **s, int64_t *day)
{
    int64_t y, m, d;

    if (!digits(s, 4, &y) || !skip(s, '-') || !digits(s, 2, &m) || !skip(s, '-') ||
        !digits(s, 2, &d))
        return false;
    if (m < 1 || m > 12 || d < 1 || d > usher__date_month_len(y, (uint32_t)m))
        return false;
    *day = usher__date_day(y, (uint32_t)m, (uint32_t)d);
    return true;
}

/* HH:MM, perhaps with seconds and their fraction. */
static bool time_of_day(const char **s, int64_t *ms)
{
    int64_t h, m, sec = 0;

    if (!digits(s, 2, &h) || !skip(s, ':') || !digits(s, 2, &m))
        return false;
    if (skip(s, ':') && !digits(s, 2, &sec))
        return false;
    if (h > 24 || m > 59 || sec > 59)
        return false;
    *ms = ((h * 60 + m) * 60 + sec) * 1000;
    if (skip(s, '.')) {
        for (int64_t unit = 100; **s >= '0' && **s <= '9'; unit /= 10)
            *ms += (*(*s)++ - '0') * unit;
    }
    return *ms <= DAY_MS;
}

static bool local(const char **s, int64_t *out)
{
    int64_t day, ms;

    if (!date(s, &day) || (!skip(s, 'T') && !skip(s, ' ')) || !time_of_day(s, &ms))
        return false;
    *out = day * DAY_MS + ms;
    return true;
}

bool when_local(const char *text, int64_t *out)
{
    return local(&text, out) && *text == '\0';
}

bool when_instant(const char *text, const struct zone *zone, int64_t *out)
{
    int64_t h, m = 0, sign;

    if (!local(&text, out))
        return false;
    if (*text == '\0') {
        *out = usher__zone_instant(zone, *out);
        return true;
    }
    if (skip(&text, 'Z'))
        return *text == '\0';
    sign = *text == '-' ? -1 : 1;
    if ((!skip(&text, '+') && !skip(&text, '-')) || !digits(&text, 2, &h))
        return false;
    if (*text != '\0' && (((void)skip(&text, ':')), !digits(&text, 2, &m)))
        return false;
    *out -= sign * (h * 60 + m) * 60000;
    return *text == '\0';
}

bool when_date(const char *text, struct date *out)
{
    const char *s = text;
    int64_t day, m, d;

    if (date(&s, &day)) {
        *out = usher__date_of(day);
        return *s == '\0';
    }
    s = text;
    if (skip(&s, '*') && !skip(&s, '-'))
        return false;
    if (!digits(&s, 2, &m) || !skip(&s, '-') || !digits(&s, 2, &d) || *s != '\0')
        return false;
    *out = (struct date){0, (uint32_t)m, (uint32_t)d};
    return m >= 1 && m <= 12 && d >= 1 && d <= usher__date_month_len(2000, (uint32_t)m);
}

bool when_time(const char *text, int32_t *out)
{
    int64_t ms;

    if (!time_of_day(&text, &ms) || *text != '\0' || ms % 1000 != 0)
        return false;
    *out = (int32_t)(ms / 1000);
    return true;
}

const char *when_show(int64_t at, const struct zone *zone, char out[WHEN_SIZE])
{
    int64_t offset, local, ms;
    struct date d;
    int n;

    if (at == INT64_MAX || at == INT64_MIN) {
        snprintf(out, WHEN_SIZE, at > 0 ? "never" : "none");
        return out;
    }
    offset = usher__zone_offset(zone, at, NULL);
    local = at + offset;
    d = usher__date_of(usher__date_at(local));
    ms = local - usher__date_at(local) * DAY_MS;
    n = snprintf(out, WHEN_SIZE, "%04" PRId64 "-%02u-%02uT%02d:%02d:%02d", d.year, d.month, d.day,
                 (int)(ms / 3600000), (int)(ms / 60000 % 60), (int)(ms / 1000 % 60));
    if (ms % 1000 != 0)
        n += snprintf(out + n, (size_t)(WHEN_SIZE - n), ".%03d", (int)(ms % 1000));
    offset /= 60000;
    snprintf(out + n, (size_t)(WHEN_SIZE - n), "%c%02d:%02d", offset < 0 ? '-' : '+',
             (int)((offset < 0 ? -offset : offset) / 60),
             (int)((offset < 0 ? -offset : offset) % 60));
    return out;
}
