/* Calendars made, and asked. Everything asked is put as two questions to the tables: how much is open
 * before an instant, and which instant has so much before it. */
#include "core/calendar.h"

#include <string.h>

#include "core/calendar_table.h"

enum { DATES_MAX = 36525 }; /* looked at for working days: 100 years, as no duration is longer */

enum { CHUNKS_ROOM = 32 }; /* grows */

/* ---- making -------------------------------------------------------------------------------------- */

static bool comes_before(struct rule a, struct rule b)
{
    return a.day != b.day ? a.day < b.day : a.holiday > b.holiday;
}

/* Shell's: thousands of dates in any order, and mostly in order. */
static void sort(struct rule *r, uint32_t n)
{
    for (uint32_t gap = n / 2; gap > 0; gap /= 2) {
        for (uint32_t i = gap; i < n; i++) {
            struct rule one = r[i];
            uint32_t j = i;

            for (; j >= gap && comes_before(one, r[j - gap]); j -= gap)
                r[j] = r[j - gap];
            r[j] = one;
        }
    }
}

static struct rule add(struct calendar *c, uint32_t *n, int32_t day, const struct windows *w)
{
    struct rule r = {day, (uint16_t)*n, (uint8_t)w->n, 0};

    memcpy(c->windows + *n, w->window, w->n * sizeof *c->windows);
    *n += w->n;
    return r;
}

/* Holidays of every year on every date: it never opens but on days that are no longer any. */
static bool every_date(const uint32_t yearly[12])
{
    uint32_t m = 0;

    while (m < 12 && yearly[m] == (UINT32_C(2) << usher__date_month_len(2000, m + 1)) - 2)
        m++;
    return m == 12;
}

static void fill(struct calendar *c, const struct calendar_spec *spec)
{
    uint32_t n = 0, of_week;
    int64_t last = -4, last_holiday = -4; /* which ends before 1970 */

    c->last_day = usher__date_at(USHER_AT_MAX) + 1;
    for (uint32_t i = 0; i < 7; i++)
        c->week[i] = add(c, &n, 0, &spec->week[i]);
    of_week = n;
    for (uint32_t i = 0; i < spec->specials_n; i++) {
        const struct special *s = &spec->specials[i];

        c->rules[c->rules_n++] = add(c, &n, s->day, &s->windows);
        if (s->day > last)
            last = s->day;
    }
    for (uint32_t i = 0; i < spec->holidays_n; i++) {
        const struct holiday *h = &spec->holidays[i];

        if (h->year == 0) {
            c->yearly[h->month - 1] |= UINT32_C(1) << h->day;
            c->has_yearly = true;
            last_holiday = c->last_day;
        } else {
            int32_t day = (int32_t)usher__date_day(h->year, h->month, h->day);

            c->rules[c->rules_n++] = (struct rule){day, 0, 0, 1};
            if (day > last_holiday)
                last_holiday = day;
        }
    }
    sort(c->rules, c->rules_n);
    c->pieces_max = CHUNK_DATES / 7 * of_week + (n - of_week);
    if (of_week == 0 || every_date(c->yearly))
        c->last_day = last;
    c->end_at = (c->last_day + 4) * DAY_MS;
    if (c->end_at > USHER_AT_MAX + 1)
        c->end_at = USHER_AT_MAX + 1;
    c->holidays_end = (last_holiday + 3) * DAY_MS;
}

void usher__calendar_free(struct calendar *c)
{
    usher_allocator a;
    struct cache *k;

    if (c == NULL)
        return;
    a = c->allocator;
    k = c->cache;
    if (k->spare != NULL)
        a.resize(a.ctx, k->spare, 0);
    if (k->chunks != NULL)
        a.resize(a.ctx, k->chunks, 0);
    while (k->tables_n > 0)
        a.resize(a.ctx, k->tables[--k->tables_n], 0);
    a.resize(a.ctx, c, 0);
}

/* One block: the calendar, its cache, dates, windows, zone, and the zone's name. */
int usher__calendar_new(struct calendar **out, const usher_allocator *allocator,
                        const struct calendar_spec *spec)
{
    uint32_t rules_n = spec->specials_n + spec->holidays_n, windows_n = 0;
    size_t name_len = strlen(spec->zone_name) + 1, len;
    struct calendar *c;
    char *p;

    *out = NULL;
    if (spec->zone_len > ZONE_FILE_MAX)
        return USHER_EINVAL;
    for (uint32_t i = 0; i < 7; i++)
        windows_n += spec->week[i].n;
    for (uint32_t i = 0; i < spec->specials_n; i++)
        windows_n += spec->specials[i].windows.n;
    len = sizeof *c + sizeof *c->cache + rules_n * sizeof *c->rules +
          windows_n * sizeof *c->windows + spec->zone_len + name_len;
    c = allocator->resize(allocator->ctx, NULL, len);
    if (c == NULL)
        return USHER_ENOMEM;
    memset(c, 0, len);
    c->allocator = *allocator;
    c->cache = (struct cache *)(c + 1);
    c->rules = (struct rule *)(c->cache + 1);
    c->windows = (struct window *)(c->rules + rules_n);
    p = (char *)(c->windows + windows_n);
    usher__zone_utc(&c->zone);
    if (spec->zone_bytes != NULL) {
        c->zone_bytes = memcpy(p, spec->zone_bytes, spec->zone_len);
        c->zone_len = spec->zone_len;
    }
    c->zone_name = memcpy(p + c->zone_len, spec->zone_name, name_len);
    if (c->zone_bytes != NULL && usher__zone_read(&c->zone, p, c->zone_len) != 0) {
        usher__calendar_free(c);
        return USHER_EINVAL;
    }
    fill(c, spec);
    c->cache->chunks = allocator->resize(allocator->ctx, NULL, CHUNKS_ROOM * sizeof(struct chunk));
    c->cache->spare = allocator->resize(allocator->ctx, NULL, usher__calendar_table_len(c));
    if (c->cache->chunks == NULL || c->cache->spare == NULL) {
        usher__calendar_free(c);
        return USHER_ENOMEM;
    }
    c->cache->room = CHUNKS_ROOM;
    c->cache->base = UINT32_MAX;
    c->cache->spare->chunk = UINT32_MAX;
    *out = c;
    return 0;
}

const char *usher__calendar_zone(const struct calendar *c, const void **bytes, size_t *len)
{
    *bytes = c != NULL ? c->zone_bytes : NULL;
    *len = c != NULL ? c->zone_len : 0;
    return c != NULL ? c->zone_name : NULL;
}

/* ---- what promises ask --------------------------------------------------------------------------- */

int64_t usher__calendar_reach(const struct calendar *c, int64_t from, int64_t ms)
{
    int64_t sum;

    if (ms <= 0)
        return from;
    if (__builtin_add_overflow(c != NULL ? usher__calendar_sum(c, from) : from, ms, &sum))
        return INT64_MAX;
    return c != NULL ? usher__calendar_at(c, sum, false, from) : sum;
}

/* Each instant counts one ms or none: the first with more than so many is the first with one more. */
int64_t usher__calendar_pass(const struct calendar *c, int64_t from, int64_t ms)
{
    return ms == INT64_MAX ? INT64_MAX : usher__calendar_reach(c, from, ms + 1);
}

/* The sum before an instant, counted from so far back that it is `ms`, if there is so much. */
static int64_t sum_with(const struct calendar *c, int64_t at, int64_t ms)
{
    int64_t sum = usher__calendar_sum(c, at);

    if (sum >= ms || c->cache->base == 0)
        return sum;
    usher__calendar_rebase(c, 0);
    return usher__calendar_sum(c, at);
}

int64_t usher__calendar_back(const struct calendar *c, int64_t to, int64_t ms)
{
    int64_t sum;

    if (ms <= 0)
        return to;
    sum = (c != NULL ? sum_with(c, to, ms) : to) - ms;
    if (sum < 0)
        return INT64_MIN;
    return c != NULL ? usher__calendar_at(c, sum, true, 0) : sum;
}

int64_t usher__calendar_between(const struct calendar *c, int64_t from, int64_t to)
{
    int64_t before;

    if (to <= from)
        return 0;
    if (c == NULL)
        return to - from;
    before = usher__calendar_sum(c, from); /* first: see there */
    return usher__calendar_sum(c, to) - before;
}

/* At or after an instant; where it is open that is the instant itself. */
static int64_t open_from(const struct calendar *c, int64_t at)
{
    return usher__calendar_at(c, usher__calendar_sum(c, at), true, at);
}

static bool works(const struct calendar *c, int64_t day)
{
    int64_t at[WINDOWS_OF_DAY][2];

    return usher__calendar_date(c, day, at) > 0;
}

int64_t usher__calendar_days(const struct calendar *c, int64_t from, int64_t n)
{
    int64_t never = n < 0 ? INT64_MIN : INT64_MAX, step = n < 0 ? -1 : 1;
    int64_t left = n < 0 ? -n : n, local, day, at;

    if (c == NULL) {
        if (__builtin_mul_overflow(n, DAY_MS, &at) || __builtin_add_overflow(from, at, &at) ||
            at < 0)
            return never;
        return at;
    }
    local = from + usher__zone_offset(&c->zone, from, NULL);
    day = usher__date_at(local);
    if (step < 0 && day > c->last_day + 1)
        day = c->last_day + 1;
    for (uint32_t dates = 0; left > 0; dates++) {
        day += step;
        if (day < -1 || day > c->last_day || dates == DATES_MAX)
            return never;
        left -= works(c, day);
    }
    at = usher__zone_instant(&c->zone, day * DAY_MS + (local - usher__date_at(local) * DAY_MS));
    return at < 0 ? never : open_from(c, at);
}

/* ---- what people ask ----------------------------------------------------------------------------- */

bool usher__calendar_is_open(const struct calendar *c, int64_t at)
{
    return c == NULL || (at < c->end_at && usher__calendar_between(c, at, at + 1) > 0);
}

int64_t usher__calendar_next_open(const struct calendar *c, int64_t at)
{
    if (c == NULL)
        return INT64_MAX;
    if (usher__calendar_is_open(c, at) && usher__calendar_is_open(c, at - 1))
        at = usher__calendar_edge(c, at, true);
    return open_from(c, at);
}

int64_t usher__calendar_next_close(const struct calendar *c, int64_t at)
{
    int64_t open = c != NULL ? open_from(c, at) : INT64_MAX;

    if (open != INT64_MAX)
        open = usher__calendar_edge(c, open, true);
    return open > USHER_AT_MAX ? INT64_MAX : open;
}

int64_t usher__calendar_prev_open(const struct calendar *c, int64_t at)
{
    if (c != NULL && !usher__calendar_is_open(c, at)) {
        at = usher__calendar_prev_close(c, at);
        if (at > 0) /* else it is INT64_MIN */
            at--;
    }
    return c != NULL && at >= 0 ? usher__calendar_edge(c, at, false) : INT64_MIN;
}

int64_t usher__calendar_prev_close(const struct calendar *c, int64_t at)
{
    int64_t sum;

    if (c == NULL)
        return INT64_MIN;
    if (usher__calendar_is_open(c, at))
        at = usher__calendar_edge(c, at, false);
    sum = sum_with(c, at, 1);
    return sum > 0 ? usher__calendar_at(c, sum, false, 0) : INT64_MIN;
}

/* Whether an instant's date is a holiday, and until when that may be said at least. */
static bool holiday_at(const struct calendar *c, int64_t at, int64_t *until)
{
    int64_t offset = usher__zone_offset(&c->zone, at, until);
    int64_t day = usher__date_at(at + offset), midnight = (day + 1) * DAY_MS - offset;

    if (midnight < *until)
        *until = midnight;
    return usher__calendar_rule(c, day).holiday;
}

int usher__calendar_span(const struct calendar *c, int64_t from, int64_t to, int64_t *end)
{
    bool open = usher__calendar_is_open(c, from), holiday;
    int64_t at, next, limit;

    *end = to;
    if (c == NULL)
        return USHER_SPAN_OPEN;
    at = open ? usher__calendar_edge(c, from, true) : open_from(c, from);
    if (at < to)
        *end = at;
    if (open)
        return USHER_SPAN_OPEN;
    limit = *end < c->holidays_end ? *end : c->holidays_end;
    holiday = holiday_at(c, from, &at);
    while (at < limit && holiday_at(c, at, &next) == holiday)
        at = next;
    if (at < limit)
        *end = at;
    return holiday ? USHER_SPAN_HOLIDAY : USHER_SPAN_CLOSED;
}
