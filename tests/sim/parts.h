/* The parts of the watch. See watch.h. */
#ifndef USHER_SIM_PARTS_H
#define USHER_SIM_PARTS_H

#include "watch.h"

#define LATE_AFTER INT64_C(60000) /* then it is told together with others */

/* promises.c: what the event does to the ticket's promises; t->state and what holds are still those
 * before it, but for a pause that it begins. */
void promises_event(struct watch *w, struct seen *t, const usher_event *e);
/* Whether the standing shows them as they must be. */
void promises_look(struct watch *w, const struct seen *t, const usher_standing *s, int64_t now);
/* Whether something should have been told by now. */
void promises_overdue(struct watch *w, struct seen *t, usher_id id, int64_t now);

/* Of its own time and state, for the ladder. */
int64_t promises_reach(const struct seen *t, int ix, int64_t ms);
int64_t promises_broken_at(const struct seen *t, int ix);
bool promises_stands_still(const struct seen *t, int ix);
/* Bits of those that lapse. What that puts in the past is told right after it. */
uint32_t promises_lift(struct seen *t, int priority, const usher_event *e);
/* A warning that is told together with others; index: of rules.warn. */
void promises_warned(struct watch *w, struct seen *t, int ix, uint32_t index, int64_t at);
bool promises_is_retold(struct seen *t, const usher_event *e);

/* ladder.c: before anything else: what steps that are told later have done to it by now. */
void ladder_hidden(struct watch *w, struct seen *t, const usher_event *e);
/* A step, or what is told together with a step or a warning. Bits of the promises that lapse. */
uint32_t ladder_event(struct watch *w, struct seen *t, const usher_event *e);
/* Whether some step should have fired before `at`: then it does now. */
bool ladder_is_behind(const struct seen *t, int64_t at);
bool ladder_moves(const struct rules *r);
void ladder_overdue(struct watch *w, struct seen *t, usher_id id, int64_t now);

/* Whether a pause that has just begun, beside those that ran, stops one in its last tenth. */
bool promises_stopped_late(const struct seen *t, uint32_t ran, int64_t at);

/* legal.c: whether an event may lead from the ticket's state to its own. */
void legal_way(struct watch *w, const struct seen *t, const usher_event *e);
/* ... and whether timers of one instant come in their order. */
void legal_order(struct watch *w, const usher_event *e);

/* handoffs.c: OFFERED, and how an offer ends; state and queue are still those before the event. */
void handoffs_event(struct watch *w, struct seen *t, const usher_event *e);
/* Levels that the event's kind is up by. */
int handoffs_raise(const usher_event *e);
void handoffs_look(struct watch *w, const struct seen *t, const usher_standing *s, int64_t now);

/* causes.c: symptoms that recur, and links. */
void causes_event(struct watch *w, struct seen *t, const usher_event *e);
/* All that had to follow from what was told has been told. */
void causes_settled(struct watch *w);
void causes_look(struct watch *w, const struct seen *t, const usher_standing *s);

/* fold.c: what took how long; and what is counted. The state is that before the event. */
void fold_begin(void);
void fold_measures(struct watch *w, const struct seen *t, const usher_event *e, bool first_word);
void fold_event(const struct watch *w, const struct seen *t, const usher_event *e);
void fold_look(struct watch *w, const struct seen *t, const usher_standing *s, int64_t now);

/* ranks.c: what the event does to the ticket's place in the line; promises and pauses are already
 * those after it, state and queue those before. */
void ranks_event(struct watch *w, struct seen *t, const usher_event *e);
/* It is claimed, where it stood in the line: whom it overtakes. */
void ranks_claimed(struct watch *w, const struct seen *t, const usher_event *e, int agent);

#endif
