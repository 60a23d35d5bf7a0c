/* The last rank given to a requester in a queue and band, while it still counts.
 *
 * Marks die by themselves (usher__mark_alive). After a command as many as two for each that it made
 * are looked at and the dead ones forgotten, so that there are never many more than are alive. A
 * mark holds a reference to its requester's name.
 *
 * For a store each that has changed is noted; one that the store has, or will have, is not forgotten
 * before a cut has said so. */
#ifndef USHER_LOCAL_MARKS_H
#define USHER_LOCAL_MARKS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ticket.h"
#include "local/ids.h"
#include "local/intern.h"
#include "local/memory.h"
#include "local/noted.h"
#include "local/slab.h"

struct marks {
    struct slab slab;
    struct ids index;
    struct intern *names;
    uint32_t hand;    /* the slot that is looked at next */
    uint32_t fresh_n; /* made since the last sweep */
    bool keeps;       /* for a store */
    struct noted noted;
};

/* One mark, with where it is. */
struct mark_at {
    struct mark mark;
    uint32_t queue, band, requester; /* requester 0: there is none in this slot */
    bool filed;                      /* the store has it */
};

void usher__marks_init(struct marks *m, const struct memory *memory, struct intern *names);
void usher__marks_free(struct marks *m);

/* Forgets some of the dead ones. Not between a reserve and its store. */
void usher__marks_sweep(struct marks *m, int64_t now);

/* Storing this one cannot fail until the next sweep. */
int usher__marks_reserve(struct marks *m, uint32_t queue, uint32_t band, uint32_t requester);

/* ticket 0 in what is returned: there is none. */
struct mark usher__marks_find(const struct marks *m, uint32_t queue, uint32_t band,
                              uint32_t requester);
void usher__marks_store(struct marks *m, uint32_t queue, uint32_t band, uint32_t requester,
                        struct mark mark);

/* Slots below slab.fresh, those in `noted` among them. */
struct mark_at usher__marks_at(const struct marks *m, uint32_t slot);
/* What is noted is in a cut: alive, or, if it was dead at now, as a drop. */
void usher__marks_cut(struct marks *m, int64_t now);
/* One that the store has. EINVAL: it is there already. ENOMEM. */
int usher__marks_take(struct marks *m, const struct mark_at *mark);

#endif
