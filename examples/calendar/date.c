/* Dates. */
#include "date.h"

#include <stdio.h>

#include "words.h"

int date_month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

int64_t date_number(struct date d)
{
    return words_day_number(d.year, d.month, d.day);
}

struct date date_of(int64_t day)
{
    /* The first guess is at most a few years off, and never late. */
    struct date d = {(int)(1970 + (day >= 0 ? day / 366 : day / 365 - 1)), 1, 1};
    if (d.year < 1)
        d.year = 1;
    int64_t left = day - date_number(d);
    for (;;) {
        int year_days = 337 + date_month_days(d.year, 2);
        if (left < year_days)
            break;
        left -= year_days;
        d.year++;
    }
    while (left >= date_month_days(d.year, d.month))
        left -= date_month_days(d.year, d.month++);
    d.day += (int)left;
    return d;
}

int date_weekday(int64_t day)
{
    return (int)(((day + 3) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
}

bool date_is(struct date d)
{
    return d.year >= 1 && d.year <= 9999 && d.month >= 1 && d.month <= 12 && d.day >= 1 &&
           d.day <= date_month_days(d.year, d.month);
}

int date_digits(const char *text, int len)
{
    int n = 0;
    for (int i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        n = n * 10 + (text[i] - '0');
    }
    return n;
}

bool date_read(const char **text, int64_t *day)
{
    const char *p = *text;
    struct date d = {date_digits(p, 4), 0, 0};
    if (d.year < 0 || p[4] != '-')
        return false;
    d.month = date_digits(p + 5, 2);
    if (d.month < 0 || p[7] != '-')
        return false;
    d.day = date_digits(p + 8, 2);
    if (!date_is(d))
        return false;
    *text = p + 10;
    *day = date_number(d);
    return true;
}

static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char weekdays[7][4] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

char *date_short(char buf[DATE_MAX], int64_t day)
{
    struct date d = date_of(day);
    snprintf(buf, DATE_MAX, "%s %d %s", weekdays[date_weekday(day)], d.day, months[d.month - 1]);
    return buf;
}

char *date_words(char buf[DATE_MAX], int64_t day)
{
    struct date d = date_of(day);
    snprintf(buf, DATE_MAX, "%s %d %s %d", weekdays[date_weekday(day)], d.day, months[d.month - 1],
             d.year);
    return buf;
}

char *date_iso(char buf[DATE_MAX], int64_t day)
{
    struct date d = date_of(day);
    snprintf(buf, DATE_MAX, "%04d-%02d-%02d", d.year, d.month, d.day);
    return buf;
}
