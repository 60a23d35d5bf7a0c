/* Instants as logs write them. A strptime of our own: the C library's follows the locale and reads
 * no zone. */
#include "instant.h"

#include "words.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct local {
    int64_t year;
    int month, day, hour, minute, second, ms;
    int64_t offset_ms;
};

static bool digits(const char **s, int least, int most, int64_t *out)
{
    int n = 0;
    *out = 0;
    while (n < most && **s >= '0' && **s <= '9') {
        *out = *out * 10 + (*(*s)++ - '0');
        n++;
    }
    return n >= least;
}

static bool number(const char **s, int least, int most, int *out)
{
    int64_t n;
    bool ok = digits(s, least, most, &n);
    *out = (int)n;
    return ok;
}

static bool read_offset(const char **s, int64_t *offset_ms)
{
    if (**s == 'Z' || **s == 'z') {
        ++*s;
        *offset_ms = 0;
        return true;
    }
    if (**s != '+' && **s != '-')
        return false;
    bool behind = *(*s)++ == '-';
    int hours;
    int minutes = 0;
    if (!number(s, 2, 2, &hours))
        return false;
    bool colon = **s == ':';
    *s += colon;
    if ((colon || (**s >= '0' && **s <= '9')) && !number(s, 2, 2, &minutes))
        return false;
    if (hours > 18 || minutes > 59)
        return false;
    *offset_ms = (hours * 60 + minutes) * INT64_C(60000) * (behind ? -1 : 1);
    return true;
}

const char *instant_offset(const char *text, int64_t *offset_ms)
{
    if (!read_offset(&text, offset_ms) || *text)
        return "not an offset such as +01:00";
    return NULL;
}

static const char *to_instant(const struct local *t, int64_t *out)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (t->month < 1 || t->month > 12)
        return "no such month";
    bool leap = t->year % 4 == 0 && (t->year % 100 != 0 || t->year % 400 == 0);
    if (t->day < 1 || t->day > lengths[t->month - 1] + (leap && t->month == 2))
        return "no such day";
    if (t->hour > 23 || t->minute > 59 || t->second > 60)
        return "no such time of day";
    int64_t day = words_day_number(t->year, t->month, t->day);
    int64_t second = ((day * 24 + t->hour) * 60 + t->minute) * 60 + t->second;
    *out = second * 1000 + t->ms - t->offset_ms;
    return *out < 0 ? "before 1970" : NULL;
}

static const char *parse_iso(const char *s, struct local *t)
{
    static const char *const fault = "not a date and time such as 2016-02-29T01:16:00Z";
    if (!digits(&s, 4, 4, &t->year) || (*s != '-' && *s != '/'))
        return fault;
    char dash = *s++;
    if (!number(&s, 2, 2, &t->month) || *s++ != dash || !number(&s, 2, 2, &t->day))
        return fault;
    if (*s == 'T' || *s == 't' || *s == ' ') {
        s++;
        if (!number(&s, 2, 2, &t->hour) || *s++ != ':' || !number(&s, 2, 2, &t->minute))
            return fault;
        if (*s == ':') {
            s++;
            if (!number(&s, 2, 2, &t->second))
                return fault;
        }
        if (*s == '.' || *s == ',') {
            int scale = 100;
            for (s++; *s >= '0' && *s <= '9'; s++) {
                t->ms += (*s - '0') * scale;
                scale /= 10;
            }
        }
        s += *s == ' ';
        if (*s && !read_offset(&s, &t->offset_ms))
            return fault;
    }
    return *s ? fault : NULL;
}

static const char *parse_pattern(const char *p, const char *s, struct local *t)
{
    static const char *const fault = "does not fit the format";
    for (; *p; p++) {
        bool ok;
        if (*p != '%') {
            ok = *s++ == *p;
            if (!ok)
                return fault;
            continue;
        }
        switch (*++p) {
        case 'd':
            ok = number(&s, 1, 2, &t->day);
            break;
        case 'm':
            ok = number(&s, 1, 2, &t->month);
            break;
        case 'Y':
            ok = digits(&s, 4, 4, &t->year);
            break;
        case 'H':
            ok = number(&s, 1, 2, &t->hour);
            break;
        case 'M':
            ok = number(&s, 1, 2, &t->minute);
            break;
        case 'S':
            ok = number(&s, 1, 2, &t->second);
            break;
        case 'z':
            ok = read_offset(&s, &t->offset_ms);
            break;
        default:
            ok = *s++ == '%';
            break;
        }
        if (!ok)
            return fault;
    }
    return *s ? fault : NULL;
}

static const char *parse_count(const char *s, int64_t unit_ms, int64_t *out)
{
    int64_t n;
    if (!digits(&s, 1, 15, &n))
        return "not a number";
    if (unit_ms == 1000 && *s == '.') {
        int64_t scale = 100;
        int64_t ms = 0;
        for (s++; *s >= '0' && *s <= '9'; s++) {
            ms += (*s - '0') * scale;
            scale /= 10;
        }
        *out = ms;
    } else
        *out = 0;
    if (*s)
        return "not a number";
    *out += n * unit_ms;
    return NULL;
}

const char *instant_parse(const char *format, int64_t offset_ms, const char *text, int64_t *out)
{
    /* The last instant that usher takes: the end of the year 9999. */
    static const int64_t last = INT64_C(253402300799999);
    struct local t = {.offset_ms = offset_ms};
    const char *fault;
    if (strcmp(format, "unix") == 0)
        fault = parse_count(text, 1000, out);
    else if (strcmp(format, "unix_ms") == 0)
        fault = parse_count(text, 1, out);
    else {
        fault = strcmp(format, "iso") == 0 ? parse_iso(text, &t) : parse_pattern(format, text, &t);
        if (!fault)
            fault = to_instant(&t, out);
    }
    if (!fault && *out > last)
        fault = "after the year 9999";
    return fault;
}

const char *instant_format_fault(const char *format)
{
    if (strcmp(format, "iso") == 0 || strcmp(format, "unix") == 0 || strcmp(format, "unix_ms") == 0)
        return NULL;
    for (const char *p = format; *p; p++) {
        if (*p == '%' && (!*++p || !strchr("dmYHMSz%", *p)))
            return "knows %d %m %Y %H %M %S %z %% only";
    }
    if (!strstr(format, "%d") || !strstr(format, "%m") || !strstr(format, "%Y"))
        return "has to give day, month and year (%d %m %Y), or be \"iso\", \"unix\" or \"unix_ms\"";
    return NULL;
}
