/* For the tests of calendars: calendars and instants as text.
 *
 * A calendar: "mon-fri 09:00-12:00,13:00-17:00; 2026-12-24 09:00-12:00; 2026-12-31 closed;
 * holiday 2026-12-25,*-01-01". An instant: "2026-12-24 09:00[:00[.000]][ +01:00]", else UTC. */
#ifndef USHER_UNIT_CALENDARS_H
#define USHER_UNIT_CALENDARS_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/calendar.h"
#include "core/date.h"
#include "core/zone.h"
#include "probe.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

/* ---- instants --------------------------------------------------------------------------------- */

static inline int64_t at(const char *text)
{
    int y, mo, d, h, mi, s = 0, ms = 0, n = 0, zh = 0, zm = 0;
    int64_t t;

    if (sscanf(text, "%d-%d-%d %d:%d%n", &y, &mo, &d, &h, &mi, &n) != 5)
        fail_msg("not an instant: %s", text);
    text += n;
    if (*text == ':') {
        assert_int_equal(sscanf(text, ":%2d%n", &s, &n), 1);
        text += n;
    }
    if (*text == '.') {
        assert_int_equal(sscanf(text, ".%3d%n", &ms, &n), 1);
        text += n;
    }
    if (*text == ' ')
        assert_int_equal(sscanf(text, " %d:%d", &zh, &zm), 2);
    t = usher__date_day(y, (uint32_t)mo, (uint32_t)d) * DAY_MS + h * HOUR + mi * MINUTE +
        s * SECOND + ms;
    return t - zh * HOUR - (strchr(text, '-') != NULL ? -zm : zm) * MINUTE;
}

/* Two at a time, for messages. */
static inline const char *when(int64_t t)
{
    static char texts[2][40];
    static int turn;
    char *text = texts[turn ^= 1];
    struct date d = usher__date_of(usher__date_at(t));
    int64_t in = t - usher__date_at(t) * DAY_MS;

    if (t == INT64_MAX || t == INT64_MIN)
        return t > 0 ? "never" : "not before";
    snprintf(text, sizeof texts[0],
             "%04" PRId64 "-%02u-%02u %02" PRId64 ":%02" PRId64 ":%02" PRId64 ".%03" PRId64, d.year,
             d.month, d.day, in / HOUR, in / MINUTE % 60, in / SECOND % 60, in % SECOND);
    return text;
}

static inline void same_at(int64_t actual, int64_t expected, const char *file, int line)
{
    if (actual != expected) {
        print_error("%s, not %s\n", when(actual), when(expected));
        _fail(file, line);
    }
}

#define assert_at(actual, text)          same_at(actual, at(text), __FILE__, __LINE__)
#define assert_same_at(actual, expected) same_at(actual, expected, __FILE__, __LINE__)

/* ---- calendars -------------------------------------------------------------------------------- */

/* A spec that owns what it says. */
struct almanac {
    struct calendar_spec spec;
    struct special specials[SPECIALS_MAX];
    struct holiday holidays[HOLIDAYS_MAX];
    unsigned char zone[ZONE_FILE_MAX];
};

static inline const char *windows_in(const char *p, struct windows *w)
{
    int a, b, c, d, n;

    memset(w, 0, sizeof *w);
    if (strncmp(p, "closed", 6) == 0)
        return p + 6;
    while (sscanf(p, "%d:%d-%d:%d%n", &a, &b, &c, &d, &n) == 4) {
        assert_true(w->n < WINDOWS_OF_DAY);
        w->window[w->n++] = (struct window){(a * 60 + b) * 60, (c * 60 + d) * 60};
        p += n;
        if (*p != ',')
            break;
        p++;
    }
    return p;
}

static inline const char *holidays_in(const char *p, struct almanac *a)
{
    unsigned y, m, d;
    int n;

    for (;; p++) {
        if (sscanf(p, "*-%2u-%2u%n", &m, &d, &n) == 2)
            y = 0;
        else if (sscanf(p, "%4u-%2u-%2u%n", &y, &m, &d, &n) != 3)
            fail_msg("not a holiday: %s", p);
        assert_true(a->spec.holidays_n < HOLIDAYS_MAX);
        a->holidays[a->spec.holidays_n++] = (struct holiday){(int16_t)y, (uint8_t)m, (uint8_t)d};
        p += n;
        if (*p != ',')
            return p;
    }
}

static inline int weekday_in(const char *p)
{
    static const char *const names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

    for (int i = 0; i < 7; i++) {
        if (strncmp(p, names[i], 3) == 0)
            return i;
    }
    return -1;
}

static inline void read_spec(struct almanac *a, const char *p)
{
    memset(&a->spec, 0, sizeof a->spec);
    a->spec.zone_name = "UTC";
    a->spec.specials = a->specials;
    a->spec.holidays = a->holidays;
    while (*p != '\0') {
        int first = weekday_in(p), last = first, n;
        unsigned y, m, d;

        if (first >= 0) {
            struct windows w;

            if (p[3] == '-') {
                last = weekday_in(p + 4);
                p += 4;
            }
            p = windows_in(p + 4, &w);
            for (int i = first; i <= last; i++)
                a->spec.week[i] = w;
        } else if (strncmp(p, "holiday ", 8) == 0) {
            p = holidays_in(p + 8, a);
        } else if (sscanf(p, "%4u-%2u-%2u %n", &y, &m, &d, &n) == 3) {
            struct special *s = &a->specials[a->spec.specials_n++];

            s->day = (int32_t)usher__date_day(y, m, d);
            p = windows_in(p + n, &s->windows);
        }
        if (*p != '\0' && *p != ';')
            fail_msg("not a calendar: %s", p);
        p += strspn(p, "; ");
    }
}

/* The system's file of a zone. False: this machine has none of it. */
static inline bool read_zone(struct almanac *a, const char *name)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    f = fopen(path, "rb");
    if (f == NULL)
        return false;
    a->spec.zone_len = fread(a->zone, 1, sizeof a->zone, f);
    fclose(f);
    a->spec.zone_bytes = a->zone;
    a->spec.zone_name = name;
    return true;
}

static inline void *libc_resize(void *ctx, void *p, size_t n)
{
    (void)ctx;
    if (n == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, n);
}

/* zone NULL: UTC. Skips the test where the zone is not there. */
static inline struct calendar *calendar_in(const char *zone, const char *text)
{
    static const usher_allocator libc = {libc_resize, NULL};
    struct almanac *a = malloc(sizeof *a);
    struct calendar *c = NULL;
    bool there;

    assert_non_null(a);
    read_spec(a, text);
    there = zone == NULL || read_zone(a, zone);
    if (there)
        assert_int_equal(usher__calendar_new(&c, &libc, &a->spec), 0);
    free(a);
    if (!there) {
        print_message("no zone file of %s here\n", zone);
        skip();
    }
    return c;
}

static inline struct calendar *calendar(const char *text)
{
    return calendar_in(NULL, text);
}

#endif
