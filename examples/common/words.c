/* Figures as people read them. */
#include "words.h"

#include <stdio.h>
#include <string.h>

char *words_count(char buf[WORDS_MAX], uint64_t n)
{
    char digits[24];
    size_t len = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    size_t out = 0;
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            buf[out++] = ',';
        buf[out++] = digits[i];
    }
    buf[out] = 0;
    return buf;
}

char *words_share(char buf[WORDS_MAX], uint64_t part, uint64_t whole)
{
    if (whole == 0)
        snprintf(buf, WORDS_MAX, "-");
    else if (part == whole)
        snprintf(buf, WORDS_MAX, "100 %%");
    else {
        /* Cut, never rounded up: 99.96 % of the promises is not all of them. */
        uint64_t tenths = (uint64_t)((long double)part * 1000 / (long double)whole);
        snprintf(buf, WORDS_MAX, "%u.%u %%", (unsigned)(tenths / 10), (unsigned)(tenths % 10));
    }
    return buf;
}

static const struct {
    int64_t ms;
    const char *name;
} units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}, {1, "ms"}};
enum { UNITS = sizeof units / sizeof *units };

/* most: how many units at most, 1 or 2. */
static char *write_duration(char buf[WORDS_MAX], int64_t ms, int most)
{
    const char *sign = ms < 0 ? "-" : "";
    uint64_t left = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    if (left == 0) {
        snprintf(buf, WORDS_MAX, "0");
        return buf;
    }
    size_t u = 0;
    while (left < (uint64_t)units[u].ms)
        u++;
    uint64_t whole = left / (uint64_t)units[u].ms;
    uint64_t rest = left % (uint64_t)units[u].ms;
    int n = snprintf(buf, WORDS_MAX, "%s%llu %s", sign, (unsigned long long)whole, units[u].name);
    if (most > 1 && u + 1 < UNITS && units[u].ms > 1000) {
        rest /= (uint64_t)units[u + 1].ms;
        if (rest > 0)
            snprintf(buf + n, WORDS_MAX - (size_t)n, " %llu %s", (unsigned long long)rest,
                     units[u + 1].name);
    }
    return buf;
}

char *words_duration(char buf[WORDS_MAX], int64_t ms)
{
    return write_duration(buf, ms, 2);
}

char *words_about(char buf[WORDS_MAX], int64_t ms)
{
    return write_duration(buf, ms, 1);
}

int64_t words_day_number(int64_t year, int month, int day)
{
    /* A year that begins in March ends with its leap day, and its months then have lengths that one
     * line gives. */
    int64_t y = month > 2 ? year : year - 1;
    int64_t m = month > 2 ? month - 3 : month + 9;
    int64_t leaps = y / 4 - y / 100 + y / 400;
    return y * 365 + leaps + (m * 153 + 2) / 5 + day - 1 - 719468;
}

enum { TO_THE_DAY, TO_THE_MINUTE, TO_THE_SECOND };

static char *write_instant(char buf[WORDS_MAX], int64_t at, int to)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t second = at / 1000 - (at % 1000 < 0);
    int64_t day = second / 86400 - (second % 86400 < 0);
    int in_day = (int)(second - day * 86400);
    int64_t year = 1970 + day / 366;
    while (words_day_number(year + 1, 1, 1) <= day)
        year++;
    int month = 1;
    while (month < 12 && words_day_number(year, month + 1, 1) <= day)
        month++;
    int date = (int)(day - words_day_number(year, month, 1)) + 1;
    int n = snprintf(buf, WORDS_MAX, "%d %.3s %lld", date, months + (size_t)(month - 1) * 3,
                     (long long)year);
    if (to >= TO_THE_MINUTE)
        n +=
            snprintf(buf + n, WORDS_MAX - (size_t)n, " %02d:%02d", in_day / 3600, in_day / 60 % 60);
    if (to >= TO_THE_SECOND)
        snprintf(buf + n, WORDS_MAX - (size_t)n, ":%02d", in_day % 60);
    return buf;
}

char *words_instant(char buf[WORDS_MAX], int64_t at)
{
    return write_instant(buf, at, TO_THE_MINUTE);
}

char *words_second(char buf[WORDS_MAX], int64_t at)
{
    return write_instant(buf, at, TO_THE_SECOND);
}

char *words_when(char buf[WORDS_MAX], int64_t at, int64_t now)
{
    const int64_t far = INT64_C(60) * 86400000;
    char span[WORDS_MAX];
    int64_t ms = at - now;
    if (ms > far || ms < -far)
        return write_instant(buf, at, TO_THE_DAY);
    words_about(span, ms < 0 ? -ms : ms);
    if (ms > -1000 && ms < 1000)
        snprintf(buf, WORDS_MAX, "now");
    else if (ms < 0)
        snprintf(buf, WORDS_MAX, "%.20s ago", span);
    else
        snprintf(buf, WORDS_MAX, "in %.20s", span);
    return buf;
}
