/* What a log's columns and values mean: a JSON file beside the log, see README.md for its keys. */
#ifndef EXAMPLES_REPLAY_MAPPING_H
#define EXAMPLES_REPLAY_MAPPING_H
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "fault.h"

enum column {
    COLUMN_TICKET, /* the first three must be there */
    COLUMN_INSTANT,
    COLUMN_STATE,
    COLUMN_OPENED,
    COLUMN_REQUESTER,
    COLUMN_PRIORITY,
    COLUMN_QUEUE,
    COLUMN_AGENT,
    COLUMN_SYMPTOM,
    COLUMN_CHANNEL,
    COLUMN_CAUSE,
    COLUMNS
};

/* What a value of the state column says: usher's own verbs, seen from the log. */
enum meaning {
    MEANS_NOTHING, /* not known: the row is a note */
    MEANS_ENQUEUE, /* it stands in the line */
    MEANS_CLAIM,   /* somebody is at it */
    MEANS_PAUSE,   /* it waits for somebody else; on says for whom */
    MEANS_RESOLVE,
    MEANS_CONFIRM,
    MEANS_REOPEN,
    MEANS_WITHDRAW,
    MEANS_ACKNOWLEDGE, /* from here on: something happened, the state is as it was */
    MEANS_UPDATE,
    MEANS_NOTE,
    MEANS_ASK,
    MEANS_REPLY,
    MEANS_ESCALATE
};

struct saying {
    enum meaning means;
    int on; /* MEANS_PAUSE: USHER_ON_* */
};

struct mapping {
    json_t *root;                 /* owns every text below */
    const char *columns[COLUMNS]; /* NULL: the log has no such column */
    const char *format;
    int64_t offset_ms;
    char separator;
    const json_t *missing, *states, *priorities; /* or NULL */
};

/* 0 or -1. Free it in both cases. */
int mapping_load(struct mapping *m, const char *path, struct fault *f);
void mapping_free(struct mapping *m);

bool mapping_is_missing(const struct mapping *m, const char *value);

/* *guessed: the mapping has no "states", and the value was understood as the common word that it
 * is. */
struct saying mapping_state(const struct mapping *m, const char *value, bool *guessed);

/* USHER_LOW ... USHER_URGENT; 0: not known. */
int mapping_priority(const struct mapping *m, const char *value);

/* "ticket" ... */
const char *mapping_column_name(enum column column);

#endif
