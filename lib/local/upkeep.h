/* Small things that the shell asks of the engine for a store's sake. */
#ifndef USHER_LOCAL_UPKEEP_H
#define USHER_LOCAL_UPKEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "local/changes.h"
#include "local/engine.h"

/* Whether the ticket is not in memory, or not with its body, although such an id has been given: it may
 * be in the store. */
bool usher__engine_misses(const struct engine *e, usher_id id);
bool usher__engine_knows_op(struct engine *e, usher_op op);

/* Views are of now, although nothing is fired. */
void usher__engine_look(struct engine *e);

/* The seq of the ticket's last event; 0: it is not in memory. */
uint64_t usher__engine_last_event(const struct engine *e, usher_id id);

usher_queue_t *usher__engine_queue_at(const struct engine *e, uint32_t handle); /* NULL: none */

/* Before a purge, and before the cut that goes ahead of it: its tickets are no longer linked, and what they
 * tell is among the figures. */
void usher__engine_before_purge(struct engine *e, const struct row_filter *f);
/* Forgets closed tickets that fit; returns how many. What no cut has written yet stays. */
uint64_t usher__engine_purge(struct engine *e, const struct row_filter *f);

/* Events of the service itself: room for one, and the two kinds. */
int usher__engine_reserve_event(struct engine *e); /* ENOMEM */
void usher__engine_purged(struct engine *e, uint64_t n);
void usher__engine_room(struct engine *e);

#endif
