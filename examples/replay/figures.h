/* The figures of a replay, computed once for both forms of the report. */
#ifndef EXAMPLES_REPLAY_FIGURES_H
#define EXAMPLES_REPLAY_FIGURES_H
#include "drive.h"

enum { PRIORITY_N = 4, LONGEST_N = 5 }; /* by priority: [USHER_* - 1] */

struct spread { /* nearest rank: each is a value that occurred */
    uint64_t n;
    int64_t p50, p90, p99, max;
};

struct queue_figures {
    uint32_t queue; /* its name's number; 0: the stand-in */
    uint64_t visits;
    struct queue_account account;
    struct spread waited;
};

struct tally { /* a name, and how many tickets have it */
    uint32_t name;
    uint64_t n;
};

struct figures {
    uint64_t tickets, rows, requesters, refused, open_at_end, open_by_state[10], closed, withdrawn;
    uint64_t by_priority[PRIORITY_N]; /* tickets, by the priority that they had at last */
    struct verdicts promises[PROMISES];
    struct verdicts promises_by[PROMISES][PRIORITY_N];
    int64_t total[SPENTS];
    struct spread first_word, solved, waited, held, paused, after;
    struct spread accepted;             /* hand-offs, how long they were offered */
    uint64_t passed_again, passed_most; /* tickets handed off more than once; the most, one */
    uint32_t longest[LONGEST_N];        /* tickets that waited longest, longest first; 0: no more */
    struct queue_figures *queues;       /* busiest first */
    size_t queues_n;
    struct tally *symptoms, *channels, *pauses; /* most first; pauses by state */
    struct tally *told;                         /* whom the ladder told, and how often */
    struct tally *levels;                       /* tickets above level 0; name: the level */
    size_t symptoms_n, channels_n, pauses_n, told_n, levels_n;
    bool log_agrees;       /* moves, pauses and reopens of the service are those of the log */
    const char *disagrees; /* a figure that the service itself has otherwise; NULL: none */
    uint64_t ours, theirs; /* that figure */
};

void figures_open(struct figures *g, const struct account *a, const struct drive_result *drive,
                  const struct log *l, const struct timeline *t, const struct assumed *assumed);
void figures_free(struct figures *g);

/* Of n values, which it sorts. */
struct spread figures_spread(int64_t *values, size_t n);

#endif
