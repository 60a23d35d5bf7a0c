/* The parts of the watch. See watch.h. */
#ifndef USHER_SIM_PARTS_H
#define USHER_SIM_PARTS_H

#include "watch.h"

/* promises.c: what the event does to the ticket's promises; t->state and what holds are still those
 * before it, but for a pause that it begins. */
void promises_event(struct watch *w, struct seen *t, const usher_event *e);
/* Whether the standing shows them as they must be. */
void promises_look(struct watch *w, const struct seen *t, const usher_standing *s, int64_t now);
/* Whether something should have been told by now. */
void promises_overdue(struct watch *w, const struct seen *t, usher_id id, int64_t now);

/* ranks.c: what the event does to the ticket's place in the line; promises and pauses are already
 * those after it, state and queue those before. */
void ranks_event(struct watch *w, struct seen *t, const usher_event *e);

#endif
