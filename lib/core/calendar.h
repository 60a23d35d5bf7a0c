/* Business time: when a target is consumed.
 *
 * Everything that counts a promise's time asks these three functions and nothing else, so that a
 * calendar with windows, zones and holidays is one more implementation behind them and no rule
 * changes. NULL is the calendar that is always open (24 x 7). Pure: no clock, no zone of the
 * process. */
#ifndef USHER_CORE_CALENDAR_H
#define USHER_CORE_CALENDAR_H

#include <stdint.h>

struct calendar;

/* The first instant at or after `from` at which `ms` >= 0 of open time have passed since `from`;
 * INT64_MAX when that never comes. This is what people are shown as due. */
int64_t usher__calendar_reach(const struct calendar *c, int64_t from, int64_t ms);

/* The first instant at which more than `ms` of open time have passed since `from`: where a promise
 * that is due at reach() is broken. */
int64_t usher__calendar_pass(const struct calendar *c, int64_t from, int64_t ms);

/* The open ms in [from, to); 0 when to <= from. */
int64_t usher__calendar_between(const struct calendar *c, int64_t from, int64_t to);

#endif
