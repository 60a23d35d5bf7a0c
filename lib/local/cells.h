/* What is counted, for figures.c, figures_read.c and metrics.c alone. */
#ifndef USHER_LOCAL_CELLS_H
#define USHER_LOCAL_CELLS_H

#include "core/cold.h"
#include "core/date.h"
#include "local/figures.h"
#include "local/inside.h"
#include "local/spread.h"

enum { EVER = -1, NOT_FILED = -2 }; /* EVER is the day of all that are too old to be kept apart */

/* Counts have the order of the public structs' fields, so that a sum of them is copied there as
 * it is. */
#define FIGURE(field)                                                                              \
    ((offsetof(usher_figures, field) - offsetof(usher_figures, enqueued)) / sizeof(uint64_t))
#define AGENT_FIGURE(field)                                                                        \
    ((offsetof(usher_agent_figures, field) - offsetof(usher_agent_figures, claims)) /              \
     sizeof(uint64_t))
enum {
    FIGURES = FIGURE(wait),
    AGENT_FIGURES = AGENT_FIGURE(held_ms) + 1,
    OF_WAIT = 0,
    OF_WORD,
    OF_SOLVE,
    SPREADS
};

/* Of a queue and priority, what happened on a UTC day. */
struct cell {
    struct cell *older;
    int64_t day;      /* since 1970; EVER */
    int64_t filed_as; /* the day under which a store has its row; NOT_FILED: none */
    uint32_t line;    /* place of its queue and priority among all */
    bool noted;       /* has changed since the last cut */
    uint64_t count[FIGURES];
    struct spread spread[SPREADS];
};

/* The latest waits of a queue and priority. */
struct waits {
    uint32_t n; /* of them, counted on round the ring */
    bool noted;
    int64_t at[USHER_WAITS_MAX], took[USHER_WAITS_MAX]; /* the i-th is at i % USHER_WAITS_MAX */
    /* What was asked last holds until `until`. */
    int64_t until, p50, p90;
    uint32_t asked_n;
};

struct line_figures {
    struct cell *cell[PRIORITIES]; /* the newest; NULL: none */
    struct waits *waits[PRIORITIES];
};

struct agent_counts {
    uint64_t count[AGENT_FIGURES];
    bool noted, filed;
};

struct figures {
    struct pool cells, waits, octaves;
    struct line_figures *lines; /* by handle of queue */
    struct agent_counts *agents;
    uint32_t lines_room, agents_room;
    struct cell *gone; /* their rows are to go */
    uint64_t counted;  /* since the last cut */
    bool wanted;
    char *text; /* of METRICS */
};

void usher__cells_free(struct figures *f, struct cell *c); /* and all that are older */
void usher__figures_add_wait(struct figures *f, struct waits **w, int64_t at, int64_t took);

struct days {
    int64_t from, to;
};
/* Adds what was counted in a line on these days: counts, and one of the spreads. Either may be
 * NULL. */
void usher__figures_sum(const struct figures *f, uint32_t line, const struct days *days,
                        uint64_t count[FIGURES], int of, struct spread_sum *sum);

int usher__metrics_read(struct engine *e, usher_page *out);

#endif
