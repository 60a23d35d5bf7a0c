/* When an event repeats.
 *
 * A day belongs to a rule if it passes each of its parts, so the days are gone through one by one: for
 * ten years that is nothing, and it cannot be gotten wrong the way that "expand" and "limit" of the
 * RFC's table can. What a part leaves open is as on the first day. BYSETPOS and BYWEEKNO do not fit that
 * and are not understood; BYHOUR and smaller say nothing about whole days. */
#include "rule.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "date.h"

/* ---- reading --------------------------------------------------------------------------------- */

/* A number in [-most, most] and not 0, at *p, which moves on. */
static bool read_number(const char **p, int most, int *out)
{
    char *end;
    long n = strtol(*p, &end, 10);
    bool ok = end != *p && n != 0 && n >= -most && n <= most;
    *p = end;
    *out = (int)n;
    return ok;
}

static bool read_numbers(const char *p, int most, int *list, size_t *n)
{
    for (*n = 0; *n < RULE_LIST; p++) {
        if (!read_number(&p, most, &list[*n]))
            return false;
        ++*n;
        if (*p != ',')
            return *p == 0;
    }
    return false;
}

static bool read_weekday(const char **p, int *out)
{
    static const char names[] = "MOTUWETHFRSASU";
    for (*out = 0; *out < 7; ++*out) {
        if (strncasecmp(*p, names + (size_t)*out * 2, 2) == 0) {
            *p += 2;
            return true;
        }
    }
    return false;
}

static bool read_weekdays(struct rule *r, const char *p)
{
    for (r->weekdays_n = 0; r->weekdays_n < RULE_LIST; p++) {
        struct rule_weekday *w = &r->weekdays[r->weekdays_n++];
        bool plain = *p != '+' && *p != '-' && (*p < '0' || *p > '9');
        if ((!plain && !read_number(&p, 53, &w->nth)) || !read_weekday(&p, &w->weekday))
            return false;
        if (*p != ',')
            return *p == 0;
    }
    return false;
}

static bool read_unit(struct rule *r, const char *value)
{
    static const char *const names[] = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"};
    for (int i = 0; i < 4; i++) {
        if (strcasecmp(value, names[i]) == 0) {
            r->unit = (enum rule_unit)i;
            return true;
        }
    }
    return false;
}

static bool read_until(struct rule *r, const char *value)
{
    struct date d = {date_digits(value, 4), 0, 0};
    if (d.year < 0 || (d.month = date_digits(value + 4, 2)) < 0)
        return false;
    d.day = date_digits(value + 6, 2);
    r->until_day = date_is(d) ? date_number(d) : 0;
    return date_is(d) && (value[8] == 0 || value[8] == 'T' || value[8] == 't');
}

static bool read_part(struct rule *r, const char *name, const char *value)
{
    int list[RULE_LIST];
    size_t n = 0;
    if (strcasecmp(name, "FREQ") == 0)
        return read_unit(r, value);
    if (strcasecmp(name, "INTERVAL") == 0) {
        bool ok = read_numbers(value, 10000, list, &n) && n == 1 && list[0] > 0;
        r->interval = ok ? list[0] : 1;
        return ok;
    }
    if (strcasecmp(name, "COUNT") == 0) {
        bool ok = read_numbers(value, 1000000, list, &n) && n == 1 && list[0] > 0;
        r->count = ok ? list[0] : 0;
        return ok;
    }
    if (strcasecmp(name, "UNTIL") == 0)
        return read_until(r, value);
    if (strcasecmp(name, "BYMONTHDAY") == 0)
        return read_numbers(value, 31, r->month_days, &r->month_days_n);
    if (strcasecmp(name, "BYYEARDAY") == 0)
        return read_numbers(value, 366, r->year_days, &r->year_days_n);
    if (strcasecmp(name, "BYDAY") == 0)
        return read_weekdays(r, value);
    if (strcasecmp(name, "WKST") == 0)
        return read_weekday(&value, &r->week_begin) && *value == 0;
    if (strcasecmp(name, "BYMONTH") == 0) {
        if (!read_numbers(value, 12, list, &n))
            return false;
        for (size_t i = 0; i < n; i++) {
            if (list[i] < 0)
                return false;
            r->months |= 1u << list[i];
        }
        return true;
    }
    return strcasecmp(name, "BYHOUR") == 0 || strcasecmp(name, "BYMINUTE") == 0 ||
           strcasecmp(name, "BYSECOND") == 0;
}

bool rule_read(struct rule *r, const char *text)
{
    char part[512];
    bool has_unit = false;
    *r = (struct rule){.interval = 1, .until_day = INT64_MAX};
    while (*text) {
        size_t len = strcspn(text, ";");
        if (len >= sizeof part)
            return false;
        memcpy(part, text, len);
        part[len] = 0;
        text += len + (text[len] == ';');
        char *value = strchr(part, '=');
        if (!value)
            return false;
        *value++ = 0;
        has_unit = has_unit || strcasecmp(part, "FREQ") == 0;
        if (!read_part(r, part, value))
            return false;
    }
    for (size_t i = 0; i < r->weekdays_n; i++) {
        if (r->weekdays[i].nth != 0 && r->unit != RULE_MONTHS && r->unit != RULE_YEARS)
            return false;
    }
    return has_unit;
}

bool rule_is_date(const struct rule *r, int64_t start_day, int *month, int *day)
{
    struct date d = date_of(start_day);
    if (r->unit != RULE_YEARS || r->interval != 1 || r->count != 0 || r->until_day != INT64_MAX ||
        r->weekdays_n > 0 || r->year_days_n > 0 || r->month_days_n > 1)
        return false;
    *month = d.month;
    *day = d.day;
    if (r->month_days_n == 1 && r->months == 0)
        return false; /* that day of every month */
    if (r->month_days_n == 1)
        *day = r->month_days[0];
    if (r->months != 0) {
        if ((r->months & (r->months - 1)) != 0)
            return false;
        for (*month = 1; !(r->months & 1u << *month); ++*month) {
        }
    }
    return *day > 0 && *day <= date_month_days(2000, *month);
}

/* ---- the days -------------------------------------------------------------------------------- */

static bool has(const int *list, size_t n, int from_begin, int from_end)
{
    size_t i = 0;
    while (i < n && list[i] != from_begin && list[i] != from_end)
        i++;
    return i < n;
}

/* at: its place in the period, from 0, of `of` days. */
static bool is_nth(int nth, int at, int of)
{
    return nth > 0 ? at / 7 + 1 == nth : (of - 1 - at) / 7 + 1 == -nth;
}

static bool fits_weekday(const struct rule *r, int64_t day, struct date d)
{
    bool in_month = r->unit == RULE_MONTHS || r->months != 0;
    int64_t first = date_number((struct date){d.year, in_month ? d.month : 1, 1});
    int of = in_month ? date_month_days(d.year, d.month) : 337 + date_month_days(d.year, 2);
    for (size_t i = 0; i < r->weekdays_n; i++) {
        const struct rule_weekday *w = &r->weekdays[i];
        if (w->weekday == date_weekday(day) &&
            (w->nth == 0 || is_nth(w->nth, (int)(day - first), of)))
            return true;
    }
    return false;
}

static int64_t period_of(const struct rule *r, int64_t day, struct date d)
{
    switch (r->unit) {
    case RULE_DAYS:
        return day;
    case RULE_WEEKS:
        return (day + 3 - r->week_begin + INT64_C(7) * 1000000) / 7;
    case RULE_MONTHS:
        return d.year * INT64_C(12) + d.month;
    case RULE_YEARS:
        break;
    }
    return d.year;
}

static bool fits(const struct rule *r, int64_t day, int64_t start_day, struct date start)
{
    struct date d = date_of(day);
    bool said = r->month_days_n > 0 || r->year_days_n > 0 || r->weekdays_n > 0;
    int year_days = 337 + date_month_days(d.year, 2);
    int of_year = (int)(day - date_number((struct date){d.year, 1, 1})) + 1;
    if ((period_of(r, day, d) - period_of(r, start_day, start)) % r->interval != 0)
        return false;
    if (r->months != 0 && !(r->months & 1u << d.month))
        return false;
    if (r->month_days_n > 0 &&
        !has(r->month_days, r->month_days_n, d.day, d.day - date_month_days(d.year, d.month) - 1))
        return false;
    if (r->year_days_n > 0 && !has(r->year_days, r->year_days_n, of_year, of_year - year_days - 1))
        return false;
    if (r->weekdays_n > 0)
        return fits_weekday(r, day, d);
    if (said || r->unit == RULE_DAYS)
        return true;
    if (r->unit == RULE_WEEKS)
        return date_weekday(day) == date_weekday(start_day);
    return d.day == start.day &&
           (r->unit == RULE_MONTHS || r->months != 0 || d.month == start.month);
}

bool rule_each(const struct rule *r, int64_t start_day, int64_t from, int64_t to, int64_t *work,
               void (*each)(void *user, int64_t day), void *user)
{
    struct date start = date_of(start_day);
    int64_t left = r->count > 0 ? r->count : INT64_MAX;
    int64_t last = r->until_day < to ? r->until_day : to;
    /* Without a count what lies before does not matter. */
    int64_t day = r->count > 0 || from < start_day ? start_day : from;
    for (; day <= last && left > 0; day++) {
        if (--*work < 0)
            return false;
        if (day != start_day && !fits(r, day, start_day, start))
            continue;
        left--;
        if (day >= from)
            each(user, day);
    }
    return true;
}
