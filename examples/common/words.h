/* Figures as people read them: "3 d 4 h", "57.5 %", "5,998", "29 Feb 2016 01:16", "3 h ago". */
#ifndef EXAMPLES_COMMON_WORDS_H
#define EXAMPLES_COMMON_WORDS_H
#include <stddef.h>
#include <stdint.h>

enum { WORDS_MAX = 48 }; /* bytes that any of these needs, its NUL included */

/* Each returns buf. */
char *words_count(char buf[WORDS_MAX], uint64_t n);
char *words_share(char buf[WORDS_MAX], uint64_t part, uint64_t whole); /* "-" of nothing */
char *words_duration(char buf[WORDS_MAX], int64_t ms);                 /* its two largest units */
char *words_about(char buf[WORDS_MAX], int64_t ms);                    /* its largest unit: "3 h" */
char *words_instant(char buf[WORDS_MAX], int64_t at);                  /* UTC, to the minute */
char *words_second(char buf[WORDS_MAX], int64_t at);                   /* UTC, to the second */

/* "3 h ago", "in 12 min", "now"; what is further off than two months as its date. */
char *words_when(char buf[WORDS_MAX], int64_t at, int64_t now);

/* A day in the proleptic Gregorian calendar, counted from 1970-01-01. */
int64_t words_day_number(int64_t year, int month, int day);

#endif
