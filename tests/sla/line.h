/* One line of a case file: a calendar, a question, and what somebody says the answer is. */
#ifndef USHER_SLA_LINE_H
#define USHER_SLA_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "core/calendar.h"
#include "core/zone.h"

enum { SPANS_MAX = 100, PAUSES_MAX = 100, ERR_MAX = 200 };

enum answer_kind { ANSWER_INSTANT, ANSWER_SECONDS, ANSWER_MINUTES, ANSWER_TRUTH, ANSWER_SPANS };

struct span {
    int64_t from, to; /* to INT64_MAX: without end */
};

struct answer {
    enum answer_kind kind;
    int64_t value; /* an instant; ms; minutes; 0 or 1 */
    struct span spans[SPANS_MAX];
    uint32_t n;
};

struct line {
    json_t *json; /* the whole of it; owns the strings */
    const char *id, *op, *note;
    const char *zone_name;
    void *zone_bytes; /* NULL: UTC */
    struct zone zone;
    struct calendar_spec spec; /* its breaks taken out; the line owns its arrays */
    bool empty_window;         /* one opens when it closes; it is left out */

    /* What is asked; 0 where there is nothing of it. */
    int64_t at; /* or the start, or the end that `sub` counts back from; local_to_instant: local */
    int64_t to; /* the end of `within` and of the promises */
    int64_t ms; /* to be added or taken away; a target */
    int64_t n;  /* days, intervals */
    struct span pauses[PAUSES_MAX]; /* in order, apart from each other */
    uint32_t pauses_n;

    struct answer expected;
};

/* What an operation asks for, beside its name. */
struct question {
    enum answer_kind answer;
    const char *at, *to, *ms, *n; /* keys of `in`; NULL: it has none */
    bool local;                   /* `at` is on the wall */
    bool pauses;                  /* may have them */
};

/* Reads what every line has. False: why says why not; line_free() is needed all the same. */
bool line_read(struct line *l, const char *text, size_t len, char why[ERR_MAX]);
/* Reads what is asked and what is expected. */
bool line_ask(struct line *l, const struct question *q, char why[ERR_MAX]);
void line_free(struct line *l);

/* The windows of a date as the calendar of the line has them, its holidays apart. */
const struct windows *line_windows(const struct calendar_spec *spec, int64_t day);

#endif
