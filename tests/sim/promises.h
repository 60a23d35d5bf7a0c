/* The part of the watch that knows promises. See watch.h. */
#ifndef USHER_SIM_PROMISES_H
#define USHER_SIM_PROMISES_H

#include "watch.h"

/* What the event does to the ticket's promises; t->state and what holds are still those before it,
 * but for a pause that it begins. */
void promises_event(struct watch *w, struct seen *t, const usher_event *e);

/* Whether the standing shows them as they must be. */
void promises_look(struct watch *w, const struct seen *t, const usher_standing *s, int64_t now);

/* Whether something should have been told by now. */
void promises_overdue(struct watch *w, const struct seen *t, usher_id id, int64_t now);

#endif
