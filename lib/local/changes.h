/* What has changed since the last cut, for a store.
 *
 * The engine notes what it touches: a ticket once, however often it changes before the cut. A cut
 * writes each of them as it is now, and every event since the last cut, into one batch: so a batch
 * leads from one state that the service had to another, and nothing half done is ever kept. Without
 * a store nothing is noted (changes.on is false), and nothing of this costs anything.
 *
 * Noting cannot fail: its room is reserved with the rest (usher__prepare and the like). */
#ifndef USHER_LOCAL_CHANGES_H
#define USHER_LOCAL_CHANGES_H

#include <stdbool.h>
#include <stdint.h>

#include "local/batch.h"
#include "local/engine.h"

/* From now on changes are noted. Before anything else is done with a new engine. */
void usher__engine_keep(struct engine *e);

/* Whether a cut would have anything to write. */
bool usher__engine_changed(const struct engine *e);

/* Bytes of history that no cut has written yet: what grows when the store is slower than its users. */
uint64_t usher__engine_backlog(const struct engine *e);

/* Fills an empty batch, its number apart. ENOMEM: nothing happened, the changes are still noted. */
int usher__engine_cut(struct engine *e, struct batch *b);

/* How far a named subscriber has come. False: there is none of this name. */
bool usher__subscriber_find(const struct engine *e, const char *name, uint64_t *done);
/* A new name is added. ENOMEM, ELIMIT: USHER_SUBSCRIBERS_MAX names are known. */
int usher__subscriber_set(struct engine *e, const char *name, uint64_t done);
/* The name is no longer known. ENOENT. */
int usher__subscriber_drop(struct engine *e, const char *name);

/* ---- reading back --------------------------------------------------------------------------------
 * A new engine that keeps takes the rows of a store, in the order of their tables and of their keys,
 * of events those after usher__engine_counted, and then goes on as if nothing had happened. Every row is checked; *wrong says what is the matter.
 * ECORRUPT or ENOMEM: the engine is only good for freeing. */
int usher__engine_take(struct engine *e, const struct row *row, const char **wrong);

/* Up to this event, all are among the figures that have been taken; the others are counted anew. */
uint64_t usher__engine_counted(const struct engine *e);

/* All rows have been taken: the clock goes on from what it reads. Leases that have run out meanwhile, by
 * the wall, are over; what is due fires at the next catch_up, each at its own instant. */
int usher__engine_taken(struct engine *e, int64_t wall, int64_t boot, const char **wrong);

/* After that: an event for each zone of which this machine has other data than the policies in use were
 * compiled with. ENOMEM. */
int usher__engine_compare_zones(struct engine *e);

/* ---- tickets that have left memory ---------------------------------------------------------------- */

/* Takes a closed ticket in again, from its row and its body's. Without the latter (NULL) it is good for
 * everything but its body, until it is taken in with it. It stays as long as there is room among the closed ones, and is the first to go. 0 too if it is
 * there already. ECORRUPT, ENOMEM: the engine is as it was. */
int usher__engine_take_in(struct engine *e, const struct row *closed, const struct row *body,
                          const char **wrong);
/* So many closed ones may stay in memory beyond keep_closed, from now on; what is over goes. */
void usher__engine_hold_closed(struct engine *e, uint32_t more);

/* ---- what a row says, without an engine; any thread --------------------------------------------- */
struct row_filter {
    uint32_t queue;                  /* handle; 0 = any */
    usher_id linked;                 /* its cause, or what it follows; 0 = any */
    uint32_t states;                 /* bits; 0 = any */
    const char *requester, *symptom; /* NULL = any */
    int64_t closed_before_at;        /* 0 = any */
};

/* A row of ROW_TICKET or ROW_CLOSED. False too for one that cannot be read. */
bool usher__row_fits(const struct row *row, const struct row_filter *f);

/* The ticket's last event. False: cannot be read. */
bool usher__row_links(const struct row *row, uint64_t *last_event);

/* An event's row as the public event, with what leads to the ticket's event before it (0: none). Its
 * strings point into the row, but for `queue`, which stays NULL: *queue is its handle. */
bool usher__row_event(const struct row *row, usher_event *event, uint64_t *previous,
                      uint32_t *queue);

/* A number for all that a store would keep of this engine: equal for equal states. For tests. */
int usher__engine_digest(struct engine *e, uint64_t *out);

#endif
