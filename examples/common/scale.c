/* Where the marks of an axis go: on numbers that people count in, of time too. */
#include "scale.h"

#include <stdio.h>
#include <string.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static const int64_t steps_of_time[] = {
    1,           2,          5,          10,         20,          50,          100,
    200,         500,        SECOND,     2 * SECOND, 5 * SECOND,  10 * SECOND, 15 * SECOND,
    30 * SECOND, MINUTE,     2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
    HOUR,        2 * HOUR,   3 * HOUR,   6 * HOUR,   12 * HOUR,   DAY,         2 * DAY,
    5 * DAY,     10 * DAY,   20 * DAY,   50 * DAY,   100 * DAY,   200 * DAY,   500 * DAY,
    1000 * DAY,  2000 * DAY, 5000 * DAY};
enum { STEPS = sizeof steps_of_time / sizeof *steps_of_time };

static int64_t step_for(int64_t span, size_t steps)
{
    size_t i = 0;
    while (i + 1 < STEPS && span > steps_of_time[i] * (int64_t)steps)
        i++;
    int64_t step = steps_of_time[i];
    while (span > step * (int64_t)steps)
        step *= 2;
    return step;
}

void scale_durations(struct scale *s, int64_t most, size_t steps)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {
        {DAY, "days"}, {HOUR, "hours"}, {MINUTE, "minutes"}, {SECOND, "seconds"}, {1, "ms"}};
    *s = (struct scale){.n = 0};
    if (steps >= SCALE_MARKS_MAX)
        steps = SCALE_MARKS_MAX - 1;
    int64_t step = step_for(most > 0 ? most : 1, steps);
    size_t u = 0;
    while (step < units[u].ms)
        u++;
    s->unit = units[u].name;
    for (int64_t at = 0; s->n == 0 || s->marks[s->n - 1].at < most; at += step) {
        struct scale_mark *m = &s->marks[s->n++];
        m->at = at;
        words_count(m->text, (uint64_t)(at / units[u].ms));
    }
}

static void add(struct scale *s, int64_t at, size_t leave_out)
{
    struct scale_mark *m = &s->marks[s->n];
    if (s->n == SCALE_MARKS_MAX)
        return;
    s->n++;
    m->at = at;
    words_instant(m->text, at); /* "29 Feb 2016 01:16" */
    char *clock = strrchr(m->text, ' ');
    if (at % DAY != 0)
        memmove(m->text, clock + 1, strlen(clock + 1) + 1);
    else {
        *clock = 0;
        memmove(m->text, m->text + leave_out, strlen(m->text + leave_out) + 1);
    }
}

/* Firsts of a month, or of January. */
static void add_months(struct scale *s, int64_t from, int64_t to, int64_t months)
{
    for (int64_t m = 0;; m += months) {
        int64_t at = words_day_number(1970 + m / 12, (int)(m % 12) + 1, 1) * DAY;
        if (at > to)
            break;
        if (at >= from)
            add(s, at, 2); /* without its "1 " */
    }
}

void scale_instants(struct scale *s, int64_t from, int64_t to, size_t marks)
{
    *s = (struct scale){.unit = "UTC"};
    if (marks > SCALE_MARKS_MAX)
        marks = SCALE_MARKS_MAX;
    int64_t step = step_for(to - from, marks - 1);
    if (step > 10 * DAY) {
        int64_t months = (to - from) / (30 * DAY * (int64_t)marks) + 1;
        while (12 % months != 0 && months % 12 != 0)
            months++;
        add_months(s, from, to, months);
        return;
    }
    for (int64_t at = (from + step - 1) / step * step; at <= to; at += step) {
        add(s, at, 0);
        char *year = strrchr(s->marks[s->n - 1].text, ' ');
        if (year)
            *year = 0;
    }
}
