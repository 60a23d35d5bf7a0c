/* Instants and times of day as the case files write them. */
#ifndef USHER_SLA_WHEN_H
#define USHER_SLA_WHEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/date.h"
#include "core/zone.h"

/* "2006-01-04T15:58:30+00:00"; seconds, their fraction and the offset may be missing. Without an
 * offset it is what the wall of that zone shows. False: not one. */
bool when_instant(const char *text, const struct zone *zone, int64_t *out);

/* "2014-03-09T02:30:00", as ms since 1970 on some wall. An offset is refused. */
bool when_local(const char *text, int64_t *out);

/* "2006-01-04"; "*-12-25" or "12-25" for that date of every year: year 0. */
bool when_date(const char *text, struct date *out);

/* "09:00", "24:00", "17:30:15": seconds since midnight. */
bool when_time(const char *text, int32_t *out);

enum { WHEN_SIZE = 48 };
/* As people of that zone write it; "never", "none" for an instant that there is not. */
const char *when_show(int64_t at, const struct zone *zone, char out[WHEN_SIZE]);

#endif
