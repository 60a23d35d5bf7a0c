/* Business time: when a target is consumed.
 *
 * A calendar is windows of a week on the wall of some place, what replaces them on special days, and
 * holidays. Windows are half-open; one may cross midnight and belongs to the date it begins on.
 * Special days and holidays replace only the windows that begin on them; a holiday beats a special
 * day. Windows that overlap or touch are one. A local time that does not exist is moved forward by the
 * gap, one that exists twice is the earlier; a window that comes out empty or inverted is dropped; a
 * date that the zone skipped has no windows.
 *
 * NULL is the calendar that is always open (24 x 7), everywhere here.
 *
 * The answers depend on nothing but what the calendar says. What makes them quick, prefix sums over
 * the years that were asked for, is computed when it is first needed; where there is no memory for
 * that, the answer is the same and takes longer. So nothing here fails but the making of one. With n
 * windows a year a calendar holds about 2 kB + 9 n bytes for each year that was asked for, of at most
 * seventeen years; and 16 bytes for each year up to the last one.
 *
 * All instants: ms since 1970 UTC, 0 .. USHER_AT_MAX; INT64_MAX is never. Before the year 1970 and
 * beyond 9999 nothing is open. One thread at a time. */
#ifndef USHER_CORE_CALENDAR_H
#define USHER_CORE_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <usher/usher.h>

enum {
    WINDOWS_OF_DAY = 16, /* of one day */
    SPECIALS_MAX = 1000, /* special days */
    HOLIDAYS_MAX = 4000
};

/* Seconds since midnight on the wall. open 0..86399, close 1..86400, never equal; close < open: it
 * ends on the next date. */
struct window {
    int32_t open_s, close_s;
};

struct windows {
    uint32_t n; /* 0: closed on that day */
    struct window window[WINDOWS_OF_DAY];
};

struct special {
    int32_t day; /* since 1970-01-01 */
    struct windows windows;
};

struct holiday { /* year 0: every year that has the date */
    int16_t year;
    uint8_t month, day;
};

/* What a policy says of one, its windows as they were written, in any order. The arrays belong to the
 * caller. */
struct calendar_spec {
    struct windows week[7];         /* from Monday */
    const struct special *specials; /* each date once, in any order */
    const struct holiday *holidays; /* in any order, twice the same is once */
    uint32_t specials_n, holidays_n;
    const char *zone_name;  /* not NULL; kept for who asks (usher__calendar_zone) */
    const void *zone_bytes; /* of a zone file; NULL: UTC */
    size_t zone_len;
};

struct calendar;

/* Copies all it needs. 0; USHER_ENOMEM; USHER_EINVAL: the zone's bytes are wrong. *out is NULL then. */
int usher__calendar_new(struct calendar **out, const usher_allocator *allocator,
                        const struct calendar_spec *spec);
void usher__calendar_free(struct calendar *c); /* NULL is fine */

/* The zone as it was given. *bytes NULL: UTC. */
const char *usher__calendar_zone(const struct calendar *c, const void **bytes, size_t *len);

/* ---- what promises ask ------------------------------------------------------------------------ */

/* The first instant at or after `from` at which `ms` >= 0 of open time have passed since `from`;
 * INT64_MAX when that never comes. This is what people are shown as due: of a target that exactly
 * fills a window, the closing instant. 0 ms have passed at `from` itself. */
int64_t usher__calendar_reach(const struct calendar *c, int64_t from, int64_t ms);

/* The first instant at which more than `ms` of open time have passed since `from`: where a promise
 * that is due at reach() is broken. After an exact fill, 1 ms after the next opening. */
int64_t usher__calendar_pass(const struct calendar *c, int64_t from, int64_t ms);

/* The last instant at or before `to` such that `ms` >= 0 of open time lie between the two; of an exact
 * fill the opening. INT64_MIN: there is not so much. The inverse of reach(). */
int64_t usher__calendar_back(const struct calendar *c, int64_t to, int64_t ms);

/* The open ms in [from, to); 0 when to <= from. */
int64_t usher__calendar_between(const struct calendar *c, int64_t from, int64_t to);

/* n >= 1 working days after `from`: of the dates after the one that `from` falls on in the zone, the
 * n-th on which a window begins, at the same local time of day; if it is closed then, the next
 * opening. INT64_MAX: not within 100 years. n <= -1: so many dates back in the same manner; INT64_MIN:
 * there are not so many. NULL: days of 24 h. */
int64_t usher__calendar_days(const struct calendar *c, int64_t from, int64_t n);

/* ---- what people ask --------------------------------------------------------------------------- */

bool usher__calendar_is_open(const struct calendar *c, int64_t at);

/* The first opening at or after `at`; the first closing after it; the last opening at or before it
 * and the last closing at or before it. INT64_MAX, INT64_MIN: none. NULL never opens or closes. Where
 * windows touch there is neither an opening nor a closing. */
int64_t usher__calendar_next_open(const struct calendar *c, int64_t at);
int64_t usher__calendar_next_close(const struct calendar *c, int64_t at);
int64_t usher__calendar_prev_open(const struct calendar *c, int64_t at);
int64_t usher__calendar_prev_close(const struct calendar *c, int64_t at);

/* What holds from `from` on: USHER_SPAN_OPEN, USHER_SPAN_CLOSED, or USHER_SPAN_HOLIDAY for closed hours
 * of dates that are holidays; *end: until when, at most `to` > from. So a calendar is told as a list. */
int usher__calendar_span(const struct calendar *c, int64_t from, int64_t to, int64_t *end);

#endif
