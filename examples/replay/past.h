/* Going on with a store that an earlier run has left behind.
 *
 * A store holds the beginning of what the same run does in memory, up to some event: that is what
 * its durability promises, however the run ended. So a run that goes on begins anew in memory, and
 * each event there has to be the one that the store has at that place, field by field; where the
 * store's events end, the run goes over to it. Nothing has to be written down beside the store: no
 * position, no counters. What the report is made of are the store's events all the way. */
#ifndef EXAMPLES_REPLAY_PAST_H
#define EXAMPLES_REPLAY_PAST_H
#include <stdbool.h>
#include <stddef.h>
#include <usher/usher.h>

#include "fault.h"

struct past {
    usher_event **events; /* each with its texts behind it */
    size_t n, cap;
    size_t at;   /* how many of them have happened again */
    bool beyond; /* memory has gone further: what it did there is for the store to do */
    bool differs;
    uint64_t last_seq;
    int status; /* of reading them */
};

/* Reads all events that the service's store has; its clock stays where it is. 0, or -1. Free it in
 * both cases. */
int past_read(struct past *p, usher_t *store, int64_t now, struct fault *f);
void past_free(struct past *p);

/* What happened next in memory, e, as the store has it; NULL: the store's events are at their end, or
 * it has something else there: then the fault is set. */
const usher_event *past_next(struct past *p, const usher_event *e, struct fault *f);

#endif
