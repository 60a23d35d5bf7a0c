/* What the wall of a calendar's zone shows.
 *
 * The library gives instants and never touches the process's zone. This program is a process of its
 * own and single-threaded, so it may set TZ and ask localtime_r(); a host with threads may not. */
#ifndef EXAMPLES_CALENDAR_LOCAL_H
#define EXAMPLES_CALENDAR_LOCAL_H
#include <stdbool.h>
#include <stdint.h>

enum { LOCAL_MAX = 64, DAY_MS = 86400000 };

/* From now on everything here is in this zone, a name such as "Europe/Berlin". */
void local_zone(const char *name);

struct local {      /* a moment on the wall */
    int64_t day;    /* since 1970-01-01 */
    int64_t ms;     /* of the day */
    int64_t offset; /* ms ahead of UTC */
};
struct local local_of(int64_t at);

/* The first instant in (at, to) at which the wall goes otherwise than before; `to` if there is none. */
int64_t local_change(int64_t at, int64_t to);

/* When the wall shows this. A moment that it skips is moved forward by the gap; of two, the first. */
int64_t local_instant(int64_t day, int64_t ms);

/* The first instant at which the wall shows this date or a later one. */
int64_t local_day_begin(int64_t day);

/* "2026-12-24 15:00", "2026-12-24", "2026-12-24T15:00:30+01:00", "now". NULL, or what is wrong. */
const char *local_read(const char *text, int64_t *at);

/* "Thu 24 Dec 15:00", with its year or without, with its offset ("+01:00") or without. Returns buf. */
char *local_words(char buf[LOCAL_MAX], int64_t at, bool year, bool offset);

/* "15:00", to the second or millisecond where need be; 24:00 is "24:00". Returns buf. */
char *local_clock(char buf[LOCAL_MAX], int64_t ms);

/* "8 h 30 min": exact, and never in days, which would be of 24 hours. Returns buf. */
char *local_span(char buf[LOCAL_MAX], int64_t ms);

#endif
