/* Dates of the proleptic Gregorian calendar as day numbers, counted from 1970-01-01. */
#ifndef EXAMPLES_CALENDAR_DATE_H
#define EXAMPLES_CALENDAR_DATE_H
#include <stdbool.h>
#include <stdint.h>

enum { DATE_MAX = 40 }; /* bytes that any of the words below needs, its NUL included */

struct date {
    int year, month, day; /* 1..9999, 1..12, 1..31 */
};

struct date date_of(int64_t day);
int64_t date_number(struct date d);
int date_month_days(int year, int month);
int date_weekday(int64_t day); /* 0: Monday */

/* Is there such a date? */
bool date_is(struct date d);

/* len digits, or -1. */
int date_digits(const char *text, int len);

/* "2026-12-24" at the beginning of text, which moves on behind it. */
bool date_read(const char **text, int64_t *day);

/* Each returns buf. */
char *date_words(char buf[DATE_MAX], int64_t day); /* "Thu 24 Dec 2026" */
char *date_short(char buf[DATE_MAX], int64_t day); /* "Thu 24 Dec" */
char *date_iso(char buf[DATE_MAX], int64_t day);   /* "2026-12-24" */

#endif
