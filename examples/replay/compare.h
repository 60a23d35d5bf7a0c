/* What the three orders came to for the same people, side by side. */
#ifndef EXAMPLES_REPLAY_COMPARE_H
#define EXAMPLES_REPLAY_COMPARE_H
#include "figures.h"
#include "question.h"
#include "serve.h"

enum { EVERYBODY = PRIORITY_N, GROUPS }; /* people by priority, [USHER_* - 1], and all of them */

struct judged {
    uint64_t kept, broken;
};

struct outcome { /* of one order */
    struct spread waits[GROUPS];
    struct judged promises[JUDGED][GROUPS];
    uint32_t longest;                                  /* whose wait was the longest: an arrival */
    uint64_t passed_people, passed_times, passed_most; /* passed_most: times, one person */
    int64_t waited_ms;                                 /* all together */
};

enum measure { /* in which one order can be worse for people than another */
               MEASURE_HALF,
               MEASURE_NINE_OF_TEN,
               MEASURE_99_OF_100,
               MEASURE_LONGEST,
               MEASURE_WORD,
               MEASURE_SOLUTION,
               MEASURE_ALL_WAITING,
               MEASURE_PASSED_PEOPLE,
               MEASURE_PASSED_TIMES,
               MEASURE_PASSED_MOST,
               MEASURES
};

struct bin { /* those of a priority who came in one stretch of time, served by one order */
    uint64_t n;
    int64_t p90;
};

struct bins {
    int64_t from_at, width_ms;
    size_t n;
    struct bin *bins[ORDERS][PRIORITY_N];
    int64_t most_ms; /* of any p90 */
};

struct what_if { /* everything that is told about it */
    const char *log_name, *policy_name;
    const struct question *question;
    const struct log *log;
    const struct timeline *timeline;
    const struct demand *demand;
    struct serving servings[ORDERS];
    struct outcome outcomes[ORDERS];
    struct bins bins;
};

enum { BINS_MOST = 56 };

/* Once the servings are there. Free it, whether it has been called or not. */
void compare(struct what_if *w);
void what_if_free(struct what_if *w);

/* Whether usher's order is worse than the other by this measure, for a group of people; the last four
 * are told of everybody only. *mine, *other: the two figures. */
bool is_worse(const struct what_if *w, enum order than, enum measure m, int group, int64_t *mine,
              int64_t *other);

/* "usher", "fcfs", "strict"; "usher's line" ... */
const char *order_key(enum order o);
const char *order_name(enum order o);

/* The words of the report, as far as they are the same in all its forms: what is measured and what is
 * taken for granted, each under a key. NULL beyond the last. */
const char *definition(size_t i, const char **key);

#endif
