/* The history: every event, once, in order.
 *
 * Events are written at the end and never changed. The same bytes serve the live subscribers, who
 * follow at their own position, and the history of one ticket, whose entries are chained backwards by
 * their seq. Names and texts are copied in, so an entry outlives what it speaks of. When the log has
 * grown over its bound, its oldest chunk goes, unless somebody still has to be told of it or no cut
 * has it yet. */
#ifndef USHER_LOCAL_LOG_H
#define USHER_LOCAL_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include <usher/usher.h>

#include "core/ticket.h"
#include "local/memory.h"
#include "local/text.h"

struct log_chunk;

struct log {
    const struct memory *memory;
    struct log_chunk **chunks; /* by place */
    uint32_t chunks_n, chunks_room;
    uint64_t bytes, bytes_max; /* of all chunks */
    uint64_t end;              /* place of the next entry; places only grow, in steps of LOG_STEP */
    uint64_t told;             /* everything below has been told */
    uint64_t cut;              /* ... and need not be kept for a store: UINT64_MAX without one */
    uint64_t seq;              /* of the latest entry */
};

enum { LOG_STEP = 16, LOG_CHUNK = 1 << 18 };

/* What an entry is made of. The strings need not live on. */
struct log_entry {
    const struct event *event; /* the rules' */
    int64_t seen_at;
    usher_queue_t *queue;
    const char *who, *to; /* NULL: none */
    size_t who_len, to_len;
    const char *const *names; /* of the policy: whom event->notify means */
    const char *text;         /* where the event has none; text_len 0: none */
    uint32_t text_len;
    uint64_t previous; /* seq of the ticket's entry before this one; 0 = none */
};

/* What comes out again. */
struct log_event {
    usher_event event;
    uint64_t previous;
};

void usher__log_init(struct log *l, const struct memory *m, uint64_t bytes_max);
void usher__log_free(struct log *l);

/* Entries that together need at most `len` bytes, by usher__log_len, can now be written. */
int usher__log_reserve(struct log *l, size_t len);

/* At most what one entry with so many bytes of strings needs. */
size_t usher__log_len(size_t strings);

/* Returns the entry's seq. */
uint64_t usher__log_add(struct log *l, const struct log_entry *entry);

/* The entry at a place, as the public event, whose strings live as long as the entry does. False:
 * it has been let go, or lies at the end. *next is the place after it. */
bool usher__log_at(const struct log *l, uint64_t place, struct log_event *e, uint64_t *next);

/* The entry with this seq. False: it is not in memory. */
bool usher__log_find(const struct log *l, uint64_t seq, struct log_event *e);

/* The oldest seq that is in memory; the next one to come if there is none. */
uint64_t usher__log_first(const struct log *l);

/* Everything below `place` has been told, or is in a cut: what is both may go when room is needed. */
void usher__log_told(struct log *l, uint64_t place);
void usher__log_cut(struct log *l, uint64_t place);

#endif
