/* The calendars of a policy: names, days and dates are keys here, so no table can hold them. */
#include "core/policy_parts.h"

#include <string.h>

#include "core/date.h"

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400 };

/* Does the string look like this? A # is a digit, a * itself; all else parts r->numbers. */
static bool fits(struct reader *r, const char *pattern)
{
    const char *at = r->word;
    int32_t *numbers = r->numbers;

    *numbers = 0;
    for (; *pattern != '\0'; pattern++, at++) {
        if (*pattern == '#' && *at >= '0' && *at <= '9')
            *numbers = *numbers * 10 + (*at - '0');
        else if (*pattern == '#' || *pattern != *at)
            return false;
        else if (*pattern != '*')
            *++numbers = 0;
    }
    return at == r->word + r->len;
}

/* ---- windows --------------------------------------------------------------------------------- */

static bool read_time(struct reader *r, void *ctx, uint32_t n)
{
    struct document *d = ctx;

    if (fits(r, "##:##") && r->numbers[1] < 60) {
        d->times[n] = r->numbers[0] * HOUR_S + r->numbers[1] * MINUTE_S;
        /* Only a closing can be the end of the day. */
        if (d->times[n] < DAY_S + (int32_t)n)
            return true;
    }
    return usher__read_wrong(r, EXPECTED, "a time such as \"08:30\"");
}

static bool read_window(struct reader *r, void *ctx, uint32_t n)
{
    struct document *d = ctx;
    uint32_t times_n;

    if (!usher__read_many(r, "[]", 2, read_time, d, &times_n))
        return false;
    if (times_n != 2 || d->times[0] == d->times[1])
        return usher__read_wrong(r, WRONG_PLACE, "expected an opening and another time to close");
    d->day.window[n] = (struct window){d->times[0], d->times[1] == 0 ? DAY_S : d->times[1]};
    return true;
}

/* From the key of a day or date to the end of its windows. */
static bool read_day(struct reader *r, struct document *d)
{
    usher__read_colon(r);
    return usher__read_many(r, "[]", WINDOWS_OF_DAY, read_window, d, &d->day.n);
}

/* ---- days ------------------------------------------------------------------------------------ */

/* "mon", or "fri-mon", at whose windows a day that is named alone does not look. */
static bool read_days(struct reader *r, void *ctx, uint32_t n)
{
    static const char names[] = "montuewedthufrisatsun";
    struct document *d = ctx;
    bool is_span = r->len == 7 && r->word[3] == '-';
    int from = -1;
    int to = -1;
    uint32_t days = 0;

    (void)n;
    for (int i = 0; (r->len == 3 || is_span) && i < 7; i++) {
        if (memcmp(names + 3 * i, r->word, 3) == 0)
            from = i;
        if (memcmp(names + 3 * i, r->word + r->len - 3, 3) == 0)
            to = i;
    }
    if (from < 0 || to < 0 || (is_span && from == to)) {
        r->depth--;
        return usher__read_wrong(r, EXPECTED,
                                 "a day such as \"mon\", or a span such as \"mon-fri\"");
    }
    for (int day = from; days == 0 || day != (to + 1) % 7; day = (day + 1) % 7)
        days |= UINT32_C(1) << day;
    if ((d->days[is_span] & days) != 0)
        return usher__read_wrong(r, WRONG_PLACE, "a day of it is there twice");
    d->days[is_span] |= days;
    if (!read_day(r, d))
        return false;
    for (int day = 0; day < 7; day++) {
        if ((days >> day & 1) != 0 && !(is_span && (d->days[0] >> day & 1) != 0))
            d->spec.week[day] = d->day;
    }
    return true;
}

/* ---- dates ----------------------------------------------------------------------------------- */

/* "2026-12-24", or, where a date may be every year's, "*-12-24". */
static bool read_date(struct reader *r, bool yearly, struct holiday *out)
{
    bool is_yearly = yearly && fits(r, "*-##-##");

    if (is_yearly || fits(r, "####-##-##")) {
        int32_t year = is_yearly ? 2000 : r->numbers[0]; /* that had every date */
        uint32_t month = (uint32_t)r->numbers[1];
        uint32_t day = (uint32_t)r->numbers[2];

        *out = (struct holiday){(int16_t)r->numbers[0], (uint8_t)month, (uint8_t)day};
        if (year >= 1970 && month - 1 < 12 && day - 1 < usher__date_month_len(year, month))
            return true;
    }
    return usher__read_wrong(r, EXPECTED, "a date from 1970 on, such as \"2026-12-24\"%s",
                             yearly ? " or \"*-12-24\"" : "");
}

static bool read_special(struct reader *r, void *ctx, uint32_t n)
{
    struct document *d = ctx;
    struct special *s = &d->specials[n];
    struct holiday date;

    r->depth--;
    if (!read_date(r, false, &date))
        return false;
    r->depth++;
    s->day = (int32_t)usher__date_day(date.year, date.month, date.day);
    for (uint32_t i = 0; i < n; i++) {
        if (d->specials[i].day == s->day)
            return usher__read_twice(r);
    }
    if (!read_day(r, d))
        return false;
    s->windows = d->day;
    return true;
}

static bool read_holiday(struct reader *r, void *ctx, uint32_t n)
{
    struct document *d = ctx;

    return read_date(r, true, &d->holidays[n]);
}

/* ---- calendars ------------------------------------------------------------------------------- */

static bool no_zone(struct reader *r, int what, int rc)
{
    if (rc != USHER_ENOMEM)
        return usher__read_wrong(r, what, "%s",
                                 rc == USHER_ENOENT ? "no such time zone on this machine"
                                                    : "the file of its time zone cannot be read");
    r->status = rc;
    return false;
}

/* Its bytes are valid until the next zone is asked for: that of the next calendar. */
static bool read_zone(struct reader *r, const struct policy_key *key, void *field)
{
    struct document *d = field;
    int rc;

    (void)key;
    if (!usher__read_name(r, "Europe/Berlin", d->zone))
        return false;
    rc = d->world->zone(d->world->ctx, d->zone, &d->spec.zone_bytes, &d->spec.zone_len);
    if (rc != 0)
        return no_zone(r, WRONG_VALUE, rc);
    d->spec.zone_name = d->zone;
    return true;
}

#define COUNT(field) .at_n = offsetof(struct document, spec.field)

static const struct policy_key calendar_keys[] = {
    {.name = "zone", .kind = KEY_OWN, .of.read = read_zone},
    {.name = "week", .kind = KEY_MAP, .max = INT32_MAX, .of.one = read_days},
    {.name = "special",
     .kind = KEY_MAP,
     .max = SPECIALS_MAX,
     COUNT(specials_n),
     .of.one = read_special},
    {.name = "holidays",
     .kind = KEY_LIST,
     .max = HOLIDAYS_MAX,
     COUNT(holidays_n),
     .of.one = read_holiday},
    {.name = NULL},
};

bool usher__read_named(struct reader *r, void *document, uint32_t n)
{
    struct document *d = document;
    struct calendar **calendar = &d->policy.calendars[n];
    int64_t now = d->world->now;
    char *name = d->calendar[n];
    int rc;

    if (!usher__read_name(r, "office", name))
        return false;
    if (usher__read_find(r, d->calendars, sizeof *d->calendars) >= 0)
        return usher__read_twice(r);
    d->spec = (struct calendar_spec){.specials = d->specials, .holidays = d->holidays};
    d->days[0] = d->days[1] = 0;
    usher__read_colon(r);
    if (!usher__read_object(r, calendar_keys, d))
        return false;
    if (d->spec.zone_name == NULL)
        return usher__read_missing(r, "zone");
    rc = usher__calendar_new(calendar, d->world->allocator, &d->spec);
    if (rc != 0)
        return no_zone(r, WRONG_PLACE, rc);
    d->policy.calendars_n = n + 1;
    if (now >= 0 && !usher__calendar_is_open(*calendar, now) &&
        usher__calendar_next_open(*calendar, now) - now > CALENDAR_DRY_MS)
        return usher__read_wrong(r, WRONG_PLACE, "no opening in the next five years");
    d->calendars[n] = name;
    d->calendars[n + 1] = NULL;
    return true;
}

bool usher__read_calendar(struct reader *r, const struct policy_key *key, void *field)
{
    const struct document *d = r->record;
    int place = usher__read_find(r, d->calendars, sizeof *d->calendars);

    (void)key;
    if (place < 0)
        return usher__read_unknown(r, WRONG_VALUE, "no such calendar", d->calendars,
                                   sizeof *d->calendars);
    *(const struct calendar **)field = d->policy.calendars[place];
    return true;
}
