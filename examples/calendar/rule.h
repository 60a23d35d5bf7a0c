/* When an event repeats: RFC 5545's RRULE, as far as it is about whole days. */
#ifndef EXAMPLES_CALENDAR_RULE_H
#define EXAMPLES_CALENDAR_RULE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RULE_LIST = 32 }; /* more of one kind is not understood */
enum rule_unit { RULE_DAYS, RULE_WEEKS, RULE_MONTHS, RULE_YEARS };

struct rule_weekday {
    int nth;     /* 0: every one; -1: the last */
    int weekday; /* 0: Monday */
};

struct rule {
    enum rule_unit unit;
    int interval;
    int64_t count;     /* 0: no such end */
    int64_t until_day; /* INT64_MAX: no such end */
    uint32_t months;   /* bits 1 << 1..12; 0: not said */
    int week_begin;
    int month_days[RULE_LIST], year_days[RULE_LIST]; /* negative ones from the end */
    size_t month_days_n, year_days_n;
    struct rule_weekday weekdays[RULE_LIST];
    size_t weekdays_n;
};

/* false: not one that is understood here. */
bool rule_read(struct rule *r, const char *text);

/* Is it the same date every year, for ever? Then which month and day; start_day is the first. */
bool rule_is_date(const struct rule *r, int64_t start_day, int *month, int *day);

/* Calls each with every day of [from, to] that it names, from start_day on, which counts as the first
 * whether it fits or not. *work is what it may cost, in days looked at, and is lessened; false: it was
 * not enough. */
bool rule_each(const struct rule *r, int64_t start_day, int64_t from, int64_t to, int64_t *work,
               void (*each)(void *user, int64_t day), void *user);

#endif
