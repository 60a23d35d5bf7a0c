/* An event log in memory: its rows as the mapping reads them, nothing repaired yet. */
#ifndef EXAMPLES_REPLAY_LOG_H
#define EXAMPLES_REPLAY_LOG_H
#include <stddef.h>
#include <stdint.h>

#include "assumed.h"
#include "csv.h"
#include "mapping.h"
#include "names.h"

struct row {
    int64_t at;
    int64_t opened_at;                                         /* -1: not named */
    uint32_t line;                                             /* in the file */
    uint32_t ticket, state;                                    /* names' numbers */
    uint32_t requester, queue, agent, symptom, channel, cause; /* 0: not named */
    int32_t priority;                                          /* USHER_LOW ...; 0: not named */
    struct saying saying;
};

struct log {
    struct csv csv; /* owns the text of all names */
    struct row *rows;
    size_t rows_n, rows_cap;
    struct names tickets, requesters, states, queues, agents, symptoms, channels, causes;
    uint32_t unknown_state; /* the first that the mapping does not list; 0: none */
};

/* 0 or -1. Free it in both cases. */
int log_load(struct log *l, const char *path, const struct mapping *m, struct assumed *assumed,
             struct fault *f);
void log_free(struct log *l);

#endif
