/* Business calendars: what adding working time costs, beside a walk from day to day. */
#include <stdio.h>
#include <stdlib.h>

#include <usher/usher.h>

#include "bench.h"
#include "core/calendar.h"
#include "core/date.h"
#include "core/zone.h"
#include "loop/zones.h"

enum { STARTS = 4096, HOLIDAYS = 11 };

#define HOUR INT64_C(3600000)

/* Monday to Friday, an hour off for lunch, eleven holidays a year. */
static const struct windows workday = {2, {{9 * 3600, 12 * 3600}, {13 * 3600, 17 * 3600}}};
static const struct holiday holidays[HOLIDAYS] = {{0, 1, 1},  {0, 1, 6},   {0, 5, 1},  {0, 6, 4},
                                                  {0, 8, 15}, {0, 10, 3},  {0, 11, 1}, {0, 11, 19},
                                                  {0, 12, 8}, {0, 12, 25}, {0, 12, 26}};

struct pair {
    struct calendar *utc, *berlin; /* berlin NULL: not on this machine */
    uint8_t *off;                  /* of each day: a holiday */
    int64_t days;
    int64_t starts[STARTS];
};

static void *resize(void *ctx, void *p, size_t n)
{
    (void)ctx;
    if (n > 0)
        return realloc(p, n);
    free(p);
    return NULL;
}

static const usher_allocator libc = {resize, NULL};

static struct calendar *make(const char *zone)
{
    struct calendar_spec spec = {.zone_name = zone, .holidays = holidays, .holidays_n = HOLIDAYS};
    static unsigned char bytes[ZONE_FILE_MAX];
    struct calendar *c = NULL;

    for (int i = 0; i < 5; i++)
        spec.week[i] = workday;
    if (usher__zone_load(NULL, zone, bytes, &spec.zone_len) != 0)
        return NULL;
    if (spec.zone_len > 0)
        spec.zone_bytes = bytes;
    return usher__calendar_new(&c, &libc, &spec) == 0 ? c : NULL;
}

/* ---- the walk ------------------------------------------------------------------------------------ */

static int64_t walk(const struct pair *p, int64_t from, int64_t ms)
{
    for (int64_t day = from / DAY_MS;; day++) {
        if ((day + 3) % 7 >= 5 || p->off[day])
            continue;
        for (uint32_t i = 0; i < workday.n; i++) {
            int64_t open = day * DAY_MS + workday.window[i].open_s * INT64_C(1000);
            int64_t close = day * DAY_MS + workday.window[i].close_s * INT64_C(1000);

            if (open < from)
                open = from;
            if (close - open >= ms)
                return open + ms;
            if (close > open)
                ms -= close - open;
        }
    }
}

/* ---- measuring ----------------------------------------------------------------------------------- */

static bool add(const struct bench *b, const struct pair *p, const struct calendar *c,
                const char *what, int64_t hours)
{
    int windows = b->quick ? 3 : 9, rounds = b->quick ? 1 : 50;
    struct series usher = {.n = 0}, walked = {.n = 0};
    struct figure f;
    int64_t sum = 0;

    for (int w = 0; w <= windows; w++) { /* the first warms up */
        int walks = c == p->utc ? (int)(rounds * 10 / hours) + 1 : 0;
        int64_t sums[2] = {0, 0};
        uint64_t began = cpu_ns(), middle;

        for (int r = 0; r < rounds; r++) {
            for (int i = 0; i < STARTS; i++)
                sums[0] += usher__calendar_reach(c, p->starts[i], hours * HOUR);
        }
        middle = cpu_ns();
        for (int r = 0; r < walks; r++) {
            for (int i = 0; i < STARTS; i++)
                sums[1] += walk(p, p->starts[i], hours * HOUR);
        }
        if (w > 0) {
            series_add(&usher, middle - began, (uint64_t)rounds * STARTS);
            if (walks > 0)
                series_add(&walked, cpu_ns() - middle, (uint64_t)walks * STARTS);
        }
        sum += sums[0] / rounds;
        if (walks > 0 && sums[0] / rounds != sums[1] / walks) {
            fputs("usher-bench: the calendar and the walk do not agree\n", stderr);
            return false;
        }
    }
    f = figure_of(what, (uint64_t)hours, &usher, NULL);
    f.peer = walked.n > 0 ? series_median(&walked) : 0;
    f.target = 50;
    f.kind = AT_MOST;
    report_figure(b->report, &f);
    return sum > 0;
}

static bool between(const struct bench *b, const struct pair *p)
{
    int windows = b->quick ? 3 : 9, rounds = b->quick ? 1 : 50;
    struct series s = {.n = 0};
    struct figure f;
    int64_t sum = 0;

    for (int w = 0; w < windows; w++) {
        uint64_t began = cpu_ns();

        for (int r = 0; r < rounds; r++) {
            for (int i = 0; i < STARTS; i++)
                sum += usher__calendar_between(p->utc, p->starts[i],
                                               p->starts[i] + (i + 1) * 10 * HOUR);
        }
        series_add(&s, cpu_ns() - began, (uint64_t)rounds * STARTS);
    }
    f = figure_of("working time between two instants", 0, &s, NULL);
    f.target = 50;
    f.kind = AT_MOST;
    report_figure(b->report, &f);
    return sum > 0;
}

/* A new one's first question is about 2026, for which it sums up what came before. Afterwards twenty
 * years are asked for in turn, more than it keeps. */
static bool making(const struct bench *b, const char *zone)
{
    struct series first = {.n = 0}, table = {.n = 0};
    int64_t now = usher__date_day(2026, 11, 20) * DAY_MS, sum = 0;
    struct figure f;
    char what[64];

    for (int w = 0; w < 5; w++) {
        uint64_t began = cpu_ns(), middle;
        struct calendar *c = make(zone);

        if (c == NULL)
            return false;
        sum += usher__calendar_reach(c, now, HOUR);
        middle = cpu_ns();
        series_add(&first, middle - began, 1);
        (void)usher__calendar_between(c, now, now + 8000 * DAY_MS);
        middle = cpu_ns();
        for (int i = 0; i < 100; i++)
            sum += usher__calendar_is_open(c, now + i % 20 * 389 * DAY_MS) + 1;
        series_add(&table, cpu_ns() - middle, 100);
        usher__calendar_free(c);
    }
    snprintf(what, sizeof what, "a new calendar's first question, %s", zone);
    f = figure_of(what, 0, &first, NULL);
    report_figure(b->report, &f);
    snprintf(what, sizeof what, "... a table of 388 days");
    f = figure_of(what, 0, &table, NULL);
    report_figure(b->report, &f);
    return sum > 0;
}

static bool prepare(struct pair *p)
{
    uint64_t random = 1;
    int64_t year = usher__date_day(2026, 1, 1);

    p->days = usher__date_day(2060, 1, 1);
    p->utc = make("UTC");
    p->berlin = make("Europe/Berlin");
    p->off = calloc((size_t)p->days, 1);
    if (p->off == NULL || p->utc == NULL)
        return false;
    for (int64_t day = 0; day < p->days; day++) {
        struct date d = usher__date_of(day);

        for (int i = 0; i < HOLIDAYS; i++) {
            if (holidays[i].month == d.month && holidays[i].day == d.day)
                p->off[day] = 1;
        }
    }
    for (int i = 0; i < STARTS; i++)
        p->starts[i] = year * DAY_MS + (int64_t)random_below(&random, (uint64_t)(365 * DAY_MS));
    return true;
}

bool bench_calendar(const struct bench *b)
{
    static const int64_t hours[] = {1, 10, 100, 1000, 10000};
    struct pair p = {.utc = NULL};
    bool good = prepare(&p);

    report_bench(
        b->report, "calendar",
        "n working hours are added to any instant of a year; peer: a walk from day to day");
    for (size_t i = 0; good && i < sizeof hours / sizeof hours[0]; i++) {
        progress(b, "calendar: %d hours", (int)hours[i]);
        good = add(b, &p, p.utc, "add working hours", hours[i]);
    }
    if (good && p.berlin != NULL)
        good = add(b, &p, p.berlin, "... in Europe/Berlin", 1000);
    good = good && between(b, &p) && making(b, "UTC");
    if (good && p.berlin != NULL)
        good = making(b, "Europe/Berlin");
    if (p.berlin == NULL)
        report_note(b->report, "no zone files here");
    usher__calendar_free(p.utc);
    usher__calendar_free(p.berlin);
    free(p.off);
    return good;
}
