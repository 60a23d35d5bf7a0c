/* What the wall shows. */
#include "local.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "date.h"

static const int64_t first_at = 0, last_at = INT64_C(253402300799999);

void local_zone(const char *name)
{
    char tz[300];
    snprintf(tz, sizeof tz, ":%s", name);
    setenv("TZ", tz, 1);
    tzset();
}

/* ---- instants and walls ---------------------------------------------------------------------- */

struct local local_of(int64_t at)
{
    time_t second = (time_t)(at / 1000 - (at % 1000 < 0));
    struct tm tm;
    if (!localtime_r(&second, &tm))
        return (struct local){0};
    struct date d = {tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday};
    int64_t day = date_number(d);
    int64_t of_day = tm.tm_hour * INT64_C(3600) + tm.tm_min * INT64_C(60) + tm.tm_sec;
    int64_t offset = day * 86400 + of_day - (int64_t)second;
    return (struct local){day, of_day * 1000 + (at - (int64_t)second * 1000), offset * 1000};
}

int64_t local_change(int64_t at, int64_t to)
{
    const int64_t stride = INT64_C(6) * 3600000; /* no zone changes twice in that */
    int64_t offset = local_of(at).offset;
    int64_t before = at;
    while (before < to) {
        int64_t after = before + stride < to ? before + stride : to;
        if (local_of(after).offset == offset) {
            before = after;
            continue;
        }
        while (after - before > 1) {
            int64_t mid = before + (after - before) / 2;
            if (local_of(mid).offset == offset)
                before = mid;
            else
                after = mid;
        }
        return after;
    }
    return to;
}

int64_t local_instant(int64_t day, int64_t ms)
{
    const int64_t wide = INT64_C(27) * 3600000; /* more than any zone is off, or skips */
    int64_t wall = day * DAY_MS + ms;
    int64_t from = wall - wide;
    int64_t moved = wall;
    while (from < wall + wide) {
        int64_t to = local_change(from, wall + wide);
        int64_t at = wall - local_of(from).offset;
        if (at >= from && at < to)
            return at;
        if (at >= to && wall < to + local_of(to).offset)
            moved = at; /* in the gap at `to`: what it would be had the clock not been changed */
        from = to;
    }
    return moved;
}

int64_t local_day_begin(int64_t day)
{
    return local_instant(day, 0); /* no zone has jumped over a midnight, only from one */
}

/* ---- reading --------------------------------------------------------------------------------- */

/* ":30" and the like at *p, which moves on. */
static bool read_part(const char **p, char before, int most, int64_t unit, int64_t *ms)
{
    if (**p != before)
        return false;
    int n = date_digits(*p + 1, 2);
    if (n < 0 || n > most)
        return false;
    *ms += n * unit;
    *p += 3;
    return true;
}

/* "Z", "+01:00" at p: its end, or NULL. */
static const char *read_offset(const char *p, int64_t *offset)
{
    char sign = *p;
    *offset = 0;
    if (sign == 'Z')
        return p + 1;
    if ((sign != '+' && sign != '-') || !read_part(&p, sign, 26, 3600000, offset) ||
        !read_part(&p, ':', 59, 60000, offset))
        return NULL;
    if (sign == '-')
        *offset = -*offset;
    return p;
}

const char *local_read(const char *text, int64_t *at)
{
    static const char form[] = "write it as 2026-12-24 or \"2026-12-24 15:00\"";
    const char *p = text;
    int64_t day = 0;
    int64_t ms = 0;
    int64_t offset = 0;
    if (strcmp(text, "now") == 0) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        *at = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
        return NULL;
    }
    if (!date_read(&p, &day))
        return strlen(text) >= 10 && date_digits(text, 4) >= 0 && text[4] == '-' ? "no such date"
                                                                                 : form;
    if (*p == 'T' || *p == ' ') {
        char before = *p;
        if (!read_part(&p, before, 24, 3600000, &ms) || !read_part(&p, ':', 59, 60000, &ms))
            return form;
        if (*p == ':' && !read_part(&p, ':', 59, 1000, &ms))
            return form;
        if (ms > DAY_MS)
            return "a day ends at 24:00";
    }
    if (*p == 0) {
        *at = local_instant(day, ms);
    } else {
        const char *end = read_offset(p, &offset);
        if (!end || *end != 0)
            return form;
        *at = day * DAY_MS + ms - offset;
    }
    return *at < first_at || *at > last_at ? "only the years 1970 to 9999 are known here" : NULL;
}

/* ---- words ----------------------------------------------------------------------------------- */

char *local_clock(char buf[LOCAL_MAX], int64_t ms)
{
    int n = snprintf(buf, LOCAL_MAX, "%02d:%02d", (int)(ms / 3600000), (int)(ms / 60000 % 60));
    if (ms % 60000 != 0)
        n += snprintf(buf + n, LOCAL_MAX - (size_t)n, ":%02d", (int)(ms / 1000 % 60));
    if (ms % 1000 != 0)
        snprintf(buf + n, LOCAL_MAX - (size_t)n, ".%03d", (int)(ms % 1000));
    return buf;
}

char *local_words(char buf[LOCAL_MAX], int64_t at, bool year, bool offset)
{
    char date[DATE_MAX];
    char clock[LOCAL_MAX];
    struct local l = local_of(at);
    int n = snprintf(buf, LOCAL_MAX, "%s %.20s",
                     year ? date_words(date, l.day) : date_short(date, l.day),
                     local_clock(clock, l.ms));
    if (offset) {
        int64_t minutes = (l.offset < 0 ? -l.offset : l.offset) / 60000;
        snprintf(buf + n, LOCAL_MAX - (size_t)n, "%c%02d:%02d", l.offset < 0 ? '-' : '+',
                 (int)(minutes / 60), (int)(minutes % 60));
    }
    return buf;
}

char *local_span(char buf[LOCAL_MAX], int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{3600000, "h"}, {60000, "min"}, {1000, "s"}, {1, "ms"}};
    size_t len = 0;
    buf[0] = 0;
    if (ms == 0)
        snprintf(buf, LOCAL_MAX, "0");
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (ms / units[i].ms > 0)
            len += (size_t)snprintf(buf + len, LOCAL_MAX - len, "%s%lld %s", len ? " " : "",
                                    (long long)(ms / units[i].ms), units[i].name);
        ms %= units[i].ms;
    }
    return buf;
}
