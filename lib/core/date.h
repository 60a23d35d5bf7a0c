/* Dates of the Gregorian calendar as days since 1970-01-01, also before it and before 1582. */
#ifndef USHER_CORE_DATE_H
#define USHER_CORE_DATE_H

#include <stdbool.h>
#include <stdint.h>

#define DAY_MS (INT64_C(24) * 3600 * 1000)

struct date {
    int64_t year;
    uint32_t month, day; /* from 1 */
};

int64_t usher__date_day(int64_t year, uint32_t month, uint32_t day);
struct date usher__date_of(int64_t day);
uint32_t usher__date_weekday(int64_t day); /* 0 = Monday */
uint32_t usher__date_month_len(int64_t year, uint32_t month);

/* The day that an instant, or what a wall shows, falls on. */
static inline int64_t usher__date_at(int64_t ms)
{
    return ms / DAY_MS - (ms % DAY_MS < 0 ? 1 : 0);
}

#endif
